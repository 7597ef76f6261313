package retention_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// marker stands wherever something of the customer may be written.
const marker = "ZQXMARK"

var purposes = []seal.Purpose{seal.ChannelSecret, seal.ProductSecret, seal.TargetSecret, seal.Customer, seal.Access, seal.Payload, seal.Content,
	seal.Session, seal.LicenseCode, seal.License, seal.AlertTarget, seal.Refusal}

// marked are the columns of all tables in which the marker stands, opened where they
// are sealed.
func (b bench) marked() []string {
	b.t.Helper()
	rows, err := b.s.SQL().Query(`
SELECT c.table_name, c.column_name, c.data_type = 'bytea'
  FROM information_schema.columns c
  JOIN pg_class t ON t.relname = c.table_name AND t.relkind IN ('r', 'p') AND NOT t.relispartition
 WHERE c.table_schema = 'public'
 ORDER BY 1, 2`)
	require.NoError(b.t, err)
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var table, column string
		var isBytes bool
		require.NoError(b.t, rows.Scan(&table, &column, &isBytes))
		if b.holds(table, column, isBytes) {
			out = append(out, table+"."+column)
		}
	}
	require.NoError(b.t, rows.Err())
	return out
}

func (b bench) holds(table, column string, isBytes bool) bool {
	b.t.Helper()
	if !isBytes {
		var n int
		require.NoError(b.t, b.s.SQL().QueryRow(fmt.Sprintf(`SELECT count(*) FROM %q WHERE strpos(%q::text, $1) > 0`, table, column), marker).Scan(&n))
		return n > 0
	}
	rows, err := b.s.SQL().Query(fmt.Sprintf(`SELECT %q FROM %q WHERE %q <> ''`, column, table, column))
	require.NoError(b.t, err)
	defer rows.Close()
	found := false
	for rows.Next() {
		var sealed []byte
		require.NoError(b.t, rows.Scan(&sealed))
		opened := !strings.HasSuffix(column, "_sealed")
		for _, p := range purposes {
			if plain, err := b.s.Keys().Open(p, sealed); err == nil {
				opened = true
				found = found || bytes.Contains(plain, []byte(marker))
			}
		}
		require.True(b.t, opened, "%s.%s is sealed for a purpose that this test does not know", table, column)
	}
	require.NoError(b.t, rows.Err())
	return found
}

// words is a stored error with what the product of the seller said, and with what an
// outside system said.
func words(where string) string {
	return `{"code":"refused","key":"webhook.refused","args":{"result_code":"000100","message":"` + marker + where + `"},"detail":"` + marker + where + `"}`
}

// customerEverywhere writes one customer, ann, wherever a customer may stand: an
// instance that is released, an order of it, one that no instance came from, a License
// and an authorization code. Of each kind of work something is under way.
func (b bench) customerEverywhere() {
	b.t.Helper()
	k := b.s.Keys()
	person, access, payload := k.SealString(seal.Customer, marker), k.SealString(seal.Access, marker), k.Seal(seal.Payload, []byte(marker))
	content, license := k.Seal(seal.Content, []byte(marker)), k.SealString(seal.License, marker)
	b.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, customer_name, real_name_sealed, email_sealed, email_bidx,
                       phone_sealed, phone_bidx, order_sealed, params_sealed, access_sealed, password_sealed, usage_sealed, front_end_url, admin_url, user_name, memo, released_at)
