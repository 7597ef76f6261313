package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// crowd writes many messages with times of their own.
func (h *house) crowd(n int) {
	h.t.Helper()
	h.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, order_line_id, instance_id, attempts, first_received_at, last_received_at)
SELECT $2, 'v2', 'newInstance', 'key-' || n, CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END, 'CS' || n, 'CS' || n || '-000001', 'inst-' || n, 1,
       now() - n * interval '1 minute', now() - n * interval '1 minute'
  FROM generate_series(1, $1::int) AS n`, n, h.channel.ID)
}

func rowsOf(p answer) []string {
	var out []string
	p.Find("tbody tr[data-href]").Each(func(_ int, s *goquery.Selection) { href, _ := s.Attr("data-href"); out = append(out, href) })
	return out
}

func TestWalkingThroughAList(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.crowd(120)
	v := h.as(staff.Operator)
	page := v.get("/messages?activity=newInstance")
	require.Empty(t, page.value(".pager a[rel=prev]", "href"))
	seen := map[string]bool{}
	var firsts []string
	for {
		rows := rowsOf(page)
		firsts = append(firsts, rows[0])
		for _, r := range rows {
			id, _, _ := strings.Cut(r, "?")
			require.False(t, seen[id], "%s stands on two pages", id)
			seen[id] = true
		}
		next := page.value(".pager a[rel=next]", "href")
		if next == "" {
			break
		}
		require.Contains(t, next, "activity=newInstance")
		part := v.script(next, "results")
		page = v.get(next)
		require.Equal(t, rowsOf(page), rowsOf(part))
	}
	require.Len(t, seen, 120)
	require.Len(t, firsts, 3)
	page = v.get(page.value(".pager a[rel=prev]", "href"))
	require.Equal(t, pathOf(firsts[1]), pathOf(rowsOf(page)[0]))
	page = v.get(page.value(".pager a[rel=prev]", "href"))
	require.Equal(t, pathOf(firsts[0]), pathOf(rowsOf(page)[0]))

	failed := v.get("/messages?status=failed")
	require.Len(t, rowsOf(failed), 12)
	second := v.get(rowsOf(failed)[1])
	require.Equal(t, rowsOf(failed)[0], second.value("a[rel=prev]", "href"), "neighbours are those of the list")
	require.Equal(t, rowsOf(failed)[2], second.value("a[rel=next]", "href"))
	recent := v.get("/messages?range=15m")
	require.InDelta(t, 13, len(rowsOf(recent)), 2, "one a minute")
	since := time.Now().Add(-31 * time.Minute).In(time.FixedZone("", 8*3600)).Format("2006-01-02T15:04")
	require.InDelta(t, 30, len(rowsOf(v.get("/messages?range=custom&since="+url.QueryEscape(since)))), 2, "limits are in the reader's zone")
}

func TestACountThatIsNotExactSaysSo(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.crowd(10500)
	h.exec(`INSERT INTO quarantine (message_id, content_hash, first_at, last_at) SELECT id, '\x01', now(), now() FROM messages ORDER BY id LIMIT 1100`)
	v := h.as(staff.Operator)
	p := v.get("/messages")
	require.Equal(t, "999+", p.words(`nav.tabs a[aria-current="page"] .tab-count`))
	require.Equal(t, "999+", p.words(`a.nav-item[href="/messages"] + .nav-waits .badge`))
}

func pathOf(href string) string { path, _, _ := strings.Cut(href, "?"); return path }

func TestSearchingForAnything(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	for q, want := range map[string]string{
		"":                   "/messages",
		" biz-CSWORKS ":      "/instances/biz-CSWORKS",
		"CSFAILS":            "/orders/" + h.text(`SELECT id FROM orders WHERE order_id = 'CSFAILS'`),             // though nobody knows it yet
		"CSRENEW-000001":     "/orders/" + h.text(`SELECT id FROM orders WHERE order_line_id = 'CSRENEW-000001'`), // with its messages and instances
		"CS":                 "/messages?q=CS",
		"no such thing":      "/messages?q=no+such+thing",
		"c-77":               "/instances?q=c-77",
		buyerEmail:           "/instances?q=" + url.QueryEscape(buyerEmail),
		"\x00<script>":       "/messages?q=" + url.QueryEscape("<script>"),
		"https://evil/?a=b&": "/messages?q=" + url.QueryEscape("https://evil/?a=b&"),
	} {
		res := v.get("/search?q=" + url.QueryEscape(q))
		require.Equal(t, http.StatusSeeOther, res.status, q)
		require.Equal(t, want, res.to(), q)
	}
	require.Len(t, rowsOf(v.get("/deliveries?q="+buyerEmail)), 3, "deliveries are found by the customer's address")
	require.Len(t, rowsOf(v.get("/deliveries?q=CSMAIL")), 1)
	require.Len(t, rowsOf(v.get("/tasks?q=CSRENEW-000001")), 1, "tasks are found by the order of their message")
	require.Len(t, rowsOf(v.get("/tasks?q=CSWAITS&kind=provision")), 1)
}

// Codes are secret in part: a search that finds one must not write it into an address.
func TestSearchFindsAuthorizationCodes(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		for _, code := range []string{"LC-ONE", "LC-TWO"} {
			if _, _, err := tx.TakeLicenseCode(ctx, 1, code); err != nil {
				return err
			}
		}
		return nil
	}))
	h.exec(`UPDATE license_codes SET order_id = 'CSCODES'`)
	v := h.as(staff.Operator)
	require.Equal(t, "/license-codes/"+h.text(`SELECT min(id) FROM license_codes`), v.get("/search?q=LC-ONE").to())
	require.Equal(t, "/license-codes?q=CSCODES", v.get("/search?q=CSCODES").to())
}

// What would be refused because it is under way is off on the page of a code, too.
func TestActsOnACodeThatAreUnderWayAreOff(t *testing.T) {
	t.Parallel()
	h := open(t)
	require.NoError(t, h.store.Write(t.Context(), func(tx *store.Tx) error {
		_, _, err := tx.TakeLicenseCode(t.Context(), 1, "LC-ONE")
		return err
	}))
	v, path := h.as(staff.Admin), "/license-codes/"+h.text(`SELECT min(id) FROM license_codes`)
	off := func(act string) bool {
		page := v.get(path)
		require.Equal(t, 1, page.Find(`.acts [data-dialog="`+act+`"], .acts [aria-describedby="`+act+`-why"]`).Length())
		return page.Find(`.acts [aria-describedby="`+act+`-why"]`).Length() == 1
	}
	for kind, act := range map[string]string{"license_query": "query", "license_activate": "activate"} {
		require.False(t, off(act), act)
		h.exec(`INSERT INTO tasks (kind, purpose, status, unique_key, license_code_id, run_at) SELECT '` + kind + `', 'on_demand', 'pending', '` + kind + `', id, now() FROM license_codes`)
		require.True(t, off(act), act)
		require.Contains(t, v.get(path).words(".acts"), "due already")
		h.exec(`UPDATE tasks SET run_at = now() + interval '1 hour'`)
		require.False(t, off(act), act)
		h.exec(`UPDATE tasks SET status = 'running', leased_until = now() + interval '1 hour'`)
		require.True(t, off(act), act)
		h.exec(`UPDATE tasks SET status = 'failed', leased_until = NULL`)
		require.False(t, off(act), act)
	}
}

func TestNeighboursOfInstancesAndDeliveries(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	for i := range 3 {
		h.buy(fmt.Sprintf("CS%d", i))
	}
	h.work()
	v := h.as(staff.Operator)
	middle := v.get("/instances/biz-CS1?product_id=OFFI1")
	require.Equal(t, "/instances/biz-CS0?product_id=OFFI1", middle.value("a[rel=next]", "href"))
	middle = v.get("/deliveries/2?medium=email")
	require.Equal(t, "/deliveries/3?medium=email", middle.value("a[rel=prev]", "href"))
	require.Equal(t, "/deliveries/1?medium=email", middle.value("a[rel=next]", "href"))
}

// A page must stay cheap: a screen that asks once more per row, or for its shell
// with every part, shows here.
func TestHowManyStatementsAPageCosts(t *testing.T) {
	t.Parallel()
	counter := storetest.Counted(t, storetest.URL(t))
	s, err := store.Open(t.Context(), counter.URL, storetest.Keys(t), store.Options{MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(t.Context()))
	h := openOn(t, s)
	h.furnish()
	h.crowd(120)
	v := h.as(staff.Operator)
	h.hears("crm", "http://127.0.0.1:9/hook", "http://127.0.0.1:9/other")
	v.get("/instances") // the choices of the filters are known now
	v.get("/events")
	const session = 2 // the session, and the operator behind it
	for path, most := range map[string]int64{"/messages": 3, "/messages?status=failed&range=24h": 3, "/instances": 3, "/deliveries": 3, "/tasks": 4,
		"/": 15, "/stuck": 3, "/stuck?kind=creation": 3, "/events": 3, "/events/1": 5, "/event-targets": 4, "/event-targets/1": 3, "/alerts": 3, "/alerts/said": 3, "/alerts/targets": 2, "/failures": 3, "/failures/1": 4, "/account": 1, "/channels": 3, "/products": 3, "/calendar": 2, "/deliveries/chart": 2, "/calendar/2026-11-22": 3, "/channels/default": 3, "/messages?q=CS1": 5, "/messages/1": 9, "/instances/biz-CSWORKS": 20, "/orders/1": 16, "/deliveries/1": 10} {
		costs := func() int64 {
			before := counter.Statements()
			require.Equal(t, http.StatusOK, v.get(path).status)
			return counter.Statements() - before - session
		}
		n := costs()
		if n > most {
			n = costs() // the choices are forgotten after a while, which a busy machine may take
		}
		require.LessOrEqual(t, n, most, path)
		require.Positive(t, n, path)
	}
	a := h.as(staff.Admin)
	text := a.get(smsText)
	before := counter.Statements()
	require.Equal(t, http.StatusUnprocessableEntity, a.post(smsText+"/test", text, "body", "frozen").status)
	require.LessOrEqual(t, counter.Statements()-before-session, int64(6), "a test of a text looks up the reader's number once")
	for path, most := range map[string]int64{"/messages": 2, "/instances": 2, "/deliveries": 2, "/tasks": 3, "/events": 2} {
		costs := func() int64 {
			before := counter.Statements()
			v.script(path, "results")
			return counter.Statements() - before - session
		}
		n := costs()
		if n > most {
			n = costs() // as above
		}
		require.LessOrEqual(t, n, most, "a part of %s has no shell", path)
	}
}
