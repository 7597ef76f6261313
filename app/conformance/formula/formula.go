// Package formula computes every signature and cipher of the marketplace a
// second time, from the printed formulas alone. It shares no code with
// app/protocol, which it is there to be compared with, and serves tests only:
// the conformance suite signs its calls and checks its answers by it.
package formula

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"sort"
	"strings"
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

// Sorted is a flat body as the published sample project signs it: members in
// ascending order, those that are null left out, compact.
func Sorted(body string) (string, error) {
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return "", err
	}
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m) // sorts
	return strings.TrimSuffix(b.String(), "\n"), err
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