VALUES (1, 'i-1', 'CS1', 'CS1-1', 'b', 'released', 'ann', $1, $2, $2, '\x01', $2, '\x02', $2, $2, $3, $3, $2, $1, $1, $1, $1, now() - interval '200 days')`, marker, person, access)
	b.exec(`
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_id, customer_name, real_name_sealed, email_sealed, phone_sealed, answer_sealed, facts_sealed, last_error, created_at)
SELECT 1, o, o || '-1', 'notice', 'known', 'ann', $1, $2, $2, $2, $2, $2, $3, now() - interval '200 days' FROM unnest('{CS1,CS9}'::text[]) o`, marker, person, words("order"))
	b.exec(`INSERT INTO instance_orders (instance_pk, order_pk, purpose) VALUES (1, 1, 'purchase')`)
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, instance_id, order_id, order_line_id, first_received_at, last_received_at, last_error)
SELECT 1, p, a, a || n, s, i, o, CASE WHEN o <> '' THEN o || '-1' ELSE '' END, now() - interval '200 days', now() - interval '200 days', CASE WHEN s = 'failed' THEN $1::jsonb END
  FROM (VALUES (1, 'v2', 'newInstance', 'succeeded', 'i-1', 'CS1'), (2, 'v2', 'refreshInstance', 'failed', 'i-1', 'CS1'), (3, 'v2', 'upgradeInstance', 'processing', 'i-1', 'CS1'),
               (4, 'order-notice', 'orderNotify', 'succeeded', '', 'CS9'), (5, 'order-notice', 'orderNotify', 'processing', '', 'CS9'), (6, 'v2', 'newInstance', 'failed', '', 'CS1')) v (n, p, a, s, i, o)
 ORDER BY n`, words("message"))
	b.exec(`
INSERT INTO attempts (message_id, at, source, disposition, request_sealed, response_sealed, response, error)
SELECT id, now() - interval '200 days', 'marketplace', 'new', $1, $1, $2, $3 FROM messages ORDER BY id`, payload, marker, words("attempt"))
	b.exec(`INSERT INTO attempts (message_id, at, source, disposition, error, actor) VALUES (1, now(), 'operator', 'restart', $1, 'operator:x')`, words("restart"))
	b.exec(`
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, content_sealed, status, last_error, message_ref, unique_key, customer)
SELECT 1, 1, 'released', 'email', 'en', $1, $2, $3, s, $4, s, s, 'ann' FROM unnest('{succeeded,failed,pending,running}'::text[]) s`, person, marker, content, words("delivery"))
	b.exec(`INSERT INTO delivery_receipts (delivery_id, message_ref, received_at, at, source, provider_ref, outcome, code, note, part, parts) VALUES (1, 'r', now(), now(), 'dsn', '', 'delivered', '', $1, 0, 0)`, marker)
	b.exec(`INSERT INTO license_pools (name) VALUES ('lp')`)
	b.exec(`
INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, status, device_sealed, device_bidx, content_sealed, file_name, last_error)
VALUES (1, 1, 'license', 'rk', 'uploaded', $1, '\x03', $2, $3, $4)`, person, license, marker, words("license"))
	b.exec(`INSERT INTO pooled_licenses (pool, status, file_name, content_sealed, content_bidx, license_id, added_by) VALUES ('lp', 'used', $1, $2, '\x05', 1, 'cli')`, marker, license)
	b.exec(`INSERT INTO pools (name) VALUES ('p')`)
	b.exec(`
INSERT INTO pool_accounts (pool, status, account_bidx, fits_v1, batch, front_end_url, password_sealed, note, added_by, instance_pk)
VALUES ('p', 'retired', '\x06', true, 1, 'https://app.example.com', $1, $2, 'cli', 1)`, access, marker)
	b.exec(`
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, status, order_id, customer_id, released_at, answer_sealed, last_error)
VALUES (1, $1, '\x07', 'm', 'RELEASED', 'CS5', 'ann', now() - interval '200 days', $2, $3)`,
		k.SealString(seal.LicenseCode, "the code"), k.Seal(seal.LicenseCode, []byte(marker)), words("code"))
	b.exec(`INSERT INTO license_usage (channel_id, code_id, day, account_sealed, account_bidx) VALUES (1, 1, current_date, $1, '\x08')`, person)
	b.exec(`
INSERT INTO tasks (kind, status, unique_key, instance_pk, message_id, delivery_id, license_id, license_code_id, order_pk, channel_id, last_error)
SELECT kind, status, n::text, i, m, d, l, c, o, 1, $1
  FROM (VALUES (1, 'provision', 'failed', 1, 2, NULL::int, NULL::int, NULL::int, NULL::int), (2, 'provision', 'running', 1, 3, NULL, NULL, NULL, NULL), (3, 'deliver', 'succeeded', 1, NULL, 1, NULL, NULL, NULL),
               (4, 'deliver', 'running', 1, NULL, 4, NULL, NULL, NULL), (5, 'license', 'succeeded', NULL, NULL, NULL, 1, NULL, NULL), (6, 'license_query', 'failed', NULL, NULL, NULL, NULL, 1, NULL),
               (7, 'order_notice', 'failed', NULL, 4, NULL, NULL, NULL, 2), (8, 'order_notice', 'pending', NULL, 5, NULL, NULL, NULL, 2), (9, 'license_query', 'pending', NULL, NULL, NULL, NULL, 1, NULL)) v (n, kind, status, i, m, d, l, c, o)
 ORDER BY n`, words("task"))
	b.exec(`INSERT INTO task_attempts (task_id, round, number, at, outcome, error) SELECT id, 0, 1, now(), 'failed', $1 FROM tasks`, words("try"))
	b.exec(`
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, instance_pk, license_code_id, order_id, order_line_id, payload_sealed, status, last_error)
SELECT 1, t, n::text, n::text, false, '', i, c, o, CASE WHEN o <> '' THEN o || '-1' ELSE '' END, $1, s, $2
  FROM (VALUES (1, 'instance.released', 1, NULL::int, '', 'succeeded'), (2, 'instance.released', 1, NULL, '', 'failed'), (3, 'instance.provision', 1, NULL, '', 'pending'),
               (4, 'order.notified', NULL, NULL, 'CS1', 'succeeded'), (5, 'order.notified', NULL, NULL, 'CS9', 'succeeded'), (6, 'order.notified', NULL, NULL, 'CS9', 'running'),
               (7, 'license_code.released', NULL, 1, '', 'succeeded'), (8, 'license_code.released', NULL, 1, '', 'pending')) v (n, t, i, c, o, s)
 ORDER BY n`, payload, words("event"))
	b.exec(`INSERT INTO event_attempts (event_id, at, target, response_sealed, error) SELECT id, now(), '', $1, $2 FROM events`, payload, words("event try"))
	b.exec(`INSERT INTO leftovers (instance_pk, driver, reason, status, error, note) VALUES (1, 'webhook', 'undo_failed', 'kept', $1, $2)`, words("left-over"), marker)
	b.exec(`INSERT INTO reconciliations (day, status, started_by) VALUES (now(), 'done', 'x')`)
	b.exec(`
INSERT INTO reconcile_findings (reconciliation_id, channel_id, instance_pk, order_id, order_line_id, kind, error, status)
SELECT 1, 1, i, o, o || '-1', 'missing', $1, s FROM (VALUES (1, 'CS1', 'kept'), (NULL, 'CS9', 'open'), (NULL, 'CS9', 'gone')) v (i, o, s)`, words("finding"))
}

