package saas2

import (
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"koodesk/app/protocol/wire"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"sorted at every level":     {`{"b":{"d":1,"c":{"f":2,"e":3}},"a":[{"z":1,"y":2}]}`, `{"a":[{"y":2,"z":1}],"b":{"c":{"e":3,"f":2},"d":1}}`},
		"arrays keep order":         {`{"a":[3,1,2,"b","a"]}`, `{"a":[3,1,2,"b","a"]}`},
		"null members left out":     {`{"a":null,"b":{"c":null},"d":[null,1]}`, `{"b":{},"d":[null,1]}`},
		"blanks":                    {" {\t\"a\" :\r\n1 , \"b\" : [ ] , \"c\":{ } } ", `{"a":1,"b":[],"c":{}}`},
		"numbers by literal":        {`{"a":1234567890123456789012,"b":1.0,"c":1E400,"d":-0,"e":1e-7}`, `{"a":1234567890123456789012,"b":1.0,"c":1E400,"d":-0,"e":1e-7}`},
		"words":                     {`{"a":true,"b":false}`, `{"a":true,"b":false}`},
		"no HTML escapes":           {`{"a":"<a href='x'>&\/"}`, `{"a":"<a href='x'>&/"}`},
		"non-ASCII as it is":        {`{"a":"\u6d4b\u8bd5 \ud83d\ude00 \u2028\u007f","测":"试"}`, "{\"a\":\"测试 😀 \u2028\x7f\",\"测\":\"试\"}"},
		"escapes as Jackson":        {`{"a":"\"\\\u0008\f\n\r\t\u0000\u001f\u000b"}`, `{"a":"\"\\\b\f\n\r\t\u0000\u001F\u000B"}`},
		"upper case before lower":   {`{"a":1,"B":2,"_":3,"":4}`, `{"":4,"B":2,"_":3,"a":1}`},
		"prefix first":              {`{"orderLineId":1,"orderId":2,"order":3}`, `{"order":3,"orderId":2,"orderLineId":1}`},
		"order of UTF-16 as Java":   {"{\"\uffff\":1,\"😀\":2,\"中\":3}", "{\"中\":3,\"😀\":2,\"\uffff\":1}"},
		"order mark":                {"\uFEFF{\"b\":1,\"a\":2}", `{"a":2,"b":1}`},
		"no object":                 {` "a" `, `"a"`},
		"published sample, as sent": {`{"activity":"queryInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","testFlag":"0"}`, `{"activity":"queryInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","testFlag":"0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Canonical([]byte(c.body))
			require.NoError(t, err)
			require.Equal(t, c.want, string(got))
			again, err := Canonical(got)
			require.NoError(t, err)
			require.Equal(t, string(got), string(again))
		})
	}
}

func TestCompareUTF16(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "ab", "b", "中", "中a", "\ue000", "\uffff", "\uffffa", "😀", "😀a", "😁", "\U0010ffff", "a😀", "a\uffff"}
	for _, x := range texts {
		for _, y := range texts {
			want := slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
			got := wire.CompareUTF16(x, y)
			require.Equal(t, want, min(max(got, -1), 1), "%q %q", x, y)
		}
	}
}
