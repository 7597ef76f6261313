package console_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// Calls that our own key signed are refused: nobody else could have made them, and
// somebody must set the clock or the key right. What strangers may have made is no need.
func TestRefusedCallsOfOurOwnKeyNeedSomebody(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	h.exec(`INSERT INTO alerts (kind, subject, severity, since) VALUES ('key_refused', 'default/license', 1, now()), ('refused_window', 'default/half', 2, now())`)
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
	h.exec(`INSERT INTO alerts (kind, subject, severity, since) VALUES ('key_refused', 'default/saas', 2, now() - interval '10 minutes')`)
	start := v.get("/")
	require.Equal(t, "/messages?status=rejected&channel=default", start.value(".need-first a", "href"))
	require.Contains(t, start.words(".need"), "Calls signed with your own key are refused")
	require.Contains(t, start.words(".need-first"), "Channel default")
	h.exec(`UPDATE alerts SET cleared_at = now()`)
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
}

// decisions is one thing of each kind that a person must decide, and beside it what is
// alike and nobody's business.
var decisions = []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_name)
SELECT 1, id, id, id, id, status, id FROM (VALUES ('one', 'active'), ('cold', 'frozen'), ('gone', 'released')) AS v (id, status)`, `
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
SELECT step || again, 1, step, step <> 'newInstance', '{"code":"internal","key":"internal"}'
  FROM unnest(ARRAY['newInstance', 'provision', 'order_query', 'deliver', 'notice', 'event']) AS step, unnest(ARRAY['', ' again']) AS again
 WHERE again = '' OR step IN ('order_query', 'deliver')`, `
UPDATE failure_groups SET snoozed_until = now() + interval '1 day' WHERE fingerprint = 'order_query again'`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, instance_id, failure_group, last_error, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', 'key ' || n, CASE WHEN n = 1 THEN 'failed' ELSE 'succeeded' END, '000000', 'one', 'one', 'one', CASE WHEN n = 1 THEN (SELECT id FROM failure_groups WHERE step = 'newInstance') END,
       '{"code":"internal","key":"internal"}', now(), now()
  FROM generate_series(1, 2) AS n`, `
INSERT INTO quarantine (message_id, content_hash, first_at, last_at) VALUES (2, '\x01', now(), now()), (2, '\x02', now(), now())`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, last_error)
SELECT 1, i.id, v.kind, 'email', 'en', '\x00', '', 'failed', v.key, v.key, '{"code":"internal","key":"internal"}'
  FROM instances i
  JOIN (VALUES ('one', 'usage', 'usage_info'), ('one', 'thawed', 'frozen'), ('cold', 'cold', 'frozen'), ('gone', 'closed', 'released')) AS v (instance, key, kind) ON v.instance = i.instance_id`, `
INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, failure_group, last_error)
SELECT CASE unique_key WHEN 'usage' THEN 'deliver' ELSE 'notice' END, 'failed', unique_key, id, instance_pk,
       CASE unique_key WHEN 'closed' THEN 0 ELSE (SELECT id FROM failure_groups WHERE fingerprint = CASE d.unique_key WHEN 'usage' THEN 'deliver' ELSE 'notice' END) END, last_error
  FROM deliveries d`, `
INSERT INTO tasks (kind, status, unique_key, instance_pk, failure_group, run_at, last_error)
SELECT step, CASE WHEN step = 'provision' THEN 'failed' ELSE 'pending' END, step, 1, id, now() + interval '1 hour', error FROM failure_groups WHERE fingerprint IN ('provision', 'order_query')`, `
INSERT INTO tasks (kind, status, unique_key, instance_pk, failure_group, last_error)
SELECT 'event', 'failed', key, 1, CASE WHEN key = 'closed event' THEN 0 ELSE (SELECT id FROM failure_groups WHERE step = 'event') END, '{"code":"internal","key":"internal"}'
  FROM unnest(ARRAY['event', 'closed event']) AS key`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, payload_sealed, status, instance_pk, task_id)
SELECT 1, 'instance.frozen', t.unique_key, t.unique_key, TRUE, 'https://crm.example.com', '\x00', 'failed', 1, t.id FROM tasks t WHERE kind = 'event'`, `
INSERT INTO licenses (channel_id, instance_pk, message_id, protocol, request_key, supplier)
SELECT 1, 1, 2, 'license', key, 'manual' FROM unnest(ARRAY['by hand', 'by its system']) AS key`, `
INSERT INTO tasks (kind, status, unique_key, license_id, instance_pk, run_at, parked_at)
SELECT 'license', 'pending', 'license/' || id, id, 1, CASE WHEN request_key = 'by hand' THEN '9999-12-31' ELSE now() + interval '1 hour' END, now() FROM licenses`, `
INSERT INTO pools (name, low_water) VALUES ('low', 1), ('full', 0)`, `
INSERT INTO license_pools (name, low_water) VALUES ('low', 1), ('full', 0)`}

