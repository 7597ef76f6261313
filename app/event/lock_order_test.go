package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// An event is sent again behind the locks of its message and instance, as its task is
// restarted.
func TestAnEventIsSentAgainInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 1}, {Table: "events", ID: 1}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		h := open(t)
		h.subscribe("crm")
		h.emit(h.instance("CS1"), event.InstanceRenewed, "message/1")
		for _, q := range []string{
			`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, first_received_at, last_received_at) VALUES (1, 'v2', 'refreshInstance', 'k', 'failed', '000000', 'i-CS1', now(), now())`,
			`UPDATE tasks SET status = 'failed', finished_at = now(), message_id = 1`,
			`UPDATE events SET status = 'failed', message_id = 1`,
		} {
			_, err := h.store.SQL().Exec(q)
			require.NoError(t, err)
		}
		return h.store, func() error { return h.c.Resend(t.Context(), 1, staff.CLI()) }
	})
}
