package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// seeded is how many rows each big table has.
const seeded = 40000

// seed fills a database with skewed data: 2 % failed, 5 % debugging calls, one
// channel with nearly everything, one with little and one with nothing.
func seed(t *testing.T, s *store.Store) {
	t.Helper()
	for _, slug := range []string{"default", "small", "empty"} {
		storetest.Channel(t, s, slug, "")
	}
	storetest.Fill(t, s, append([]string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, driver, product_id, sku_code, product_name,
                       customer_id, customer_name, user_name, expires_at, released_at, provisioned_at, created_at)
SELECT 1 + (n % 20 = 0)::int, 'inst-' || n, 'CS' || n, 'CS' || n || '-000001', 'inst-' || n,
       CASE WHEN n % 50 = 0 THEN 'provisioning' WHEN n % 33 = 0 THEN 'frozen' WHEN n % 7 = 0 THEN 'released' ELSE 'active' END,
       CASE WHEN n % 500 = 0 THEN 'manual' ELSE 'static' END, 'OFFI' || n % 40, 'SKU' || n % 20, 'Product ' || n % 40,
       'cust-' || n % 5000, 'Customer ' || n % 5000, 'user' || n, now() + n * interval '1 hour',
       CASE WHEN n % 7 = 0 THEN now() END, CASE WHEN n % 50 <> 0 THEN now() - interval '1 day' END, now() - n * interval '1 minute'
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, result_code, order_id, order_line_id, business_id,
                      instance_id, attempts, first_received_at, last_received_at, updated_at, last_error, lacked_at)
SELECT 1 + (n % 20 = 0)::int, CASE WHEN n % 25 = 3 THEN 'v1' ELSE 'v2' END,
       (ARRAY['newInstance','queryInstance','refreshInstance','updateInstanceStatus','releaseInstance','upgradeInstance','changeInstanceCheck'])[1 + n % 7],
       n % 20 = 1, 'key-' || n,
       CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 51 = 0 THEN 'processing' WHEN n % 200 = 7 THEN 'rejected' ELSE 'succeeded' END,
       CASE WHEN n % 7 = 1 AND n % 40 = 5 THEN '000004' ELSE '000000' END, 'CS' || n % 10000, 'CS' || n % 10000 || '-000001', 'b-' || n, 'inst-' || n % 10000, 1,
       now() - n * interval '1 minute', now() - n * interval '1 minute', now() - n * interval '1 minute' + CASE WHEN n % 100 = 7 THEN interval '2 hours' ELSE interval '1 minute' END,
       CASE WHEN n % 50 = 0 THEN '{"code":"internal","key":"internal"}'::jsonb END,
       CASE WHEN n % 7 = 1 AND n % 40 = 5 THEN now() - n * interval '1 minute' END
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO message_instances (message_id, place, instance_id)
SELECT id, k, CASE WHEN k = 3 AND id % 12 = 0 THEN 'inst-77' ELSE 'inst-' || (id + 100 * k) % 10000 END
  FROM messages, generate_series(2, 3 + 0 * $1::int) AS k
 WHERE activity = 'queryInstance'`, `
INSERT INTO attempts (message_id, at, source, disposition, business_id)
SELECT n, now(), CASE WHEN n % 100 = 0 THEN 'operator' ELSE 'marketplace' END, 'new', 'b-' || n
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
SELECT 1, n, CASE WHEN n % 40 = 0 THEN 'expiry_notice' ELSE 'usage_info' END, CASE WHEN n % 50 = 1 THEN 'sms' ELSE 'email' END, 'en', '\x00', 'a•••@b',
       CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'succeeded' END, 'ref-' || n, 'key-' || n
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO tasks (kind, status, message_id, instance_pk, delivery_id, unique_key, parked_at, run_at)
SELECT (ARRAY['order_query','provision','deliver'])[1 + n % 3], CASE WHEN n % 100 = 0 THEN 'failed' WHEN n % 101 = 0 THEN 'pending' ELSE 'succeeded' END,
       n, n, CASE WHEN n % 3 = 2 THEN n END, 'key-' || n,
       CASE WHEN n % 303 = 202 THEN now() END, CASE WHEN n % 303 = 202 THEN timestamptz '9999-12-31 00:00:00+00' ELSE now() END
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO tasks (kind, status, unique_key, run_at, enqueued_at, leased_until)
SELECT 'notice', CASE WHEN n % 3 = 0 THEN 'running' ELSE 'pending' END, 'stuck-' || n, now() - interval '1 hour' - n * interval '1 s',
       CASE WHEN n % 3 = 1 THEN now() - interval '1 hour' - n * interval '1 s' END, CASE WHEN n % 3 = 0 THEN now() - interval '1 hour' - n * interval '1 s' END
  FROM generate_series(1, $1::int / 20) AS n`, `
WITH grouped AS (
    INSERT INTO failure_groups (fingerprint, step, of_tasks, error, resolved_at, last_seen_at)
    SELECT 'print-' || n, CASE WHEN n % 2 = 0 THEN 'provision' ELSE 'newInstance' END, n % 2 = 0, '{"code":"internal","key":"internal"}',
           CASE WHEN n > 40 THEN now() END, now() - n * interval '1 minute'
      FROM generate_series(1, $1::int / 40) AS n
    RETURNING id
), members AS (
    UPDATE tasks SET failure_group = 2 + 2 * (id / 100 % 20), last_error = '{"code":"internal","key":"internal"}' WHERE status = 'failed'
)
UPDATE messages SET failure_group = 1 + id / 50 % 40 WHERE status = 'failed'`, `
INSERT INTO task_attempts (task_id, round, number, at, outcome)
SELECT n, 0, 1, now(), 'succeeded'
  FROM generate_series(1, $1::int) AS n`, `
WITH target AS (
    INSERT INTO event_targets (channel_id, name, url, secret_sealed)
    SELECT 1, 'target-' || n, 'https://example.com', '\x00' FROM generate_series(1, 3 + 0 * $1::int) AS n
    RETURNING id
)
INSERT INTO events (channel_id, type, webhook_id, unique_key, target_id, to_product, target, task_id, instance_pk, order_id, payload_sealed, status)
SELECT 1, CASE WHEN n % 400 = 0 THEN 'order.notified' WHEN n % 3 = 0 THEN 'instance.renewed' ELSE 'instance.frozen' END, 'msg-' || n, 'key-' || n,
       CASE WHEN n % 1000 = 0 THEN 2 WHEN n % 2 = 0 THEN 1 END, n % 2 = 1, 'https://example.com', n, n, 'CS' || n, '\x00',
       CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 101 = 0 THEN 'pending' ELSE 'succeeded' END
  FROM generate_series(1, $1::int) AS n, (SELECT count(*) FROM target) made`, `
INSERT INTO event_attempts (event_id, at, target, http_status, error)
SELECT id, now(), target, 500, CASE WHEN id % 2 = 0 THEN '{"code":"unavailable","key":"webhook.breaker_open"}'::jsonb END
  FROM events
 WHERE id <= $1::int`, `
INSERT INTO instance_events (instance_pk, kind)
SELECT n, 'status'
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO restart_batches (thing, mode, status, total, restarted, passed, per_second, actor, source)
SELECT CASE WHEN n % 3 = 0 THEN 'tasks' ELSE 'messages' END, 'all', CASE WHEN n % 500 = 0 THEN 'running' ELSE 'done' END,
       30, CASE WHEN n % 500 = 0 THEN 5000 ELSE 30 END, 30, 0, 'operator:7', 'operator'
  FROM generate_series(1, $1::int / 40) AS n`, `
INSERT INTO restart_items (batch_id, item_id, state, outcome, given, error)
SELECT CASE WHEN n <= 10000 THEN 1000 ELSE 1 + n % 999 END, n,
       CASE WHEN n BETWEEN 5001 AND 10000 THEN 'waiting' WHEN n % 20 = 0 THEN 'refused' ELSE 'restarted' END,
       CASE WHEN n BETWEEN 5001 AND 10000 OR n % 20 = 0 OR n % 100 = 7 AND n < 5000 THEN '' WHEN n % 20 = 1 THEN 'failed' ELSE 'passed' END, 1,
       CASE WHEN n % 20 = 0 THEN '{"code":"conflict","key":"restart.running"}'::jsonb END
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO audit (actor, action, target)
SELECT 'operator:' || n % 300, 'action.' || n % 50, 'instance/inst-' || n
  FROM generate_series(1, $1::int) AS n`}, seedLookups...), seeded)
}

// TestPlans explains every list and count under every pair of filters that the
// console offers, and every detail: no big table is read or sorted whole.
func TestPlans(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	seed(t, s)
	t.Run("readers", func(t *testing.T) {
		t.Run("messages", func(t *testing.T) { t.Parallel(); messagePlans(t, s) })
		t.Run("instances", func(t *testing.T) { t.Parallel(); instancePlans(t, s) })
		t.Run("deliveries", func(t *testing.T) { t.Parallel(); deliveryPlans(t, s) })
		t.Run("tasks", func(t *testing.T) { t.Parallel(); taskPlans(t, s) })
		t.Run("events", func(t *testing.T) { t.Parallel(); eventPlans(t, s) })
		t.Run("restarts", func(t *testing.T) { t.Parallel(); restartPlans(t, s) })
		t.Run("lookups", func(t *testing.T) { t.Parallel(); lookupPlans(t, s) })
		t.Run("others", func(t *testing.T) { t.Parallel(); otherPlans(t, s) })
		t.Run("orders", func(t *testing.T) { t.Parallel(); orderPlans(t, s) })
		t.Run("listing", func(t *testing.T) { t.Parallel(); listingPlans(t, s) })
	})
	t.Run("alerts", func(t *testing.T) { alertPlans(t, s) })
	t.Run("products", func(t *testing.T) { productPlans(t, s) })
}

// named is a change to a filter.
type named[F any] struct {
	name string
	set  func(*F)
}

// pairs runs do for each one and each two of the changes.
func pairs[F any](all []named[F], do func(name string, f F)) {
	var none F
	do("all", none)
	for i, a := range all {
		for _, b := range all[i:] {
			var f F
			a.set(&f)
			b.set(&f)
			do(a.name+" & "+b.name, f)
		}
	}
}

func messagePlans(t *testing.T, s *store.Store) {
	ctx, yes, no := context.Background(), true, false
	type F = store.MessageFilter
	pairs([]named[F]{
		{"channel", func(f *F) { f.Channel = "small" }},
		{"empty channel", func(f *F) { f.Channel = "empty" }},
		{"v1", func(f *F) { f.Protocol = "v1" }},
		{"v2", func(f *F) { f.Protocol = "v2" }},
		{"unknown protocol", func(f *F) { f.Protocol = "kit-v1" }},
		{"activity", func(f *F) { f.Activity = "newInstance" }},
		{"failed", func(f *F) { f.Status = "failed" }},
		{"succeeded", func(f *F) { f.Status = "succeeded" }},
		{"rejected", func(f *F) { f.Status = "rejected" }},
		{"test", func(f *F) { f.Test = &yes }},
		{"real", func(f *F) { f.Test = &no }},
		{"order", func(f *F) { f.OrderID = "CS77" }},
		{"instance", func(f *F) { f.InstanceID = "inst-77" }},
		{"q order", func(f *F) { f.Q = "CS777" }},
		{"q line", func(f *F) { f.Q = "CS777-000001" }},
		{"q business", func(f *F) { f.Q = "b-4711" }},
		{"q nothing", func(f *F) { f.Q = "nothing of the kind" }},
		{"group", func(f *F) { f.Group = 1 }},
		{"since", func(f *F) { f.Since = time.Now().Add(-24 * time.Hour) }},
		{"between", func(f *F) { f.Since, f.Until = time.Now().Add(-48*time.Hour), time.Now().Add(-47*time.Hour) }},
	}, func(name string, f F) {
		r := planner(t, s, "messages "+name, pageBudget)
		p, err := r.MessageList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if p.Older != "" {
			p, err = r.MessageList(ctx, f, store.Paging{Cursor: p.Older})
			require.NoError(t, err)
			_, err = r.MessageList(ctx, f, store.Paging{Cursor: p.Newer})
			require.NoError(t, err)
		}
		if len(p.Items) > 0 {
			_, _, err = r.MessageNeighbours(ctx, f, p.Items[0])
			require.NoError(t, err)
		}
		_, err = planner(t, s, "message ids "+name, seeded).MessageIDs(ctx, f, 0, 50)
		require.NoError(t, err)
		_, err = planner(t, s, "message counts "+name, countBudget).MessageCounts(ctx, f)
		require.NoError(t, err)
	})
	var failed int
	require.NoError(t, s.SQL().QueryRow(`SELECT count(*) FROM messages WHERE protocol = 'v2' AND activity = 'newInstance' AND status = 'failed'`).Scan(&failed))
	counts, err := s.Reader().MessageCounts(ctx, F{Protocol: "v2", Activity: "newInstance"})
	require.NoError(t, err)
	require.Equal(t, store.Count{N: failed}, counts["failed"], "all that failed were looked at")
	require.True(t, counts["succeeded"].More && counts[""].More && counts["succeeded"].N > 200, "of what succeeded the newest were: %v", counts)
	for where, f := range map[string]F{
		"protocol = 'v1'":                                     {Protocol: "v1"},
		"channel_id = 3":                                      {Channel: "empty"},
		"channel_id = 2 AND test":                             {Channel: "small", Test: &yes},
		"channel_id = 2 AND NOT test":                         {Channel: "small", Test: &no},
		"activity = 'queryInstance'":                          {Activity: "queryInstance"},
		"protocol = 'v2' AND order_id = 'CS77'":               {Protocol: "v2", OrderID: "CS77"},
		"test AND last_received_at > now() - '7 d'::interval": {Test: &yes, Since: time.Now().Add(-7 * 24 * time.Hour)},
	} {
		counts, err := s.Reader().MessageCounts(ctx, f)
		require.NoError(t, err)
		trueCounts(t, s, "messages WHERE "+where, counts, store.MessageStatuses())
	}
	_, err = planner(t, s, "message", 100).MessageDetail(ctx, 4711, 50)
	require.NoError(t, err)
}

// trueCounts holds numbers above a list to what they say: so many, or at least so
// many, and exactly so where the rows are fewer than a count looks at.
func trueCounts(t *testing.T, s *store.Store, of string, counts store.Counts, statuses []string) {
	t.Helper()
	all, known := 0, true
	for _, status := range statuses {
		var n int
		require.NoError(t, s.SQL().QueryRow(`SELECT count(*) FROM `+of+` AND status = $1`, status).Scan(&n))
		at := counts[status]
		switch {
		case !at.More:
			require.Equal(t, n, at.N, "%s: %s", of, status)
		default:
			require.LessOrEqual(t, at.N, min(n, 1000), "%s: %s", of, status)
		}
		all, known = all+n, known && !at.More
	}
	if known {
		require.Equal(t, store.Count{N: min(all, 1000), More: all > 1000}, counts[""], of)
	}
	require.True(t, known || counts[""].More, of)
}

func instancePlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.InstanceFilter
	pairs([]named[F]{
		{"channel", func(f *F) { f.Channel = "small" }},
		{"empty channel", func(f *F) { f.Channel = "empty" }},
		{"product", func(f *F) { f.ProductID = "OFFI7" }},
		{"unknown product", func(f *F) { f.ProductID = "OFFI4711" }},
		{"sku", func(f *F) { f.SkuCode = "SKU7" }},
		{"provisioning", func(f *F) { f.Status = "provisioning" }},
		{"active", func(f *F) { f.Status = "active" }},
		{"q instance", func(f *F) { f.Q = "inst-777" }},
		{"q line", func(f *F) { f.Q = "CS777-000001" }},
		{"q rare name", func(f *F) { f.Q = "omer 477" }},
		{"q common name", func(f *F) { f.Q = "STOM" }},
		{"q e-mail", func(f *F) { f.Q = "ann@example.com" }},
		{"q phone", func(f *F) { f.Q = "186 8888 8888" }},
		{"expires", func(f *F) { f.ExpiresBefore = time.Now().Add(240 * time.Hour) }},
		{"waiting", func(f *F) { f.Waiting = true }},
	}, func(name string, f F) {
		r := planner(t, s, "instances "+name, pageBudget)
		p, err := r.InstanceList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if p.Older != "" {
			_, err = r.InstanceList(ctx, f, store.Paging{Cursor: p.Older})
			require.NoError(t, err)
		}
		if len(p.Items) > 0 {
			_, _, err = r.InstanceNeighbours(ctx, f, p.Items[0])
			require.NoError(t, err)
		}
		counts := float64(sideBudget)
		if f.SkuCode != "" && f.Q == "STOM" { // to look at half of every twentieth, one may as well go through all in their order
			counts = seeded
		}
		_, err = planner(t, s, "instance counts "+name, counts).InstanceCounts(ctx, f)
		require.NoError(t, err)
	})
	for _, q := range []string{"u", "x", "x7", "er", "no such name", "stomer 4770", "user3999"} {
		for _, f := range []F{{Q: q}, {Q: q, Status: "provisioning"}} {
			_, err := planner(t, s, "instances q "+q, pageBudget).InstanceList(ctx, f, store.Paging{})
			require.NoError(t, err)
			_, err = planner(t, s, "instance counts q "+q, sideBudget).InstanceCounts(ctx, f)
			require.NoError(t, err)
		}
	}
	soon := time.Now().Add(20000 * time.Hour)
	for where, f := range map[string]F{
		"product_id = 'OFFI7'":                     {ProductID: "OFFI7", ExpiresBefore: soon},
		"channel_id = 2":                           {Channel: "small", ExpiresBefore: soon},
		"channel_id = 1":                           {Channel: "default", ExpiresBefore: soon},
		"channel_id = 2 AND product_id = 'OFFI20'": {Channel: "small", ProductID: "OFFI20", ExpiresBefore: soon},
		"product_id = 'OFFI7' AND strpos(lower(customer_name), 'stom') > 0": {ProductID: "OFFI7", ExpiresBefore: soon, Q: "STOM"},
	} {
		counts, err := s.Reader().InstanceCounts(ctx, f)
		require.NoError(t, err)
		trueCounts(t, s, "instances WHERE released_at IS NULL AND expires_at < now() + '20000 h'::interval AND "+where, counts, store.InstanceStatuses())
	}
	_, err := planner(t, s, "instance", 500).InstanceDetail(ctx, "inst-77")
	require.NoError(t, err)
}

func deliveryPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.DeliveryFilter
	pairs([]named[F]{
		{"e-mail", func(f *F) { f.Medium = "email" }},
		{"sms", func(f *F) { f.Medium = "sms" }},
		{"unknown medium", func(f *F) { f.Medium = "pigeon" }},
		{"kind", func(f *F) { f.Kind = "usage_info" }},
		{"rare kind", func(f *F) { f.Kind = "expiry_notice" }},
		{"failed", func(f *F) { f.Status = "failed" }},
		{"waiting", func(f *F) { f.Waiting = true }},
		{"cancelled", func(f *F) { f.Status = "cancelled" }},
		{"instance", func(f *F) { f.InstanceID = "inst-77" }},
		{"q", func(f *F) { f.Q = "inst-777" }},
		{"q e-mail", func(f *F) { f.Q = "ann@example.com" }},
	}, func(name string, f F) {
		r := planner(t, s, "deliveries "+name, pageBudget)
		p, err := r.DeliveryList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if len(p.Items) > 0 {
			_, _, err = r.DeliveryNeighbours(ctx, f, p.Items[0].ID)
			require.NoError(t, err)
		}
		_, err = planner(t, s, "delivery counts "+name, countBudget).DeliveryCounts(ctx, f)
		require.NoError(t, err)
	})
}

func taskPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.TaskFilter
	pairs([]named[F]{
		{"kind", func(f *F) { f.Kind = "provision" }},
		{"unknown kind", func(f *F) { f.Kind = "event" }},
		{"failed", func(f *F) { f.Status = "failed" }},
		{"succeeded", func(f *F) { f.Status = "succeeded" }},
		{"instance", func(f *F) { f.InstanceID = "inst-77" }},
		{"group", func(f *F) { f.Group = 2 }},
		{"q", func(f *F) { f.Q = "CS777" }},
		{"q nothing", func(f *F) { f.Q = "nothing of the kind" }},
	}, func(name string, f F) {
		r := planner(t, s, "tasks "+name, pageBudget)
		p, err := r.TaskList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if len(p.Items) > 0 {
			_, _, err = r.TaskNeighbours(ctx, f, p.Items[0].ID)
			require.NoError(t, err)
		}
		_, err = planner(t, s, "task counts "+name, countBudget).TaskCounts(ctx, f)
		require.NoError(t, err)
	})
	_, err := planner(t, s, "task", 100).TaskDetail(ctx, 4711)
	require.NoError(t, err)
}

func otherPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.AuditFilter
	pairs([]named[F]{
		{"actor", func(f *F) { f.Actor = "operator:7" }},
		{"action", func(f *F) { f.Action = "action.7" }},
		{"target", func(f *F) { f.Target = "instance/inst-77" }},
	}, func(name string, f F) {
		_, err := planner(t, s, "audit "+name, pageBudget).AuditList(ctx, f, store.Paging{})
		require.NoError(t, err)
	})
	n, err := planner(t, s, "navigation", 10*1001).NavCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, store.NavCounts{FailedDeliveries: store.Count{N: 200}, FailedEvents: store.Count{N: 800}, WaitingInstances: store.Count{N: 112}, OpenGroups: store.Count{N: 40}, LowPools: []string{}, Stuck: store.Count{N: 1000, More: true}}, n)
	for channel := range int64(3) {
		_, err = planner(t, s, "saved cases", pageBudget).SavedCases(ctx, channel+1, []int64{1, 2, 3})
		require.NoError(t, err)
	}
	groupPlans(t, s)
	stuckPlans(t, s)
	reconcilePlans(t, s)
	work, err := planner(t, s, "work list", 2000).WorkList(ctx, store.ForPerson, store.Paging{})
	require.NoError(t, err)
	require.NotEmpty(t, work.Older)
	_, err = planner(t, s, "work list on", 2000).WorkList(ctx, store.ForPerson, store.Paging{Cursor: work.Older})
	require.NoError(t, err)
	waiting, err := planner(t, s, "work counts", 1000).WorkCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, waiting[store.ForPerson], n.WaitingInstances)
	products, err := planner(t, s, "products", 1000).ProductChoices(ctx)
	require.NoError(t, err)
	require.Len(t, products, 40)
	require.Contains(t, products, store.ProductChoice{ProductID: "OFFI7", Name: "Product 7"})
	all, err := s.Reader().MessageCounts(ctx, store.MessageFilter{Channel: "default"})
	require.NoError(t, err)
	require.Equal(t, store.Count{N: 1000, More: true}, all[""], fmt.Sprint(all))
	require.Equal(t, "1000+", all["succeeded"].String())
}
