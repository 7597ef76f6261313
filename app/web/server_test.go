package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/replay"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry"
	"koodesk/app/web"
	"koodesk/app/web/api"
	"koodesk/app/web/callback"
	"koodesk/app/web/session"
	"koodesk/static"
)

type life struct{}

func (life) CheckChange(context.Context, *store.Reader, *store.Channel, *store.Instance, []market.ProductInfo) error {
	return nil
}
func (life) Release(context.Context, *store.Tx, *store.Instance, int64) error { return nil }

// door is the whole web part on a real listener.
type door struct {
	t     *testing.T
	store *store.Store
	web   *web.Server
	base  string
	ready error
}

func open(t *testing.T, change func(*web.Options)) *door {
	t.Helper()
	d := &door{t: t, store: storetest.Open(t)}
	storetest.Channel(t, d.store, "default", "")
	r := redistest.Open(t)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	people := signin.New(signin.Options{Store: d.store, Redis: r, Log: quiet, Cost: signin.Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1}})
	sessions, err := session.New(session.Options{SignIn: people, Sessions: d.store.Sessions(), PublicURL: "http://127.0.0.1", Log: quiet})
	require.NoError(t, err)
	in := intake.New(intake.Options{Store: d.store, Lifecycle: life{}, Dialects: []intake.Dialect{callback.Dialect{}, callback.DialectV1{}}, Log: quiet, Wake: func() {}})
	o := web.Options{
		Callback: callback.New(callback.Options{Intake: in, Replay: replay.New(r), Metrics: telemetry.New(), Log: quiet}),
		API:      api.New(api.Options{Store: d.store, Contents: in}), Sessions: sessions, Log: quiet,
		Console: consoleFor(t, d.store, people, sessions, in, quiet),
		Ready:   func(context.Context) error { return d.ready },
	}
	if change != nil {
		change(&o)
	}
	d.web = web.New(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- d.web.Serve(l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		require.NoError(t, d.web.Shutdown(5*time.Second))
		require.NoError(t, <-done)
	})
	d.base = "http://" + l.Addr().String()
	return d
}

type got struct {
	status int
	header http.Header
	body   string
}

