package diagnose

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
)

var keys = []Key{{Secret: "present", Class: market.BasicKey}, {Secret: " blank ", Class: market.KitKey},
	{Secret: "old", Class: market.BasicKey, RetiredAt: time.Unix(1, 0)}, {Secret: "other", Class: market.BasicKey, Channel: "b"}}

// FuzzDiagnose: whatever comes in is diagnosed, within the bound, and says
// something.
func FuzzDiagnose(f *testing.F) {
	at := time.UnixMilli(1680508066618)
	body := []byte(`{"orderId":"\u4e2d","activity":"newInstance"}`)
	f.Add("POST", saas2.Sign("old", at, "n", body), body, "application/json", "")
	f.Add("GET", "activity=x&timeStamp=1&authToken=Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=", []byte(nil), "", "")
	f.Add("POST", "signature=00&timestamp=99999999999999999999&nonce=%zz", []byte("{\"a\":"+strings.Repeat("[", 40)), "", "\"x\"")
	f.Add("PUT", "", []byte("authToken=1"), "text/plain", "abc")
	f.Add("POST", "", []byte(`{"a":"\ud83d\ude00\ud83d","b":"\\u4e2d"}`), "", "Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=")
	f.Fuzz(func(t *testing.T, method, query string, body []byte, kind, token string) {
		for _, g := range []Generation{V1, V2, KitV1, KitV2} {
			d := Diagnose(Call{Generation: g, Method: method, Query: query, Body: body, ContentType: kind, At: at, Class: market.BasicKey,
				Token: token, Sign: token, Timestamp: kind, Nonce: method}, keys, Memory{})
			require.NotEmpty(t, d.Findings)
			require.NotEmpty(t, d.Checks)
			raw, err := json.Marshal(d)
			require.NoError(t, err)
			require.Less(t, len(raw), 8<<10, "what is kept is bounded")
		}
	})
}

// The published example of a kit call's x-sign is known as the kit key's, with its
// body as it stands and with its fields in another order.
func TestTheSignatureOfAKitCallIsKnown(t *testing.T) {
	t.Parallel()
	const nonce, sign = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA", "5759A0A30D228C2E3BE711BB2562E9CC7ECD24659AD4486F8BA078CA49729848"
	kit := []Key{{Secret: "demo-key-0001", Class: market.KitKey}}
	for _, body := range []string{`{"appId":"a1","flag":1,"tenantId":"t1","testFlag":0}`, `{"tenantId":"t1", "testFlag":0, "flag":1, "appId":"a1"}`} {
		call := Call{Generation: KitV2, Method: "POST", Body: []byte(body), ContentType: "application/json", At: time.UnixMilli(1680508066618), Class: market.KitKey,
			Sign: sign, Timestamp: "1680508066618", Nonce: nonce}
		d := Diagnose(call, kit, Memory{})
		require.Equal(t, market.FoundKit, d.Findings[0].Code)
		require.Equal(t, "right", d.Findings[0].Args["signature"], body)
		call.Nonce = "another"
		require.Equal(t, "wrong", Diagnose(call, kit, Memory{}).Findings[0].Args["signature"])
	}
}

func TestALargeBodyMeetsTheBound(t *testing.T) {
	t.Parallel()
	many := make([]Key, 64)
	for i := range many {
		many[i] = Key{Secret: strings.Repeat("k", i+1), Class: market.BasicKey}
	}
	body := bytes.Repeat([]byte("[1,"), 1<<20/3)
	at := time.UnixMilli(1680508066618)
	d := Diagnose(Call{Generation: V2, Method: "POST", Query: saas2.Sign("none", at, "n", body), Body: body, At: at, Class: market.BasicKey}, many, Memory{})
	require.True(t, d.Cut)
	require.Equal(t, market.FoundKeyUnknown, d.Findings[0].Code)
}

// The work does not depend on which key fits, or whether one does.
func TestTheWorkIsTheSameWhateverFits(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1680508066618)
	body := []byte(`{"orderId":"1","activity":"newInstance"}`)
	spent := map[int]bool{}
	for _, key := range []string{"present", "old", "other", "nobody's"} {
		e := &examination{call: Call{Generation: V2, Method: "POST", Query: saas2.Sign(key, at, "n", body), Body: body, At: at, Class: market.BasicKey},
			keys: withTrimmed(keys), left: maxHashed}
		e.v2()
		spent[maxHashed-e.left] = true
	}
	require.Len(t, spent, 1)
}

func TestAKeyWithBlanksAroundItIsFound(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1680508066618)
	body := []byte(`{"a":1}`)
	d := Diagnose(Call{Generation: V2, Method: "POST", Query: saas2.Sign("blank", at, "n", body), Body: body, At: at, Class: market.KitKey}, keys, Memory{})
	require.Equal(t, market.FoundKeyBlank, d.Findings[0].Code)
}

func TestWhatPassesNowIsSaid(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1680508066618)
	body := []byte(`{"a":1}`)
	d := Diagnose(Call{Generation: V2, Method: "POST", Query: saas2.Sign("present", at, "n", body), Body: body, At: at, Class: market.BasicKey, Reason: "call.no_key"}, keys, Memory{})
	require.Equal(t, market.FoundPassesNow, d.Findings[0].Code)
}

func TestEscapesGoBothWays(t *testing.T) {
	t.Parallel()
	for plain, written := range map[string]string{"中": `\u4e2d`, "😀": `\ud83d\ude00`, "é": `\u00e9`} {
		require.Equal(t, written, string(escaped([]byte(plain))))
		require.Equal(t, plain, string(unescaped([]byte(written))))
	}
	for _, same := range []string{`\n`, `\\u4e2d`, `\ud83d`, `\`, `A`, `\u4e`} {
		require.Equal(t, same, string(unescaped([]byte(same))))
	}
}

func TestTimesAreReadInEveryUnit(t *testing.T) {
	t.Parallel()
	want := time.Unix(1680508066, 0).UTC()
	for text, unit := range map[string]string{"1680508066": "s", "1680508066000": "ms", "1680508066000000": "us", "1680508066000000000": "ns", "20230403074746000": "digits"} {
		at, got := readTime(text)
		require.Equal(t, unit, got, text)
		require.Equal(t, want, at, text)
	}
	for _, text := range []string{"", "-1", "1.5", "99999999999999999999", "abc"} {
		_, unit := readTime(text)
		require.Empty(t, unit, text)
	}
}
