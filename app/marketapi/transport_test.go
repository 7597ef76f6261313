package marketapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestTemporaryFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	good := reply200(fixture(t, "order-period.json"))
	for _, c := range []struct {
		name  string
		first http.HandlerFunc
	}{
		{"internal error", replyWith(500, "application/json", `{"resultCode":"MKT.0999"}`)},
		{"gateway down", replyWith(502, "text/html", "bad gateway")},
		{"dropped before the answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"dropped within the body", cutOff(`{"resultCode":"MKT.0000"`)},
		{"too slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTLSServer(t, answers(c.first, good))
			client := s.client(t, func(o *Options) { o.AttemptTimeout = 500 * time.Millisecond })
			_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
			require.NoError(t, err)
			require.GreaterOrEqual(t, s.calls.Load(), int64(2))
		})
	}
}

func TestLastingFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		patient time.Duration // of an attempt
		key     string
	}{
		{"always dropped", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, time.Minute, "connection_lost"},
		{"always cut off", cutOff("{"), time.Minute, "connection_lost"},
		{"always slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 200 * time.Millisecond, "timeout"},
		{"slow within the body", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, 200 * time.Millisecond, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTLSServer(t, c.answer)
			client := s.client(t, func(o *Options) { o.AttemptTimeout, o.Attempts = c.patient, 2 })
			_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "SECRETORDER", "")
			f := fault.From(err)
			require.Equal(t, "order_query."+c.key, f.Key)
			require.Equal(t, fault.Unavailable, f.Code)
			require.Equal(t, fault.Retry{}, f.Retry)
			require.Contains(t, FaultKeys(), f.Key)
			require.NotContains(t, f.Error(), "SECRETORDER", "addresses stay out of logs")
		})
	}
}

func TestTotalTimeAndCancelBoundTheRetries(t *testing.T) {
	t.Parallel()
	s := newTLSServer(t, replyWith(500, "application/json", `{"resultCode":"MKT.0999"}`))
	client := s.client(t, func(o *Options) { o.BackOff = time.Hour; o.TotalTimeout = time.Minute })
	_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "A", "")
	require.Equal(t, "order_query.system_error", fault.From(err).Key, "no time for another attempt: the real failure is told")
	require.EqualValues(t, 1, s.calls.Load())

	entered := make(chan struct{})
	slow := newTLSServer(t, func(_ http.ResponseWriter, r *http.Request) { close(entered); <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, _, err = slow.client(t, nil).QueryOrder(ctx, slow.URL, testCred, "A", "")
	require.Equal(t, "order_query.interrupted", fault.From(err).Key)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 1, slow.calls.Load())
}

func TestBackOffGrowsAndIsSpread(t *testing.T) {
	t.Parallel()
	c := New(Options{BackOff: 100 * time.Millisecond})
	for attempt, middle := range map[int]time.Duration{1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond} {
		seen := map[time.Duration]bool{}
		for range 200 {
			d := c.backOff(attempt)
			require.GreaterOrEqual(t, d, middle/2)
			require.Less(t, d, middle+middle/2)
			seen[d] = true
		}
		require.Greater(t, len(seen), 100)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	target := newTLSServer(t, reply200(fixture(t, "order-period.json")))
	s := newTLSServer(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+r.URL.RequestURI(), http.StatusFound)
	})
	_, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
	require.Equal(t, "order_query.redirected", fault.From(err).Key)
	require.Zero(t, target.calls.Load())
}

func TestHugeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	body := `{"resultCode":"MKT.0000","resultMsg":"` + strings.Repeat("x", 1<<20) + `"}`
	s := newTLSServer(t, replyWith(200, "application/json", body))
	_, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "A", "")
	f := fault.From(err)
	require.Equal(t, "order_query.answer_too_large", f.Key)
	require.Equal(t, "1048576", f.Args["limit"])
	require.EqualValues(t, 1, s.calls.Load())
}