// What a person must decide is counted in one place, and the number on the start page
// is that of the navigation and of the rows that it leads to.
func TestWhatAPersonDecidesIsCountedOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, statement := range decisions {
		h.exec(statement)
	}
	v := h.as(staff.Admin)
	start := v.get("/")
	tiles := map[string]string{"/failures?status=waiting": "2", "/deliveries?status=waiting": "2", "/events?status=waiting": "1", "/licenses?status=waiting": "1",
		"/messages?quarantined=1": "1", "/pools?status=low": "1", "/license-pools?status=low": "1"}
	require.Equal(t, len(tiles), start.Find(".need").Length(), start.words(".needs"))
	for path, n := range tiles {
		require.Equal(t, n, start.words(`.need:has(h2 a[href="`+path+`"]) .need-count`), path)
		rows := v.get(path).Find("main tbody tr:not(.day)")
		require.Equal(t, n, strconv.Itoa(rows.Length()), path)
	}
	badges := map[string]string{}
	for _, room := range []string{"/messages", "/failures", "/deliveries", "/events", "/licenses", "/tasks", "/stuck", "/leftovers", "/reconcile", "/provisioning"} {
		if n := start.words(`.side a.nav-item[href="` + room + `"] + .nav-waits .badge`); n != "" {
			badges[room] = n
		}
	}
	require.Equal(t, map[string]string{"/messages": "1", "/failures": "2", "/deliveries": "2",
		"/events": "1", "/licenses": "1"}, badges)
}

// Each number in the navigation leads to the rows that it counts, however many others
// the room has.
func TestEachNumberLeadsToWhatItCounts(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, statement := range append(decisions, `
INSERT INTO tasks (kind, status, unique_key, instance_pk, run_at, parked_at)
SELECT 'provision', 'pending', 'parked/' || n, 2, CASE WHEN n < 3 THEN timestamptz '9999-12-31' ELSE now() + interval '1 hour' END, now() FROM generate_series(1, 3) AS n`, `
INSERT INTO leftovers (instance_pk, driver, reason, status) SELECT 3, 'd' || n, 'by_hand', CASE WHEN n < 4 THEN 'open' ELSE 'gone' END FROM generate_series(1, 5) AS n`, `
UPDATE tasks SET run_at = now() - interval '1 hour' WHERE unique_key = 'order_query'`) {
		h.exec(statement)
	}
	h.differences()
	h.exec(`UPDATE reconcile_findings SET status = 'kept' WHERE kind = 'unanswered'`)
	h.exec(`UPDATE reconcile_findings SET status = 'applied' WHERE instance_pk = 3`)
	v := h.as(staff.Admin)
	start := v.get("/")
	numbers := map[string]string{"/messages?quarantined=1": "1", "/failures?status=waiting": "2", "/deliveries?status=waiting": "2", "/events?status=waiting": "1",
		"/licenses?status=waiting": "1", "/provisioning": "2", "/reconcile?status=open": "2", "/leftovers?status=open": "3", "/stuck": "1"}
	require.Equal(t, len(numbers), start.Find(".side .nav-waits").Length(), start.words(".side"))
	for list, n := range numbers {
		number := start.Find(`.side .nav-waits[href="` + list + `"]`)
		require.Equal(t, n, number.Find(".badge").Text(), list)
		room, _, _ := strings.Cut(list, "?")
		require.Equal(t, room, number.Prev().AttrOr("href", ""), "the word leads to the room")
		require.Equal(t, n+" waiting for you: "+number.Prev().Text(), strings.Join(strings.Fields(number.Text()), " "))
		require.Equal(t, 1, start.Find(`.dock .nav-waits[href="`+list+`"]`).Length(), "on a phone too")
		require.Equal(t, n, strconv.Itoa(v.get(list).Find("main tbody tr:not(.day)").Length()), list)
	}
	require.Zero(t, h.as(staff.Viewer).get("/tasks").Find(`.nav-item[href="/tasks"] + .nav-waits`).Length(), "nothing ever waits there")
}
