package store_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// wholly finds the tables that a plan reads from their first row to their last.
var wholly = regexp.MustCompile(`(?m)^ *Seq Scan [a-z_0-9]+ .*$`)

// TestErasingReadsOnlyWhatHangsOnIt explains each statement of an erasure in the
// middle of big tables: none is read whole, and little beside what is emptied.
func TestErasingReadsOnlyWhatHangsOnIt(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	storetest.Fill(t, s, []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, customer_id, released_at, erased_at)
SELECT 1, 'i-' || n, 'CS' || n, 'CS' || n || '-1', 'b', 'c-' || n, CASE WHEN n % 10 = 0 THEN now() - interval '1 year' END, CASE WHEN n % 100 = 10 THEN now() END FROM generate_series(1, 20000) AS n`, `
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_id)
SELECT channel_id, order_id, order_line_id, 'instance', 'known', customer_id FROM instances ORDER BY id`, `
INSERT INTO instance_orders (instance_pk, order_pk, purpose) SELECT id, id, 'purchase' FROM instances`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, instance_id, order_id, order_line_id, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', k || n, 'succeeded', CASE WHEN k = 'a' THEN 'i-' || n ELSE '' END, 'CS' || n, 'CS' || n || '-1', now(), now() - n * interval '1 second' FROM generate_series(1, 20000) AS n, unnest('{a,b}'::text[]) k`, `
INSERT INTO message_instances (message_id, place, instance_id) SELECT n, 2, 'j-' || n FROM generate_series(1, 20000) AS n`, `
INSERT INTO attempts (message_id, at, source, disposition, response) SELECT id, now(), 'marketplace', 'new', '{}' FROM messages`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
SELECT 1, n, 'usage_info', 'email', 'en', '\x00', 'a', 'succeeded', n::text, n::text FROM generate_series(1, 20000) AS n`, `
INSERT INTO delivery_receipts (delivery_id, message_ref, at, source, provider_ref, outcome, code, note, part, parts)
SELECT n, 'r', now(), 'dsn', '', 'delivered', '', 'note', 1, 1 FROM generate_series(1, 20000) AS n`, `
INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, status, file_name) SELECT 1, n, 'license', n::text, 'uploaded', 'f' FROM generate_series(1, 20000) AS n`, `
INSERT INTO license_pools (name) VALUES ('lp')`, `
INSERT INTO pooled_licenses (pool, status, content_sealed, content_bidx, license_id, added_by) SELECT 'lp', 'used', '\x00', int4send(n), n, 'cli' FROM generate_series(1, 20000) AS n`, `
INSERT INTO pools (name) VALUES ('p')`, `
INSERT INTO pool_accounts (pool, status, account_bidx, fits_v1, batch, front_end_url, note, added_by, instance_pk)
SELECT 'p', 'retired', int4send(n), true, 1, 'u', 'note', 'cli', n FROM generate_series(1, 20000) AS n`, `
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, status, customer_id, order_id, released_at)
SELECT 1, '\x01', int4send(n), 'm', 'RELEASED', 'c-' || n, 'CS' || n, CASE WHEN n % 10 = 0 THEN now() - interval '1 year' END FROM generate_series(1, 20000) AS n`, `
INSERT INTO license_code_events (code_id, kind, message_id) SELECT n, 'status', n FROM generate_series(1, 20000) AS n`, `
INSERT INTO license_usage (channel_id, code_id, day, account_sealed, account_bidx) SELECT 1, n, current_date, '\x01', '\x02' FROM generate_series(1, 20000) AS n`, `
INSERT INTO tasks (kind, status, unique_key, instance_pk, license_id, license_code_id, order_pk, delivery_id, message_id)
SELECT 'notice', 'succeeded', k || n, CASE WHEN k = 'i' THEN n END, CASE WHEN k = 'l' THEN n END, CASE WHEN k = 'c' THEN n END, CASE WHEN k = 'o' THEN n END, CASE WHEN k = 'd' THEN n END, CASE WHEN k = 'm' THEN n END
  FROM generate_series(1, 8000) AS n, unnest('{i,l,c,o,d,m}'::text[]) k`, `
INSERT INTO task_attempts (task_id, round, number, at, outcome) SELECT id, 0, 1, now(), 'succeeded' FROM tasks`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, instance_pk, license_code_id, order_id, order_line_id, payload_sealed, status, task_id)
SELECT 1, 'x', k || n, k || n, false, '', CASE WHEN k = 'i' THEN n END, CASE WHEN k = 'c' THEN n END, 'CS' || n, 'CS' || n || '-1', '\x00', 'succeeded', n FROM generate_series(1, 8000) AS n, unnest('{i,c,o}'::text[]) k`, `
INSERT INTO event_attempts (event_id, at, target, response_sealed) SELECT id, now(), '', '\x00' FROM events`, `
INSERT INTO leftovers (instance_pk, driver, reason, status, note) SELECT n, 'webhook', 'undo_failed', 'kept', 'note' FROM generate_series(1, 20000) AS n`, `
INSERT INTO reconciliations (day, status, started_by) VALUES (now(), 'done', 'x')`, `
INSERT INTO reconcile_findings (reconciliation_id, channel_id, instance_pk, order_id, order_line_id, kind, status)
SELECT 1, 1, n, 'CS' || n, 'CS' || n || '-1', 'missing', 'kept' FROM generate_series(1, 20000) AS n`})
	ids := make([]int64, 50)
	for i := range ids {
		ids[i] = 4000 + 10*int64(i)
	}
	check := func(query string, args ...any) {
		t.Helper()
		c := explained(t, s, query, args)
		require.Empty(t, wholly.FindString(c.shape), "%s\n%s", query, c.shape)
		require.LessOrEqual(t, c.read, 6000.0, "%s\n%s", query, c.shape)
	}
	for _, kind := range []string{store.EraseOrders, store.EraseInstances, store.EraseCodes, store.EraseCalls} {
		for _, query := range store.EraseQueries(kind) {
			check(query, pq.Array(ids))
		}
	}
	ofCustomer, ofOrder := store.HeldQueries()
	for _, query := range ofCustomer {
		check(query, 1, "c-4000")
	}
	for _, query := range ofOrder {
		check(query, 1, "CS4000")
	}
	check(store.InUse, pq.Array(ids), pq.Array(ids))
	before := time.Now().AddDate(0, -1, 0)
	check(store.ErasableQuery(store.EraseInstances), before, 50)
	check(store.ErasableQuery(store.EraseCodes), before, 50)
	check(store.ErasableOrders, before, 10000, 500)
	check(store.LateCalls, time.Now().Add(-4*time.Hour), 0, time.Now(), 500)
}
