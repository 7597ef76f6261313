package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// given is deliveries that were given up, each by a task: those that are over for good,
// and those that somebody must decide about or may have to again.
var given = []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, expires_at)
SELECT 1, id, id, id, id, status, now() + interval '5 days' FROM (VALUES ('one', 'active'), ('gone', 'released')) AS v (id, status)`, `
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error) VALUES ('f', 1, 'notice', TRUE, '{"code":"internal","key":"internal"}')`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, about_expiry)
SELECT 1, i.id, v.kind, 'sms', 'en', CASE WHEN v.key = 'erased' THEN '\x' ELSE '\x00' END::bytea, '', 'failed', v.key, v.key,
       CASE v.key WHEN 'past' THEN now() - interval '25 hours' WHEN 'soon' THEN i.expires_at END
  FROM instances i
  JOIN (VALUES ('one', 'open', 'usage_info'), ('one', 'bounced', 'usage_info'), ('one', 'thawed', 'frozen'), ('one', 'soon', 'expiry_notice'), ('gone', 'end', 'released'),
               ('one', 'closed', 'usage_info'), ('one', 'erased', 'usage_info'), ('one', 'told', 'usage_info'), ('one', 'past', 'expiry_notice'), ('gone', 'late', 'usage_info')) AS v (instance, key, kind)
    ON v.instance = i.instance_id`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
SELECT channel_id, instance_pk, kind, 'email', 'en', '\x00', '', 'succeeded', 'mail', 'mail', id FROM deliveries WHERE unique_key = 'told'`, `
INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, failure_group, last_error)
SELECT 'notice', 'failed', unique_key, id, instance_pk, CASE unique_key WHEN 'closed' THEN 0 ELSE (SELECT id FROM failure_groups) END, '{"code":"internal","key":"internal"}'
  FROM deliveries
 WHERE status = 'failed'
   AND unique_key <> 'bounced'`}

func TestWhatIsOverForGoodIsNotedAndTakenUpAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	for _, q := range given {
		exec(t, s.SQL(), q)
	}
	needs := func(want int) {
		t.Helper()
		n, err := s.Reader().NeedDeliveries(ctx)
		require.NoError(t, err)
		require.Equal(t, want, n.Count.N)
		nav, err := s.Reader().NavCounts(ctx)
		require.NoError(t, err)
		require.Equal(t, store.Count{N: want}, nav.FailedDeliveries)
		list, err := s.Reader().DeliveryList(ctx, store.DeliveryFilter{Waiting: true}, store.Paging{})
		require.NoError(t, err)
		require.Len(t, list.Items, want)
	}
	decided := func() (keys string) {
		t.Helper()
		require.NoError(t, s.SQL().QueryRow(`SELECT COALESCE(string_agg(unique_key, ' ' ORDER BY unique_key), '') FROM deliveries WHERE decided`).Scan(&keys))
		return keys
	}
	needs(4)
	for range 2 {
		require.NoError(t, s.SettleDeliveries(ctx))
		require.Equal(t, "closed erased late past told", decided(), "what may be so again is not over for good")
		needs(4)
	}
	exec(t, s.SQL(), `UPDATE deliveries SET last_error = NULL, status = 'failed' WHERE unique_key = 'closed'`)
	require.Contains(t, decided(), "closed", "it failed already")
	exec(t, s.SQL(), `UPDATE tasks SET failure_group = (SELECT id FROM failure_groups) WHERE unique_key = 'closed'`)
	needs(4)
	require.NoError(t, s.SettleDeliveries(ctx))
	needs(5) // its task failed again, and it was not touched
	exec(t, s.SQL(), `UPDATE tasks SET failure_group = 0 WHERE unique_key = 'closed'`)
	require.NoError(t, s.SettleDeliveries(ctx))
	require.Contains(t, decided(), "closed")
	exec(t, s.SQL(), `UPDATE deliveries SET status = 'pending' WHERE unique_key = 'closed'`)
	require.NotContains(t, decided(), "closed")
	exec(t, s.SQL(), `UPDATE deliveries SET status = 'failed' WHERE unique_key = 'closed'`)
	exec(t, s.SQL(), `UPDATE tasks SET failure_group = (SELECT id FROM failure_groups) WHERE unique_key = 'closed'`)
	require.NoError(t, s.SettleDeliveries(ctx))
	needs(5)
}

// However many deliveries have failed in all the years, the numbers on every page are read
// from those that somebody may still have to decide about.
func TestWhatIsOverIsNotReadForTheNumbersOnEveryPage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	storetest.Fill(t, s, append(given, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
SELECT 1, 1, 'usage_info', 'email', 'en', '\x00', '', 'failed', 'old-' || n, 'old-' || n FROM generate_series(1, 20000) AS n`, `
INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, failure_group, last_error)
SELECT 'deliver', 'failed', unique_key, id, instance_pk, 0, '{"code":"internal","key":"internal"}' FROM deliveries WHERE unique_key LIKE 'old-%'`))
	for range 21 {
		require.NoError(t, s.SettleDeliveries(ctx))
	}
	_, err := s.SQL().Exec(`ANALYZE deliveries`)
	require.NoError(t, err)
	n, err := planner(t, s, "numbers of the navigation", 1001).NavCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, store.Count{N: 4}, n.FailedDeliveries)
	need, err := planner(t, s, "deliveries that need somebody", 1001).NeedDeliveries(ctx)
	require.NoError(t, err)
	require.Equal(t, 4, need.Count.N)
}
