package session_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/web/session"
)

const password = "a sentence of my own"

// site is a small console behind the session's middlewares.
type site struct {
	t      *testing.T
	store  *store.Store
	signin *signin.SignIn
	m      *session.Manager
	url    string
	done   int // writes that went through
}

func open(t *testing.T, o session.Options) *site {
	t.Helper()
	s := &site{t: t, store: storetest.Open(t)}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	s.signin = signin.New(signin.Options{Store: s.store, Log: log, Cost: signin.Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1}})
	for _, role := range staff.Roles() {
		_, err := s.signin.AddOperator(context.Background(), signin.NewOperator{Email: string(role) + "@example.com", Role: role, Password: password}, staff.CLI())
		require.NoError(t, err)
	}
	o.SignIn, o.Sessions, o.Log = s.signin, s.store.Sessions(), log
	if o.PublicURL == "" {
		o.PublicURL = "http://koodesk.example.com"
	}
	s.m, err = session.New(o)
	require.NoError(t, err)
	s.serve()
	return s
}

func (s *site) serve() {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		f := fault.From(err)
		if f.Code == fault.Internal {
			s.t.Error(err)
		}
		return c.Status(map[fault.Code]int{fault.Unauthenticated: 401, fault.Forbidden: 403, fault.RateLimited: 429}[f.Code]).SendString(f.Key)
	}})
	write := func(c *fiber.Ctx) error { s.done++; return c.SendString("done") }
	app.Post("/api/write", s.m.Bearer, s.m.Require(staff.MessagesRestart), write)
	pages := app.Group("/", s.m.Load, s.m.CSRF)
	pages.Get("/form", s.m.Require(staff.Public), func(c *fiber.Ctx) error {
		token, err := session.CSRFToken(c)
		if err != nil {
			return err
		}
		return c.SendString(token)
	})
	pages.Post("/login", s.m.Require(staff.Public), func(c *fiber.Ctx) error {
		e, err := s.signin.SignIn(c.UserContext(), c.FormValue("email"), c.FormValue("password"), c.IP())
		if err != nil {
			return err
		}
		if err := s.m.SignIn(c, e); err != nil {
			return err
		}
		session.Put(c, "flash", "welcome")
		return c.SendString("in")
	})
	pages.Post("/logout", s.m.Require(staff.Public), s.m.SignOut)
	pages.Post("/password", s.m.Require(staff.SignedIn), func(c *fiber.Ctx) error {
		epoch, err := s.signin.ChangePassword(c.UserContext(), session.Of(c).Person.ID, c.FormValue("current"), c.FormValue("next"), c.IP())
		if err != nil {
			return err
		}
		return s.m.PasswordChanged(c, epoch)
	})
	pages.Get("/who", s.m.Require(staff.Public), func(c *fiber.Ctx) error {
		text := session.Of(c).Actor.Name + "|" + session.Take(c, "flash")
		if session.Expired(c) {
			text += "|expired"
		}
		return c.SendString(text)
	})
	pages.Get("/locale", s.m.Require(staff.Public), func(c *fiber.Ctx) error { return c.SendString(string(s.m.Locale(c))) })
	pages.Post("/locale", s.m.Require(staff.Public), func(c *fiber.Ctx) error { s.m.SetLocale(c, i18n.En); return nil })
	pages.Get("/read", s.m.Require(staff.MessagesRead), func(c *fiber.Ctx) error { return c.SendString("read") })
	pages.Post("/write", s.m.Require(staff.MessagesRestart), write)
	pages.Get("/audit", s.m.Require(staff.AuditRead), write)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	end := make(chan error, 1)
	go func() { end <- app.Listener(l) }()
	s.t.Cleanup(func() {
		require.NoError(s.t, app.Shutdown())
		require.NoError(s.t, <-end)
	})
	s.url = "http://" + l.Addr().String()
}

// browser keeps cookies by hand, so that tests see and change them.
type browser struct {
	s       *site
	cookies map[string]string
	set     []*http.Cookie // of the last answer
}

func (s *site) browser() *browser { return &browser{s: s, cookies: map[string]string{}} }

