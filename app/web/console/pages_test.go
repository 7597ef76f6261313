package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/web/console"
)

// furnish brings one of everything: an instance that works, one whose order
// cannot be queried, one that waits for a person, one whose mail was refused, a
// renewed and a released one, a call that is not authentic.
func (h *house) furnish() {
	h.t.Helper()
	h.product("static")
	works := h.buy("CSWORKS")
	h.buy("CSGONE")
	h.work()
	h.exec(`UPDATE instances SET password_sealed = $1 WHERE instance_id = $2`, h.store.Keys().SealString(seal.Access, buyerPassword), works)
	h.handle(market.Call{Protocol: market.V2, Activity: market.RefreshInstance, InstanceIDs: []string{works}, Scene: market.TrialToFormal,
		OrderID: "CSRENEW", OrderLineID: "CSRENEW-000001", ExpireTime: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), ContentHash: []byte("r")})
	h.handle(market.Call{Protocol: market.V2, Activity: market.UpdateInstanceStatus, InstanceIDs: []string{works}, Target: market.Freeze})
	h.handle(market.Call{Protocol: market.V2, Activity: market.ReleaseInstance, InstanceIDs: []string{"biz-CSGONE"}})
	h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{works}})
	h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{"gone"}, Test: true})
	h.refuse()
	h.buy("CSMAIL")
	h.work()
	h.product("manual")
	h.buy("CSWAITS")
	h.work()
	h.orders.err = unreachable()
	h.buy("CSFAILS")
	h.work()
	h.orders.err = nil
	req, err := http.NewRequest(http.MethodPost, h.base+"/koogallery/default?signature=0&timestamp=1&nonce=n", strings.NewReader(`{"activity":"newInstance","orderId":"CSFORGED"}`))
	require.NoError(h.t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	require.NoError(h.t, res.Body.Close())
}

// rooms are all pages of a furnished house.
func (h *house) rooms() []string {
	paths := []string{"/", "/failures", "/failures?status=open&step=order_query", "/failures/1", "/messages?group=1", "/tasks?group=1", "/messages", "/instances", "/deliveries", "/reconcile", "/restarts", "/stuck", "/stuck?kind=poll", "/restarts/new?list=%2Fmessages", "/restarts/new?list=%2Ftasks", "/tasks", "/account", "/channels", "/channels/default", "/calendar", "/deliveries/chart", "/deliveries/chart?medium=sms&kind=frozen", "/calendar/2026-12-05?status=held"}
	for _, list := range []string{"SELECT '/messages/' || id FROM messages", "SELECT '/instances/' || instance_id FROM instances", "SELECT '/deliveries/' || id FROM deliveries", "SELECT '/orders/' || id FROM orders"} {
		paths = append(paths, strings.Fields(h.text(`SELECT string_agg(p, ' ') FROM (`+list+`) AS x(p)`))...)
	}
	for _, q := range []string{"status=failed", "status=processing&range=24h", "q=CSWORKS", "q=nothing-like-it", "test=1", "activity=newInstance&channel=default",
		"range=custom&since=2026-01-01T00:00", "instance_id=biz-CSWORKS", "protocol=v2&order_id=CSWORKS"} {
		paths = append(paths, "/messages?"+q)
	}
	for _, q := range []string{"status=waiting", "status=active&expires=30d", "product_id=OFFI1", "product_id=unknown", "q=" + buyerEmail[:5]} {
		paths = append(paths, "/instances?"+q)
	}
	return append(paths, "/deliveries?kind=usage_info&medium=email&status=failed&q=biz-CSMAIL", "/deliveries?status=pending", "/tasks?kind=provision&q=CSWAITS", "/tasks?status=failed")
}

func TestEveryPageInBothLanguages(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *console.Options) { o.NoMail, o.NoSMS = true, true })
	h.furnish()
	v := h.as(staff.Operator)
	for _, l := range i18n.Locales() {
		v.locale = string(l)
		for _, path := range append(h.rooms(), "/messages/999999") {
			p := v.get(path)
			want := http.StatusOK
			if path == "/messages/999999" {
				want = http.StatusNotFound
			}
			require.Equal(t, want, p.status, "%s\n%s", path, p.words("main"))
			wellMade(t, path, p, l)
			require.Equal(t, 1, p.Find(".banner.warn").Length(), "%s says that nothing leaves the machine", path)
		}
	}
}