func (d *door) do(method, path string, body io.Reader, header ...string) got {
	d.t.Helper()
	req, err := http.NewRequest(method, d.base+path, body)
	require.NoError(d.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	for n := 0; n < 20 && errors.Is(err, syscall.EPIPE); n++ { // a busy machine: the server had waited long enough for the rest of the body
		req.Body, err = req.GetBody()
		require.NoError(d.t, err)
		res, err = client.Do(req)
	}
	require.NoError(d.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(d.t, err)
	return got{res.StatusCode, res.Header, string(b)}
}

func TestBodiesOverOneMiB(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	big := bytes.Repeat([]byte("x"), callback.MaxBody+1)
	for range 5 { // the answer arrives although more is being sent
		require.Equal(t, 413, d.do(http.MethodPost, "/koogallery/default", bytes.NewReader(bytes.Repeat(big, 4)), "Content-Type", "application/json").status)
	}
	r := d.do(http.MethodPost, "/koogallery/default", bytes.NewReader(big), "Content-Type", "application/json")
	require.Equal(t, 413, r.status)
	require.JSONEq(t, `{"resultCode":"000002","resultMsg":"the body is larger than 1 MiB"}`, r.body)
	require.Eventually(t, func() bool { // 503 is said when the machine is too busy to answer in time
		r = d.do(http.MethodPost, "/koogallery/default", bytes.NewReader(big[1:]), "Content-Type", "application/json")
		return r.status != 503
	}, time.Minute, time.Millisecond)
	require.Equal(t, 200, r.status, "one MiB exactly is read")
	require.Equal(t, 413, d.do(http.MethodPost, "/api/v1/messages/restart", bytes.NewReader(big)).status)
	const accounts, bearer = "/api/v1/pools/crm/accounts", "Bearer kd_nobody"
	require.Equal(t, 401, d.do(http.MethodPost, accounts+"?x=1", bytes.NewReader(big), "Authorization", bearer).status, "imports may be larger")
	require.Equal(t, 413, d.do(http.MethodPost, accounts, bytes.NewReader(bytes.Repeat(big, 9)), "Authorization", bearer).status)
	const byHand, cookie = "/pools/crm/import", "koodesk=nobody"
	require.Equal(t, 413, d.do(http.MethodPost, byHand, bytes.NewReader(bytes.Repeat(big, 9)), "Cookie", cookie).status)
	require.NotEqual(t, 413, d.do(http.MethodPost, byHand, bytes.NewReader(big), "Cookie", cookie).status, "in the console too")
	require.Equal(t, 413, d.do(http.MethodPost, byHand, bytes.NewReader(big), "Cookie", "koodesk-pre=x").status)
	for _, path := range []string{accounts, byHand, "/pools/crm/accounts", "/api/v1/pools/crm"} {
		require.Equal(t, 413, d.do(http.MethodPost, path, bytes.NewReader(big)).status, path)
	}
}

// A V1.0 call is all address: whatever its parser takes is also read by the server,
// beside the headers that proxies add, and what it does not take gets an answer in
// V1.0's form.
func TestAQueryIsReadUpToTheLimitOfItsParser(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	call := func(length int) string {
		fields := map[string]string{"activity": "newInstance", "timeStamp": saas1.Stamp(time.Now()), "customerId": "c", "businessId": "b", "orderId": "CS1906666666ABCDE",
			"productId": "p", "testFlag": "1", "fieldOfNextYear": ""}
		size := len(unescapedToken(t, saas1.Sign(storetest.BasicKey, fields)))
		fields["fieldOfNextYear"] = strings.Repeat("x", length-size)
		return unescapedToken(t, saas1.Sign(storetest.BasicKey, fields))
	}
	for length, want := range map[int]string{saas1.MaxQuery: `"resultCode":"000000"`, saas1.MaxQuery + 1: `"resultCode":"000002"`} {
		query := call(length)
		require.Len(t, query, length)
		var r got
		require.Eventually(t, func() bool { // 503 is said when the machine is too busy to answer in time
			r = d.do(http.MethodGet, "/koogallery/default?"+query, nil, "X-Filler", strings.Repeat("y", 7<<10))
			return r.status != 503
		}, time.Minute, time.Millisecond)
		require.Equal(t, 200, r.status)
		require.Contains(t, r.body, want)
		require.NotEmpty(t, r.header.Get("Body-Sign"))
	}
}

// unescapedToken is a signed query whose token stands as it is, as in the
// published sample: its length does not depend on it.
func unescapedToken(t *testing.T, query string) string {
	t.Helper()
	rest, token, _ := strings.Cut(query, "&authToken=")
	token, err := url.QueryUnescape(token)
	require.NoError(t, err)
	return rest + "&authToken=" + token
}

func TestCompressedBodiesAreRefusedUnread(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	_, err := w.Write(make([]byte, 64<<20))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for path, status := range map[string]int{"/koogallery/default": 200, "/login": 422, "/api/v1/messages/restart": 400} {
		r := d.do(http.MethodPost, path, bytes.NewReader(small.Bytes()), "Content-Encoding", "gzip", "Content-Type", "application/json")
		require.Equal(t, status, r.status, path)
		require.Contains(t, r.body, "ontent-", path)
	}
	require.Contains(t, d.do(http.MethodPost, "/koogallery/default", bytes.NewReader(small.Bytes()), "Content-Encoding", "gzip").body, "000002")
}

func TestAMistypedCallbackAddressIsNotFound(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	r := d.do(http.MethodPost, "/koogallery/default/produceAPI/tenantSink", strings.NewReader("{}"))
	require.Equal(t, 404, r.status)
	require.Contains(t, r.body, "000002")
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, path := range []string{"/login", "/healthz", "/nowhere", "/api/v1/messages", "/api/v1/openapi.json", "/koogallery/default"} {
		h := d.do(http.MethodGet, path, nil).header
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'self'", path)
		require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe", path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", h.Get("X-Frame-Options"), path)
		require.Empty(t, h.Get("Strict-Transport-Security"), path)
	}
	https := open(t, func(o *web.Options) { o.HTTPS = true })
	require.NotEmpty(t, https.do(http.MethodGet, "/login", nil).header.Get("Strict-Transport-Security"))
}

func TestFilesAreCachedForEverUnderTheirHash(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	r := d.do(http.MethodGet, static.URL("css/console.css"), nil)
	require.Equal(t, 200, r.status)
	require.Contains(t, r.header.Get("Cache-Control"), "immutable")
	require.Equal(t, 304, d.do(http.MethodGet, static.URL("css/console.css"), nil, "If-None-Match", r.header.Get("ETag")).status)
	require.Equal(t, 404, d.do(http.MethodGet, "/static/css/../../go.mod", nil).status)
	require.Equal(t, 404, d.do(http.MethodGet, "/static/x/none.css", nil).status)
}

func TestProbes(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	require.Equal(t, 200, d.do(http.MethodGet, "/healthz", nil).status)
	require.Equal(t, 200, d.do(http.MethodGet, "/readyz", nil).status)
	d.ready = errors.New("redis: connection refused")
	r := d.do(http.MethodGet, "/readyz", nil)
	require.Equal(t, 503, r.status)
	require.Contains(t, r.body, "redis")
}

func TestTheCallersAddressIsReadPastTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	send := func(d *door, forwarded ...string) string {
		status := 503
		require.Eventually(t, func() bool { // 503 is said when the machine is too busy to answer in time
			req, err := http.NewRequest(http.MethodPost, d.base+"/koogallery/default", strings.NewReader("{}"))
			require.NoError(t, err)
			req.Header["X-Forwarded-For"] = forwarded
			req.Header.Set("X-Koodesk-Client", "6.6.6.6")
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			status = res.StatusCode
			return status != 503
		}, time.Minute, time.Millisecond)
		require.Equal(t, 200, status)
		var ip string
		require.NoError(t, d.store.SQL().QueryRow(`SELECT host(remote_ip) FROM attempts ORDER BY id DESC LIMIT 1`).Scan(&ip))
		return ip
	}
	require.Equal(t, "127.0.0.1", send(open(t, nil), "203.0.113.9"))
	d := open(t, func(o *web.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	require.Equal(t, "203.0.113.9", send(d, "1.1.1.1, 203.0.113.9, 10.1.2.3"))
	require.Equal(t, "127.0.0.1", send(d, "not an address"))
	require.Equal(t, "203.0.113.10", send(d, "6.6.6.6", "203.0.113.10"), "a proxy that adds a line of its own")
}

func TestFormsOfRefusal(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	require.Equal(t, "application/problem+json", d.do(http.MethodGet, "/api/v1/messages", nil).header.Get("Content-Type"))
	require.Equal(t, 401, d.do(http.MethodGet, "/api/v1/messages", nil).status)
	require.Equal(t, 404, d.do(http.MethodGet, "/api/v1/coffee", nil).status)
	page := d.do(http.MethodGet, "/nowhere", nil)
	require.Equal(t, 404, page.status)
	require.Contains(t, page.header.Get("Content-Type"), "text/html")
	away := d.do(http.MethodGet, "/messages", nil)
	require.Contains(t, []int{302, 303}, away.status)
	require.True(t, strings.HasPrefix(away.header.Get("Location"), "/login"))
}

// Whatever changes something is refused without a session, and the table says
// who may: nothing that changes may be open to everybody but signing in.
func TestTheTableOfRoutes(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	for _, r := range d.web.Routes() {
		if r.Method == http.MethodGet {
			require.False(t, strings.HasSuffix(r.Path, "/restart"), r.Path)
			continue
		}
		if r.Permission == staff.Public {
			require.Contains(t, []string{"/login", "/logout", "/preferences"}, r.Path)
			continue
		}
		require.NotEqual(t, fault.Code(""), r.Permission)
		path := strings.NewReplacer(":id", "1", ":instance_id", "x").Replace(r.Path)
		res := d.do(r.Method, path, strings.NewReader(""), "Content-Type", "application/x-www-form-urlencoded")
		require.Contains(t, []int{302, 303, 401, 403}, res.status, "%s %s", r.Method, r.Path)
	}
}

// Who may change something is written out here a second time: a wrong permission
// in the tables of routes, or a permission given to the wrong role, shows.
func TestWhoMayChangeWhat(t *testing.T) {
	t.Parallel()
	own := []string{"/login", "/logout", "/preferences", "/account/password", "/alerts/targets"}           // one's own settings
	looks := []string{"/preview", "/frame"}                                                                // changes nothing
	rules := []string{"/channels", "/products", "/templates", "/customers/erase", "/api/v1/alert-targets"} // as the house works
	rule := func(path string) bool {
		if strings.Contains(path, "event-targets") || strings.Contains(path, "/events/targets") {
			return !strings.HasSuffix(path, "/test")
		}
		return slices.ContainsFunc(rules, func(r string) bool {
			return strings.HasPrefix(strings.TrimPrefix(path, "/api/v1"), r) || strings.HasPrefix(path, r)
		})
	}
	changing := 0
	for _, r := range open(t, nil).web.Routes() {
		if r.Method == http.MethodGet || strings.HasPrefix(r.Path, "/koogallery/") {
			continue
		}
		changing++
		want := staff.Operator
		switch {
		case slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(r.Path, p) }),
			slices.ContainsFunc(looks, func(p string) bool { return strings.HasSuffix(r.Path, p) }):
			want = staff.Viewer
		case rule(r.Path):
			want = staff.Admin
		}
		for _, role := range staff.Roles() {
			if role.May(r.Permission) {
				require.Equal(t, want, role, "%s %s is open from this role on", r.Method, r.Path)
				break
			}
		}
	}
	require.Greater(t, changing, 90)
}

// Told to stop before it has begun, a server does not serve for ever.
func TestAServerThatIsStoppedAtOnceEnds(t *testing.T) {
	t.Parallel()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		s := web.New(web.Options{Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler)})
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(l) }()
		require.NoError(t, s.Shutdown(time.Second))
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Fatal("it still serves")
		}
	}
}
