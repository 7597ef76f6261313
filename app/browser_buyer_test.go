package main

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/accesspage"
	"koodesk/app/market"
)

// accessPage is the address of an instance's access page at this rig, as the
// marketplace gets it while the access data is not there.
func (r *rig) accessPage(order string) (instance, path string) {
	r.t.Helper()
	a := r.callV1(market.NewInstance, "orderId", order)
	require.Equal(r.t, market.Success, a.Code)
	u, err := url.Parse(a.AppOf(a.InstanceID).FrontEndURL)
	require.NoError(r.t, err)
	return a.InstanceID, u.RequestURI()
}

func (b *tab) attribute(selector, name string) (v string) {
	b.r.t.Helper()
	b.do(chromedp.AttributeValue(selector, name, &v, nil, chromedp.ByQuery))
	return v
}

func (b *tab) html() (s string) {
	b.r.t.Helper()
	b.do(chromedp.OuterHTML("html", &s, chromedp.ByQuery))
	return s
}

func (b *tab) count(selector string) (n int) {
	b.r.t.Helper()
	b.do(chromedp.Evaluate(`document.querySelectorAll(`+strconv.Quote(selector)+`).length`, &n))
	return n
}

// narrow requires that the page fits a phone.
func (b *tab) narrow(what string) {
	b.r.t.Helper()
	var wide bool
	b.do(chromedp.Evaluate(`document.documentElement.scrollWidth > window.innerWidth`, &wide))
	require.False(b.r.t, wide, "%s is wider than a phone", what)
}

// reveal presses the button, and waits for what it shows.
func (b *tab) reveal() {
	b.r.t.Helper()
	b.do(chromedp.Click(`form.buyer-reveal button`, chromedp.ByQuery), chromedp.WaitVisible(`.buyer-secret`, chromedp.ByQuery))
}

// A buyer opens the link while the product is being prepared, sees it become
// ready, reveals the access data at a click, and does so in either language, on
// a phone and in the dark; a one-time link shows it once.
func TestABuyerOpensTheAccessPage(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, false)
	settings := []string{"set", "--channel", "default", "--product", "*", "--driver", "static", "--generate-password", "--mail-language", "en",
		"--front-end-url", "https://app.seller.example/i/{instance_id}", "--user-name", "admin-{order_id}", "--memo", "Change the password first."}
	r.ok(product, "", settings...)
	id, path := r.accessPage("CS2611220201BUYER")
	r.stop()
	r.start(true)
	r.waitItems("/messages?status=succeeded&protocol=v1", 1)
	password := r.callV1(market.NewInstance, "orderId", "CS2611220201BUYER").AppOf(id).Password
	require.NotEmpty(t, password)

	b := &tab{r: r, ctx: r.browser()}
	var background [2]string
	for i, scheme := range []string{"light", "dark"} {
		b.size(375, 812, scheme)
		b.open(path + "?lang=en")
		require.Equal(t, "active", b.attribute("#access", "data-state"))
		b.do(chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background[i]))
		b.narrow("the access page")
		b.shot("buyer-" + scheme)
		require.NotContains(t, b.html(), password, "nothing is shown before the click")
		b.reveal()
		require.Contains(t, b.text(".buyer-secret"), password)
		require.Contains(t, b.text(".buyer-secret"), "admin-CS2611220201BUYER")
		b.narrow("the revealed access data")
		b.shot("buyer-revealed-" + scheme)
	}
	require.NotEqual(t, background[0], background[1], "dark is another colour")
	b.do(chromedp.Click(`.buyer-hide a`, chromedp.ByQuery), chromedp.WaitVisible(`form.buyer-reveal`, chromedp.ByQuery))
	require.NotContains(t, b.html(), password, "hidden again")

	b.do(chromedp.Click(`.buyer-languages a[lang="zh-CN"]`, chromedp.ByQuery), chromedp.WaitVisible(`html[lang="zh-CN"] form.buyer-reveal`, chromedp.ByQuery))
	b.narrow("the page in Chinese")
	b.reveal()
	require.Contains(t, b.text(".buyer-secret"), "初始密码", "the language stays after the click")
	require.Contains(t, b.text(".buyer-secret"), password)
	b.shot("buyer-zh")

	r.ok(product, "", append(settings, "--one-time-link")...)
	b.open(path + "?lang=en")
	require.Zero(t, b.count(`form.buyer-reveal`), "it has been seen, and once is all")
	second := r.callV1(market.NewInstance, "orderId", "CS2611220202BUYER")
	r.waitItems("/messages?status=succeeded&protocol=v1", 2)
	password = r.callV1(market.NewInstance, "orderId", "CS2611220202BUYER").AppOf(second.InstanceID).Password
	require.NotEmpty(t, password)
	path = accesspage.New(accesspage.Options{Store: r.store}).URL(second.InstanceID, 0)
	b.open(path + "?lang=en")
	b.reveal()
	require.Contains(t, b.text(".buyer-secret"), password)
	b.shot("buyer-once")
	b.open(path + "?lang=en")
	require.Zero(t, b.count(`form.buyer-reveal`))
	require.NotContains(t, b.html(), password, "a one-time link does not show it a second time")
	require.NotEmpty(t, b.text(".note.warn"), "and says so")
	b.narrow("the used link")
	b.shot("buyer-used")
}
