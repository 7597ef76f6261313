package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func TestDeliveryStatsAreOfTheDayOfWriting(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(`
WITH one AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id) VALUES (1, 'i', 'i', 'i', 'i') RETURNING id
)
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, message_ref, unique_key, status, outcome, created_at, sent_at, outcome_at, resends, was_held)
SELECT 1, one.id, v.kind, v.medium, 'en', '\x00', '', v.ref, v.ref, v.status, v.outcome, v.created::timestamptz,
       v.created::timestamptz + v.sent * interval '1 second', v.created::timestamptz + v.done * interval '1 second', v.resends, v.held
  FROM one, (VALUES
       ('usage_info', 'email', 'a', 'succeeded', 'handed_over', '2026-03-01 00:00+08', 1, 1, 0, ''),
       ('usage_info', 'email', 'b', 'succeeded', 'handed_over', '2026-03-01 12:00+08', 3, 3, 0, ''),
       ('frozen', 'sms', 'c', 'succeeded', 'delivered', '2026-03-01 23:59:59+08', 2, 62, 0, ''),
       ('frozen', 'sms', 'd', 'succeeded', 'delivered', '2026-03-01 22:00+08', 39600, 39660, 0, 'quiet_hours'),
       ('frozen', 'sms', 'e', 'failed', 'refused', '2026-03-01 10:00+08', NULL, 1, 0, ''),
       ('frozen', 'sms', 'f', 'failed', 'bounced', '2026-03-01 10:00+08', 1000, 2000, 1, ''),
       ('frozen', 'sms', 'g', 'failed', 'unknown', '2026-03-01 10:00+08', NULL, 1, 0, ''),
       ('frozen', 'sms', 'h', 'failed', 'queued', '2026-03-01 10:00+08', NULL, NULL, 0, ''),
       ('frozen', 'sms', 'i', 'pending', 'queued', '2026-03-01 10:00+08', NULL, NULL, 0, ''),
       ('frozen', 'sms', 'j', 'cancelled', 'queued', '2026-03-01 10:00+08', NULL, NULL, 0, ''),
       ('frozen', 'sms', 'k', 'succeeded', 'kept', '2026-03-01 10:00+08', NULL, 1, 0, ''),
       ('frozen', 'sms', 'l', 'succeeded', 'handed_over', '2026-02-28 23:59:59+08', 7, 7, 0, ''),
       ('frozen', 'sms', 'm', 'succeeded', 'handed_over', '2026-03-02 00:00+08', 7, 7, 0, ''))
       v (kind, medium, ref, status, outcome, created, sent, done, resends, held)`)
	require.NoError(t, err)
	shanghai := zoneOf(t, "Asia/Shanghai")
	days := []store.Span{store.DayOf(2026, 3, 1, shanghai), store.DayOf(2026, 3, 2, shanghai), store.DayOf(2026, 3, 3, shanghai)}
	got, err := s.Reader().DeliveryStats(t.Context(), store.DeliveryFilter{}, days)
	require.NoError(t, err)
	want := store.DeliveryStat{Total: 10, HandedTo: 5, Delivered: 2, Refused: 1, Bounced: 1, Unknown: 1, Kept: 1, GivenUp: 1, Waiting: 1,
		HandedP50: 2 * time.Second, HandedP95: 2900 * time.Millisecond, DeliveredP50: 62 * time.Second, DeliveredP95: 62 * time.Second}
	require.Equal(t, want, got.Days[0], "what was held or sent again is no duration")
	require.Equal(t, 2, want.OnlyHanded())
	require.Equal(t, 1, got.Days[1].Total)
	require.Equal(t, store.DeliveryStat{}, got.Days[2])
	require.Equal(t, 11, got.All.Total)
	require.Len(t, got.Kinds, 2)
	require.Equal(t, [2]string{"email", "usage_info"}, [2]string{got.Kinds[0].Medium, got.Kinds[0].Kind})
	require.Equal(t, 9, got.Kinds[1].Total)
	mails, err := s.Reader().DeliveryStats(t.Context(), store.DeliveryFilter{Medium: "email"}, days)
	require.NoError(t, err)
	require.Equal(t, 2, mails.All.Total)
	require.Len(t, store.LastDays(30, time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC), shanghai), 30)
	last := store.LastDays(2, time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC), shanghai)
	require.True(t, last[1].Since.Equal(days[1].Since), "today is that of the zone")
}

// Each day is read along its index, and no further than its bound.
func TestDeliveryStatsPlan(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	storetest.Fill(t, s, []string{`
WITH one AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id) VALUES (1, 'i', 'i', 'i', 'i') RETURNING id
)
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, created_at)
SELECT 1, one.id, 'usage_info', 'email', 'en', '\x00', '', 'succeeded', 'ref-' || n, 'key-' || n,
       CASE WHEN n <= 6000 THEN now() - interval '1 second' * (n % 50) ELSE now() - (n - 6000) * interval '5 minutes' END
  FROM one, generate_series(1, 26000) AS n`})
	now := time.Now()
	days := []store.Span{{Since: now.Add(-48 * time.Hour), Until: now.Add(-24 * time.Hour)}, {Since: now.Add(-time.Hour), Until: now.Add(time.Minute)}}
	var read float64
	r := store.Watch(s, func(query string, args []any) {
		c := explained(t, s, query, args)
		require.Empty(t, c.whole, c.shape)
		read = c.read
	})
	stats, err := r.DeliveryStats(t.Context(), store.DeliveryFilter{}, days)
	require.NoError(t, err)
	require.True(t, stats.Days[1].More)
	require.Equal(t, store.StatsPerDay, stats.Days[1].Total)
	require.InDelta(t, 288, stats.Days[0].Total, 1)
	require.False(t, stats.Days[0].More)
	require.LessOrEqual(t, read, float64(store.StatsPerDay+300+100))
}
