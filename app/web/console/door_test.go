package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/signin"
	"koodesk/app/staff"
)

func (h *house) hire(email, password string, role staff.Role) signin.Added {
	h.t.Helper()
	added, err := h.people.AddOperator(context.Background(), signin.NewOperator{Email: email, Role: role, Password: password, Locale: i18n.En}, staff.CLI())
	require.NoError(h.t, err)
	return added
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hire("ann@seller.example", staffPassword, staff.Operator)
	v := h.stranger()
	v.locale = "en"

	away := v.get("/messages?status=failed&q=CS1")
	require.Equal(t, http.StatusSeeOther, away.status)
	require.Equal(t, "/login?next="+url.QueryEscape("/messages?q=CS1&status=failed"), strings.ReplaceAll(away.to(), url.QueryEscape("status=failed&q=CS1"), url.QueryEscape("q=CS1&status=failed")))
	door := v.get(away.to())
	require.Equal(t, http.StatusOK, door.status)
	require.Contains(t, door.words("main"), "Please sign in first")
	require.Zero(t, door.Find(".nav-item").Length())

	wrong := v.post("/login", door, "email", "ann@seller.example", "password", "not it", "next", "/messages?status=failed")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.words("[role=alert]"), "E-mail or password is wrong")
	require.Equal(t, "ann@seller.example", wrong.value("#f-email", "value"))
	require.Empty(t, wrong.value("#f-password", "value"))
	require.Equal(t, "/messages?status=failed", wrong.value(`input[name="next"]`, "value"))

	in := v.post("/login", wrong, "email", "ann@seller.example", "password", staffPassword, "next", "/messages?status=failed")
	require.Equal(t, http.StatusSeeOther, in.status, in.body)
	require.Equal(t, "/messages?status=failed", in.to())
	require.Equal(t, http.StatusOK, v.get(in.to()).status)
	require.Equal(t, "/instances", v.get("/login?next=/instances").to(), "who is in goes on")
	require.Equal(t, "/", v.get("/login").to())
	require.Equal(t, http.StatusOK, v.get("/").status)

	out := v.post("/logout", v.get("/account"))
	require.Equal(t, "/login?notice=signed_out", out.to())
	require.Contains(t, v.get(out.to()).words("main"), "You are signed out")
	require.Equal(t, http.StatusSeeOther, v.get("/messages").status)
	require.Empty(t, v.get("/login?notice=anything").words(".note"))
}

func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hire("ann@seller.example", staffPassword, staff.Operator)
	v := h.stranger()
	v.locale = "en"
	door := v.get("/login")
	var last answer
	for range 12 {
		last = v.post("/login", door, "email", "ann@seller.example", "password", "guess")
	}
	require.Equal(t, http.StatusTooManyRequests, last.status)
	require.NotEmpty(t, last.header.Get("Retry-After"))
	require.Contains(t, last.words("[role=alert]"), "Too many tries")
	require.Equal(t, http.StatusTooManyRequests, v.post("/login", door, "email", "ann@seller.example", "password", staffPassword).status)
}

func TestTheWayOnLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hire("ann@seller.example", staffPassword, staff.Operator)
	for _, next := range []string{"https://evil.example/", "//evil.example/", "/\\evil.example", "\\/evil.example", "http:evil.example", "javascript:alert(1)",
		"/%09/evil.example", "/\t/evil.example", "/login", "/logout", " /messages", "/messages\r\nSet-Cookie: a=b", "///evil.example", "/.//evil.example/.."} {
		v := h.stranger()
		door := v.get("/login?next=" + url.QueryEscape(next))
		require.Equal(t, http.StatusOK, door.status)
		in := v.post("/login", door, "email", "ann@seller.example", "password", staffPassword, "next", next)
		require.Equal(t, http.StatusSeeOther, in.status, next)
		to, err := url.Parse(in.to())
		require.NoError(t, err)
		require.Empty(t, to.Host+to.Scheme, next)
		require.True(t, strings.HasPrefix(in.to(), "/") && !strings.HasPrefix(in.to(), "//") && !strings.Contains(in.to(), "\\"), "%q leads to %q", next, in.to())
		require.Empty(t, in.header.Get("Set-Cookie2"))
		back := v.post("/preferences", v.get("/account"), "locale", "en", "return_to", next)
		require.True(t, strings.HasPrefix(back.to(), "/") && !strings.HasPrefix(back.to(), "//"), "%q leads to %q", next, back.to())
	}
}

