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

// An instance that nothing makes any more is given its last task again, or its first:
// the message of that is locked before the instance.
func TestACreationIsRepairedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 1}}
	for name, task := range map[string]string{
		"its task was cancelled": `INSERT INTO tasks (kind, purpose, unique_key, message_id, instance_pk, order_id, order_line_id, status, attempts) VALUES ('order_query', 'purchase', 'u', 1, 1, 'CS1', 'CS1-1', 'cancelled', 1)`,
		"it has none":            `INSERT INTO tasks (kind, purpose, unique_key, status) VALUES ('notice', 'x', 'u', 'succeeded')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
				y := open(t)
				y.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, instance_id, order_id, order_line_id, first_received_at, last_received_at)
VALUES (1, 'v2', 'newInstance', 'one', 'processing', 'i1', 'CS1', 'CS1-1', now(), now())`)
				y.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, created_at)
VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', now() - interval '2 hours')`)
				y.exec(task)
				return y.store, func() error {
					_, err := y.desk.Repair(t.Context(), store.StuckCreation, 1, ann)
					return err
				}
			})
		})
	}
}
