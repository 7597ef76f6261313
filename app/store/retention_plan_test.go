package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// TestRetentionReadsOnlyItsBatch explains each statement of the walks in the middle
// of big tables: no table is read whole, and of what stands behind a row only that.
func TestRetentionReadsOnlyItsBatch(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	for _, statement := range []string{`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
SELECT 1, 'v2', 'queryInstance', n::text, CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 51 = 0 THEN 'rejected' ELSE 'succeeded' END, now(), now()
  FROM generate_series(1, 20000) AS n`, `
INSERT INTO attempts (message_id, at, source, disposition, response)
SELECT 1 + n % 20000, now(), 'marketplace', 'new', '{}' FROM generate_series(1, 40000) AS n`, `
INSERT INTO tasks (kind, status, unique_key)
SELECT 'notice', CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END, n::text FROM generate_series(1, 20000) AS n`, `
INSERT INTO task_attempts (task_id, round, number, at, outcome)
SELECT n, 0, 1, now(), 'succeeded' FROM generate_series(1, 20000) AS n`, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id) VALUES (1, 'i', 'CS1', 'CS1-1', 'b')`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, subject)
SELECT 1, 1, 'usage_info', 'email', 'en', '', '', 'succeeded', n::text, n::text, 'Hello' FROM generate_series(1, 20000) AS n`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, instance_pk, payload_sealed, status)
SELECT 1, 'instance.frozen', n::text, n::text, false, '', 1, '\x00', 'succeeded' FROM generate_series(1, 20000) AS n`, `
INSERT INTO event_attempts (event_id, at, target, response_sealed)
SELECT n, now(), '', '\x00' FROM generate_series(1, 20000) AS n`, `ANALYZE`} {
		_, err := s.SQL().Exec(statement)
		require.NoError(t, err, statement)
	}
	ids := make([]int64, 500)
	for i := range ids {
		ids[i] = 10001 + int64(i)
	}
	before := time.Now().AddDate(1, 0, 0)
	for _, kind := range store.Kept() {
		walk, act := store.RetentionQueries(kind)
		c := explained(t, s, walk, []any{10000, before, 500})
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 500.0, "%s\n%s", kind, c.shape)
		c = explained(t, s, act, []any{pq.Array(ids), before})
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 6000.0, "%s\n%s", kind, c.shape)
	}
	c := explained(t, s, store.RetireRejectedQuery, []any{before, 50})
	require.Empty(t, c.whole, c.shape)
	require.LessOrEqual(t, c.read, 300.0, c.shape)
	n, err := s.Retire(context.Background(), store.KeepAttempts, before, 500)
	require.NoError(t, err)
	require.Equal(t, 500, n)
}
