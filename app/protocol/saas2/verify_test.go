package saas2

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// TestVerifyOneThingChanged starts every case from the same valid call and
// changes one thing.
func TestVerifyOneThingChanged(t *testing.T) {
	t.Parallel()
	type call struct {
		keys []Key
		e    Envelope
		now  time.Time
	}
	const sent = 1680508066618
	flip := func(s string) string { // another hex digit in the middle
		c := byte('0')
		if s[20] == c {
			c = '1'
		}
		return s[:20] + string(c) + s[21:]
	}
	// resign signs the call anew with another timestamp or body.
	resign := func(c *call, stamp string, payload string) {
		mac := signature(vectorKey, stamp, c.e.Nonce, []byte(payload))
		c.e.Timestamp, c.e.Signature = stamp, hexUpper(mac[:])
	}
	for name, c := range map[string]struct {
		change func(c *call)
		want   *fault.Error // nil: valid
		code   market.ResultCode
		key    int64
		form   Form
	}{
		"nothing":                  {func(c *call) {}, nil, market.Success, 7, FormRaw},
		"body tampered":            {func(c *call) { c.e.Body = []byte(strings.Replace(string(c.e.Body), "B4LVS", "B4LVT", 1)) }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"body cut":                 {func(c *call) { c.e.Body = c.e.Body[:len(c.e.Body)-1] }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"body empty":               {func(c *call) { c.e.Body = nil }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"body repeated key":        {func(c *call) { c.e.Body = []byte(strings.Replace(string(c.e.Body), "{", `{"testFlag":"1",`, 1)) }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"body with blanks, sorted": {func(c *call) { c.e.Body = []byte(" " + strings.ReplaceAll(string(c.e.Body), ",", " ,\n")) }, nil, market.Success, 7, FormSorted},
		"body with null, sorted":   {func(c *call) { c.e.Body = []byte(strings.Replace(string(c.e.Body), "{", `{"aaa":null,`, 1)) }, nil, market.Success, 7, FormSorted},
		"body with order, sorted": {func(c *call) {
			c.e.Body = []byte(`{"testFlag":"1",` + strings.Replace(string(c.e.Body[1:]), `,"testFlag":"1"`, "", 1))
		}, nil, market.Success, 7, FormSorted},
		"body with number for text": {func(c *call) {
			c.e.Body = []byte(strings.Replace(string(c.e.Body), `"testFlag":"1"`, `"testFlag":1`, 1))
		}, ErrSignatureWrong, market.AuthFailed, 0, ""},

		"timestamp tampered":   {func(c *call) { c.e.Timestamp = "1680508066619" }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"timestamp missing":    {func(c *call) { c.e.Timestamp = "" }, ErrTimestampMissing, market.InvalidParameter, 0, ""},
		"timestamp blank":      {func(c *call) { c.e.Timestamp = " 1680508066618" }, ErrTimestampFormat, market.InvalidParameter, 0, ""},
		"timestamp signed":     {func(c *call) { c.e.Timestamp = "+680508066618" }, ErrTimestampFormat, market.InvalidParameter, 0, ""},
		"timestamp fraction":   {func(c *call) { c.e.Timestamp = "1680508066.61" }, ErrTimestampFormat, market.InvalidParameter, 0, ""},
		"timestamp 14 digits":  {func(c *call) { c.e.Timestamp = "16805080666180" }, ErrTimestampFormat, market.InvalidParameter, 0, ""},
		"timestamp full width": {func(c *call) { c.e.Timestamp = "１６８" }, ErrTimestampFormat, market.InvalidParameter, 0, ""},
		"timestamp in seconds": {func(c *call) { resign(c, "1680508066", string(c.e.Body)) }, nil, market.Success, 7, FormRaw},
		"seconds, stale":       {func(c *call) { resign(c, "1680508005", string(c.e.Body)) }, ErrSkewed, market.InvalidParameter, 0, ""},

		"nonce tampered": {func(c *call) { c.e.Nonce = strings.ToLower(c.e.Nonce) }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"nonce missing":  {func(c *call) { c.e.Nonce = "" }, ErrNonceMissing, market.InvalidParameter, 0, ""},
		"border between nonce and timestamp moved": {func(c *call) {
			c.e.Nonce, c.e.Timestamp = c.e.Nonce+c.e.Timestamp[:1], c.e.Timestamp[1:]
		}, ErrSkewed, market.InvalidParameter, 0, ""},

		"signature lower case": {func(c *call) { c.e.Signature = strings.ToLower(c.e.Signature) }, nil, market.Success, 7, FormRaw},
		"signature mixed case": {func(c *call) { c.e.Signature = strings.ToLower(c.e.Signature[:32]) + c.e.Signature[32:] }, nil, market.Success, 7, FormRaw},
		"signature tampered":   {func(c *call) { c.e.Signature = flip(c.e.Signature) }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"signature missing":    {func(c *call) { c.e.Signature = "" }, ErrSignatureMissing, market.AuthFailed, 0, ""},
		"signature short":      {func(c *call) { c.e.Signature = c.e.Signature[:62] }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"signature long":       {func(c *call) { c.e.Signature += "00" }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"signature odd":        {func(c *call) { c.e.Signature += "0" }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"signature no hex":     {func(c *call) { c.e.Signature = strings.Repeat("zz", 32) }, ErrSignatureWrong, market.AuthFailed, 0, ""},

		"now 60 s later":     {func(c *call) { c.now = c.now.Add(60 * time.Second) }, nil, market.Success, 7, FormRaw},
		"now 60.001 s later": {func(c *call) { c.now = c.now.Add(60*time.Second + time.Millisecond) }, ErrSkewed, market.InvalidParameter, 0, ""},
		"stale by 61 s":      {func(c *call) { c.now = c.now.Add(61 * time.Second) }, ErrSkewed, market.InvalidParameter, 0, ""},
		"60 s ahead":         {func(c *call) { c.now = c.now.Add(-60 * time.Second) }, nil, market.Success, 7, FormRaw},
		"future by 61 s":     {func(c *call) { c.now = c.now.Add(-61 * time.Second) }, ErrSkewed, market.InvalidParameter, 0, ""},
		"now is no time":     {func(c *call) { c.now = time.Time{} }, ErrSkewed, market.InvalidParameter, 0, ""},

		"other key":             {func(c *call) { c.keys = []Key{{7, "22222222-2222-3333-4444-555555555555"}} }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"no keys":               {func(c *call) { c.keys = nil }, ErrNoKey, market.AuthFailed, 0, ""},
		"key without secret":    {func(c *call) { c.keys = []Key{{7, ""}} }, ErrNoKey, market.AuthFailed, 0, ""},
		"during rotation":       {func(c *call) { c.keys = []Key{{9, "new"}, {8, ""}, {7, vectorKey}} }, nil, market.Success, 7, FormRaw},
		"after rotation":        {func(c *call) { c.keys = []Key{{9, vectorKey}, {7, "old"}} }, nil, market.Success, 9, FormRaw},
		"retired key":           {func(c *call) { c.keys = []Key{{9, "new"}} }, ErrSignatureWrong, market.AuthFailed, 0, ""},
		"same secret in two":    {func(c *call) { c.keys = []Key{{9, vectorKey}, {7, vectorKey}} }, nil, market.Success, 9, FormRaw},
		"old key, sorted form":  {func(c *call) { c.keys = []Key{{9, "new"}, {7, vectorKey}}; c.e.Body = append([]byte(" "), c.e.Body...) }, nil, market.Success, 7, FormSorted},
		"signed with empty key": {func(c *call) { c.keys = []Key{{9, "new"}, {7, ""}}; signWith(&c.e, "") }, ErrSignatureWrong, market.AuthFailed, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := time.UnixMilli(sent)
			now := call{vectorKeys, goldenEnvelope(t, market.NewInstance), at}
			c.change(&now)
			proof, err := Verify(now.keys, now.e, now.now)
			require.Equal(t, c.code, RefusalCode(err))
			if c.want == nil {
				require.NoError(t, err)
				require.Equal(t, c.key, proof.KeyID)
				require.Equal(t, c.form, proof.Form)
				require.Equal(t, now.now.Sub(proof.At), proof.Skew)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.Zero(t, proof)
			require.True(t, fault.Is(err, fault.Unauthenticated))
			require.Contains(t, []string{"token is invalid", "param is invalid"}, Message(err), "no reason for the caller")
		})
	}
}

func TestSkewIsExplained(t *testing.T) {
	t.Parallel()
	e := goldenEnvelope(t, market.NewInstance)
	at := time.UnixMilli(1680508066618)
	_, err := Verify(vectorKeys, e, at.Add(61*time.Second))
	require.Equal(t, map[string]string{"seconds": "61.000", "limit": "60", "signature": "valid"}, fault.From(err).Args)
	_, err = Verify(vectorKeys, e, at.Add(-3600*time.Second-500*time.Millisecond))
	require.Equal(t, map[string]string{"seconds": "-3600.500", "limit": "60", "signature": "valid"}, fault.From(err).Args)
	e.Body = append(e.Body, 'x')
	_, err = Verify(vectorKeys, e, at.Add(61*time.Second))
	require.Equal(t, "invalid", fault.From(err).Args["signature"])
}

// TestSentinelsDiffer guards errors.Is against matching across reasons.
func TestSentinelsDiffer(t *testing.T) {
	t.Parallel()
	all := slices.Concat(wrongParameter, wrongToken)
	for i, x := range all {
		for j, y := range all {
			if i == j {
				require.ErrorIs(t, x, y)
			} else {
				require.NotErrorIs(t, x, y)
			}
		}
	}
	require.Len(t, FaultKeys(), len(all)+14)
	require.Equal(t, market.AuthFailed, RefusalCode(ErrReplayed))
	require.Equal(t, market.OtherError, RefusalCode(io.EOF))
	require.Equal(t, "internal error", Message(io.EOF))
	require.Equal(t, "success.", Message(nil))
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	e := goldenEnvelope(t, market.NewInstance)
	again := e
	again.Timestamp, again.Signature = "1680508066619", "00"
	require.Equal(t, Fingerprint(e), Fingerprint(again), "stamped and signed anew")
	again.Body = append([]byte(" "), e.Body...)
	require.NotEqual(t, Fingerprint(e), Fingerprint(again), "another message")
}

func signWith(e *Envelope, secret string) {
	mac := signature(secret, e.Timestamp, e.Nonce, e.Body)
	e.Signature = hexUpper(mac[:])
}
