package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/simulator"
)

// manyFailing writes n failed queryInstance calls about 200 instances that are like
// the given one, all with what that one was called with, of one cause, and puts them
// in front of the list.
func (r *rig) manyFailing(n int, instance string) {
	r.t.Helper()
	_, err := r.store.SQL().Exec(`
WITH alike AS (
    INSERT INTO instances OVERRIDING SYSTEM VALUE
    SELECT (jsonb_populate_record(i, jsonb_build_object('id', nextval(pg_get_serial_sequence('instances', 'id')), 'instance_id', 'many-' || n, 'notice_at', NULL,
                                                        'order_id', 'CSMANY' || n, 'order_line_id', 'CSMANY' || n || '-000001'))).*
      FROM instances i, generate_series(1, 200) AS n
     WHERE i.instance_id = $2
), first AS (
    SELECT m.channel_id, m.protocol, m.activity,
           (SELECT a.request_sealed FROM attempts a WHERE a.message_id = m.id AND a.request_sealed IS NOT NULL ORDER BY a.id LIMIT 1) AS request
      FROM messages m
     WHERE m.activity = 'queryInstance'
       AND m.instance_id = $2
     ORDER BY m.id DESC
     LIMIT 1
), cause AS (
    INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
    SELECT 'many', channel_id, activity, FALSE, '{"code":"unavailable","key":"webhook.unreachable","args":{"host":"crm.example.com"}}' FROM first
    RETURNING id, error
), many AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, instance_id, attempts, first_received_at, last_received_at,
                          failure_group, last_error)
    SELECT channel_id, protocol, activity, 'many/' || n, 'failed', '000005', 'CSMANY' || n, 'CSMANY' || n || '-000001', 'many-' || 1 + n % 200, 1, now(), now(), cause.id, cause.error
      FROM first, cause, generate_series(1, $1::int) AS n
    RETURNING id
)
INSERT INTO attempts (message_id, at, source, disposition, result_code, request_sealed)
SELECT many.id, now(), 'marketplace', 'new', '000005', first.request
  FROM many, first`, n, instance)
	require.NoError(r.t, err)
	_, err = r.store.SQL().Exec(`ANALYZE`) // as the database does by itself within a minute: what was planned for the few rows before is planned anew
	require.NoError(r.t, err)
}

// press opens a dialog and sends its form in one step: the page puts itself anew
// every second, and a slow machine's click would miss what has moved.
func press(dialog string) chromedp.Action {
	return chromedp.Evaluate(`document.querySelector("button[data-dialog=`+dialog+`]").click();
document.querySelector("dialog#`+dialog+`[open] button[type=submit]").click()`, nil)
}