func (b *browser) do(method, path string, form url.Values, header ...string) (int, string) {
	b.s.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, b.s.url+path, body)
	require.NoError(b.s.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(b.s.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.s.t, err)
	b.set = res.Cookies()
	for _, c := range b.set {
		if c.Expires.Before(time.Now()) || c.Value == "" {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return res.StatusCode, string(text)
}

func (b *browser) get(path string) string {
	b.s.t.Helper()
	_, text := b.do("GET", path, nil)
	return text
}

// post sends a form with a fresh token.
func (b *browser) post(path string, kv ...string) (int, string) {
	b.s.t.Helper()
	form := url.Values{session.CSRFField: {b.get("/form")}}
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	return b.do("POST", path, form)
}

func (b *browser) login(role staff.Role) *browser {
	b.s.t.Helper()
	status, text := b.post("/login", "email", string(role)+"@example.com", "password", password)
	require.Equal(b.s.t, 200, status, text)
	return b
}

func TestFromTheDoorAndBack(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	b := s.browser()
	require.Equal(t, "|", b.get("/who"))
	status, text := b.do("GET", "/read", nil)
	require.Equal(t, []any{401, "session.needed"}, []any{status, text})
	b.login(staff.Operator)
	require.Equal(t, "operator:operator@example.com|welcome", b.get("/who"))
	require.Equal(t, "operator:operator@example.com|", b.get("/who"), "said once")
	require.Equal(t, "read", b.get("/read"))
	token := b.cookies["koodesk"]
	status, _ = b.post("/logout")
	require.Equal(t, 200, status)
	require.NotContains(t, b.cookies, "koodesk")
	b.cookies["koodesk"] = token
	require.Equal(t, "||expired", b.get("/who"), "the old token opens nothing")
	require.NotContains(t, b.cookies, "koodesk", "and is taken away")
	var sessions int
	require.NoError(t, s.store.SQL().QueryRow(`SELECT count(*) FROM sessions`).Scan(&sessions))
	require.Zero(t, sessions)
}

func TestVisitorsLeaveNothingInTheDatabase(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	for range 3 {
		b := s.browser()
		b.get("/form")
		b.post("/login", "email", "x@example.com", "password", "wrong")
	}
	var sessions int
	require.NoError(t, s.store.SQL().QueryRow(`SELECT count(*) FROM sessions`).Scan(&sessions))
	require.Zero(t, sessions)
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, name string
		secure    bool
	}{{"http://127.0.0.1:8080", "koodesk", false}, {"https://koodesk.example.com", "__Host-koodesk", true}} {
		s := open(t, session.Options{PublicURL: c.url})
		b := s.browser().login(staff.Viewer)
		found := false
		for _, k := range b.set {
			if k.Name != c.name {
				continue
			}
			found = true
			require.Equal(t, c.secure, k.Secure)
			require.True(t, k.HttpOnly)
			require.Equal(t, http.SameSiteLaxMode, k.SameSite)
			require.Equal(t, "/", k.Path)
			require.Empty(t, k.Domain)
			require.Len(t, k.Value, 43)
			require.WithinDuration(t, time.Now().Add(2*time.Hour), k.Expires, time.Minute)
		}
		require.True(t, found, c.name)
	}
}

// TestTokensChange: nobody who knew a token before has what it may after.
func TestTokensChange(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	b := s.browser()
	b.cookies["koodesk"] = "a-token-that-somebody-planted-in-the-browser"
	b.login(staff.Operator)
	first := b.cookies["koodesk"]
	require.NotEqual(t, "a-token-that-somebody-planted-in-the-browser", first)

	other := s.browser().login(staff.Operator)
	status, text := b.post("/password", "current", password, "next", "another sentence")
	require.Equal(t, 200, status, text)
	second := b.cookies["koodesk"]
	require.NotEqual(t, first, second)
	require.Equal(t, "operator:operator@example.com|welcome", b.get("/who"), "this session goes on")
	require.Equal(t, "||expired", other.get("/who"), "the others are over")
	old := s.browser()
	old.cookies["koodesk"] = first
	require.Equal(t, "||expired", old.get("/who"))

	_, err := s.store.SQL().Exec(`UPDATE operators SET role = 'admin' WHERE email = 'operator@example.com'`)
	require.NoError(t, err)
	status, _ = b.do("GET", "/audit", nil)
	require.Equal(t, 200, status, "another role counts at once")
	require.NotEqual(t, second, b.cookies["koodesk"])
	_, err = s.store.SQL().Exec(`UPDATE operators SET disabled_at = now() WHERE email = 'operator@example.com'`)
	require.NoError(t, err)
	require.Equal(t, "||expired", b.get("/who"))
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{Idle: time.Hour, Absolute: 3 * time.Hour})
	b := s.browser().login(staff.Viewer)
	at := func() (idle time.Duration) {
		var seconds float64
		require.NoError(t, s.store.SQL().QueryRow(`SELECT extract(epoch FROM expires_at - now()) FROM sessions`).Scan(&seconds))
		return time.Duration(seconds * float64(time.Second))
	}
	require.InDelta(t, time.Hour, at(), float64(time.Minute))
	_, err := s.store.SQL().Exec(`UPDATE sessions SET expires_at = now() + interval '1 minute'`)
	require.NoError(t, err)
	require.Equal(t, "read", b.get("/read"))
	require.Less(t, at(), 2*time.Minute, "not written back with every request")
	_, err = s.store.SQL().Exec(`UPDATE sessions SET expires_at = now() - interval '1 second'`)
	require.NoError(t, err)
	require.Equal(t, "||expired", b.get("/who"))

	short := open(t, session.Options{Idle: time.Hour, Absolute: 30 * time.Minute})
	short.browser().login(staff.Viewer)
	s = short
	require.InDelta(t, 30*time.Minute, at(), float64(time.Minute), "the absolute limit stands")
}

