package failures_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/failures"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A group is closed by locking its members as everybody else does, and itself behind
// them. The first of each was written last, so that they lie in another order.
func TestAGroupIsClosedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}, {Table: "failure_groups", ID: 1}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		s := storetest.Open(t)
		storetest.Channel(t, s, "default", "")
		for _, statement := range []string{`
INSERT INTO failure_groups (fingerprint, step, of_tasks, error) VALUES ('one', 'provision', true, '{"code":"internal","key":"internal"}')`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, failure_group, last_error, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', n::text, 'failed', 1, '{"code":"internal","key":"internal"}', now(), now() FROM generate_series(1, 2) AS n`, `
INSERT INTO tasks (kind, unique_key, message_id, status, failure_group, last_error)
SELECT 'provision', n::text, n, 'failed', 1, '{"code":"internal","key":"internal"}' FROM generate_series(1, 2) AS n`, `
UPDATE messages SET attempts = attempts + 1 WHERE id = 1`, `
UPDATE tasks SET attempts = attempts + 1 WHERE id = 1`} {
			_, err := s.SQL().Exec(statement)
			require.NoError(t, err)
		}
		desk := failures.New(s)
		return s, func() error {
			_, err := desk.Close(t.Context(), 1, staff.Actor{Name: "operator:ann@example.com", Source: "operator", Reason: "over"})
			return err
		}
	})
}
