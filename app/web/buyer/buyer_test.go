package buyer_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/throttle"
	"koodesk/app/web/buyer"
)

func TestThePageFollowsTheInstance(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.product(false, "zh-CN")
	s.bought("i1")
	link := s.link("i1")
	a := s.get(link)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, "preparing", a.state())
	require.Contains(t, a.Text(), "正在为您准备")
	require.Contains(t, a.Text(), "Seven & Co")
	require.Contains(t, a.Text(), "智能客服云")
	require.Contains(t, a.Text(), "CS-i1")
	require.Contains(t, a.body, `<noscript><meta http-equiv="refresh" content="20"></noscript>`)
	require.Zero(t, a.Find("form").Length(), "there is nothing to show yet")
	require.Equal(t, 409, s.post(link).status)

	s.ready("i1")
	s.exec(`UPDATE instances SET expires_at = '2099-11-24T15:59:59Z'`)
	a = s.get(link)
	require.Equal(t, "active", a.state())
	require.Contains(t, a.Text(), "2099-11-24 23:59:59")
	require.Equal(t, 1, a.Find(`a[href="https://app.example.com/i/7"][rel="noreferrer noopener"]`).Length())
	require.NotContains(t, a.body, "http-equiv=\"refresh\"")
	a.hides(t)
	require.Equal(t, "post", a.Find("form").AttrOr("method", ""))

	a = s.post(a.Find("form").AttrOr("action", ""))
	require.Equal(t, 200, a.status)
	for _, secret := range []string{app.UserName, password, app.AdminURL, app.Memo} {
		require.Contains(t, a.Text(), secret)
	}
	require.Equal(t, password, a.Find(`.buyer-secret button[aria-label="复制初始密码"]`).AttrOr("data-copy", ""))
	s.get(a.Find(".buyer-hide a").AttrOr("href", "")).hides(t)
	require.Contains(t, s.post(link).Text(), password, "as often as wanted")

	for state, change := range map[string]string{
		"over":     `status = 'active', frozen_at = NULL, expires_at = now() - interval '1 hour', frozen_by = ''`,
		"expired":  `status = 'frozen', frozen_at = now(), expires_at = now() + interval '1 hour', frozen_by = 'expiry'`,
		"expired ": `status = 'frozen', frozen_at = now(), expires_at = now() - interval '1 hour', frozen_by = 'status'`,
		"frozen":   `protocol = 'v1', status = 'frozen', frozen_at = now(), expires_at = now() - interval '1 hour', frozen_by = 'status'`,
		"released": `status = 'released', released_at = now()`,
	} {
		state = strings.TrimSpace(state)
		s.exec(`UPDATE instances SET released_at = NULL, protocol = 'v2'`)
		s.exec(`UPDATE instances SET ` + change)
		a = s.get(link)
		require.Equal(t, state, a.state())
		a.hides(t)
		a = s.post(link)
		if state == "over" {
			require.Contains(t, a.Text(), password, "usable until KooGallery freezes it")
			continue
		}
		require.Equal(t, 409, a.status, state)
		require.Equal(t, state, a.state())
		a.hides(t)
		require.NotContains(t, a.body, app.FrontEndURL, state)
	}
}

func TestWhatIsBeingPreparedLooksAgainMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.bought("i1")
	a := s.get(s.link("i1"))
	var every []string
	for range 14 {
		card := a.Find("#access")
		every = append(every, card.AttrOr("hx-trigger", ""))
		a = s.get(card.AttrOr("hx-get", ""), "HX-Request", "true", "HX-Target", "access")
		require.Equal(t, 200, a.status)
		require.Zero(t, a.Find("main").Length(), "the card alone")
	}
	require.Equal(t, []string{"every 2s", "every 2s", "every 3s", "every 3s", "every 5s", "every 5s", "every 10s", "every 10s", "every 15s", "every 20s",
		"every 30s", "every 60s", "every 60s", "every 60s"}, every)
	for _, odd := range []string{"-1", "99999999999999999999", "x"} {
		require.Equal(t, "preparing", s.get(s.link("i1")+"?n="+odd).state())
	}
	require.Equal(t, "4", s.text(`SELECT views FROM access_links`), "looking again is no view")
	require.NotContains(t, a.Text(), "比平时长")
	s.exec(`UPDATE instances SET created_at = now() - interval '11 minutes'`)
	require.Contains(t, s.get(s.link("i1")).Text(), "准备时间比平时长")
	s.ready("i1")
	card := s.get(a.Find("#access").AttrOr("hx-get", ""), "HX-Request", "true")
	require.Equal(t, "active", card.state())
	require.Empty(t, card.Find("#access").AttrOr("hx-get", ""), "and then it rests")
}

func TestEveryAnswerIsPrivate(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.bought("i1")
	s.ready("i1")
	link := s.link("i1")
	for name, a := range map[string]answer{"page": s.get(link), "reveal": s.post(link), "unknown": s.get("/access/nothing"), "put": s.do(http.MethodPut, link),
		"bare": s.get("/access/"), "card": s.get(link, "HX-Request", "true"), "loud": s.get("/ACCESS/nothing")} {
		require.Equal(t, "no-store", a.header.Get("Cache-Control"), name)
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"), name)
		require.Contains(t, a.header.Get("X-Robots-Tag"), "noindex", name)
		require.Equal(t, "DENY", a.header.Get("X-Frame-Options"), name)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'self'", name)
		require.Empty(t, a.header.Get("Set-Cookie"), name)
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"), name)
	}
	require.Equal(t, 200, s.do(http.MethodHead, link).status)
	require.Equal(t, "1 1", s.text(`SELECT views || ' ' || reveals FROM access_links`), "a HEAD is nobody's look")
	require.NoError(t, s.store.Close())
	a := s.get(link)
	require.Equal(t, 503, a.status)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.NotContains(t, s.log.String(), strings.TrimPrefix(link, "/access/"), "no link stands in the log")
	require.NotContains(t, s.log.String(), password)
}