// everywhere are the columns that customerEverywhere fills with the marker.
var everywhere = []string{"attempts.error", "attempts.request_sealed", "attempts.response", "attempts.response_sealed", "deliveries.content_sealed", "deliveries.last_error", "deliveries.to_mask",
	"deliveries.to_sealed", "delivery_receipts.note", "event_attempts.error", "event_attempts.response_sealed", "events.last_error", "events.payload_sealed", "instances.access_sealed",
	"instances.admin_url", "instances.customer_name", "instances.email_sealed", "instances.front_end_url", "instances.memo", "instances.order_sealed", "instances.params_sealed",
	"instances.password_sealed", "instances.phone_sealed", "instances.real_name_sealed", "instances.usage_sealed", "instances.user_name", "leftovers.error", "leftovers.note",
	"license_codes.answer_sealed", "license_codes.last_error", "license_usage.account_sealed", "licenses.content_sealed", "licenses.device_sealed", "licenses.file_name", "licenses.last_error",
	"messages.last_error", "orders.answer_sealed", "orders.customer_name", "orders.email_sealed", "orders.facts_sealed", "orders.last_error", "orders.phone_sealed", "orders.real_name_sealed",
	"pool_accounts.note", "pool_accounts.password_sealed", "pooled_licenses.content_sealed", "pooled_licenses.file_name", "reconcile_findings.error", "task_attempts.error", "tasks.last_error"}

// end ends what is under way, as workers would.
func (b bench) end() {
	b.t.Helper()
	b.exec(`UPDATE deliveries SET status = 'succeeded' WHERE status = 'running'`)
	b.exec(`UPDATE messages SET status = 'succeeded' WHERE status = 'processing'`)
	b.exec(`UPDATE events SET status = 'succeeded' WHERE status IN ('pending', 'running')`)
	b.exec(`UPDATE tasks SET status = 'succeeded' WHERE status IN ('pending', 'running')`)
}

// One customer stands everywhere and is erased: what is under way at that moment
// follows with the hourly run, and then nothing of him is left in any table.
func TestNothingOfAnErasedCustomerIsLeftInAnyTable(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.customerEverywhere()
	require.Equal(t, everywhere, b.marked())
	ctx, by := context.Background(), staff.CLI()
	by.Reason = "asked"
	k := retention.New(retention.Options{Store: b.s})
	q := retention.Request{Channel: "default", Whose: store.Whose{Customer: "ann"}}
	under := store.ErasureLeft{Deliveries: 1, Messages: 2, Events: 3, Tasks: 3}
	dry := q
	dry.DryRun = true
	said, err := k.EraseCustomer(ctx, dry, by)
	require.NoError(t, err)
	require.Equal(t, under, said.Left)
	require.Empty(t, b.ids(`SELECT id FROM retention_held`))
	first, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, said.Counts, first.Counts)
	require.Equal(t, under, first.Left)
	for _, gone := range []string{"instances.", "orders.", "licenses.", "license_codes.", "license_usage.", "leftovers.", "reconcile_findings.", "pool"} {
		require.False(t, slices.ContainsFunc(b.marked(), func(c string) bool { return strings.HasPrefix(c, gone) }), "%s: %v", gone, b.marked())
	}
	b.run(retention.Days{})
	again, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: first.Record + 1, At: again.At, Left: under}, again, "not done while something is under way, and somebody asked again")
	b.end()
	b.run(retention.Days{})
	require.NoError(t, b.s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AddReceipt(ctx, store.Receipt{DeliveryID: 2, MessageRef: "late", Source: "dsn", Outcome: "bounced", Note: marker, Remark: marker, Part: 1, Parts: 1})
		return err
	}))
	require.Len(t, b.ids(`SELECT id FROM delivery_receipts`), 2, "a late receipt is kept, without what the mail system said")
	require.Empty(t, b.marked())
	require.Empty(t, b.ids(`SELECT id FROM retention_held`), "and then it is not looked at any more")
	done, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: again.Record, At: again.At, Before: true}, done)
	require.Equal(t, []int64{2}, b.ids(`SELECT count(*) FROM erasures`))
}

// The same by rule, which nobody asks for.
func TestNothingOfACustomerIsLeftInAnyTableByRule(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.customerEverywhere()
	b.end()
	b.run(retention.Days{Personal: 201})
	require.Equal(t, everywhere, b.marked())
	b.run(retention.Days{Personal: 199})
	require.Empty(t, b.marked())
}