// wellMade is what holds for every page of this console.
func wellMade(t *testing.T, path string, p answer, l i18n.Locale) {
	t.Helper()
	require.Equal(t, string(l), p.value("html", "lang"), path)
	require.Equal(t, 1, p.Find("h1").Length(), path)
	require.Equal(t, "no-store", p.header.Get("Cache-Control"), path)
	require.Contains(t, p.header.Get("Content-Type"), "text/html", path)
	for _, bad := range append([]string{"⟦", "<no value>", "ZgotmplZ", "%!"}, forbidden...) {
		require.NotContains(t, p.body, bad, path)
	}
	ids := map[string]bool{}
	p.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id, _ := s.Attr("id")
		require.False(t, ids[id], "%s: the id %q stands twice", path, id)
		ids[id] = true
	})
	p.Find("form[method=post]").Each(func(_ int, s *goquery.Selection) {
		require.Equal(t, 1, s.Find("input[name=_csrf]").Length(), path)
	})
	p.Find("a[href]").Each(func(_ int, s *goquery.Selection) {
		href, _ := s.Attr("href")
		ok := strings.HasPrefix(href, "/") || strings.HasPrefix(href, "#") || strings.HasPrefix(href, "https://app.example.com/") ||
			strings.Contains(href, "/access/") // the buyer's page, at the public address
		require.True(t, ok, "%s leads to %s", path, href)
	})
}

// Every link of the console leads somewhere.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	seen, todo := map[string]bool{}, []string{"/"}
	for len(todo) > 0 && len(seen) < 300 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		p := v.get(path)
		require.Contains(t, []int{http.StatusOK, http.StatusSeeOther}, p.status, path)
		p.Find("a[href]").Each(func(_ int, s *goquery.Selection) {
			if href, _ := s.Attr("href"); strings.HasPrefix(href, "/") && !strings.Contains(href, "range=") {
				todo = append(todo, href)
			}
		})
	}
	require.Greater(t, len(seen), 60)
}

// ageless leaves out when, and how long ago, things were: seconds pass between two pages.
func ageless(words string) string { return ages.ReplaceAllString(words, "") }

var ages = regexp.MustCompile(`(in )?\d+ (seconds?|minutes?|s|min)( ago)?|just now|in a moment|\d\d:\d\d:(\d\d)?`)

func TestAScriptGetsThePartItAsksFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	for path, block := range map[string]string{"/messages": "results", "/instances": "results", "/deliveries": "results", "/tasks": "results", "/stuck": "results", "/failures": "results", "/failures/1": "results",
		"/messages/1": "live", "/instances/biz-CSWORKS": "live", "/deliveries/1": "live"} {
		whole, part := v.get(path), v.script(path, block)
		require.Equal(t, http.StatusOK, part.status, path)
		require.NotContains(t, part.body, "<html", path)
		require.Equal(t, 0, part.Find(".nav-item, header.top").Length(), path)
		require.Equal(t, 1, part.Find("#"+block).Length(), path)
		require.Equal(t, ageless(whole.words("#"+block)), ageless(part.words("#"+block)), "%s: the part is the page's own", path)
		require.Contains(t, part.header.Get("Vary"), "HX-Request")
		back := v.get(path, "HX-Request", "true", "HX-Target", block, "HX-History-Restore-Request", "true")
		require.Contains(t, back.body, "<html", "going back in the browser's history needs the whole page")
	}
}

func TestNothingOfAStrangerIsRun(t *testing.T) {
	t.Parallel()
	h := open(t)
	const evil = `"><img src=x onerror=alert(1)><script>alert(1)</script>`
	h.handle(market.Call{Protocol: market.V2, Activity: market.ReleaseInstance, InstanceIDs: []string{evil}, OrderID: evil, OrderLineID: evil, BusinessID: evil})
	h.exec(`UPDATE messages SET activity = $1`, evil)
	v := h.as(staff.Operator)
	for _, path := range []string{"/messages", "/messages/1", "/messages?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&activity=%3Cscript%3E", "/instances/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
		"/search?q=%22%3E%3Cscript%3E", "/login?next=%22%3E%3Cscript%3E"} {
		p := v.get(path)
		require.Zero(t, p.Find("script:not([src]), img, [onerror]").Length(), path)
	}
	require.Contains(t, v.get("/messages/1").words("main"), `<script>alert(1)</script>`, "shown as text")
}

