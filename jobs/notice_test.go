package jobs_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Ten thousand notices that are due at once, with a slow mail server, delay
// nothing that one customer is waiting for: they have a queue and workers of
// their own.
func TestTenThousandNoticesDoNotDelayUsageInformation(t *testing.T) {
	t.Parallel()
	var s *shop
	var notices atomic.Int64
	told := make(chan time.Time, 1)
	s = open(t, func(ctx context.Context, task outbox.Task) error {
		if task.Kind == outbox.Notice {
			notices.Add(1)
			select { // a mail server that takes its time
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			return s.complete(task)
		}
		told <- time.Now()
		return s.complete(task)
	})
	_, err := s.store.SQL().Exec(`
INSERT INTO tasks (kind, purpose, unique_key)
SELECT 'notice', 'notice', 'notice/' || n
  FROM generate_series(1, 10000) AS n`)
	require.NoError(t, err)
	s.start()
	require.Eventually(t, func() bool {
		return notices.Load() > 5 && s.count(`kind = 'notice' AND enqueued_at IS NOT NULL`) > 1000
	},
		30*time.Second, 10*time.Millisecond, "the notices are under way")
	began := time.Now()
	require.NoError(t, s.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Enqueue(context.Background(), outbox.New{Kind: outbox.Deliver, Purpose: outbox.Usage, UniqueKey: "deliver/usage_info/1"})
		return err
	}))
	select {
	case at := <-told:
		left := s.count(`kind = 'notice' AND status <> 'succeeded'`)
		t.Logf("usage information took %v, with %d notices still to go", at.Sub(began).Round(time.Millisecond), left)
		require.Greater(t, left, 5000, "it did not have to wait for them")
	case <-time.After(30 * time.Second):
		t.Fatal("usage information waits behind the notices")
	}
}
