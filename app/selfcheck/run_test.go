package selfcheck_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/selfcheck"
)

const key = "11111111-2222-3333-4444-555555555555"

// seller is a production address that answers every call in its own way.
type seller struct {
	calls atomic.Int64
	serve func(w http.ResponseWriter, n int64)
}

func (s *seller) ServeHTTP(w http.ResponseWriter, _ *http.Request) { s.serve(w, s.calls.Add(1)) }

const right = `{"resultCode":"000000","resultMsg":"success."}`

// answer writes a body with a content type and a Body-Sign, spelled as given.
func answer(w http.ResponseWriter, kind, spelled, signed, body string) {
	w.Header().Set("Content-Type", kind)
	w.Header()[spelled] = []string{crypt.BodySign(key, []byte(signed))}
	_, _ = w.Write([]byte(body))
}

// check runs the order notice's one case against a seller behind a real TLS
// listener with a certificate for example.com.
func run(t *testing.T, serve func(http.ResponseWriter, int64), change func(*selfcheck.Options)) (selfcheck.Report, *seller) {
	t.Helper()
	s := &seller{serve: serve}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	o := selfcheck.Options{URL: "https://example.com/koogallery/default", Channel: "default", BodySign: true, EncryptType: 1, Timeout: 2 * time.Second,
		Types: []selfcheck.Type{selfcheck.OrderNotice}, Keys: map[market.KeyClass]string{market.GeneralKey: key},
		RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
		Lookup: func(context.Context, string) ([]string, error) { return []string{"93.184.215.14"}, nil }}
	if change != nil {
		change(&o)
	}
	r, err := selfcheck.Run(t.Context(), o)
	require.NoError(t, err)
	for _, l := range i18n.Locales() { // every sentence is there
		text := r.Text(i18n.For(l)) + r.Markdown(i18n.For(l))
		require.NotContains(t, text, "⟦")
		require.NotRegexp(t, `\{[a-z]+\}`, text)
		require.NotContains(t, text, key)
	}
	return r, s
}

// wrong are the names of what is not ok, with its status.
func wrong(checks []selfcheck.Check) []string {
	out := []string{}
	for _, c := range checks {
		if c.Status != selfcheck.OK {
			out = append(out, c.Name+" "+string(c.Status))
		}
	}
	return out
}

func TestASellerThatDoesEverythingRightPasses(t *testing.T) {
	t.Parallel()
	r, s := run(t, func(w http.ResponseWriter, _ int64) { answer(w, "application/json", "Body-Sign", right, right) }, nil)
	require.True(t, r.Passed(), "%s", r.Text(i18n.For(i18n.En)))
	require.Empty(t, wrong(r.Address))
	require.Len(t, r.Address, 7)
	require.Len(t, r.Cases, 1)
	require.Len(t, r.Cases[0].Checks, 9)
	require.EqualValues(t, 2, s.calls.Load(), "the case and its repeat")
	require.Contains(t, r.Cases[0].Request, `"testFlag":"1"`)
	require.Equal(t, right, r.Cases[0].Answer)
}

