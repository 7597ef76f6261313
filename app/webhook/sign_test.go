package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/fault"
	"koodesk/app/webhook"
)

// The example that the specification's libraries share.
const (
	knownSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	knownID     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	knownBody   = `{"test": 2432232314}`
	knownSign   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var (
	knownAt = time.Unix(1614265330, 0)
	plain   = "a-plain-secret-of-32-characters!"
)

func signed(id string, at time.Time, body []byte, secrets ...string) http.Header {
	h := http.Header{}
	webhook.Sign(h, id, at, body, secrets...)
	return h
}

func TestTheSignatureIsTheOneOfTheSpecification(t *testing.T) {
	t.Parallel()
	require.Equal(t, knownSign, webhook.Signature(knownID, knownAt, []byte(knownBody), knownSecret))
	require.NoError(t, webhook.Verify(signed(knownID, knownAt, []byte(knownBody), knownSecret), []byte(knownBody), knownAt, knownSecret))
}

func TestOneChangedThingIsNotAuthentic(t *testing.T) {
	t.Parallel()
	body := []byte(knownBody)
	for name, c := range map[string]struct {
		change func(h http.Header)
		body   string
		now    time.Time
		want   error
	}{
		"as sent":             {func(http.Header) {}, knownBody, knownAt, nil},
		"at the early limit":  {func(http.Header) {}, knownBody, knownAt.Add(-webhook.Tolerance), nil},
		"at the late limit":   {func(http.Header) {}, knownBody, knownAt.Add(webhook.Tolerance), nil},
		"too old":             {func(http.Header) {}, knownBody, knownAt.Add(webhook.Tolerance + time.Second), webhook.ErrTime},
		"from the future":     {func(http.Header) {}, knownBody, knownAt.Add(-webhook.Tolerance - time.Second), webhook.ErrTime},
		"another body":        {func(http.Header) {}, knownBody + " ", knownAt, webhook.ErrSignature},
		"another id":          {func(h http.Header) { h.Set(webhook.HeaderID, "msg_other") }, knownBody, knownAt, webhook.ErrSignature},
		"another time":        {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "1614265331") }, knownBody, knownAt, webhook.ErrSignature},
		"no id":               {func(h http.Header) { h.Del(webhook.HeaderID) }, knownBody, knownAt, webhook.ErrHeaders},
		"id with a dot":       {func(h http.Header) { h.Set(webhook.HeaderID, knownID+".1") }, knownBody, knownAt, webhook.ErrHeaders},
		"no time":             {func(h http.Header) { h.Del(webhook.HeaderTimestamp) }, knownBody, knownAt, webhook.ErrHeaders},
		"time with a sign":    {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "+1614265330") }, knownBody, knownAt, webhook.ErrHeaders},
		"endless time":        {func(h http.Header) { h.Set(webhook.HeaderTimestamp, strings.Repeat("9", 40)) }, knownBody, knownAt, webhook.ErrHeaders},
		"no signature":        {func(h http.Header) { h.Del(webhook.HeaderSignature) }, knownBody, knownAt, webhook.ErrHeaders},
		"another version":     {func(h http.Header) { h.Set(webhook.HeaderSignature, "v2"+knownSign[2:]) }, knownBody, knownAt, webhook.ErrSignature},
		"cut short":           {func(h http.Header) { h.Set(webhook.HeaderSignature, knownSign[:20]) }, knownBody, knownAt, webhook.ErrSignature},
		"second of several":   {func(h http.Header) { h.Set(webhook.HeaderSignature, "v1a,xyz v1,AAAA "+knownSign) }, knownBody, knownAt, nil},
		"behind too many":     {func(h http.Header) { h.Set(webhook.HeaderSignature, strings.Repeat("v1,AAAA ", 20)+knownSign) }, knownBody, knownAt, webhook.ErrSignature},
		"no secret of anyone": {func(h http.Header) { h.Set(webhook.HeaderSignature, "v1,") }, knownBody, knownAt, webhook.ErrSignature},
	} {
		h := signed(knownID, knownAt, body, knownSecret)
		c.change(h)
		require.ErrorIs(t, webhook.Verify(h, []byte(c.body), c.now, knownSecret), c.want, name)
	}
	require.ErrorIs(t, webhook.Verify(signed(knownID, knownAt, body, knownSecret), body, knownAt), webhook.ErrSignature, "nobody's secret")
	require.ErrorIs(t, webhook.Verify(signed(knownID, knownAt, body, ""), body, knownAt, ""), webhook.ErrSignature, "an empty secret proves nothing")
}