func TestForgedRequests(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	b := s.browser().login(staff.Operator)
	other := s.browser().login(staff.Admin)
	visitor := s.browser()
	foreign, anonymous := other.get("/form"), visitor.get("/form")
	good := b.get("/form")
	require.NotEqual(t, good, b.get("/form"), "padded anew each time")
	for _, c := range []struct {
		name   string
		token  string
		header []string
		want   string
	}{
		{"the token", good, nil, "done"},
		{"from the same origin", good, []string{"Sec-Fetch-Site", "same-origin", "Origin", s.url}, "done"},
		{"from the public address", good, []string{"Origin", "http://koodesk.example.com"}, "done"},
		{"no token", "", nil, "session.csrf_expired"},
		{"another session's", foreign, nil, "session.csrf_expired"},
		{"a visitor's", anonymous, nil, "session.csrf_expired"},
		{"cut", good[:40], nil, "session.csrf_expired"},
		{"zeroes", strings.Repeat("A", len(good)), nil, "session.csrf_expired"},
		{"from another site", good, []string{"Sec-Fetch-Site", "cross-site"}, "session.foreign_origin"},
		{"from a neighbour", good, []string{"Sec-Fetch-Site", "same-site"}, "session.foreign_origin"},
		{"from another origin", good, []string{"Origin", "https://evil.example.com"}, "session.foreign_origin"},
		{"from nowhere", good, []string{"Origin", "null"}, "session.foreign_origin"},
	} {
		before := s.done
		_, text := b.do("POST", "/write", url.Values{session.CSRFField: {c.token}}, c.header...)
		require.Equal(t, c.want, text, c.name)
		_, text = b.do("POST", "/write", nil, append([]string{session.CSRFHeader, c.token}, c.header...)...)
		require.Equal(t, c.want, text, c.name)
		if c.want != "done" {
			require.Equal(t, before, s.done, c.name)
		}
	}
	// The login itself cannot be forged either.
	status, text := s.browser().do("POST", "/login", url.Values{"email": {"operator@example.com"}, "password": {password}})
	require.Equal(t, []any{403, "session.csrf_expired"}, []any{status, text})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	for role, want := range map[staff.Role][3]int{staff.Viewer: {200, 403, 403}, staff.Operator: {200, 200, 403}, staff.Admin: {200, 200, 200}} {
		b := s.browser().login(role)
		read, _ := b.do("GET", "/read", nil)
		write, _ := b.post("/write")
		audit, _ := b.do("GET", "/audit", nil)
		require.Equal(t, want, [3]int{read, write, audit}, role)
	}
	status, text := s.browser().post("/write")
	require.Equal(t, []any{401, "session.needed"}, []any{status, text})
}

// TestOneTimePassword: whoever was given a password sets their own first.
func TestOneTimePassword(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	added, err := s.signin.AddOperator(context.Background(), signin.NewOperator{Email: "new@example.com", Role: staff.Admin}, staff.CLI())
	require.NoError(t, err)
	b := s.browser()
	status, _ := b.post("/login", "email", "new@example.com", "password", added.OneTime)
	require.Equal(t, 200, status)
	status, text := b.do("GET", "/read", nil)
	require.Equal(t, []any{403, "password.must_change"}, []any{status, text})
	status, text = b.post("/password", "current", added.OneTime, "next", password)
	require.Equal(t, 200, status, text)
	require.Equal(t, "read", b.get("/read"))
}

// TestAPIKnowsNoCookies: a browser's session is nobody there, and a token needs
// no form.
func TestAPIKnowsNoCookies(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	b := s.browser().login(staff.Admin)
	status, text := b.do("POST", "/api/write", url.Values{session.CSRFField: {b.get("/form")}})
	require.Equal(t, []any{401, "token.missing"}, []any{status, text})
	token, err := s.signin.CreateToken(context.Background(), "ci", staff.Operator, staff.CLI())
	require.NoError(t, err)
	_, text = s.browser().do("POST", "/api/write", nil, "Authorization", "bearer "+token)
	require.Equal(t, "done", text)
	status, _ = s.browser().do("GET", "/read", nil, "Authorization", "Bearer "+token)
	require.Equal(t, 401, status, "and pages know no tokens")
}

func TestLocale(t *testing.T) {
	t.Parallel()
	s := open(t, session.Options{})
	b := s.browser()
	_, text := b.do("GET", "/locale", nil, "Accept-Language", "en")
	require.Equal(t, "en", text)
	b.login(staff.Viewer)
	_, text = b.do("GET", "/locale", nil, "Accept-Language", "en")
	require.Equal(t, "zh-CN", text, "the operator's")
	b.post("/locale")
	require.Equal(t, "en", b.get("/locale"), "the browser's")
}
