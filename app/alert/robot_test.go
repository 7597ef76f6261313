package alert_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// signed is HMAC-SHA256 in base64, as the robots' pages write it.
func signed(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func fresh(t *testing.T, at time.Time) {
	t.Helper()
	require.WithinDuration(t, time.Now(), at, 5*time.Minute)
}

func dig(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok, "%v in %v", p, v)
			v = m[p]
		case int:
			l, ok := v.([]any)
			require.True(t, ok && len(l) > p, "%v in %v", p, v)
			v = l[p]
		}
	}
	return v
}

// robots say what each receiver must find in what it got: the proof, the form, and
// the words in their place.
var robots = map[string]struct {
	path, secret, answer string
	check                func(t *testing.T, c call, title, link string)
}{
	alert.Koodesk: {path: "/hook", secret: own, check: func(t *testing.T, c call, title, link string) {
		require.NoError(t, webhook.Verify(c.header, c.body, time.Now(), own))
		require.Equal(t, "alert", dig(t, c.json(t), "type"))
		require.Equal(t, title, dig(t, c.json(t), "data", "alerts", 0, "title"))
		require.Equal(t, link, dig(t, c.json(t), "data", "link"))
	}},
	alert.DingTalk: {path: "/robot/send?access_token=TOKEN", secret: "SEC123", answer: `{"errcode":0,"errmsg":"ok"}`, check: func(t *testing.T, c call, title, link string) {
		ms, err := strconv.ParseInt(c.query.Get("timestamp"), 10, 64)
		require.NoError(t, err)
		fresh(t, time.UnixMilli(ms))
		require.Equal(t, signed("SEC123", fmt.Sprint(ms, "\nSEC123")), c.query.Get("sign"))
		require.Equal(t, "TOKEN", c.query.Get("access_token"))
		require.Equal(t, "markdown", dig(t, c.json(t), "msgtype"))
		require.Equal(t, title, dig(t, c.json(t), "markdown", "title"))
		require.Contains(t, dig(t, c.json(t), "markdown", "text"), "["+link+"]("+link+")")
	}},
	alert.WeCom: {path: "/cgi-bin/webhook/send?key=KEY", answer: `{"errcode":0,"errmsg":"ok"}`, check: func(t *testing.T, c call, title, link string) {
		require.Equal(t, "KEY", c.query.Get("key"))
		require.Equal(t, "markdown", dig(t, c.json(t), "msgtype"))
		text := dig(t, c.json(t), "markdown", "content").(string)
		require.LessOrEqual(t, len(text), 4096)
		require.Contains(t, text, title)
		require.Contains(t, text, "]("+link+")")
	}},
	alert.Feishu: {path: "/open-apis/bot/v2/hook/TOKEN", secret: "feishu-secret", answer: `{"code":0,"msg":"success","data":{}}`, check: func(t *testing.T, c call, title, link string) {
		seconds, err := strconv.ParseInt(dig(t, c.json(t), "timestamp").(string), 10, 64)
		require.NoError(t, err)
		fresh(t, time.Unix(seconds, 0))
		require.Equal(t, signed(fmt.Sprint(seconds, "\nfeishu-secret"), ""), dig(t, c.json(t), "sign"))
		require.Equal(t, "post", dig(t, c.json(t), "msg_type"))
		post := dig(t, c.json(t), "content", "post", "en_us")
		require.Equal(t, title, dig(t, post, "title"))
		require.Contains(t, dig(t, post, "content", 0, 0, "text"), title)
		require.Contains(t, fmt.Sprint(dig(t, post, "content")), "href:"+link)
	}},
	alert.Slack: {path: "/services/T0/B0/abc123", answer: "ok", check: func(t *testing.T, c call, title, link string) {
		require.Equal(t, title, dig(t, c.json(t), "text"))
		require.Equal(t, "header", dig(t, c.json(t), "blocks", 0, "type"))
		require.Equal(t, "mrkdwn", dig(t, c.json(t), "blocks", 1, "text", "type"))
		require.Contains(t, dig(t, c.json(t), "blocks", 1, "text", "text"), "<"+link+">")
	}},
}