func TestWhileASecretIsReplacedBothSidesUnderstandEachOther(t *testing.T) {
	t.Parallel()
	body := []byte("{}")
	next := webhook.NewSecret()
	both := signed("msg_1", knownAt, body, plain, next)
	for _, receiver := range [][]string{{plain}, {next}, {webhook.NewSecret(), next}, {next, plain}} {
		require.NoError(t, webhook.Verify(both, body, knownAt, receiver...))
	}
	require.Error(t, webhook.Verify(both, body, knownAt, webhook.NewSecret()))
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	b64 := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, n)) }
	for secret, ok := range map[string]bool{webhook.NewSecret(): true, plain: true, b64(24): true, b64(64): true, b64(23): false, b64(65): false,
		"whsec_not base64": false, "short": false, strings.Repeat("p", 257): false, strings.Repeat("p", 23) + " ": false, strings.Repeat("密", 30): false, "": false} {
		err := webhook.CheckSecret(secret)
		require.Equal(t, ok, err == nil, secret)
		if !ok {
			require.Equal(t, "webhook.bad_secret", fault.From(err).Key)
		}
	}
	require.NotEqual(t, webhook.NewSecret(), webhook.NewSecret())
	require.NotEqual(t, webhook.NewID(), webhook.NewID())
}

// A second signer, written from the formula alone, agrees on whatever is sent.
func TestAnySignedMessageVerifiesAndNoChangedOneDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 24, 64).Draw(t, "secret")
		secret := "whsec_" + base64.StdEncoding.EncodeToString(raw)
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`).Draw(t, "id")
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "at"), 0)
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		h := hmac.New(sha256.New, raw)
		fmt.Fprintf(h, "%s.%d.%s", id, at.Unix(), body)
		want := "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
		if got := webhook.Signature(id, at, body, secret); got != want {
			t.Fatalf("signed %s, want %s", got, want)
		}
		headers := signed(id, at, body, secret)
		if err := webhook.Verify(headers, body, at, secret); err != nil {
			t.Fatal(err)
		}
		changed := append(bytes.Clone(body), 'x')
		if len(body) > 0 && rapid.Bool().Draw(t, "flip") {
			changed = bytes.Clone(body)
			changed[rapid.IntRange(0, len(body)-1).Draw(t, "where")] ^= 1
		}
		if err := webhook.Verify(headers, changed, at, secret); err == nil {
			t.Fatal("a changed body was taken for authentic")
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(knownID, "1614265330", knownSign, []byte(knownBody))
	f.Add("", "", "", []byte{})
	f.Add("a.b", "-1", "v1, v1,=== v1a,AAAA", []byte("x"))
	f.Add("msg", strings.Repeat("9", 30), strings.Repeat("v1,AAAA ", 100), []byte("{}"))
	f.Fuzz(func(t *testing.T, id, at, signature string, body []byte) {
		h := http.Header{}
		h.Set(webhook.HeaderID, id)
		h.Set(webhook.HeaderTimestamp, at)
		h.Set(webhook.HeaderSignature, signature)
		err := webhook.Verify(h, body, knownAt, knownSecret)
		if err == nil && !strings.Contains(signature, webhook.Signature(id, unix(t, at), body, knownSecret)[:45]) {
			t.Fatalf("taken for authentic: %q %q %q %q", id, at, signature, body)
		}
	})
}

func unix(t *testing.T, s string) time.Time {
	var n int64
	_, err := fmt.Sscan(s, &n)
	require.NoError(t, err)
	return time.Unix(n, 0)
}
