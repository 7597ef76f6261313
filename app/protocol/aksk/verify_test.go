package aksk

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

var (
	testCred = Credentials{AK: "AKTEST", SK: "a secret"}
	testTime = time.Date(2026, 11, 22, 5, 15, 0, 0, time.UTC)
	testBody = []byte(`{"usage_records":[]}`)
)

func secretOf(ak string) (string, bool) {
	if ak == testCred.AK {
		return testCred.SK, true
	}
	return "", false
}

// signed is a good request, as it arrives at a server.
func signed(t *testing.T, change func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "https://mkt.example.com/v1/usage?b=2&a=1", nil)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(r)
	}
	require.NoError(t, Sign(r, testBody, testCred, testTime))
	return r
}

func replace(r *http.Request, header, from, to string) {
	r.Header.Set(header, strings.Replace(r.Header.Get(header), from, to, 1))
}

func TestVerifyAcceptsWhatSignMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before func(*http.Request) // before signing
		after  func(*http.Request) // on the way
	}{
		{name: "as signed"},
		{name: "order of the parameters", after: func(r *http.Request) { r.URL.RawQuery = "b=2&a=1" }},
		{name: "other headers added on the way", after: func(r *http.Request) { r.Header.Set("Via", "1.1 proxy") }},
		{name: "no content type", before: func(r *http.Request) { r.Header.Del("Content-Type") }},
		{name: "several values of one header", before: func(r *http.Request) { r.Header["X-Stage"] = []string{"b", "a"} }},
		{name: "parts of the header in another order", after: func(r *http.Request) {
			parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), Algorithm+" "), ", ")
			r.Header.Set("Authorization", Algorithm+" "+parts[2]+","+parts[0]+", "+parts[1])
		}},
		{name: "signature in upper case", after: func(r *http.Request) {
			head, sig, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", head+"Signature="+strings.ToUpper(sig))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := signed(t, c.before)
			if c.after != nil {
				c.after(r)
			}
			ak, err := Verify(r, testBody, secretOf, testTime)
			require.NoError(t, err)
			require.Equal(t, testCred.AK, ak)
		})
	}
}

func TestVerifyNamesWhatFailed(t *testing.T) {
	t.Parallel()
	auth := "Authorization"
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		checks string
		err    error
	}{
		{"no header", func(r *http.Request) { r.Header.Del(auth) }, "authorization", ErrAuthorization},
		{"other algorithm", func(r *http.Request) { replace(r, auth, "SDK-HMAC-SHA256", "AWS4-HMAC-SHA256") }, "authorization", ErrAuthorization},
		{"signature is not hex", func(r *http.Request) { replace(r, auth, "Signature=", "Signature=zz") }, "authorization", ErrAuthorization},
		{"part without value", func(r *http.Request) { replace(r, auth, "Access=AKTEST", "Access") }, "authorization", ErrAuthorization},
		{"method", func(r *http.Request) { r.Method = http.MethodPut }, "signature", ErrSignature},
		{"path", func(r *http.Request) { r.URL.Path += "x" }, "signature", ErrSignature},
		{"query", func(r *http.Request) { r.URL.RawQuery = "a=1&b=3" }, "signature", ErrSignature},
		{"broken query", func(r *http.Request) { r.URL.RawQuery = "a=%zz" }, "request", ErrRequest},
		{"host", func(r *http.Request) { r.Host = "other.example.com" }, "signature", ErrSignature},
		{"content type", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "signature", ErrSignature},
		{"signed header removed", func(r *http.Request) { r.Header.Del("Content-Type") }, "signature", ErrSignature},
		{"one digit of the signature", func(r *http.Request) {
			v := r.Header.Get(auth)
			last := "0"
			if strings.HasSuffix(v, "0") {
				last = "1"
			}
			r.Header.Set(auth, v[:len(v)-1]+last)
		}, "signature", ErrSignature},
		{"signature cut short", func(r *http.Request) { v := r.Header.Get(auth); r.Header.Set(auth, v[:len(v)-2]) }, "signature", ErrSignature},
		{"other access key", func(r *http.Request) { replace(r, auth, "AKTEST", "AKNONE") }, "access_key", ErrAccessKey},
		{"date not signed", func(r *http.Request) { replace(r, auth, ";x-sdk-date", "") }, "signed_headers,signature", ErrSignedHeaders},
		{"host not signed", func(r *http.Request) { replace(r, auth, "host;", "") }, "signed_headers,signature", ErrSignedHeaders},
		{"date missing", func(r *http.Request) { r.Header.Del(HeaderDate) }, "date,signature", ErrDate},
		{"date malformed", func(r *http.Request) { r.Header.Set(HeaderDate, "2026-11-22") }, "date,signature", ErrDate},
		{"date moved", func(r *http.Request) { r.Header.Set(HeaderDate, "20261122T041500Z") }, "skew,signature", ErrSkew},
		{"body taken out of the signature afterwards", func(r *http.Request) { r.Header.Set(HeaderContentSHA256, UnsignedPayload) }, "signed_headers,signature", ErrSignedHeaders},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := signed(t, nil)
			c.change(r)
			ak, err := Verify(r, testBody, secretOf, testTime)
			require.Empty(t, ak)
			require.ErrorIs(t, err, c.err)
			f := fault.From(err)
			require.Equal(t, fault.Unauthenticated, f.Code)
			require.Equal(t, "aksk.rejected", f.Key)
			require.Equal(t, c.checks, f.Args["checks"])
		})
	}
}

func TestVerifyBody(t *testing.T) {
	t.Parallel()
	_, err := Verify(signed(t, nil), []byte(`{"usage_records":[1]}`), secretOf, testTime)
	require.ErrorIs(t, err, ErrSignature)

	unsigned := signed(t, func(r *http.Request) { r.Header.Set(HeaderContentSHA256, UnsignedPayload) })
	_, err = Verify(unsigned, []byte("any body"), secretOf, testTime)
	require.NoError(t, err)
}

func TestVerifyWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		off  time.Duration
		ok   bool
	}{
		{"exactly old enough", Window, true},
		{"too old", Window + time.Second, false},
		{"exactly early enough", -Window, true},
		{"from the future", -Window - time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Verify(signed(t, nil), testBody, secretOf, testTime.Add(c.off))
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrSkew)
			require.NotErrorIs(t, err, ErrSignature)
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=00", "20261122T051500Z", "a=1")
	f.Add("SDK-HMAC-SHA256 =,=,", "", "%")
	f.Fuzz(func(t *testing.T, auth, date, query string) {
		r, err := http.NewRequest(http.MethodGet, "https://mkt.example.com/", nil)
		require.NoError(t, err)
		r.URL.RawQuery = query
		r.Header["Authorization"] = []string{auth}
		r.Header["X-Sdk-Date"] = []string{date}
		_, err = Verify(r, nil, secretOf, testTime)
		require.ErrorContains(t, err, "aksk.rejected")
	})
}
