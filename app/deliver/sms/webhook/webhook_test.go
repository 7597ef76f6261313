package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	sms "koodesk/app/deliver/sms/webhook"
	"koodesk/app/fault"
	hook "koodesk/app/webhook"
)

const secret = "a-secret-of-enough-characters"

// gateway is an SMS gateway that verifies what it gets.
type gateway struct {
	status int
	answer string
	ids    []string
	got    []map[string]any
}

func start(t *testing.T, g *gateway) *sms.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || hook.Verify(r.Header, body, time.Now(), secret) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var m map[string]any
		if json.Unmarshal(body, &m) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		g.ids, g.got = append(g.ids, r.Header.Get(hook.HeaderID)), append(g.got, m)
		w.WriteHeader(g.status)
		_, _ = io.WriteString(w, g.answer)
	}))
	t.Cleanup(server.Close)
	return sender(t, server.URL)
}

func sender(t *testing.T, url string) *sms.Sender {
	t.Helper()
	c := hook.NewClient(hook.Options{Allow: hook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	t.Cleanup(c.Close)
	return sms.New(sms.Options{URL: url, Secret: secret, Callback: "https://koodesk.example.com/receipts/sms/TOKEN", Client: c})
}

func parcel() deliver.Parcel {
	return deliver.Parcel{Kind: "usage_info", To: "+8618688888888", Tag: "7-0123", Language: "en", Text: strings.Repeat("a", 161),
		Variables: map[string]string{"user_name": "admin"}}
}

func TestTheGatewayGetsTheWholeMessageSigned(t *testing.T) {
	t.Parallel()
	g := &gateway{status: http.StatusAccepted, answer: `{"id":"gw-1"}`}
	s := start(t, g)
	for range 2 {
		got, err := s.Send(t.Context(), parcel())
		require.NoError(t, err)
		require.Equal(t, "gw-1", got.ProviderRef)
	}
	require.Equal(t, []string{"sms_7-0123", "sms_7-0123"}, g.ids, "a repeat can be told")
	require.Equal(t, "textmessage.send", g.got[0]["type"])
	data := g.got[0]["data"].(map[string]any)
	require.Equal(t, map[string]any{"tag": "7-0123", "to": "+8618688888888", "kind": "usage_info", "language": "en", "text": strings.Repeat("a", 161),
		"parts": 2.0, "variables": map[string]any{"user_name": "admin"}, "callback_url": "https://koodesk.example.com/receipts/sms/TOKEN"}, data)
}

func TestWhatTheGatewaySaysDecidesWhatHappensNext(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		key   string
		never bool
	}{422: {"sms.refused", true}, 500: {"webhook.status", false}, 503: {"webhook.status", false}, 502: {deliver.ErrOutcomeUnknown, false}, 504: {deliver.ErrOutcomeUnknown, false}, 429: {"webhook.status", false}, 410: {"webhook.gone", true}, 302: {"webhook.redirect", false}} {
		_, err := start(t, &gateway{status: status, answer: `{"code":"black\nlist"}`}).Send(t.Context(), parcel())
		f := fault.From(err)
		require.NotNil(t, f, status)
		require.Equal(t, want.key, f.Key)
		require.Equal(t, want.never, f.Retry.Never)
		if status == 422 {
			require.Equal(t, "black list", f.Args["code"])
		}
	}
	got, err := start(t, &gateway{status: 204}).Send(t.Context(), parcel())
	require.NoError(t, err)
	require.Empty(t, got.ProviderRef)
}

// Once a request has left, the want of an answer says nothing.
func TestWithoutAnAnswerItIsOpenWhetherTheGatewayTookIt(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	for name, lose := range map[string]http.HandlerFunc{
		"connection lost": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":`)
		},
		"the program stops": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // what has gone away is seen only then
			stop()
			<-r.Context().Done()
		},
	} {
		server := httptest.NewServer(lose)
		t.Cleanup(server.Close)
		_, err := sender(t, server.URL).Send(ctx, parcel())
		f := fault.From(err)
		require.Equal(t, deliver.ErrOutcomeUnknown, f.Key, name)
		require.False(t, f.Retry.Never, "the gateway knows the repeat")
		ctx, stop = context.WithCancel(t.Context())
	}
	stop()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := sender(t, server.URL).Send(t.Context(), parcel())
	require.Equal(t, "webhook.unreachable", fault.From(err).Key, "nothing has left")
}

func TestOnlyTheGatewaysOwnReportsAreBelieved(t *testing.T) {
	t.Parallel()
	s := sms.New(sms.Options{Secret: secret})
	now := time.Now()
	receive := func(body, by string) ([]deliver.Report, error) {
		h := http.Header{}
		hook.Sign(h, "msg_1", now, []byte(body), by)
		return s.Receive(&http.Request{Header: h}, []byte(body), now)
	}
	good := `{"type":"textmessage.receipt","data":{"tag":"7-0123","id":"gw-1","outcome":"delivered","code":"0","note":"ok","part":2,"parts":3}}`
	got, err := receive(good, secret)
	require.NoError(t, err)
	require.Equal(t, []deliver.Report{{Tag: "7-0123", ProviderRef: "gw-1", Outcome: deliver.Delivered, Code: "0", Note: "ok", Part: 2, Parts: 3, At: now}}, got)
	_, err = receive(good, "another-secret-of-enough-length")
	require.Equal(t, "receipt.rejected", fault.From(err).Key)
	for _, bad := range []string{"", "{}", strings.Replace(good, "delivered", "kept", 1), strings.Replace(good, "textmessage.receipt", "textmessage.send", 1), strings.Replace(good, "7-0123", "", 1)} {
		_, err := receive(bad, secret)
		require.Equal(t, "receipt.unreadable", fault.From(err).Key, bad)
	}
}
