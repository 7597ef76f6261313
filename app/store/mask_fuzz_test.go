package store_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// What must not be shown, and where it is put.
const (
	plantedSecret = "S3cr3t-Zq9w8v7"
	plantedName   = "anna.zq9w8v7"
)

// FuzzMask: whatever stood in a request or an answer is shown as text that is
// fit for a page, JSON as JSON, and without what a sensitive field or an address
// holds, wherever that stands among other things.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":[1,"x",null],"a":2}`, `{"a":"{\"password\":\"p\"}"}`, `{"password":"p","mobilePhone":186`, "a=1&token=x y", "\xff\x00\x7f",
		"\u202e\u200b", `["\u540da@b.com","\n`, `\"`, `'password' : `, `{"license":{"id":1,"x":["y"]}}`, strings.Repeat(`[`, 60), strings.Repeat(`"a":'`, 40), "https://h/access/AAAAAAAAAAAAAAAAAAAA?x=%40"} {
		f.Add(seed, seed, true)
		f.Add(seed, "云", false)
	}
	f.Fuzz(func(t *testing.T, before, after string, nested bool) {
		for _, raw := range []string{before, after, before + after} {
			shown, query := store.MaskBody([]byte(raw)), store.MaskQuery(raw)
			require.True(t, utf8.ValidString(shown) && utf8.ValidString(query))
			require.Less(t, len(shown)+len(query), 64*len(raw)+64)
			if json.Valid([]byte(raw)) && utf8.ValidString(raw) && !strings.Contains(raw, "\x7f") {
				require.True(t, json.Valid([]byte(shown)), "%s became %s", raw, shown)
			}
		}
		if strings.Contains(before+after, "9w8v7") {
			return
		}
		inner := map[string]any{"x": before, "password": plantedSecret, "y": after, "note": before + " " + plantedName + "@corp.example.com " + after}
		var holder any = []any{inner, before}
		if nested {
			text, err := json.Marshal(inner)
			require.NoError(t, err)
			holder = map[string]any{"param": string(text)}
		}
		whole, err := json.Marshal(holder)
		require.NoError(t, err)
		for _, body := range []string{string(whole), strings.ReplaceAll(string(whole), "@", `\u0040`), "token=" + url.QueryEscape(plantedSecret) + "&x=" + url.QueryEscape(before)} {
			shown := store.MaskBody([]byte(body))
			require.NotContains(t, shown, plantedSecret, "%s", body)
			require.NotContains(t, shown, plantedName, "%s", body)
		}
	})
}