func TestAGivenPasswordMustBeChanged(t *testing.T) {
	t.Parallel()
	h := open(t)
	added := h.hire("new@seller.example", "", staff.Operator)
	v := h.stranger()
	v.locale = "en"
	in := v.post("/login", v.get("/login"), "email", added.Email, "password", added.OneTime, "next", "/messages")
	require.Equal(t, "/account", in.to())
	require.Equal(t, "/account", v.get("/messages").to())
	require.Equal(t, "/account", v.script("/messages", "results").header.Get("HX-Redirect"))
	page := v.get("/account")
	require.Contains(t, page.words("main"), "Set a password of your own")

	for _, c := range []struct{ current, next, repeat, field, says string }{
		{added.OneTime, "short", "short", "new", "at least 12"},
		{added.OneTime, "a long enough one", "another long one", "repeat", "do not match"},
		{"not it", "a long enough one", "a long enough one", "current", "not your current"},
		{added.OneTime, added.OneTime, added.OneTime, "new", "same"},
		{added.OneTime, added.Email, added.Email, "new", "e-mail address itself"},
		{added.OneTime, strings.Repeat("x", 201), strings.Repeat("x", 201), "new", "200"},
	} {
		res := v.post("/account/password", page, "current", c.current, "new", c.next, "repeat", c.repeat)
		require.Equal(t, http.StatusUnprocessableEntity, res.status, c.says)
		require.Contains(t, res.words("#e-"+c.field), c.says)
		require.NotContains(t, res.body, added.OneTime)
		require.NotContains(t, res.body, "a long enough one")
	}
	done := v.post("/account/password", page, "current", added.OneTime, "new", "a long enough one", "repeat", "a long enough one")
	require.Equal(t, http.StatusSeeOther, done.status, done.words("main"))
	require.Equal(t, "/messages", done.to())
	require.Contains(t, v.get("/messages").words("#toasts"), "Password changed")
	old := v.post("/account/password", v.get("/account"), "current", "a long enough one", "new", "another long enough", "repeat", "another long enough")
	require.Equal(t, "/account", old.to())
}

func TestLanguageAndLook(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.stranger()
	door := v.get("/login", "Accept-Language", "en-GB")
	require.Equal(t, "en", door.value("html", "lang"))
	require.Equal(t, "auto", door.value("html", "data-theme"))
	require.Equal(t, "zh-CN", v.get("/login").value("html", "lang"))
	res := v.post("/preferences", door, "locale", "en", "return_to", "/login?next=%2Ftasks")
	require.Equal(t, "/login?next=%2Ftasks", res.to())
	require.Equal(t, "en", v.get("/login").value("html", "lang"), "also before signing in")

	in := h.as(staff.Operator)
	page := in.get("/tasks?kind=deliver")
	require.Equal(t, "/tasks?kind=deliver", page.value(`input[name="return_to"]`, "value"))
	res = in.post("/preferences", page, "theme", "dark", "locale", "zh-CN", "return_to", "/tasks?kind=deliver")
	require.Equal(t, "/tasks?kind=deliver", res.to())
	page = in.get(res.to())
	require.Equal(t, "zh-CN", page.value("html", "lang"))
	require.Equal(t, "dark", page.value("html", "data-theme"))
	require.Equal(t, "zh-CN", h.text(`SELECT locale FROM operators`), "kept for the next browser")
	in.post("/preferences", page, "theme", `x"><script>`, "locale", "xx")
	require.Equal(t, "dark", in.get("/tasks").value("html", "data-theme"))
	require.Equal(t, "zh-CN", in.get("/tasks").value("html", "lang"))
}

