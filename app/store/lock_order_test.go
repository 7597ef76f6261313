package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// locked is a purchase's message (1) with its instance (1), a running task (1) and
// a delivery (1).
func locked(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
    VALUES (1, 'v2', 'newInstance', 'one', 'processing', now(), now())
    RETURNING id
), i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
    VALUES (1, 'one', 'one', 'one', 'one')
    RETURNING id
), d AS (
    INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
    SELECT 1, id, 'usage_info', 'email', 'en', '\x00', '', 'pending', 'r', 'u' FROM i
    RETURNING id
)
INSERT INTO tasks (kind, purpose, unique_key, message_id, instance_pk, delivery_id, status, attempts, leased_until)
SELECT 'provision', 'purchase', 'u', m.id, i.id, NULL, 'running', 1, now() + interval '1 hour' FROM m, i`)
	require.NoError(t, err)
	return s
}

// Whoever writes a delivery twice in a transaction, so that its instance is looked
// at, does not wait for who has locked the instance and is about to end its deliveries.
func TestADeliveryIsWrittenBesideItsLockedInstance(t *testing.T) {
	t.Parallel()
	s := locked(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, s.Write(ctx, func(release *store.Tx) error {
		_, err := release.LockInstancePK(ctx, 1)
		require.NoError(t, err)
		return s.Write(ctx, func(tx *store.Tx) error {
			require.NoError(t, tx.SaveContent(ctx, 1, store.Content{Text: "one"}))
			return tx.SaveContent(ctx, 1, store.Content{Text: "two"})
		})
	}))
}

// The worker that ends a task and the call that repeats its message lock both the
// message first: neither has to begin anew.
func TestAWorkerLocksTheMessageBeforeTheInstance(t *testing.T) {
	t.Parallel()
	s := locked(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var worked, called int
	ended := make(chan error, 1)
	require.NoError(t, s.Write(ctx, func(call *store.Tx) error {
		called++
		if _, err := call.LockMessage(ctx, 1); err != nil {
			return err
		}
		if called == 1 {
			go func() {
				task := outbox.Task{ID: 1, Kind: outbox.Provision, MessageID: 1, InstancePK: 1, Attempt: 1}
				ended <- s.WriteFor(ctx, task, func(tx *store.Tx) error {
					worked++
					if _, err := tx.LockInstancePK(ctx, 1); err != nil {
						return err
					}
					return tx.Complete(ctx, task)
				})
			}()
			waitsForLock(t, s)
		}
		_, err := call.LockInstancePK(ctx, 1)
		return err
	}))
	require.NoError(t, <-ended)
	require.Equal(t, 1, called)
	require.Equal(t, 1, worked)
}

func waitsForLock(t *testing.T, s *store.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waits bool
		err := s.SQL().QueryRow(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		return err == nil && waits
	}, time.Minute, 5*time.Millisecond)
}

// lostTasks are two of workers that died, given up now: the first belongs to the
// second message.
func lostTasks(t *testing.T) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
    SELECT 1, 'v2', 'newInstance', n::text, 'processing', now(), now() FROM generate_series(1, 2) AS n
    RETURNING id
), t AS (
    INSERT INTO tasks (kind, purpose, unique_key, message_id, status, attempts, started_at, leased_until)
    SELECT 'order_query', 'purchase', id::text, 3 - id, 'running', 1, now() - interval '2 hours', now() - interval '1 hour' FROM (SELECT id FROM m ORDER BY id) o
    RETURNING id
)
INSERT INTO task_attempts (task_id, round, number, at, outcome)
SELECT t.id, 0, 1, now(), 'lost' FROM t, generate_series(1, 4)`)
	require.NoError(t, err)
	return s
}

var twoOfEach = []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}}

func TestLostTasksArePutBackInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	storetest.LocksInOrder(t, twoOfEach, func(t *testing.T) (*store.Store, func() error) {
		s := lostTasks(t)
		return s, func() error {
			_, err := s.Recover(t.Context())
			return err
		}
	})
}

// sending is what two tasks of workers that died were sending, given up now: each the
// other's, and the second row before the first.
func sending(t *testing.T, table string) *store.Store {
	t.Helper()
	s := lostTasks(t)
	for _, statement := range []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
VALUES (1, 'one', 'one', 'one', 'one')`, `
INSERT INTO deliveries (id, channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
OVERRIDING SYSTEM VALUE
SELECT n, 1, 1, 'usage_info', 'email', 'en', '\x00', '', 'running', n::text, n::text FROM unnest(ARRAY[2, 1]) AS n`, `
INSERT INTO events (id, channel_id, type, webhook_id, unique_key, to_product, target, task_id, payload_sealed, status)
OVERRIDING SYSTEM VALUE
SELECT n, 1, 'instance.created', n::text, n::text, false, 'https://crm.example.com', 3 - n, '\x00', 'running' FROM unnest(ARRAY[2, 1]) AS n`} {
		exec(t, s.SQL(), statement)
	}
	exec(t, s.SQL(), map[string]string{
		"deliveries": `UPDATE tasks SET delivery_id = 3 - id; DELETE FROM events`,
		"events":     `UPDATE tasks SET kind = 'event'`,
	}[table])
	exec(t, s.SQL(), `ANALYZE`)
	return s
}

func TestWhatIsGivenUpEndsInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"deliveries", "events"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			rows := append(slices.Clone(twoOfEach), storetest.Row{Table: table, ID: 1}, storetest.Row{Table: table, ID: 2})
			storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
				s := sending(t, table)
				return s, func() error {
					_, err := s.Recover(t.Context())
					return err
				}
			})
		})
	}
}

// replanning is two instances, the second before the first, of a product whose
// settings have changed.
func replanning(t *testing.T) (*store.Store, func() error) {
	t.Helper()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	for _, statement := range []string{`
INSERT INTO products (channel_id, product_id, driver, settings, replan_after) VALUES (1, '*', 'manual', '{"wipe_password_days": 7}', 0)`, `
INSERT INTO instances (id, channel_id, instance_id, order_id, order_line_id, business_id, status, expires_at, password_sealed, password_given_at)
OVERRIDING SYSTEM VALUE
SELECT n, 1, n::text, n::text, n::text, n::text, 'active', now() + interval '1 day', '\x00', now() FROM unnest(ARRAY[2, 1]) AS n`} {
		exec(t, s.SQL(), statement)
	}
	return s, func() error {
		return s.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.ReplanNotices(t.Context(), 10)
			return err
		})
	}
}

func TestInstancesOfAChangedProductAreLockedInOrder(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "instances", ID: 1}, {Table: "instances", ID: 2}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) { return replanning(t) })
}

// Who has an instance locked may write an event for its product's system: that refers
// to the product, while the clock waits for the instance.
func TestAChangedProductIsReferredToWhileItsInstancesAreLocked(t *testing.T) {
	t.Parallel()
	s, replan := replanning(t)
	other, err := s.SQL().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = other.Rollback() }()
	_, err = other.Exec(`SELECT FROM instances WHERE id = 1 FOR NO KEY UPDATE`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- replan() }()
	waitsForLock(t, s)
	_, err = other.Exec(`SELECT FROM products FOR KEY SHARE NOWAIT`)
	require.NoError(t, err)
	require.NoError(t, other.Rollback())
	require.NoError(t, <-done)
}
