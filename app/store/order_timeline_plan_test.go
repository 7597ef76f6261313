package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// orderPlans holds the page of an order to what it reads: many orders, many polls.
func orderPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	_, err := s.SQL().Exec(`
WITH line AS (
    INSERT INTO orders (channel_id, order_id, order_line_id, source)
    SELECT 1, 'CS' || n, 'CS' || n || '-000001', 'instance' FROM generate_series(10001, 12000) AS n
), polled AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, attempts, first_received_at, last_received_at)
    VALUES (1, 'v2', 'queryInstance', 'polls', 'succeeded', '000000', 'inst-10001', 5000, now() - interval '1 hour', now())
    RETURNING id
)
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT id, now() - (5000 - n) * interval '1 s', 'marketplace', 'repeat', CASE WHEN n <= 30 THEN '000004' ELSE '000000' END
  FROM polled, generate_series(1, 5000) AS n`)
	require.NoError(t, err)
	var pk int64
	require.NoError(t, s.SQL().QueryRow(`SELECT id FROM orders WHERE order_id = 'CS10001'`).Scan(&pk))
	d, err := planner(t, s, "an order", 7000).OrderDetail(ctx, pk)
	require.NoError(t, err)
	var polls []store.TimelineEvent
	for _, e := range d.Timeline {
		if e.Sort == store.EventPoll {
			polls = append(polls, e)
		}
	}
	if assert.Len(t, polls, 2, "newest first") {
		assert.Equal(t, []any{4970, "000000", 30, "000004"}, []any{polls[0].Count, polls[0].ResultCode, polls[1].Count, polls[1].ResultCode},
			"those beyond the ones that are looked at count too")
	}
	_, err = planner(t, s, "a delivery by its provider's id", 10).DeliveryByRef(ctx, "provider-451")
	require.NoError(t, err)
	_, err = planner(t, s, "a delivery by its own id", 10).DeliveryByRef(ctx, "ref-4711")
	require.NoError(t, err)
	_, err = planner(t, s, "a sending of a delivery", 20).HasSending(ctx, 451, "0123456789abcdef")
	require.NoError(t, err)
	_, err = planner(t, s, "things by their number", 40).ByNumber(ctx, 451)
	require.NoError(t, err)
	_, _, err = planner(t, s, "an alert by its message", 20).AlertByRef(ctx, "nothing")
	require.Error(t, err)
	_, err = planner(t, s, "the order of a message", 400).MessageDetail(ctx, 451, 20)
	require.NoError(t, err)
}
