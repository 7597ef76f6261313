package webhook

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/store"
	sender "koodesk/app/webhook"
)

// wire asks over real HTTP.
type wire struct {
	client *sender.Client
	url    string
	before time.Time
}

func (w wire) Ask(ctx context.Context, q event.Question) (event.Asked, error) {
	a, err := w.client.Post(ctx, sender.Target{URL: w.url, Secrets: []string{secret}, Limit: 1 << 20}, "msg_1", time.Now(), []byte(q.Type))
	return event.Asked{Answer: a, Before: w.before}, err
}

const secret = "a-secret-of-the-sellers-product-1"

func loopback() sender.Allow {
	return sender.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func supply(t *testing.T, timeout time.Duration, before time.Time, h http.HandlerFunc) (license.Result, *fault.Error) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := sender.NewClient(sender.Options{Allow: loopback(), Timeout: timeout})
	t.Cleanup(c.Close)
	got, err := Supplier{Ask: wire{client: c, url: s.URL, before: before}}.Supply(context.Background(), license.Request{ID: 7})
	return got, fault.From(err)
}

func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func TestWhatAProductMayAnswer(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", market.MaxLicenseSize)
	for name, c := range map[string]struct {
		status int
		body   string
		want   market.LicenseContent
		key    string
		arg    string
		final  bool
	}{
		"a text":             {200, `{"license":" A-1\r\nB "}`, market.LicenseContent{Text: "A-1\nB"}, "", "", false},
		"a file":             {201, `{"file_name":"dir/a.lic","file":"` + base64.StdEncoding.EncodeToString([]byte("\x00A")) + `"}`, market.LicenseContent{FileName: "a.lic", File: []byte("\x00A")}, "", "", false},
		"the largest file":   {200, `{"file_name":"a.lic","file":"` + base64.StdEncoding.EncodeToString([]byte(big)) + `"}`, market.LicenseContent{FileName: "a.lic", File: []byte(big)}, "", "", false},
		"nothing":            {200, ``, market.LicenseContent{}, "license.garbage", "license", false},
		"an empty License":   {200, `{"license":" "}`, market.LicenseContent{}, "license.garbage", "empty", false},
		"both":               {200, `{"license":"A","file_name":"a","file":"QQ=="}`, market.LicenseContent{}, "license.garbage", "text_and_file", false},
		"a page":             {200, `<html>`, market.LicenseContent{}, "license.garbage", "JSON", false},
		"no base64":          {200, `{"file_name":"a","file":"?"}`, market.LicenseContent{}, "license.garbage", "bad_base64", false},
		"no name":            {200, `{"file":"QQ=="}`, market.LicenseContent{}, "license.garbage", "bad_file_name", false},
		"too large":          {200, `{"license":"` + big + `x"}`, market.LicenseContent{}, "license.garbage", "too_large", false},
		"endless":            {200, `{"license":"` + strings.Repeat("x", 2<<20), market.LicenseContent{}, "license.garbage", "size", false},
		"a refusal":          {409, `{"message":"not\u0000 this\nmachine"}`, market.LicenseContent{}, "license.supplier_refused", "not this machine", true},
		"a refusal of words": {409, `{}`, market.LicenseContent{}, "license.garbage", "409 without message", false},
		"an error":           {500, `{"license":"A"}`, market.LicenseContent{}, "webhook.status", "", false},
		"gone":               {410, ``, market.LicenseContent{}, "webhook.gone", "", true},
	} {
		got, f := supply(t, 30*time.Second, time.Time{}, says(c.status, c.body))
		if c.key == "" {
			require.Nil(t, f, name)
			require.Equal(t, c.want, got.License, name)
			continue
		}
		require.NotNil(t, f, name)
		require.Equal(t, c.key, f.Key, name)
		require.Equal(t, c.final, f.Retry.Never, name)
		require.Equal(t, c.arg, f.Args["why"]+f.Args["message"], name)
	}
}

func TestASlowProductAndAPromise(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	_, f := supply(t, 100*time.Millisecond, time.Time{}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	})
	close(release) // before the server closes, which waits for it
	require.Equal(t, "webhook.timeout", f.Key)
	got, f := supply(t, 30*time.Second, time.Time{}, says(202, ""))
	require.Nil(t, f)
	require.True(t, got.Waiting)
	require.WithinDuration(t, time.Now().Add(2*time.Hour), got.Until, 10*time.Minute)
	_, f = supply(t, 30*time.Second, time.Now().Add(-3*time.Hour), says(202, ""))
	require.Equal(t, "license.never_handed_in", f.Key)
	require.True(t, f.Retry.Never)
}

func TestSettingsOfAProductThatGivesLicenses(t *testing.T) {
	t.Parallel()
	s := Supplier{Allow: loopback()}
	good := store.ProductSettings{WebhookURL: "https://app.example.com/koodesk", WebhookWait: "90m"}
	require.NoError(t, s.CheckSettings(good, s.NewSecret()))
	require.Equal(t, "webhook.bad_secret", fault.From(s.CheckSettings(good, "")).Key)
	bad := good
	bad.WebhookURL = ""
	require.Equal(t, "webhook.bad_url", fault.From(s.CheckSettings(bad, secret)).Key)
	bad = good
	bad.WebhookWait = "soon"
	require.Equal(t, "webhook.bad_wait", fault.From(s.CheckSettings(bad, secret)).Key)
}

// FuzzAnswer: whatever the seller's product answers is a License that can be
// handed over, a refusal in fit words, or garbage that is not quoted.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"license":"A"}`, `{"file_name":"a","file":"QQ=="}`, `{"message":"no"}`, `[]`, "\xff", `{"license":7}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := read(sender.Answer{Status: 200, Body: text})
		if err == nil && c.Check() != nil || err != nil && fault.From(err).Key != "license.garbage" {
			t.Fatalf("%v %v", c, err)
		}
		no := fault.From(refusal(sender.Answer{Status: 409, Body: text}, fault.New(fault.Unavailable, "webhook.status")))
		if no == nil || no.Key != "license.garbage" && (no.Key != "license.supplier_refused" || no.Args["message"] == "" || len([]rune(no.Args["message"])) > event.MaxReason) {
			t.Fatal(no)
		}
	})
}
