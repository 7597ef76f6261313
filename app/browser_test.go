package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/browsertest"
	"koodesk/app/market"
	"koodesk/app/simulator"
)

// shots is where screenshots of the running product go; without it none are
// taken. `make screenshots` sets it.
var shots = flag.String("screenshots", "", "write screenshots of the browser test's pages to this folder")

const (
	annsEmail    = "ann@seller.example"
	annsPassword = "correct horse battery"
)

// browser is a headless Chromium that likes Chinese.
func (r *rig) browser() context.Context {
	r.t.Helper()
	return browsertest.Open(r.t, chromedp.Flag("lang", "zh-CN"))
}

// tab drives one browser window.
type tab struct {
	r   *rig
	ctx context.Context
}

// patience is how long one action may take, on the slowest machine: what does not come by
// then does not come, and the page says why.
const patience = 3 * time.Minute

func (b *tab) do(actions ...chromedp.Action) {
	b.r.t.Helper()
	for _, action := range actions {
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		err := chromedp.Run(ctx, action)
		for end := time.Now().Add(time.Minute); replaced(err) && time.Now().Before(end); {
			err = chromedp.Run(ctx, action)
		}
		cancel()
		if err != nil {
			var url, html string
			_ = chromedp.Run(b.ctx, chromedp.Location(&url), chromedp.OuterHTML("body", &html))
			b.r.t.Fatalf("%v\nat %s\n%s", err, url, html)
		}
	}
}

// replaced says that a page that keeps itself up to date put another element in
// the place of the one that was found, before something was done with it.
func replaced(err error) bool {
	var gone *cdproto.Error
	return errors.As(err, &gone) && gone.Code == -32000 && (strings.Contains(strings.ToLower(gone.Message), "node") || strings.Contains(gone.Message, "box model"))
}

func (b *tab) open(path string) {
	b.r.t.Helper()
	b.do(chromedp.Navigate(b.r.base+path), chromedp.WaitReady("main"))
}

func (b *tab) text(selector string) string {
	b.r.t.Helper()
	var s string
	b.do(chromedp.Text(selector, &s, chromedp.ByQuery))
	return s
}

// size sets the window, and the scheme of colours.
func (b *tab) size(width, height int64, scheme string) {
	b.r.t.Helper()
	b.do(chromedp.EmulateViewport(width, height),
		chromedp.ActionFunc(func(ctx context.Context) error {
			return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}).Do(ctx)
		}))
}

// shot takes a picture of the page, if pictures are wanted.
func (b *tab) shot(name string) {
	b.r.t.Helper()
	if *shots == "" {
		return
	}
	var png []byte
	b.do(chromedp.CaptureScreenshot(&png))
	require.NoError(b.r.t, os.MkdirAll(*shots, 0o755))
	require.NoError(b.r.t, os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o600))
}

func (r *rig) login() *tab {
	r.t.Helper()
	r.ok(operator, annsPassword+"\n", "add", "--email", annsEmail, "--role", "admin", "--password-stdin")
	b := &tab{r: r, ctx: r.browser()}
	b.size(1440, 900, "light")
	b.open("/messages?status=failed")
	b.shot("login")
	b.do(chromedp.SendKeys(`input[name=email]`, annsEmail, chromedp.ByQuery),
		chromedp.SendKeys(`input[name=password]`, annsPassword, chromedp.ByQuery),
		chromedp.Click(`form[action="/login"] button[type=submit]`, chromedp.ByQuery),
		chromedp.WaitVisible(`nav a[href^="/instances"]`, chromedp.ByQuery))
	return b
}

