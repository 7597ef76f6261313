package webhook_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/webhook"
)

var loopback = webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

// receiver is a seller's product at a real listener.
func receiver(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, o webhook.Options) *webhook.Client {
	t.Helper()
	if !o.Allow.Any() {
		o.Allow = loopback
	}
	c := webhook.NewClient(o)
	t.Cleanup(c.Close)
	return c
}

func post(c *webhook.Client, url string) (webhook.Answer, *fault.Error) {
	a, err := c.Post(context.Background(), webhook.Target{URL: url, Secrets: []string{plain}}, "msg_1", time.Now(), []byte(`{"type":"x"}`))
	return a, fault.From(err)
}

func TestAMessageArrivesSignedAndTheAnswerComesBack(t *testing.T) {
	t.Parallel()
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if webhook.Verify(r.Header, body, time.Now(), plain) != nil || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	a, f := post(client(t, webhook.Options{}), url+"/hook?tenant=7")
	require.Nil(t, f)
	require.True(t, a.OK())
	require.Equal(t, `{"ok":true}`, string(a.Body))
	require.Positive(t, a.Duration)
}

func TestWhatGoesWrongIsNamed(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	status := func(n int, header ...string) string {
		return receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if len(header) > 0 {
				w.Header().Set(header[0], header[1])
			}
			w.WriteHeader(n)
			_, _ = io.WriteString(w, "because")
		})
	}
	for name, c := range map[string]struct {
		url   string
		key   string
		retry fault.Retry
	}{
		"not trusted":      {secure.URL, "webhook.certificate", fault.Retry{}},
		"no TLS there":     {"https" + strings.TrimPrefix(status(200), "http"), "webhook.certificate", fault.Retry{}},
		"nobody there":     {"http://" + closed.Addr().String(), "webhook.unreachable", fault.Retry{}},
		"no such name":     {"https://koodesk.invalid/", "webhook.unreachable", fault.Retry{}},
		"an error":         {status(500), "webhook.status", fault.Retry{}},
		"a refusal":        {status(409), "webhook.status", fault.Retry{}},
		"slow down":        {status(429, "Retry-After", "120"), "webhook.status", fault.Retry{After: 2 * time.Minute}},
		"slow down much":   {status(503, "Retry-After", "99999999999"), "webhook.status", fault.Retry{After: time.Hour}},
		"a day":            {status(503, "Retry-After", "86400"), "webhook.status", fault.Retry{After: time.Hour}},
		"gone":             {status(410), "webhook.gone", fault.Retry{Never: true}},
		"private":          {"https://192.168.7.7/", "webhook.address_refused", fault.Retry{Never: true}},
		"no address":       {"ftp://x/", "webhook.bad_url", fault.Retry{Never: true}},
		"half an answer":   {receiver(t, cutOff), "webhook.connection_lost", fault.Retry{}},
		"no answer at all": {receiver(t, hangUp), "webhook.connection_lost", fault.Retry{}},
	} {
		a, f := post(client(t, webhook.Options{Timeout: 5 * time.Second}), c.url)
		require.NotNil(t, f, name)
		require.Equal(t, c.key, f.Key, "%s: %v", name, f)
		require.Equal(t, c.retry, f.Retry, name)
		if f.Key == "webhook.status" {
			require.Equal(t, "because", string(a.Body), "what was said is kept")
		}
	}

	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	a, f := post(client(t, webhook.Options{RootCAs: roots}), secure.URL)
	require.Equal(t, "webhook.status", f.Key)
	require.Equal(t, 404, a.Status, "with the right certificate it is reached")
}

// A receiver's redirect is a failure with a name of its own, whatever its kind and
// wherever it leads: an address behind it has been checked by nobody.
func TestARedirectOfAReceiverIsNotFollowed(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	trap := receiver(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	for _, to := range []string{trap, "http://169.254.169.254/latest/meta-data/", "/elsewhere"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			var calls atomic.Int64
			url := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", to)
				w.WriteHeader(status)
			})
			_, f := post(client(t, webhook.Options{Timeout: 5 * time.Second}), url)
			require.NotNil(t, f, "%d to %s", status, to)
			require.Equal(t, "webhook.redirect", f.Key, "%d to %s", status, to)
			require.EqualValues(t, 1, calls.Load(), "%d to %s", status, to)
		}
	}
	require.False(t, followed.Load())
}

// cutOff promises more than it sends.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "half")
}

func hangUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestANameThatLeadsToThisMachineIsRefusedWhenItIsDialled(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	strict := webhook.NewClient(webhook.Options{})
	t.Cleanup(strict.Close)
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"} {
		_, f := post(strict, "https://"+host+":"+port+"/")
		require.Equal(t, "webhook.address_refused", f.Key, host)
	}
	for _, host := range []string{"2130706433", "0x7f000001", "127.1", "0177.0.0.1"} { // forms that some resolvers take for addresses
		_, f := post(strict, "https://"+host+":"+port+"/")
		require.Contains(t, []string{"webhook.address_refused", "webhook.unreachable"}, f.Key, host)
	}
	require.False(t, reached.Load())
	named := client(t, webhook.Options{Allow: webhook.Allow{Hosts: []string{"localhost"}}})
	_, f := post(named, "https://localhost:"+port+"/")
	require.Equal(t, "webhook.certificate", f.Key, "a listed name is dialled")
}

func TestASlowTargetIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	silent := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	})
	drip := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-release
	})
	t.Cleanup(func() { close(release) }) // before the servers close, which wait for it
	for _, url := range []string{silent, drip} {
		_, f := post(client(t, webhook.Options{Timeout: 100 * time.Millisecond}), url)
		require.Equal(t, "webhook.timeout", f.Key)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client(t, webhook.Options{}).Post(ctx, webhook.Target{URL: silent}, "msg_1", time.Now(), nil)
	require.Contains(t, []string{"webhook.interrupted"}, fault.From(err).Key)
}

func TestAnEndlessAnswerIsReadOnlySoFar(t *testing.T) {
	t.Parallel()
	url := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<12)); err != nil {
				return
			}
		}
	})
	a, f := post(client(t, webhook.Options{}), url)
	require.Nil(t, f)
	require.Len(t, a.Body, 64<<10)
	require.True(t, a.Cut)
}

func TestATargetThatFailsAgainAndAgainIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	var calls atomic.Int64
	broken.Store(true)
	url := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if broken.Load() {
			w.WriteHeader(500)
		}
	})
	other := receiver(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, webhook.Options{Trip: 3, Cooldown: 300 * time.Millisecond})
	for range 3 {
		_, f := post(c, url)
		require.Equal(t, "webhook.status", f.Key)
	}
	_, f := post(c, url)
	require.Equal(t, "webhook.breaker_open", f.Key)
	require.GreaterOrEqual(t, f.Retry.After, time.Second)
	_, f = post(c, url+"?another=query")
	require.Equal(t, "webhook.breaker_open", f.Key, "the query makes no other target")
	require.EqualValues(t, 3, calls.Load())
	_, f = post(c, other)
	require.Nil(t, f, "other targets are not affected")
	broken.Store(false)
	require.Eventually(t, func() bool { _, f := post(c, url); return f == nil }, time.Minute, 50*time.Millisecond)
	_, f = post(c, url)
	require.Nil(t, f, "closed again")
}

func TestARefusalOpensNoBreaker(t *testing.T) {
	t.Parallel()
	url := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(409) })
	c := client(t, webhook.Options{Trip: 2})
	for range 10 {
		_, f := post(c, url)
		require.Equal(t, "webhook.status", f.Key)
	}
}

// What its sender holds back in the last moment says nothing about the target.
func TestAMessageThatMayNotLeaveIsNotPosted(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	url := receiver(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	c := client(t, webhook.Options{AtOnce: 1, Trip: 1, Patience: 10 * time.Second})
	for range 2 {
		a, err := c.Post(t.Context(), webhook.Target{URL: url, Leaving: func(context.Context) error { return fault.New(fault.Conflict, "task.lease_lost") }}, "msg_1", time.Now(), nil)
		require.Equal(t, "task.lease_lost", fault.From(err).Key)
		require.False(t, a.Left)
	}
	require.Zero(t, reached.Load())
	_, f := post(c, url)
	require.Nil(t, f)
}

func TestOneTargetGetsOnlySoManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	release, entered := make(chan struct{}), make(chan struct{}, 100)
	slow := receiver(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		entered <- struct{}{}
		<-release
	})
	fast := receiver(t, func(http.ResponseWriter, *http.Request) {})
	c := client(t, webhook.Options{AtOnce: 2, Patience: 50 * time.Millisecond})
	var busy, done atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, f := post(c, slow); {
			case f == nil:
				done.Add(1)
			case f.Key == "webhook.busy" && f.Retry.Free && f.Retry.After > 0:
				busy.Add(1)
			}
		})
	}
	<-entered
	<-entered
	_, f := post(c, fast)
	require.Nil(t, f, "a slow target holds up no other")
	_, err := c.Post(t.Context(), webhook.Target{URL: slow, Leaving: func(context.Context) error { t.Error("it has no place yet"); return nil }}, "msg_1", time.Now(), nil)
	require.Equal(t, "webhook.busy", fault.From(err).Key)
	require.Eventually(t, func() bool { return busy.Load() == 6 }, time.Minute, 10*time.Millisecond)
	close(release)
	wg.Wait()
	require.EqualValues(t, 2, done.Load())
	require.EqualValues(t, 2, most.Load())
}