func TestCertificatesAreVerified(t *testing.T) {
	t.Parallel()
	s := newTLSServer(t, reply200(fixture(t, "order-period.json")))
	for name, call := range map[string]struct {
		client *Client
		url    string
	}{
		"unknown authority": {s.client(t, func(o *Options) { o.RootCAs = x509.NewCertPool() }), s.URL},
		"another name":      {s.client(t, nil), strings.Replace(s.URL, "127.0.0.1", "localhost", 1)},
	} {
		_, _, err := call.client.QueryOrder(t.Context(), call.url, testCred, "MOCKPERIODYEARNEW", "")
		require.Equal(t, "order_query.certificate", fault.From(err).Key, name)
	}
	require.Zero(t, s.calls.Load())
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	client := (&tlsServer{Server: s}).client(t, func(o *Options) { o.Attempts = 1 })
	_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "A", "")
	require.Equal(t, "order_query.unreachable", fault.From(err).Key)
	require.ErrorContains(t, err, "protocol version")
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			reply200(fixture(t, "order-period.json"))(w, r)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	client := (&tlsServer{Server: s}).client(t, nil)
	_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
	require.NoError(t, err)
}

// deadAddress is host and port where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestFallbackHost(t *testing.T) {
	t.Parallel()
	s := newTLSServer(t, reply200(fixture(t, "order-period.json")))
	dead := deadAddress(t)
	alive := strings.TrimPrefix(s.URL, "https://")

	client := s.client(t, func(o *Options) { o.Fallbacks = map[string]string{dead: alive} })
	_, _, err := client.QueryOrder(t.Context(), "https://"+dead, testCred, "MOCKPERIODYEARNEW", "")
	require.NoError(t, err)
	require.EqualValues(t, 1, s.calls.Load(), "signed anew for the other host, without waiting")

	client = s.client(t, func(o *Options) { o.Fallbacks = map[string]string{dead: dead} })
	_, _, err = client.QueryOrder(t.Context(), "https://"+dead, testCred, "MOCKPERIODYEARNEW", "")
	require.Equal(t, "order_query.unreachable", fault.From(err).Key)
}

func TestFallbackIsOnlyForTheUnreachable(t *testing.T) {
	t.Parallel()
	other := newTLSServer(t, reply200(fixture(t, "order-period.json")))
	s := newTLSServer(t, replyWith(401, "application/json", `{"resultCode":"MKT.0151"}`))
	client := s.client(t, func(o *Options) {
		o.Fallbacks = map[string]string{strings.TrimPrefix(s.URL, "https://"): strings.TrimPrefix(other.URL, "https://")}
	})
	_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
	require.Equal(t, "order_query.not_authorised", fault.From(err).Key)
	require.Zero(t, other.calls.Load())
	require.Equal(t, "mkt.myhuaweicloud.cn", New(Options{}).opt.Fallbacks["mkt.myhuaweicloud.com"])
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://mkt.myhuaweicloud.com":      true,
		"https://mkt-intl.myhuaweicloud.com": true,
		"https://proxy.example.com/huawei":   true,
		"http://127.0.0.1:8081":              true,
		"http://[::1]:8081":                  true,
		"http://localhost":                   true,
		"http://mkt.myhuaweicloud.com":       false,
		"http://10.0.0.1":                    false,
		"http://127.0.0.1.example.com":       false,
		"http://localhost.example.com":       false,
		"ftp://mkt.myhuaweicloud.com":        false,
		"https://user:pw@example.com":        false,
		"https://example.com?x=1":            false,
		"mkt.myhuaweicloud.com":              false,
		"https://":                           false,
		"https://a b":                        false,
		"":                                   false,
	} {
		_, err := parseBase(opOrderQuery, address)
		if ok {
			require.NoError(t, err, address)
			continue
		}
		f := fault.From(err)
		require.Equal(t, "order_query.bad_address", f.Key, address)
		require.True(t, f.Retry.Never)
		require.NotContains(t, f.Error(), "pw@")
	}
}

func TestPlainHTTPToLoopback(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(reply200(fixture(t, "order-period.json")))
	t.Cleanup(s.Close)
	c := New(Options{})
	t.Cleanup(c.Close)
	_, _, err := c.QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
	require.NoError(t, err)
}

func TestNothingIsSentWithoutCredentialsOrOrder(t *testing.T) {
	t.Parallel()
	s := newTLSServer(t, reply200(nil))
	c := s.client(t, nil)
	_, _, err := c.QueryOrder(t.Context(), s.URL, Credentials{AK: "only"}, "A", "")
	require.Equal(t, "order_query.no_credentials", fault.From(err).Key)
	_, _, err = c.QueryOrder(t.Context(), s.URL, testCred, "", "")
	require.Equal(t, "order_query.no_order_id", fault.From(err).Key)
	require.Zero(t, s.calls.Load())
}