// failedPurchases makes n purchases whose order query is given up, all of one cause, and
// has the orders found from now on.
func (r *rig) failedPurchases(n int) (orders []string) {
	r.t.Helper()
	r.market.FailNext(1000, simulator.Failure{Status: 500, Code: "MKT.0999", Msg: "System internal error."})
	for i := range n {
		orders = append(orders, fmt.Sprintf("CS26112220LOST%02d", i))
		r.buy(orders[i])
	}
	require.Eventually(r.t, func() bool {
		return r.count(`SELECT count(*) FROM messages WHERE activity = 'newInstance' AND status = 'failed'`) == n
	}, 2*time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Equal(r.t, 1, r.count(`SELECT count(*) FROM failure_groups`))
	r.market.Reset()
	r.market.SetBuyer(buyerEmail, buyerPhone)
	return orders
}

// Everything that a group holds, not what its page shows of it: 10,000 failed messages,
// purchases and polls, previewed, confirmed by typing the number, watched, paused,
// resumed, and looked at when all is done. Each purchase then is an instance whose
// customer has got one mail, counted where mails arrive.
func TestTenThousandMatchingMessagesAreRestartedFromOnePage(t *testing.T) {
	t.Parallel()
	const n, purchases = 10000, 30
	var shown int
	r := newRig(t)
	id := r.buy("CS26112220BULK1")
	r.access(id)
	mails := len(r.mails(1))
	orders := r.failedPurchases(purchases)
	r.manyFailing(n-purchases, id)
	_, err := r.store.SQL().Exec(`
WITH own AS (DELETE FROM failure_groups WHERE fingerprint = 'many'), g AS (SELECT id, error FROM failure_groups WHERE fingerprint <> 'many')
UPDATE messages SET failure_group = g.id, last_error = g.error FROM g WHERE idem_key LIKE 'many/%'`)
	require.NoError(t, err)

	b := r.login()
	b.inEnglish()
	b.open("/failures")
	b.do(chromedp.Click(`.groups .c-what a`, chromedp.ByQuery), chromedp.WaitVisible(`.acts [data-key=restart]`, chromedp.ByQuery))
	require.Contains(t, b.text(".split-main"), "CS26112220LOST")
	b.do(chromedp.Click(`.rows button[value="20"]`, chromedp.ByQuery), chromedp.WaitVisible(`.rows button[value="20"][aria-pressed=true]`, chromedp.ByQuery))
	b.do(chromedp.Evaluate(`document.querySelectorAll(".split-main tr[data-href]").length`, &shown))
	require.Equal(t, 20, shown, "a page of twenty")
	b.do(chromedp.Click(`.acts [data-key=restart]`, chromedp.ByQuery), chromedp.WaitVisible(`.restart-form`, chromedp.ByQuery))
	require.Contains(t, b.text("h1"), "Restart 10,000 matching messages?")
	require.Contains(t, b.text(".effects"), "0 SMS and 0 e-mails will be sent now")
	require.Contains(t, b.text(".effects"), "30 customers may be told")
	b.shot("restart-preview")
	b.do(chromedp.SendKeys(`#f-reason`, "the product was down", chromedp.ByQuery),
		chromedp.SendKeys(`#f-confirm`, "10", chromedp.ByQuery),
		chromedp.Click(`.restart-form button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`#e-confirm`, chromedp.ByQuery))
	require.Zero(t, r.count(`SELECT count(*) FROM restart_batches`), "a mistyped number starts nothing")
	b.do(chromedp.SetValue(`#f-confirm`, "10000", chromedp.ByQuery), chromedp.SetValue(`#restart-rate`, "0", chromedp.ByQuery),
		chromedp.Click(`.restart-form button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.progress progress`, chromedp.ByQuery))
	require.Contains(t, b.text(".facts"), "the product was down")
	b.do(press("pause"), chromedp.WaitVisible(`button[data-dialog=resume]`, chromedp.ByQuery))
	b.shot("restart-paused")
	require.Positive(t, r.count(`SELECT count(*) FROM restart_items WHERE state = 'waiting'`), "it was paused on the way")
	b.do(press("resume"), chromedp.WaitVisible(`button[data-dialog=pause]`, chromedp.ByQuery))
	label := func() (text string) { // in one step: the page may put another one in its place
		b.do(chromedp.Evaluate(`document.querySelector(".progress label").textContent`, &text))
		return text
	}
	seen := label()
	require.Eventually(t, func() bool { return label() != seen }, time.Minute, 100*time.Millisecond, "the page follows by itself")
	b.shot("restart-running")
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM restart_batches WHERE status = 'done'`) == 1 }, 10*time.Minute, 100*time.Millisecond, "%s", r.log)
	b.do(chromedp.WaitVisible(`.head .pill.ok`, chromedp.ByQuery))
	require.Contains(t, b.text(".progress"), "10,000 of 10,000")
	require.Contains(t, b.text(".facts"), "the product was down")
	b.shot("restart-done")

	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM restart_batches WHERE passed = total`) == 1 }, 2*time.Minute, 100*time.Millisecond, "%s", r.log)
	require.Equal(t, 1, r.count(`
SELECT count(*)
  FROM restart_batches b, (SELECT count(*) AS all, count(DISTINCT message_id) AS each FROM attempts WHERE disposition = 'restart') AS a
 WHERE b.status = 'done'
   AND b.total = 10000
   AND b.restarted = a.all
   AND a.all = a.each
   AND b.restarted = b.passed
   AND NOT EXISTS (SELECT FROM messages WHERE status = 'failed')`), "each once, and all came right")
	require.Equal(t, 1+200+purchases, r.count(`SELECT count(*) FROM instances`))
	require.Equal(t, purchases, r.count(`SELECT count(*) FROM instances WHERE order_id LIKE 'CS26112220LOST%' AND status = 'active' AND access_version = 1`))
	written := r.mails(mails + purchases)
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE status NOT IN ('succeeded', 'cancelled')`) == 0
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Len(t, r.mail.Messages(), mails+purchases, "nobody else, and nobody twice")
	var told []string
	for _, m := range written[mails:] {
		told = append(told, strings.TrimPrefix(regexp.MustCompile(`admin-CS\w+`).FindString(m.Text), "admin-"))
	}
	require.ElementsMatch(t, orders, told, "each customer once")
	got := r.api(http.MethodGet, "/restarts/1", nil, http.StatusOK)
	require.EqualValues(t, []any{"done", 10000.0, 10000.0}, []any{got["status"], got["matched"], got["passed"]})
	require.Contains(t, got["actor"], annsEmail)
}
