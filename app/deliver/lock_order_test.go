package deliver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// Whoever writes that a customer has got a password, or has not, locks the instance
// before the message that told it, as a release does.
func TestAPasswordIsNotedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "instances", ID: 1}, {Table: "tasks", ID: 2}, {Table: "deliveries", ID: 1}}
	for name, act := range map[string]func(p *post, id int64) error{
		"sent again": func(p *post, id int64) error { return p.d.Resend(p.t.(*testing.T).Context(), id, "", ann) },
		"taken": func(p *post, id int64) error {
			return p.d.Report(p.t.(*testing.T).Context(), id, deliver.Report{Outcome: deliver.Delivered}, ann)
		},
		"handed over": func(p *post, _ int64) error { return p.run(p.next(), false) },
		"came back": func(p *post, id int64) error {
			return p.d.Report(p.t.(*testing.T).Context(), id, deliver.Report{Outcome: deliver.Bounced}, ann)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
				p := open(t, true)
				pk, id := p.told(address, "")
				require.EqualValues(t, 1, pk)
				if name == "taken" {
					_, err := p.store.SQL().Exec(`UPDATE deliveries SET attempts = 1, outcome = 'unknown'`) // and its next try waits
					require.NoError(t, err)
				}
				if name == "sent again" {
					p.later()
				}
				if name == "came back" {
					require.NoError(t, p.run(p.next(), false))
				}
				return p.store, func() error { return act(p, id) }
			})
		})
	}
}
