package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/app/store"
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

// A mail server that says nothing holds up messages, and nothing else.
func TestASilentMailServerDelaysNoPurchase(t *testing.T) {
	t.Parallel()
	var s *shop
	waiting := make(chan struct{}, 100)
	s = open(t, func(ctx context.Context, task outbox.Task) error {
		if task.Kind == outbox.OrderQuery {
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
	_, err := s.store.SQL().Exec(`
INSERT INTO tasks (kind, purpose, unique_key)
SELECT k, 'usage_info', k || n
  FROM generate_series(1, 20) AS n, unnest('{deliver,alert}'::text[]) AS k`)
	require.NoError(t, err)
	s.start()
	for range 2 {
		<-waiting
	}
	require.Eventually(t, func() bool { return s.count(`kind <> 'order_query' AND enqueued_at IS NOT NULL`) == 40 }, time.Minute, 20*time.Millisecond)
	s.add(3)
	s.eventually(3, `kind = 'order_query' AND status = 'succeeded'`)
}
