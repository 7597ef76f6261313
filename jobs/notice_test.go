package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// Ten thousand notices that are due at once delay nothing that one customer is
// waiting for: they have a queue and workers of their own. Here the mail server
// takes no notice at all before the usage information, which is asked for last,
// has gone out: it can only go out past them.
func TestTenThousandNoticesDoNotDelayUsageInformation(t *testing.T) {
	t.Parallel()
	const due = 10000
	var s *shop
	told, begun := make(chan struct{}), make(chan struct{})
	var first sync.Once
	s = open(t, func(ctx context.Context, task outbox.Task) error {
		if task.Kind != outbox.Notice {
			close(told)
			return s.complete(task)
		}
		first.Do(func() { close(begun) })
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-told:
			return s.complete(task)
		}
	})
	_, err := s.store.SQL().Exec(`
INSERT INTO tasks (kind, purpose, unique_key)
SELECT 'notice', 'notice', 'notice/' || n
  FROM generate_series(1, $1::int) AS n`, due)
	require.NoError(t, err)
	s.start()
	wait := func(what string, on <-chan struct{}) {
		select {
		case <-on:
		case <-time.After(time.Minute):
			t.Fatal(what)
		}
	}
	wait("no notice is begun", begun)
	require.Eventually(t, func() bool { return s.count(`kind = 'notice' AND enqueued_at IS NOT NULL`) == due }, 5*time.Minute, 20*time.Millisecond,
		"all of them stand in their queue")
	require.NoError(t, s.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Enqueue(context.Background(), outbox.New{Kind: outbox.Deliver, Purpose: outbox.Usage, UniqueKey: "deliver/usage_info/1"})
		return err
	}))
	wait("usage information waits behind the notices", told)
	require.Eventually(t, func() bool { return s.count(`kind = 'deliver' AND status = 'succeeded'`) == 1 }, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool { return s.count(`kind = 'notice' AND status = 'succeeded'`) > 0 }, time.Minute, 20*time.Millisecond,
		"the notices go on")
}

// A mail server that says nothing holds up mails, and nothing else.
func TestASilentMailServerDelaysMailsOnly(t *testing.T) {
	t.Parallel()
	var s *shop
	waiting := make(chan struct{}, 100)
	s = open(t, func(ctx context.Context, task outbox.Task) error {
		if task.Kind == outbox.OrderQuery || task.Purpose == "apart" {
			return s.complete(task)
		}
		waiting <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	s.opts.Workers = 4
	for i := range s.opts.Kinds {
		s.opts.Kinds[i].Timeout = time.Hour
	}
	storetest.Channel(t, s.store, "default", "")
	s.messages(20, "email", "email", "usage_info")
	s.start()
	for range 4 { // two hands for notices, two for the rest
		<-waiting
	}
	require.Eventually(t, func() bool { return s.count(`kind <> 'order_query' AND enqueued_at IS NOT NULL`) == 60 }, time.Minute, 20*time.Millisecond)
	s.add(3)
	s.messages(3, "sms", "feishu", "apart")
	s.eventually(12, `(kind = 'order_query' OR purpose = 'apart') AND status = 'succeeded'`)
}

// messages writes so much usage information, so many notices and so many alerts, and
// the tasks that send them.
func (s *shop) messages(n int, medium, target, purpose string) {
	s.t.Helper()
	_, err := s.store.SQL().Exec(`
WITH o AS (
    INSERT INTO operators (email, role, password_hash) VALUES ($2, 'admin', '') RETURNING id
), g AS (
    INSERT INTO alert_targets (operator_id, name, medium, address_mask, language) SELECT id, '', $3, '', 'en' FROM o RETURNING id
), i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id) VALUES (1, $2, $2, $2, $2) RETURNING id
), d AS (
    INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, message_ref, unique_key)
    SELECT 1, i.id, kind, $2, 'en', '', '', concat($2, kind, n), concat($2, kind, n)
      FROM i, unnest('{usage_info,frozen}'::text[]) AS kind, generate_series(1, $1::int) AS n
    RETURNING id, kind
), t AS (
    INSERT INTO tasks (kind, purpose, delivery_id, unique_key)
    SELECT CASE kind WHEN 'usage_info' THEN 'deliver' ELSE 'notice' END, $4, id, 'deliver' || id FROM d
     UNION ALL
    SELECT 'alert', $4, NULL, 'alert' || $2 || n FROM generate_series(1, $1::int) AS n
    RETURNING id, kind
)
INSERT INTO alert_messages (target_id, title, content_sealed, message_ref, task_id)
SELECT g.id, '', '', t.id::text, t.id FROM t, g WHERE t.kind = 'alert'`, n, medium, target, purpose)
	require.NoError(s.t, err)
}