func TestAReaderChoosesHowLongListsAre(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, err := h.store.SQL().Exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, attempts, first_received_at, last_received_at)
SELECT channel_id, protocol, activity, 'long/' || n, 'failed', '000005', 1, now(), now()
  FROM (SELECT id AS channel_id, 'v2' AS protocol, 'queryInstance' AS activity FROM channels LIMIT 1) AS m, generate_series(1, 120) AS n`)
	require.NoError(t, err)
	v := h.as(staff.Operator)
	rowsOf := func(p answer) int { return p.Find(`tbody tr[data-href]`).Length() }
	pressed := func(p answer) string { return strings.TrimSpace(p.Find(`.rows [aria-pressed="true"]`).Text()) }

	list := v.get("/messages?status=failed")
	require.Equal(t, []any{50, "50"}, []any{rowsOf(list), pressed(list)})
	second := v.get(list.value(`.pager a[rel="next"]`, "href"))
	here := second.value(`.rows input[name="return_to"]`, "value")
	require.Contains(t, here, "before=")
	res := v.post("/preferences", second, "rows", "20", "return_to", here)
	require.Equal(t, here, res.to(), "back to where they were")
	list = v.get("/messages?status=failed")
	require.Equal(t, []any{20, "20"}, []any{rowsOf(list), pressed(list)})
	require.Equal(t, 20, rowsOf(v.get(list.value(`.pager a[rel="next"]`, "href"))), "all along")
	require.Equal(t, 20, v.script("/messages?status=failed", "results").Find(`tr[data-href]`).Length(), "what a script asks for, too")
	require.Equal(t, "20", v.get("/account").value(`input[name="rows"][checked]`, "value"))
	for _, wrong := range []string{"0", "-1", "1000000", "x", ""} {
		v.post("/preferences", list, "rows", wrong, "return_to", "/messages")
		require.Equal(t, 20, rowsOf(v.get("/messages?status=failed")), wrong)
	}
	require.Zero(t, v.get("/messages?status=failed&q=nothing").Find(".rows").Length(), "no choice where it changes nothing")
}

func TestHowErrorsLook(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	for path, says := range map[string]string{"/nowhere": "There is no such page", "/messages/77": "no such message", "/messages/x": "no such message",
		"/instances/nobody": "no such instance", "/deliveries/0": "no such delivery", "/deliveries/99999999999999999999": "no such delivery"} {
		p := v.get(path)
		require.Equal(t, http.StatusNotFound, p.status, path)
		require.Contains(t, p.words("h1"), says, path)
		require.Equal(t, "no-store", p.header.Get("Cache-Control"))
		require.NotZero(t, p.Find(".nav-item").Length(), "%s: whoever is in keeps the navigation", path)
	}
	alone := h.stranger().get("/nowhere")
	require.Equal(t, http.StatusNotFound, alone.status)
	require.Zero(t, alone.Find(".nav-item").Length())

	toast := v.script("/messages/77", "live")
	require.Equal(t, http.StatusNotFound, toast.status)
	require.Equal(t, "#toasts", toast.header.Get("HX-Retarget"))
	require.Contains(t, toast.words("#toasts"), "no such message")
	require.NotContains(t, toast.body, "<html")

	gone := h.stranger().script("/messages?status=failed", "results")
	require.Equal(t, http.StatusUnauthorized, gone.status)
	require.Equal(t, "/login?next="+url.QueryEscape("/messages?status=failed"), gone.header.Get("HX-Redirect"))

	list := v.get("/messages?before=nonsense&status=failed")
	require.Equal(t, http.StatusUnprocessableEntity, list.status)
	require.Contains(t, list.words(".blank.bad"), "The place in the list is not valid")
	require.Equal(t, "/messages?status=failed", list.value(".blank.bad a", "href"))
	require.Equal(t, http.StatusUnprocessableEntity, v.script("/messages?before=nonsense", "results").status)
	odd := v.get("/messages?range=custom&since=2026-01-02T00:00&until=2026-01-01T00:00")
	require.Equal(t, http.StatusUnprocessableEntity, odd.status)
	require.Contains(t, odd.words(".range-custom"), "the first before the second")
	require.Equal(t, "2026-01-02T00:00", odd.value("#filter-since", "value"))
}

func TestAnEndedSessionAsksToSignInAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	v.locale = "en"
	page := v.get("/messages")
	h.exec(`DELETE FROM sessions`)
	res := v.post("/messages/1/restart", page)
	require.Equal(t, http.StatusSeeOther, res.status)
	require.True(t, strings.HasPrefix(res.to(), "/login"), res.to())
	require.Contains(t, v.get("/login?notice=expired").words("main"), "Your session has ended")
}

func TestWithoutADatabaseThereIsAPageThatSaysSo(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	v.locale = "en"
	require.NoError(t, h.store.SQL().Close())
	p := v.get("/messages")
	require.Equal(t, http.StatusServiceUnavailable, p.status)
	require.Contains(t, p.words("h1"), "database")
	require.Equal(t, "/messages", p.value("main .acts a", "href"))
	require.NotContains(t, p.body, "sql:", "the cause is for the log")
}