func TestWhatStandsOnTheLists(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)

	failed := v.get("/messages?status=failed")
	require.Contains(t, failed.words("tr.bad"), "CSFAILS-000001")
	require.Contains(t, failed.words("tr.bad"), "the open API", "why it failed stands in the row")
	require.Contains(t, failed.words("tr.bad"), "KooGallery retries until")
	require.Equal(t, 1, failed.Find("input[data-tick]").Length())
	require.Equal(t, "1", failed.words(`nav.tabs a[aria-current="page"] .tab-count`))
	require.Equal(t, "1", failed.words(`a.nav-item[href="/failures"] + .nav-waits .badge`), "what failed waits for a person")
	require.Empty(t, failed.words(`a.nav-item[href="/messages"] + .nav-waits .badge, a.nav-item[href="/tasks"] + .nav-waits .badge`), "and is counted once")
	require.Equal(t, 1, failed.Find(`tbody tr[data-href^="/messages/"]`).Length())
	require.Contains(t, failed.value(`tbody tr[data-href]`, "data-href"), "status=failed", "the way back is kept")

	due := v.get("/instances?status=waiting")
	require.Equal(t, 1, due.Find("tr.due").Length())
	require.Contains(t, due.words("tr.due"), "biz-CSWAITS")
	require.Contains(t, due.words("tr.due"), "Waiting for access data")
	require.NotContains(t, v.get("/instances?q=CSFAILS").words("tbody"), "No end", "nobody knows yet when it ends")

	mails := v.get("/deliveries?status=failed")
	require.Equal(t, 1, mails.Find("tbody tr[data-href]").Length())
	require.Contains(t, mails.words("tbody"), "recipient")
	require.Contains(t, mails.words("tbody"), "b•")

	tasks := v.get("/tasks?status=failed")
	require.Contains(t, tasks.words("tbody"), "CSFAILS")
	require.Equal(t, "/tasks/"+h.text(`SELECT id FROM tasks WHERE order_id = 'CSFAILS'`)+"/restart", tasks.value(`tr.bad button[data-action]`, "data-action"))
	require.Contains(t, v.get("/messages?q=no-such-thing").words(".blank"), "No message matches")
}

func TestAnEmptyHouseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	for path, says := range map[string]string{"/messages": "No call has arrived yet", "/instances": "No instance yet", "/deliveries": "Nothing has been sent yet", "/tasks": "No task yet"} {
		require.Contains(t, v.get(path).words(".blank"), says)
	}
	require.Contains(t, v.get("/messages").words(".command"), "simulate --url "+h.base+"/koogallery/default")
}

func TestThePageOfAMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	failed := v.get("/messages/" + h.text(`SELECT id FROM messages WHERE order_id = 'CSFAILS'`) + "?status=failed&q=CSFAILS")
	require.Contains(t, failed.words(".trouble"), "the open API")
	require.Contains(t, failed.words(".retry"), "KooGallery calls again by itself until")
	require.Equal(t, "/messages?q=CSFAILS&status=failed", failed.value("nav.crumbs a", "href"))
	require.Equal(t, 1, failed.Find(`button[data-dialog="restart"]:not([aria-disabled])`).Length())
	require.Contains(t, failed.words(".attempt"), "••••5678", "the number is masked")
	require.Contains(t, failed.words(".attempt .headers"), "nonce")
	require.Contains(t, failed.words(".timeline"), "KooGallery calls: Create instance")
	require.Contains(t, failed.words(".timeline"), "Order query failed")
	require.Equal(t, in("biz-CSFAILS", h.text(`SELECT id FROM messages WHERE order_id = 'CSFAILS'`)), failed.value(`.facts a[href^="/instances/"]`, "href"))

	waits := v.get("/messages/" + h.text(`SELECT id FROM messages WHERE order_id = 'CSWAITS'`))
	require.Contains(t, waits.words("#restart-why"), "It waits for the access data")
	forged := v.get("/messages/" + h.text(`SELECT id FROM messages WHERE status = 'rejected'`))
	require.Contains(t, forged.words("#restart-why"), "not authentic")
	works := v.get("/messages/" + h.text(`SELECT id FROM messages WHERE order_id = 'CSWORKS'`))
	require.Equal(t, 1, works.Find(`button[data-dialog="restart"]:not([aria-disabled])`).Length(), "it can be run again")
	require.Contains(t, works.words(".timeline"), "Provisioned")
	require.NotEmpty(t, works.value("a[rel=prev]", "href"))
	require.Contains(t, v.get("/messages/"+h.text(`SELECT id FROM messages WHERE activity = 'queryInstance' AND NOT test`)).words(".attempt"), "••••••",
		"the answer's password is masked")
}

