package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// The clock looks every few seconds: what it finds due it finds by an index,
// however many instances and however much history there is.
func TestDueNoticesAreFoundByIndex(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	storetest.Fill(t, s, []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_id, customer_id, email_sealed, email_bidx, expires_at, expiry_since, notice_at)
SELECT 1, 'inst-' || n, 'CS' || n, 'L' || n, 'b' || n, 'active', 'OFFI1', 'cust-' || n % 5000, '\x00', '\x00',
       now() + interval '6 days 23 hours', now() - interval '100 days', CASE WHEN n % 100 = 0 THEN now() - interval '1 hour' ELSE now() + n * interval '1 minute' END
  FROM generate_series(1, 40000) AS n`, `
INSERT INTO instance_events (instance_pk, kind, old_value, new_value, notice)
SELECT 1 + n % 40000, 'status', 'active', 'frozen', CASE WHEN n % 1000 = 0 THEN 'frozen' END
  FROM generate_series(1, 80000) AS n`, `
INSERT INTO products (channel_id, product_id, driver) VALUES (1, '*', 'manual')`})
	_, err := s.SQL().Exec(`
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, about_expiry, days)
SELECT 1, 1 + n % 40000, CASE WHEN n % 2 = 0 THEN 'expiry_notice' ELSE 'usage_info' END, 'email', 'en', '\x00', '', 'succeeded', 'ref-' || n, 'key-' || n,
       CASE WHEN n % 2 = 0 THEN now() - interval '1 year' END, CASE WHEN n % 2 = 0 THEN 7 END
  FROM generate_series(1, 40000) AS n`) // they come after the statistics, as when many are due at once
	require.NoError(t, err)
	expiries, events, overtakes := store.PlanNotices(t, s)
	require.Contains(t, expiries, "instances_notice", expiries)
	require.NotContains(t, expiries, "Seq Scan on instances", expiries)
	require.NotContains(t, expiries, "Seq Scan on deliveries", expiries)
	require.NotContains(t, expiries, "deliveries_kind", "not all notices are read for each: %s", expiries)
	require.Contains(t, overtakes, "deliveries_instance", overtakes)
	require.NotContains(t, overtakes, "Seq Scan on deliveries", overtakes)
	require.NotContains(t, overtakes, "deliveries_kind", overtakes)
	require.Contains(t, events, "instance_events_notice", events)
	require.NotContains(t, events, "Seq Scan on instance", events)

	_, err = s.SQL().Exec(`
INSERT INTO tasks (kind, unique_key, status, run_at)
SELECT 'notice', 'key-' || n, CASE WHEN n % 1000 = 0 THEN 'pending' ELSE 'succeeded' END, now() + n * interval '1 second'
  FROM generate_series(1, 20000) AS n;
ANALYZE tasks`)
	require.NoError(t, err)
	open, early, late := store.PlanReplan(t, s)
	again := costOf(t, open)
	require.Empty(t, again.whole, again.shape)
	require.LessOrEqual(t, again.read, 2000.0, "of 40000: the 500 that are next, and what is looked up and written of them\n%s", again.shape)
	require.Contains(t, early, "deliveries_instance", early)
	require.Contains(t, late, "Index Scan using tasks_", late)
	for _, plan := range []string{early, late} {
		require.NotContains(t, plan, "Seq Scan on instances", plan)
		require.NotContains(t, plan, "Seq Scan on deliveries", plan)
		require.NotContains(t, plan, "Seq Scan on tasks", plan)
	}
}
