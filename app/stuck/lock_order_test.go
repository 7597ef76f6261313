package stuck_test

import (
	"testing"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A task of a worker that died is put back, and its message locked before it.
func TestStuckWorkIsRepairedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "tasks", ID: 1}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		y := open(t)
		y.exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
    VALUES (1, 'v2', 'newInstance', 'one', 'processing', now(), now())
    RETURNING id
), t AS (
    INSERT INTO tasks (kind, purpose, unique_key, message_id, status, attempts, started_at, leased_until)
    SELECT 'order_query', 'purchase', 'u', id, 'running', 1, now() - interval '2 hours', now() - interval '1 hour' FROM m
    RETURNING id
)
INSERT INTO task_attempts (task_id, round, number, at, outcome)
SELECT t.id, 0, 1, now(), 'lost' FROM t, generate_series(1, 4)`)
		return y.store, func() error {
			_, err := y.desk.Repair(t.Context(), store.StuckLease, 1, ann)
			return err
		}
	})
}