// An operator logs in, finds the failed message, restarts it, and it succeeds.
func TestAnOperatorFindsAFailedMessageAndRestartsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.seedForPictures()
	r.market.FailNext(1000, simulator.Failure{Status: 500, Code: "MKT.0999", Msg: "System internal error."})
	id := r.buy("CS2611221530FAILS")
	failed := r.waitItems("/messages?status=failed&activity=newInstance", 1)[0]
	r.market.Reset()
	r.market.SetBuyer(buyerEmail, buyerPhone)

	b := r.login()
	var where string
	b.do(chromedp.Location(&where))
	require.Contains(t, where, "/messages?status=failed", "signing in leads to where one wanted to go")
	require.Contains(t, b.text("main"), "CS2611221530FAILS")
	b.shot("messages-failed")
	b.do(chromedp.Click(`input[data-tick]`, chromedp.ByQuery), chromedp.WaitVisible(`[data-bulk] button[type=submit]`, chromedp.ByQuery),
		chromedp.Click(`[data-bulk] button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`.restart-form`, chromedp.ByQuery))
	require.Contains(t, b.text("h1"), "重新启动勾选的 1 条接口消息？")
	require.Contains(t, b.text("main"), "立即发送 0 条短信、0 封邮件")
	require.Contains(t, b.text("main"), "调用云商店开放接口 1 次")
	b.shot("restart-preview")
	b.open("/tasks?status=failed")
	b.do(chromedp.Click(`button[data-dialog=task-confirm]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#task-confirm[open] .effects`, chromedp.ByQuery))
	require.Contains(t, b.text("dialog#task-confirm .effects"), "调用云商店开放接口 1 次")
	b.shot("restart-task")
	b.open("/messages?status=failed")
	b.do(chromedp.Click(`main a[href*="/messages/`+failed["id"].(string)+`"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`button[data-dialog=restart]`, chromedp.ByQuery))
	b.shot("message")
	b.do(chromedp.Click(`button[data-dialog=restart]`, chromedp.ByQuery),
		chromedp.WaitVisible(`dialog#restart[open]`, chromedp.ByQuery))
	require.Contains(t, b.text("dialog#restart .effects"), "调用云商店开放接口 1 次")
	b.shot("restart")
	b.do(chromedp.SendKeys(`#restart-reason`, "the marketplace was down", chromedp.ByQuery),
		chromedp.Click(`dialog#restart button[type=submit]`, chromedp.ByQuery),
		chromedp.WaitNotPresent(`dialog#restart[open]`, chromedp.ByQuery))
	r.access(id)
	require.Eventually(t, func() bool {
		b.open("/messages/" + failed["id"].(string))
		return strings.Contains(b.text("main"), "成功") && strings.Contains(b.text("main"), annsEmail)
	}, 2*time.Minute, 200*time.Millisecond)
	require.Contains(t, b.text("main"), "the marketplace was down")
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances WHERE order_id = 'CS2611221530FAILS'`))
	r.pictures(b, id, failed["id"].(string))
}

// seedForPictures makes some of everything, so that lists are worth looking at.
func (r *rig) seedForPictures() {
	r.t.Helper()
	ids := []string{}
	for _, order := range []string{"CS2611221402QWE7A", "CS2611221409ZXC2B", "CS2611221417POI9C", "CS2611221425LKJ4D"} {
		ids = append(ids, r.buy(order))
	}
	for _, id := range ids {
		r.access(id)
	}
	r.mails(len(ids))
	r.call(market.RefreshInstance, "scene", "RENEWAL", "orderId", "CS2611221431RENEW", "orderLineId", "CS2611221431RENEW-000001", "instanceId", ids[0], "expireTime", "20281124155959")
	r.call(market.UpdateInstanceStatus, "status", "FREEZE", "instanceId", ids[1])
	r.call(market.ReleaseInstance, "instanceId", ids[2])
	wrong := *r.caller
	wrong.Key = "not-the-key"
	f, err := simulator.NewCall(market.NewInstance, nil, nil, false, r.ids)
	require.NoError(r.t, err)
	wrong.Call(context.Background(), f)
}

// pictures walks through every page in both languages, light and dark, wide and
// on a phone. Each must be there whether or not pictures are taken.
func (r *rig) pictures(b *tab, instance, message string) {
	r.t.Helper()
	delivery := r.items("/deliveries?instance_id=" + instance)[0]["id"].(string)
	pages := map[string]string{"messages": "/messages", "message-restarted": "/messages/" + message, "instances": "/instances", "instance": "/instances/" + instance,
		"deliveries": "/deliveries", "delivery": "/deliveries/" + delivery, "tasks": "/tasks", "account": "/account",
		"products": "/products", "product": "/products/new"}
	for name, path := range pages {
		b.size(1440, 900, "light")
		b.open(path)
		b.shot(name)
		b.size(1440, 900, "dark")
		b.shot(name + "-dark")
		b.size(375, 812, "light")
		b.open(path)
		b.narrow(path)
		b.shot(name + "-phone")
	}
	b.size(1440, 900, "light")
	b.inEnglish()
	b.open("/messages")
	require.Contains(r.t, b.text("main"), "Failed")
	b.shot("messages-en")
	b.open("/instances/" + instance)
	b.shot("instance-en")
}

// inEnglish presses the language switch.
func (b *tab) inEnglish() {
	b.r.t.Helper()
	b.open("/account")
	b.do(chromedp.Click(`form.language button[value=en]`, chromedp.ByQuery),
		chromedp.WaitVisible(`html[lang=en] main`, chromedp.ByQuery))
}