// A link that opens nothing gets one and the same page, whatever is wrong.
func TestLinksThatOpenNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.product(false, "en")
	s.bought("i1")
	s.ready("i1")
	good := s.link("i1")
	other, err := seal.New(bytes.Repeat([]byte{99}, seal.KeySize))
	require.NoError(t, err)
	last := "A"
	if strings.HasSuffix(good, "A") {
		last = "B"
	}
	want := s.get("/access/nothing", "Accept-Language", "en")
	require.Equal(t, 404, want.status)
	require.Contains(t, want.Text(), "This link is not valid")
	for name, path := range map[string]string{
		"tampered": good[:len(good)-1] + last, "cut": good[:len(good)-4], "longer": good + "AAAA", "of another installation": "/access/" + other.Token(seal.AccessPage, []byte("\x00\x00\x00\x00i1")),
		"for another purpose": "/access/" + s.store.Keys().Token("something else", []byte("\x00\x00\x00\x00i1")), "of nobody": s.link("i2"),
		"of a newer generation": strings.TrimPrefix(s.pages.URL("i1", 1), s.base), "without an id": "/access/" + s.store.Keys().Token(seal.AccessPage, []byte("\x00\x00\x00\x00")),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := s.do(method, path, "Accept-Language", "en")
			require.Equal(t, 404, a.status, name)
			require.Equal(t, want.body, a.body, name)
		}
	}
	require.Equal(t, 200, s.get(good).status)
	require.Contains(t, s.get("/access/nothing").Text(), "此链接无效")
}

func TestAnOldSecretKeyStillOpensItsLinks(t *testing.T) {
	t.Parallel()
	s := open(t)
	old, err := seal.New(bytes.Repeat([]byte{99}, seal.KeySize))
	require.NoError(t, err)
	present, err := seal.New(bytes.Repeat([]byte{98}, seal.KeySize), bytes.Repeat([]byte{99}, seal.KeySize))
	require.NoError(t, err)
	token := old.Token(seal.AccessPage, []byte("\x00\x00\x00\x00i1"))
	got, err := present.OpenToken(seal.AccessPage, token)
	require.NoError(t, err)
	require.Equal(t, "\x00\x00\x00\x00i1", string(got))
	require.Equal(t, s.pages.URL("i1", 0), s.pages.URL("i1", 0), "the same each time")
	require.NotEqual(t, s.pages.URL("i1", 0), s.pages.URL("i1", 1))
	require.LessOrEqual(t, len(s.pages.URL(strings.Repeat("商", 64), 1<<30)), market.MaxAppURL)
}

func TestThePageSpeaksTheLanguageOfTheProductsBuyersUntilSwitched(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.bought("i1")
	require.Equal(t, "zh-CN", s.get(s.link("i1"), "Accept-Language", "en").Find("html").AttrOr("lang", ""), "the site's, without a product")
	s.product(false, "en")
	a := s.get(s.link("i1"), "Accept-Language", "zh-CN")
	require.Equal(t, "en", a.Find("html").AttrOr("lang", ""))
	require.Contains(t, a.Text(), "Being prepared")
	other := a.Find(".buyer-languages a").AttrOr("href", "")
	a = s.get(s.link("i1") + other)
	require.Contains(t, a.Text(), "正在为您准备")
	a = s.get(a.Find("#access").AttrOr("hx-get", ""), "HX-Request", "true")
	require.Contains(t, a.Text(), "正在为您准备", "looking again keeps it")
	s.ready("i1")
	a = s.get(s.link("i1") + other)
	require.Contains(t, s.post(a.Find("form").AttrOr("action", "")).Text(), "初始密码")
}

func TestTooManyLooksAreTurnedAwayInWords(t *testing.T) {
	t.Parallel()
	const hour = time.Hour // so that nothing comes back while the test runs
	s := openWith(t, buyer.Limits{Address: throttle.Rate{Tries: 12, In: hour}, Link: throttle.Rate{Tries: 6, In: hour}, Reveal: throttle.Rate{Tries: 2, In: hour}})
	s.product(false, "en")
	s.bought("i1")
	s.ready("i1")
	s.bought("i2")
	var turned answer
	for range 2 {
		require.Equal(t, 200, s.post(s.link("i1")).status)
	}
	turned = s.post(s.link("i1"))
	require.Equal(t, 429, turned.status, "reveals of a link")
	turned.hides(t)
	require.NotEmpty(t, turned.header.Get("Retry-After"))
	for range 6 {
		require.Equal(t, 200, s.get(s.link("i2")).status)
	}
	turned = s.get(s.link("i2") + "?lang=en")
	require.Equal(t, 429, turned.status, "looks through a link")
	require.Contains(t, turned.Text(), "Opened too often")
	require.NotEmpty(t, turned.header.Get("Retry-After"))
	require.Equal(t, 200, s.get(s.link("i1")).status, "another link is not concerned")
	require.Equal(t, 404, s.get("/access/guessed").status)
	turned = s.get("/access/guessed?lang=zh-CN")
	require.Equal(t, 429, turned.status, "guessing counts for the address")
	require.Contains(t, turned.Text(), "打开次数过多")
	require.Equal(t, 429, s.get(s.link("i1")).status)
	keys, err := s.redis.Keys(context.Background(), "*").Result()
	require.NoError(t, err)
	for _, key := range keys {
		require.NotContains(t, key, strings.TrimPrefix(s.link("i1"), "/access/"), "no link stands in Redis")
	}
}