func TestThePageOfAnInstance(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	p := v.get("/instances/biz-CSWORKS?status=frozen")
	for _, says := range []string{"智能客服云", "OFFI1", "Yearly/monthly", "1 year", "buyer-account", "王••", "139••••5678"} {
		require.Contains(t, p.words("main"), says)
	}
	for _, says := range []string{"Frozen", "Expiry set to 2030-01-01 08:00:00", "Usage information sent to b•", "Active: the customer can use it", "Bought: instance created"} {
		require.Contains(t, p.words(".timeline"), says)
	}
	require.Equal(t, "/instances?status=frozen", p.value("nav.crumbs a", "href"))
	require.Equal(t, 1, p.Find(`form[action^="/instances/biz-CSWORKS/reveal"]`).Length())
	require.Equal(t, "https://app.example.com/biz-CSWORKS", p.value("#f-front_end_url", "value"))
	require.Empty(t, p.value("#f-password", "value"))
	require.Contains(t, v.get("/instances/biz-CSFAILS").words("main"), "the open API")
	gone := v.get("/instances/biz-CSGONE")
	require.Contains(t, gone.words("#access"), "The instance is released")
	require.Zero(t, gone.Find(`form[action*="/access"]`).Length())
	require.Equal(t, http.StatusNotFound, v.get("/instances/nobody").status)

	require.Zero(t, p.Find("#usage").Length(), "of what is paid by use only")
	h.exec(`UPDATE instances SET charging_mode = 'ON_DEMAND_PKG', status = 'active', frozen_at = NULL WHERE instance_id = 'biz-CSWORKS'`)
	require.Contains(t, v.get("/instances/biz-CSWORKS").words("#usage"), "PUT /api/v1/instances/biz-CSWORKS/usage", "how it is reported")
	require.NoError(t, h.provision.ReportUsage(t.Context(), "biz-CSWORKS", []market.Usage{{Related: "sms-1", Value: "41.5", At: time.Now(),
		Dashboard: "https://app.example.com/use?token=" + buyerPassword}}, staff.CLI()))
	used := v.get("/instances/biz-CSWORKS")
	require.Contains(t, used.words("#usage"), "41.5https://app.example.com/use?token=••••••")
	require.Contains(t, used.words("#usage"), "sms-1")
	require.Contains(t, used.words("#seen"), "info[0].usageInfo[0].usageValue41.54 / 20")
	require.NotContains(t, used.body, buyerPassword)
}

func TestThePageOfADelivery(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	sent := v.get("/deliveries/" + h.text(`SELECT d.id FROM deliveries d JOIN instances i ON i.id = d.instance_pk WHERE i.instance_id = 'biz-CSWORKS'`))
	require.Contains(t, sent.words(".letter"), "https://app.example.com/biz-CSWORKS")
	require.Contains(t, sent.words(".letter"), "••••••")
	require.Contains(t, sent.words(".tries"), "queued as 4F1")
	require.Contains(t, sent.words(".facts"), "smtp")
	require.Equal(t, deliver.UsageInfo, h.text(`SELECT DISTINCT kind FROM deliveries`))
	refused := v.get("/deliveries?status=failed")
	row := refused.value("tbody tr[data-href]", "data-href")
	require.Contains(t, v.get(row).words(".trouble"), "recipient")
	require.Equal(t, fmt.Sprintf("/deliveries/%s/resend?status=failed", h.text(`SELECT id FROM deliveries WHERE status = 'failed'`)),
		v.get(row).value("#resend form", "action"))
}
