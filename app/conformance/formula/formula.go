// Package formula computes every signature and cipher of the marketplace a
// second time, from the printed formulas alone. It shares no code with
// app/protocol, which it is there to be compared with, and serves tests only:
// the conformance suite signs its calls and checks its answers by it.
package formula

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"
)

func hmacSHA256(key, data string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(data))
	return m.Sum(nil)
}

// Signature is that of a POST, in lower-case hex (CN 0070649476, intl
// 0070649090; the key of both HMACs by CN 0070649248):
//
//	canonicalRequest = accessKey + nonce + timestamp + Lowercase(HexEncode(HMAC_SHA256(accessKey, RequestPayload)))
//	signature        = HexEncode(HMAC_SHA256(accessKey, canonicalRequest))
func Signature(accessKey, nonce, timestamp, payload string) string {
	inner := strings.ToLower(hex.EncodeToString(hmacSHA256(accessKey, payload)))
	return hex.EncodeToString(hmacSHA256(accessKey, accessKey+nonce+timestamp+inner))
}

// Sorted is a body as the published sample project signs it: the members of every
// object in the order of Java's TreeMap, those that are null left out, compact, as
// Jackson writes it.
func Sorted(body string) (string, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	return written(v), nil
}

// control is what Jackson writes for a character that may not stand in a string.
var control = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}

func written(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var members []string
		for _, name := range slices.SortedFunc(maps.Keys(v), func(x, y string) int {
			return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
		}) {
			if v[name] != nil {
				members = append(members, written(name)+":"+written(v[name]))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, written(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case string:
		text := ""
		for _, c := range v {
			switch short, is := control[c]; {
			case is:
				text += short
			case c < ' ':
				text += fmt.Sprintf(`\u%04X`, c)
			default:
				text += string(c)
			}
		}
		return `"` + text + `"`
	case nil:
		return "null"
	}
	return fmt.Sprint(v) // a number as it stands, true, false
}

// AuthToken is that of a GET (CN 0070649156, intl 0070649066): the decoded
// parameters without authToken, sorted by name, joined as name=value with "&",
//
//	authToken = base64_encode(HMAC_SHA256(Key + timeStamp, "k1=v1&k2=v2…"))
func AuthToken(key string, params map[string]string) string {
	names := make([]string, 0, len(params))
	for n := range params {
		if n != "authToken" {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	text := ""
	for _, n := range names {
		text += "&" + n + "=" + params[n]
	}
	return base64.StdEncoding.EncodeToString(hmacSHA256(key+params["timeStamp"], strings.TrimPrefix(text, "&")))
}

// BodySign is the signature of an answer (CN 0070649157, intl 0070649067):
//
//	signature = base64_encode(HMAC_SHA256(Key, httpBody))
func BodySign(key, body string) string {
	return base64.StdEncoding.EncodeToString(hmacSHA256(key, body))
}

// bodySign is the header's value: in the words of the page there is a blank
// after "signature=", in those of the FAQ (CN 0082027567) there is none.
var bodySign = regexp.MustCompile(`^sign_type="HMAC-SHA256", signature= ?"([A-Za-z0-9+/]{43}=)"$`)

// BodySignOf is the signature that a Body-Sign header carries; false if the
// header has not the printed form.
func BodySignOf(header string) (string, bool) {
	m := bodySign.FindStringSubmatch(header)
	if m == nil {
		return "", false
	}
	return m[1], true
}
