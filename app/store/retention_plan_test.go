package store_test

import (
	"context"
	"slices"
	"strings"
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
	storetest.Fill(t, s, []string{`
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
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, content_sealed)
SELECT 1, 1, 'usage_info', 'email', 'en', '', '', 'succeeded', n::text, n::text, '\x00' FROM generate_series(1, 20000) AS n`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, instance_pk, payload_sealed, status)
SELECT 1, 'instance.frozen', n::text, n::text, false, '', 1, '\x00', 'succeeded' FROM generate_series(1, 20000) AS n`, `
INSERT INTO event_attempts (event_id, at, target, response_sealed)
SELECT n, now(), '', '\x00' FROM generate_series(1, 20000) AS n`})
	ids := make([]int64, 500)
	for i := range ids {
		ids[i] = 10001 + int64(i)
	}
	before := time.Now().AddDate(1, 0, 0)
	var parts string
	require.NoError(t, s.SQL().QueryRow(`SELECT array_agg(DISTINCT part) FROM attempts`).Scan(&parts))
	for _, kind := range slices.Concat(store.Walked, store.Monthly) {
		walk, act, month := store.RetentionQueries(kind)
		c := explained(t, s, walk, []any{10000, before, 500})
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 600.0, "%s\n%s", kind, c.shape)
		args := []any{pq.Array(ids), before}
		if strings.Contains(act, "$3") {
			args = append(args, parts)
		}
		c = explained(t, s, act, args)
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 6000.0, "%s\n%s", kind, c.shape)
		if month != "" {
			c = explained(t, s, month, []any{pq.Array(ids), parts, kind})
			require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
			require.LessOrEqual(t, c.read, 6000.0, "%s\n%s", kind, c.shape)
		}
	}
	c := explained(t, s, store.RetireRejectedQuery, []any{before, 50})
	require.Empty(t, c.whole, c.shape)
	require.LessOrEqual(t, c.read, 300.0, c.shape)
	n, err := s.Retire(context.Background(), store.KeepPayloads, before, 500)
	require.NoError(t, err)
	require.Equal(t, 500, n)
}

// TestALogOfManyMonthsIsReadByItsIndexes explains what reads the arrivals when they
// are spread over many partitions.
func TestALogOfManyMonthsIsReadByItsIndexes(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	for _, statement := range []string{`
SELECT add_part('attempts', month_of(now() - n * interval '1 month') || kind, 0) FROM generate_series(1, 12) AS n, unnest('{""," lean"}'::text[]) AS kind`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
SELECT 1, 'v2', 'queryInstance', n::text, 'succeeded', now() - interval '2 years', now() FROM generate_series(1, 500) AS n`, `
INSERT INTO attempts (message_id, at, source, disposition, business_id, part)
SELECT 1 + n % 500, now() - n % 13 * interval '1 month', 'marketplace', 'new', 'b-' || n, month_of(now() - n % 13 * interval '1 month') || CASE WHEN n % 13 > 6 THEN ' lean' ELSE '' END
  FROM generate_series(26000, 1, -1) AS n`, `ANALYZE`} {
		_, err := s.SQL().Exec(statement)
		require.NoError(t, err, statement)
	}
	ctx := context.Background()
	page, err := planner(t, s, "a message's attempts", 600).AttemptList(ctx, 77, store.Paging{Limit: 20})
	require.NoError(t, err)
	require.Len(t, page.Items, 20)
	for n, a := range page.Items[1:] {
		require.Less(t, a.ID, page.Items[n].ID, "newest first, over all months")
	}
	read := ""
	r := store.Watch(s, func(query string, args []any) { read += explained(t, s, query, args).shape })
	_, err = r.MessageDetail(ctx, 77, 20)
	require.NoError(t, err)
	require.NotContains(t, read, "Seq Scan attempts")
	read = ""
	_, err = r.CallRates(ctx, time.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	require.Contains(t, read, "attempts_"+time.Now().UTC().Format("2006_01"))
	require.NotContains(t, read, "attempts_"+time.Now().UTC().AddDate(0, -3, -15).Format("2006_01"), "months before the time that is asked for are not opened")
}