func TestEachRobotGetsItsFormAndItsProof(t *testing.T) {
	t.Parallel()
	h := open(t)
	for medium, r := range robots {
		id := h.target(alert.Setting{Medium: medium, Address: h.url + r.path, Secret: r.secret})
		group := h.group(len(h.calls()))
		h.watch()
		h.says(http.StatusOK, r.answer)
		require.Equal(t, 1, h.all(), medium)
		got := h.calls()
		last := got[len(got)-1]
		require.Equal(t, "application/json", last.header.Get("Content-Type"))
		require.Equal(t, strings.SplitN(r.path, "?", 2)[0], last.path)
		require.Equal(t, medium == alert.Koodesk, last.header.Get(webhook.HeaderSignature) != "", "only our own is signed by Standard Webhooks")
		r.check(t, last, "New failure at “Create instance”: channel default, product –", public+"/failures/"+group)
		require.Equal(t, "succeeded "+medium, h.text(`SELECT status || ' ' || transport FROM alert_messages ORDER BY id DESC LIMIT 1`))
		require.NoError(t, h.d.RemoveTarget(context.Background(), id, h.operator, staff.CLI()))
	}
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM alert_targets t WHERE t::text ~ 'TOKEN|SEC123|KEY$'`), "sealed, and gone with the target")
}

func TestADigestKeepsWithinEachRobotsBounds(t *testing.T) {
	t.Parallel()
	h := open(t)
	for medium, r := range robots {
		h.target(alert.Setting{Medium: medium, Address: h.url + r.path, Secret: r.secret})
	}
	for n := range 40 {
		h.group(n)
	}
	h.exec(`UPDATE failure_groups SET product_id = repeat('商品[x](https://evil.example.com)*', 6)`)
	h.watch()
	h.says(http.StatusOK, `{"errcode":0,"code":0}`)
	require.Equal(t, len(robots), h.all())
	for _, c := range h.calls() {
		require.Less(t, len(c.body), 20000)
		if c.path == "/cgi-bin/webhook/send" {
			require.LessOrEqual(t, len(dig(t, c.json(t), "markdown", "content").(string)), 4096)
		}
		if c.path != "/hook" && c.path != "/open-apis/bot/v2/hook/TOKEN" { // those two have no markup
			require.NotContains(t, string(c.body), "](https://evil", "other people's words make no links")
		}
	}
}

func TestWhatARobotAnswersIsUnderstood(t *testing.T) {
	t.Parallel()
	h := open(t)
	for n, c := range []struct {
		medium, answer string
		status         int
		key            string
		final          bool
	}{
		{alert.DingTalk, `{"errcode":310000,"errmsg":"sign not match"}`, 200, "alert.robot_refused", true},
		{alert.DingTalk, `{"errcode":130101,"errmsg":"send too fast"}`, 200, "alert.robot_busy", false},
		{alert.WeCom, `{"errcode":93000,"errmsg":"invalid webhook url"}`, 200, "alert.robot_refused", true},
		{alert.WeCom, `{"errcode":45009,"errmsg":"api freq out of limit"}`, 200, "alert.robot_busy", false},
		{alert.Feishu, `{"code":19021,"msg":"sign match fail"}`, 200, "alert.robot_refused", true},
		{alert.Feishu, `{"code":11232,"msg":"frequency limited"}`, 200, "alert.robot_busy", false},
		{alert.Feishu, `<html>gateway</html>`, 200, "alert.robot_busy", false},
		{alert.Slack, `no_service`, 404, "alert.robot_refused", true},
		{alert.Slack, `rate_limited`, 429, "webhook.status", false},
		{alert.Slack, `oops`, 500, "webhook.status", false},
		{alert.Koodesk, ``, 503, "webhook.status", false},
	} {
		r := robots[c.medium]
		id := h.target(alert.Setting{Name: fmt.Sprint(n), Medium: c.medium, Address: h.url + r.path, Secret: r.secret})
		_, err := h.d.TestTarget(context.Background(), id, h.operator, staff.CLI())
		require.NoError(t, err)
		h.says(c.status, c.answer)
		cause, ok := h.work(2)
		require.True(t, ok)
		require.Equal(t, c.key, fault.From(cause).Key, "%s %s", c.medium, c.answer)
		require.Equal(t, c.final, fault.From(cause).Retry.Never, "%s %s", c.medium, c.answer)
		status := "pending"
		if c.final {
			status = "failed"
		}
		require.Equal(t, status+" "+c.key, h.text(`SELECT status || ' ' || (last_error ->> 'key') FROM alert_messages ORDER BY id DESC LIMIT 1`))
		require.NoError(t, h.d.RemoveTarget(context.Background(), id, h.operator, staff.CLI()))
		_, _ = h.work(2)
	}
}

func TestAMailIsARealConversation(t *testing.T) {
	t.Parallel()
	h := open(t)
	server := smtptest.Start(t)
	o, err := email.Parse(server.URL())
	require.NoError(t, err)
	o.RootCAs = server.CAs()
	o.From.Name, o.From.Address = "Koodesk", "desk@seller.example.com"
	sender := email.New(o)
	t.Cleanup(sender.Close)
	h.options.Email, h.options.Domain = sender, "seller.example.com"
	h.restart()
	h.target(alert.Setting{Medium: alert.Email, Address: "ann@example.com"})
	h.message("CS1", 5*time.Minute)
	h.watch()
	server.Reply(smtptest.RcptTo, 451, "4.2.1 try again later", 1)
	cause, ok := h.work(3)
	require.True(t, ok)
	require.Equal(t, "mail.deferred", fault.From(cause).Key, cause)
	require.Equal(t, 1, h.all())
	got := server.Messages()
	require.Len(t, got, 1)
	require.Equal(t, "[Koodesk] KooGallery stops retrying within 15 minutes: Create instance, order CS1", got[0].Get("Subject"))
	require.Contains(t, got[0].Text, public+"/messages/1")
	require.Contains(t, got[0].Text, public+alert.TargetsPath)
	require.Contains(t, got[0].HTML, `href="`+public+`/messages/1"`)
	require.Equal(t, "<"+h.text(`SELECT message_ref FROM alert_messages`)+"@seller.example.com>", got[0].Get("Message-Id"))
	require.Equal(t, "succeeded smtp 2", h.text(`SELECT concat_ws(' ', status, transport, attempts) FROM alert_messages`))
}

func TestAnSMSHasTitleAndLink(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.target(alert.Setting{Medium: alert.SMS, Address: "+86 186 8888 8888", Language: "zh-CN"})
	h.group(1)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, "succeeded log +86••••8888", h.text(`SELECT concat_ws(' ', m.status, m.transport, t.address_mask) FROM alert_messages m JOIN alert_targets t ON t.id = m.target_id`))
}

func TestTargetsAreCheckedBeforeTheyAreKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	set := func(s alert.Setting) string {
		s.OperatorID = h.operator
		_, _, err := h.d.SetTarget(ctx, s, h.operator, staff.CLI())
		return fault.From(err).Key
	}
	for key, s := range map[string]alert.Setting{
		"alert_target.bad_name":    {Name: " ", Medium: alert.Email, Address: "a@example.com"},
		"alert_target.bad_medium":  {Name: "a", Medium: "pigeon"},
		"alert_target.bad_address": {Name: "a", Medium: alert.Email, Address: "Ann <a@example.com>"},
		"alert_target.bad_secret":  {Name: "a", Medium: alert.WeCom, Address: h.url, Secret: "x"},
		"alert_target.bad_kind":    {Name: "a", Medium: alert.Email, Address: "a@example.com", Kinds: []string{"weather"}},
		"alert_target.bad_setting": {Name: "a", Medium: alert.Email, Address: "a@example.com", QuietHours: "night"},
		"webhook.address_refused":  {Name: "a", Medium: alert.Slack, Address: "https://169.254.169.254/latest"},
		"webhook.bad_url":          {Name: "a", Medium: alert.Slack, Address: "here"},
		"webhook.bad_secret":       {Name: "a", Medium: alert.Koodesk, Address: h.url, Secret: "short"},
	} {
		require.Equal(t, key, set(s))
	}
	id := h.target(alert.Setting{Name: "mine", Medium: alert.Slack, Address: h.url + "/services/T0/B0/SECRETTOKEN"})
	require.Equal(t, "alert_target.name_taken", set(alert.Setting{Name: "mine", Medium: alert.Email, Address: "a@example.com"}))
	require.NotContains(t, h.text(`SELECT string_agg(t.address_mask, '') || (SELECT string_agg(a::text, '') FROM audit a) FROM alert_targets t`), "SECRETTOKEN")
	for _, err := range []error{h.d.RemoveTarget(ctx, id, h.operator+1, staff.CLI()),
		func() error { _, err := h.d.TestTarget(ctx, id, h.operator+1, staff.CLI()); return err }(),
		func() error {
			_, _, err := h.d.SetTarget(ctx, alert.Setting{ID: id, Name: "x"}, h.operator+1, staff.CLI())
			return err
		}()} {
		require.Equal(t, "alert_target.unknown", fault.From(err).Key, "somebody else's")
	}
	_, made, err := h.d.SetTarget(ctx, alert.Setting{OperatorID: h.operator, Name: "own", Medium: alert.Koodesk, Address: h.url, Enabled: true}, h.operator, staff.CLI())
	require.NoError(t, err)
	require.NoError(t, webhook.CheckSecret(made), "one is made, and shown once")
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM audit WHERE action = 'alert_target.set'`))
}

func TestATestSaysSoAndIsBounded(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	id := h.hook(alert.Setting{})
	for range 10 {
		_, err := h.d.TestTarget(ctx, id, h.operator, staff.CLI())
		require.NoError(t, err)
	}
	_, err := h.d.TestTarget(ctx, id, h.operator, staff.CLI())
	require.Equal(t, "alert_target.too_many_tests", fault.From(err).Key)
	require.Equal(t, 10, h.all())
	require.Equal(t, true, dig(t, h.calls()[0].json(t), "data", "test"))
}

func TestATargetThatIsRemovedOrOffOrWhoseOperatorLeftGetsNothingMore(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	id := h.hook(alert.Setting{Name: "one"})
	h.hook(alert.Setting{Name: "two"})
	h.group(1)
	h.watch()
	require.NoError(t, h.d.RemoveTarget(ctx, id, 0, staff.CLI()))
	h.write(func(tx *store.Tx) error { return tx.DisableOperator(ctx, h.operator) })
	require.Equal(t, 2, h.all())
	require.Empty(t, h.calls())
	require.Equal(t, "cancelled alert_target.gone", h.text(`SELECT DISTINCT status || ' ' || (last_error ->> 'key') FROM alert_messages`))
}
