package saas2

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// seedBodies are the golden requests and one body for each thing that the
// reader treats on its own.
func seedBodies(f *testing.F) [][]byte {
	f.Helper()
	var seeds [][]byte
	for activity := range requests {
		_, body := golden(f, activity)
		seeds = append(seeds, body)
	}
	for _, s := range []string{
		"", "{}", "[]", "null", `"a"`, "-0.5e+10", "\uFEFF {} ", `{"a":1,"a":2}`, `{"a":{"b":[null,true,false,{"c":null}]}}`,
		`{"activity":"queryInstance","instanceId":"a, b,,c"}`, `{"activity":"newInstance","orderId":1234567890123456789,"orderLineId":true,"businessId":"\u0000"}`,
		`{"activity":"refreshInstance","scene":"RENEWAL","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":20230231000000}`,
		`{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"skuCode":"\ud83d\ude00\u2028","linearValue":"7"}}`,
		`{"a":"\ud83d"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}", `{"\u0061":1,"a":2}`, strings.Repeat("[", 40), `{"😀":1,"` + "\uffff" + `":2}`,
		`{"activity":"nope","testFlag":2}`, `{"a":01}`, `{"a":"\/\b\f\n\r\t\"\\"}`,
	} {
		seeds = append(seeds, []byte(s))
	}
	return seeds
}

func FuzzDecode(f *testing.F) {
	for _, body := range seedBodies(f) {
		f.Add(body)
	}
	keys := FaultKeys()
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := string(body)
		c, err := Decode(body)
		require.Equal(t, sent, string(body), "the body is the caller's")
		texts := []string{c.Activity, c.OrderID, c.OrderLineID, c.BusinessID, string(c.Scene), c.Target, c.ProductID, c.License, c.EventID}
		texts = append(texts, c.InstanceIDs...)
		for _, p := range c.Products {
			texts = append(texts, p.ProductID, p.SkuCode)
			require.True(t, cleanText(p.ProductName))
			require.GreaterOrEqual(t, p.LinearValue, int64(0))
		}
		for _, s := range texts {
			require.True(t, utf8.ValidString(s) && !strings.ContainsRune(s, 0) && cleanText(s), "%q", s)
			require.LessOrEqual(t, utf8.RuneCountInString(s), 64)
		}
		require.LessOrEqual(t, len(c.InstanceIDs), MaxQueryIDs)
		require.LessOrEqual(t, utf8.RuneCountInString(c.DeviceFingerprint), 1024)
		require.True(t, cleanText(c.DeviceFingerprint))
		msg := Message(err)
		require.Equal(t, wire.Printable(msg), msg)
		require.LessOrEqual(t, len(msg), MaxResultMsg)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			require.Contains(t, keys, fault.From(err).Key)
			require.Equal(t, market.InvalidParameter, RefusalCode(err))
			require.Greater(t, len(msg), len("param is invalid: "), "every refusal says what is wrong")
			for _, a := range fault.From(err).Args {
				require.True(t, cleanText(a))
			}
			return
		}
		require.True(t, json.Valid([]byte(strings.TrimPrefix(sent, "\uFEFF"))))
		require.Len(t, c.ContentHash, 32)
		require.NotEmpty(t, c.IdempotencyKey())
		again, err := Canonical(body)
		require.NoError(t, err)
		same, err := Decode(again)
		require.NoError(t, err)
		require.Equal(t, c, same, "the canonical form says the same")
	})
}

func FuzzVerify(f *testing.F) {
	for _, body := range seedBodies(f) {
		f.Add(vectorKey, "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA", int64(1680508066618), body, byte(1))
	}
	f.Add("k", "a b+c%2B/=", int64(1), []byte("x"), byte(0))
	f.Add("密钥", "随机", int64(-5), []byte(" {\"b\":1, \"a\":2}"), byte(255))
	f.Fuzz(func(t *testing.T, secret, nonce string, ms int64, body []byte, flip byte) {
		const from, span = 1_000_000_000_000, 8_000_000_000_000 // 2001 to 2255
		at := time.UnixMilli(from + int64(uint64(ms)%span)).UTC()
		if secret == "" || nonce == "" || len(nonce) > maxParameter || !cleanText(nonce) {
			return
		}
		keys := []Key{{3, secret + "x"}, {2, secret}, {1, ""}}
		e, err := ParseQuery(Sign(secret, at, nonce, body))
		require.NoError(t, err)
		e.Body = body
		proof, err := Verify(keys, e, at)
		require.NoError(t, err)
		require.Equal(t, Proof{KeyID: 2, Form: FormRaw, At: at}, proof)

		sorted, err := Canonical(body)
		if err == nil {
			es, err := ParseQuery(Sign(secret, at, nonce, sorted))
			require.NoError(t, err)
			es.Body = body
			_, err = Verify(keys, es, at.Add(MaxSkew))
			require.NoError(t, err, "signed over the second form")
		}
		if len(body) == 0 {
			return
		}
		tampered := append([]byte(nil), body...)
		tampered[int(flip)%len(body)] ^= 1 + flip&0x7f
		e.Body = tampered
		proof, err = Verify(keys, e, at)
		if err != nil {
			require.ErrorIs(t, err, ErrSignatureWrong)
			return
		}
		require.Equal(t, FormSorted, proof.Form, "other bytes pass only where they say the same")
		form, err := Canonical(tampered)
		require.NoError(t, err)
		require.Equal(t, string(body), string(form))
	})
}

func FuzzParseQuery(f *testing.F) {
	for activity := range requests {
		query, _ := golden(f, activity)
		f.Add(query)
	}
	for _, s := range []string{"", "&", "=", "nonce", "nonce=%00", "nonce=a+b%2B", "signature=1&signature=2", "%6eonce=1&n%6fnce", "timestamp=%zz", "a;nonce=1", "nonce=%ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := ParseQuery(raw)
		for _, s := range []string{e.Signature, e.Timestamp, e.Nonce} {
			require.True(t, cleanText(s))
			require.LessOrEqual(t, len(s), maxParameter)
		}
		if err != nil {
			require.True(t, fault.Is(err, fault.Unauthenticated))
			require.Contains(t, []string{"signature", "timestamp", "nonce"}, fault.From(err).Args["field"])
			return
		}
		std, err := url.ParseQuery(raw)
		if err != nil {
			return // broken elsewhere than in our three
		}
		require.Equal(t, [3]string{std.Get("signature"), std.Get("timestamp"), std.Get("nonce")}, [3]string{e.Signature, e.Timestamp, e.Nonce})
		_, err = Verify(vectorKeys, e, time.Now())
		require.Error(t, err)
	})
}

func FuzzCanonical(f *testing.F) {
	for _, body := range seedBodies(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		bare := []byte(strings.TrimPrefix(string(body), "\uFEFF"))
		out, err := Canonical(body)
		if err != nil {
			switch fault.From(err).Key {
			case keyNotJSON:
				require.False(t, json.Valid(bare), "the standard library reads it")
			case keyDuplicate, keyTooDeep, keyTooManyValues, keyNotUTF8:
			default:
				t.Fatalf("unexpected %v", err)
			}
			return
		}
		require.True(t, json.Valid(bare), "the standard library does not read it")
		require.True(t, utf8.Valid(out))
		again, err := Canonical(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		require.Equal(t, plain(t, bare), plain(t, out), "another meaning")
	})
}

// plain is what the standard library reads, without null members.
func plain(t *testing.T, body []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	return withoutNull(v)
}

func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if m == nil {
				delete(v, k)
			} else {
				v[k] = withoutNull(m)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}
