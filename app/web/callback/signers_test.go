package callback_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The signatures with their usual slips, written from the published formulas.

func hmacOf(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func innerUpper(key string, at time.Time, nonce, body string) string {
	inner := strings.ToUpper(hex.EncodeToString(hmacOf(key, body)))
	return hex.EncodeToString(hmacOf(key, key+nonce+strconv.FormatInt(at.UnixMilli(), 10)+inner))
}

func signSeconds(key string, at time.Time, nonce, body string) string {
	inner := hex.EncodeToString(hmacOf(key, body))
	return "signature=" + hex.EncodeToString(hmacOf(key, key+nonce+strconv.FormatInt(at.Unix(), 10)+inner))
}

// tokenOver is V1.0's authToken over these names in this order, escaped.
func tokenOver(key string, fields map[string]string, names []string) string {
	return tokenKeyed(key+fields["timeStamp"], fields, names)
}

func tokenKeyed(key string, fields map[string]string, names []string) string {
	var parts []string
	for _, n := range names {
		parts = append(parts, n+"="+fields[n])
	}
	return url.QueryEscape(base64.StdEncoding.EncodeToString(hmacOf(key, strings.Join(parts, "&"))))
}

func sortedBy(fields map[string]string, less func(a, b string) bool) []string {
	return slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		if less(a, b) {
			return -1
		}
		return 1
	})
}

func without(fields map[string]string, name string) []string {
	all := sortedBy(fields, func(a, b string) bool { return a < b })
	return slices.DeleteFunc(all, func(n string) bool { return n == name })
}

func with(fields map[string]string, name, value string) map[string]string {
	out := maps.Clone(fields)
	out[name] = value
	return out
}

func hexed(token string) string {
	raw, err := url.QueryUnescape(token)
	if err != nil {
		panic(err)
	}
	b, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(b)
}
