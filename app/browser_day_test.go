package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
)

// decide opens a dialog of the page, writes a reason and sends its form.
func (b *tab) decide(dialog, reason string) {
	b.r.t.Helper()
	b.do(chromedp.Click(`button[data-dialog=`+dialog+`]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#`+dialog+`[open]`, chromedp.ByQuery),
		chromedp.SendKeys(`#`+dialog+`-reason`, reason, chromedp.ByQuery),
		chromedp.Click(`dialog#`+dialog+` button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`#toasts .toast`, chromedp.ByQuery))
}

// need follows the start page's link to the most urgent one of a kind.
func (b *tab) need(title, path string) {
	b.r.t.Helper()
	require.Eventually(b.r.t, func() bool {
		b.open("/")
		return strings.Contains(b.text("main"), title)
	}, time.Minute, 100*time.Millisecond, "%s is what needs somebody", title)
	b.do(chromedp.Click(`.need-first a[href^="`+path+`"]`, chromedp.ByQuery), chromedp.WaitReady(`.crumbs`, chromedp.ByQuery))
}

// A cause fails several purchases: one group on the start page, one preview, one
// restart, its progress and its result, and the group is resolved by what passed.
func TestAnOperatorRestartsAGroupOfFailures(t *testing.T) {
	t.Parallel()
	const n = 7
	r := newRig(t)
	r.market.FailNext(1000, simulator.Failure{Status: 500, Code: "MKT.0999", Msg: "System internal error."})
	for i := range n {
		r.buy(fmt.Sprintf("CS26112709GROUP%d", i))
	}
	r.waitItems("/messages?status=failed&activity=newInstance", n)

	b := r.login()
	b.inEnglish()
	b.need("Failure groups", "/failures/")
	require.Contains(t, b.text("main"), "MKT.0999")
	b.do(chromedp.Click(`a[data-key=restart]`, chromedp.ByQuery), chromedp.WaitVisible(`.restart-form`, chromedp.ByQuery))
	require.Contains(t, b.text("h1"), "Restart 7 matching")
	require.Contains(t, b.text("main"), "CS26112709GROUP", "samples")
	r.market.Reset()
	r.market.SetBuyer(buyerEmail, buyerPhone)
	b.do(chromedp.SendKeys(`#f-reason`, "KooGallery is back", chromedp.ByQuery),
		chromedp.Click(`.restart-form button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.progress progress`, chromedp.ByQuery))
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM restart_batches WHERE status = 'done' AND passed = 7`) == 1
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	b.do(chromedp.Reload(), chromedp.WaitVisible(`.progress progress`, chromedp.ByQuery))
	require.Contains(t, b.text(".progress"), "7 of 7")
	require.Contains(t, b.text(".facts"), "KooGallery is back", "who and why stay")
	require.Contains(t, b.text(".facts"), annsEmail)
	require.Len(t, r.mails(n), n, "each customer was written to once")
	require.Equal(t, n, r.count(`SELECT count(DISTINCT order_id) FROM instances WHERE status = 'active' AND access_version > 0`))
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM failure_groups WHERE resolved_at IS NULL`) == 0 }, time.Minute, 50*time.Millisecond)
	b.open("/")
	require.NotContains(t, b.text("main"), "Failure groups")
}

// The same order line comes with another expiry: the first stays, and a person
// sees both side by side and decides.
func TestAnOperatorDecidesADifferentContent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.buy("CS26112709DIFFER")
	r.access(id)
	renewed := func(order, until string) string {
		return r.call(market.RefreshInstance, "scene", "RENEWAL", "orderId", order, "orderLineId", order+"-000001", "instanceId", id, "expireTime", until).Body
	}
	year := func() int { return r.count(`SELECT extract(year FROM expires_at)::int FROM instances`) }
	first := renewed("CS26112709AGAIN1", "20290101155959")
	require.Equal(t, first, renewed("CS26112709AGAIN1", "20300101155959"), "answered as the first time")
	require.Equal(t, 2029, year())

	b := r.login()
	b.inEnglish()
	b.need("Calls with different content", "/messages/")
	require.Contains(t, b.text(".quarantine tr.differs"), "20290101155959")
	require.Contains(t, b.text(".quarantine tr.differs"), "20300101155959")
	var where string
	b.do(chromedp.Location(&where))
	refuse, accept := "refuse-1", "accept-2"
	b.do(chromedp.Click(`button[data-dialog=`+refuse+`]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#`+refuse+`[open]`, chromedp.ByQuery),
		chromedp.Click(`dialog#`+refuse+` button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#`+refuse+`[open] input:invalid`, chromedp.ByQuery),
		chromedp.Click(`dialog#`+refuse+` .dialog-foot [data-close]`, chromedp.ByQuery), chromedp.WaitNotPresent(`dialog#`+refuse+`[open]`, chromedp.ByQuery))
	b.decide(refuse, "a test of theirs")
	require.Contains(t, b.text(".quarantine"), "a test of theirs")
	require.Equal(t, 2029, year())

	renewed("CS26112709AGAIN1", "20310101155959")
	b.need("Calls with different content", "/messages/")
	b.decide(accept, "agreed by telephone")
	require.Contains(t, b.text("#toasts"), "was applied")
	require.Equal(t, 2031, year())
	b.open("/")
	require.NotContains(t, b.text("main"), "Calls with different content")
	require.Equal(t, 2, r.count(`SELECT count(*) FROM audit WHERE reason IN ('a test of theirs', 'agreed by telephone') AND actor = 'operator:`+annsEmail+`'`))
	b.causes()
}

// causes looks at calls that cannot be proved: the page and the API say what is
// wrong and by how much, the caller hears nothing of it.
func (b *tab) causes() {
	b.r.t.Helper()
	b.r.withKeys()
	for want, c := range map[string]struct {
		key  string
		skew time.Duration
		code market.ResultCode
		says string
	}{
		market.FoundClock:    {storetest.BasicKey, -75 * time.Second, market.InvalidParameter, "against this machine"},
		market.FoundKeyClass: {codeKey, 0, market.AuthFailed, "License codes"},
	} {
		order := b.r.ids.OrderID()
		caller := b.r.calls("/koogallery/default", c.key, market.V2)
		caller.Skew = c.skew
		fields, err := simulator.NewCall(market.NewInstance, simulator.Fields{"orderId": order}, nil, false, b.r.ids)
		require.NoError(b.r.t, err)
		answer := caller.Call(b.r.t.Context(), fields)
		require.Equal(b.r.t, c.code, answer.Code)
		id := b.r.waitItems("/messages?status=rejected&q="+order, 1)[0]["id"].(string)
		var finding map[string]any
		require.Eventually(b.r.t, func() bool {
			attempts := b.r.api(http.MethodGet, "/messages/"+id+"/attempts", nil, 200)["items"].([]any)
			found, _ := attempts[0].(map[string]any)["diagnosis"].(map[string]any)
			if found != nil {
				finding = found["findings"].([]any)[0].(map[string]any)
			}
			return found != nil
		}, time.Minute, 50*time.Millisecond)
		require.Equal(b.r.t, want, finding["code"])
		require.Contains(b.r.t, finding["message"], c.says)
		require.NotContains(b.r.t, answer.Body, c.says)
		b.open("/messages/" + id)
		require.Contains(b.r.t, b.text("main"), finding["message"])
		require.Contains(b.r.t, b.text("main"), "Why it was refused")
	}
}
