package callback_test

import (
	"encoding/base64"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/diagnose"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store/storetest"
	"koodesk/app/web/callback"
)

// Whatever comes, what it makes us allocate is bounded: what is over a limit is
// refused before anything is made of it, and what is within makes a few times its
// own size. Not parallel: it counts what the whole process allocates.
func TestWhatIsReadOfACallIsBounded(t *testing.T) {
	const refused, body = 256 << 10, 24 << 20 // generous: other goroutines count too
	huge := strings.Repeat("x", 64<<20)
	full := func(unit string) []byte { return []byte(strings.Repeat(unit, callback.MaxBody/len(unit))) }
	query := strings.Repeat("a=%41&", saas1.MaxQuery/6)
	keys := []diagnose.Key{{Secret: storetest.BasicKey, Class: market.BasicKey}, {Secret: kitKey, Class: market.KitKey}}
	for _, c := range []struct {
		name  string
		limit uint64
		parse func()
	}{
		{"a query over its limit", refused, func() { _, _ = saas1.ParseQuery("a=" + huge[:saas1.MaxQuery]) }},
		{"a huge query", refused, func() { _, _ = saas1.ParseQuery(huge) }},
		{"a huge query of the signature", refused, func() { _, _ = saas2.ParseQuery(huge) }},
		{"a query at its limit", 4 << 20, func() { _, _ = saas1.ParseQuery(query) }},
		{"a huge ciphertext", refused, func() { _, _ = crypt.DecryptField(storetest.BasicKey, crypt.AES256, huge) }},
		{"a huge Body-Sign", refused, func() { _ = crypt.VerifyBodySign(storetest.BasicKey, huge, nil) }},
		{"a huge time", refused, func() { _, _ = market.ParseStamp(huge, time.UTC) }},
		{"lists within lists", body, func() { _, _ = saas2.Decode(full("[")) }},
		{"many empty objects", body, func() { _, _ = saas2.Decode(append([]byte(`{"productInfo":[`), full("{},")...)) }},
		{"many members", body, func() { _, _ = saas2.Decode(append([]byte(`{`), full(`"a":1,`)...)) }},
		{"one long text", body, func() { _, _ = saas2.Decode([]byte(`{"activity":"` + string(full("x")) + `"}`)) }},
		{"many escapes", body, func() { _, _ = saas2.Decode([]byte(`{"activity":"` + string(full(`\u4e2d`)) + `"}`)) }},
		{"saasExtendParams of many", 4 << 20, func() {
			list := "[" + strings.TrimSuffix(strings.Repeat(`{},`, 500), ",") + "]"
			q, err := saas1.ParseQuery("activity=newInstance&saasExtendParams=" + base64.RawURLEncoding.EncodeToString([]byte(list)))
			require.NoError(t, err)
			_, _ = saas1.Decode(q)
		}},
		{"a refused body, diagnosed", 96 << 20, func() { // 24 MiB are hashed, piece by piece
			diagnose.Diagnose(diagnose.Call{Generation: diagnose.V2, Method: "POST", Body: full("[{},1],"), At: time.Now(), Class: market.BasicKey,
				Query: "signature=" + strings.Repeat("ab", 32) + "&timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10) + "&nonce=n", Reason: "call.signature_wrong"}, keys, diagnose.Memory{})
		}},
		{"a refused query, diagnosed", 96 << 20, func() {
			diagnose.Diagnose(diagnose.Call{Generation: diagnose.V1, Method: "GET", Query: query + "&timeStamp=1&authToken=x", At: time.Now(), Class: market.BasicKey, Reason: "call.token_wrong"}, keys, diagnose.Memory{})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.parse()
			runtime.ReadMemStats(&after)
			got := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB", got>>10)
			require.LessOrEqual(t, got, c.limit)
		})
	}
}