func TestEachThingThatAMarketplaceWouldRefuseIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		serve func(w http.ResponseWriter, n int64)
		want  []string
	}{
		"a redirect": {func(w http.ResponseWriter, _ int64) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}, []string{"status fail"}},
		"a content type with charset": {func(w http.ResponseWriter, _ int64) {
			answer(w, "application/json;charset=UTF-8", "Body-Sign", right, right)
		}, []string{"content_type fail"}},
		"a header in another spelling": {func(w http.ResponseWriter, _ int64) { answer(w, "application/json", "Body-sign", right, right) }, []string{"body_sign fail"}},
		"no header":                    {func(w http.ResponseWriter, _ int64) { answer(w, "application/json", "X", right, right) }, []string{"body_sign fail"}},
		"a line break after signing": {func(w http.ResponseWriter, _ int64) {
			answer(w, "application/json", "Body-Sign", right, right+"\n")
		}, []string{"body_sign fail", "fields fail"}},
		"a refused signature": {func(w http.ResponseWriter, _ int64) {
			b := `{"resultCode":"000001","resultMsg":"token is invalid"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"proof fail", "code fail"}},
		"a code that means later": {func(w http.ResponseWriter, _ int64) {
			b := `{"resultCode":"000004","resultMsg":"processing"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"code fail"}},
		"an undocumented field": {func(w http.ResponseWriter, _ int64) {
			b := `{"resultCode":"000000","resultMsg":"success.","traceId":"7"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"fields fail"}},
		"a message that is too long": {func(w http.ResponseWriter, _ int64) {
			b := `{"resultCode":"000000","resultMsg":"` + strings.Repeat("x", 256) + `"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"fields fail"}},
		"no message": {func(w http.ResponseWriter, _ int64) {
			b := `{"resultCode":"000000"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"fields fail"}},
		"another answer to the repeat": {func(w http.ResponseWriter, n int64) {
			b := `{"resultCode":"000000","resultMsg":"call ` + string(rune('0'+n)) + `"}`
			answer(w, "application/json", "Body-Sign", b, b)
		}, []string{"repeat fail"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := run(t, c.serve, nil)
			require.False(t, r.Passed())
			require.Equal(t, c.want, wrong(r.Cases[0].Checks), "%s", r.Text(i18n.For(i18n.En)))
		})
	}
}

// What an answer lacks whole, says of something else or encrypts with another key
// is found in it, once.
func TestAnAnswerThatDoesNotFitTheCallIsFound(t *testing.T) {
	t.Parallel()
	const head = `{"resultCode":"000000","resultMsg":"success."`
	made := head + `,"instanceId":"i-1"}`
	foreign := crypt.EncryptWith("another key", crypt.AES256, "0123456789ABCDEF", "admin")
	for name, c := range map[string]struct {
		kind     selfcheck.Type
		activity string
		body     string
		want     []string
	}{
		"no appInfo":        {selfcheck.V1OneTime, market.NewInstance, made, []string{"fields fail"}},
		"a foreign key":     {selfcheck.V1OneTime, market.NewInstance, head + `,"instanceId":"i-1","appInfo":{"frontEndUrl":"https://a.example","userName":"` + foreign + `"}}`, []string{"fit fail"}},
		"no info":           {selfcheck.OneTime, market.QueryInstance, right, []string{"fields fail"}},
		"another instance":  {selfcheck.OneTime, market.QueryInstance, head + `,"info":[{"instanceId":"i-2"}]}`, []string{"fit fail"}},
		"a time of its own": {selfcheck.OneTime, market.QueryInstance, head + `,"info":[{"instanceId":"i-1","usageInfo":[{"usageValue":1,"statisticalTime":"2026-01-31T08:00"}]}]}`, []string{"fit fail"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := run(t, func(w http.ResponseWriter, n int64) {
				body := made // of newInstance, which comes first and once more
				if n > 2 || c.activity == market.NewInstance {
					body = c.body
				}
				answer(w, "application/json", "Body-Sign", body, body)
			}, func(o *selfcheck.Options) {
				o.Types, o.Keys = []selfcheck.Type{c.kind}, map[market.KeyClass]string{market.BasicKey: key}
			})
			at := slices.IndexFunc(r.Cases, func(k selfcheck.Case) bool { return k.Activity == c.activity })
			require.Equal(t, c.want, wrong(r.Cases[at].Checks), "%s", r.Text(i18n.For(i18n.En)))
		})
	}
}

func TestTheAddressIsLookedAt(t *testing.T) {
	t.Parallel()
	good := func(w http.ResponseWriter, _ int64) { answer(w, "application/json", "Body-Sign", right, right) }
	for name, c := range map[string]struct {
		change func(*selfcheck.Options)
		want   []string
	}{
		"another port": {func(o *selfcheck.Options) { o.URL = "https://example.com:8443/x" }, []string{"port warn"}},
		"a name that is private here": {func(o *selfcheck.Options) {
			o.Lookup = func(context.Context, string) ([]string, error) { return []string{"10.0.0.7"}, nil }
		}, []string{"dns warn"}},
		"a key for what is not spoken":  {func(o *selfcheck.Options) { o.Keys[market.KitKey] = "kit-key" }, []string{"kit warn"}},
		"a certificate of nobody":       {func(o *selfcheck.Options) { o.RootCAs = nil }, []string{"certificate fail"}},
		"a certificate of another name": {func(o *selfcheck.Options) { o.URL = "https://koodesk.invalid/x" }, []string{"certificate fail"}},
		"a certificate that ends soon": {func(o *selfcheck.Options) {
			o.Now = func() time.Time { return time.Date(2084, 1, 20, 0, 0, 0, 0, time.UTC) }
		}, []string{"certificate warn"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := run(t, good, c.change)
			require.Equal(t, c.want, wrong(r.Address), "%s", r.Text(i18n.For(i18n.En)))
		})
	}
}

func TestAnAddressThatDoesNotAnswerIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	r, _ := run(t, func(http.ResponseWriter, int64) {}, func(o *selfcheck.Options) {
		o.Types = []selfcheck.Type{selfcheck.Period}
		o.Keys[market.BasicKey] = key
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, context.DeadlineExceeded }
	})
	sent := 0
	for _, c := range r.Cases {
		if c.Sent {
			sent++
		}
		require.Equal(t, selfcheck.Fail, c.Status())
	}
	require.Equal(t, 3, sent)
	require.Greater(t, len(r.Cases), 8)
}

func TestATypeWithoutItsKeyIsRefused(t *testing.T) {
	t.Parallel()
	_, err := selfcheck.Run(t.Context(), selfcheck.Options{URL: "https://example.com", Types: []selfcheck.Type{selfcheck.LicenseCode},
		Keys: map[market.KeyClass]string{market.BasicKey: key}})
	require.Equal(t, "self_check.no_key", fault.From(err).Key)
	_, err = selfcheck.Run(t.Context(), selfcheck.Options{URL: "https://example.com"})
	require.Equal(t, "self_check.no_keys", fault.From(err).Key)
}
