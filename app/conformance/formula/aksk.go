package formula

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// Request is what the open APIs' signature covers. Path and query values are
// plain text, not escaped; the names of Headers are in lower case, all of them
// signed, host and x-sdk-date among them.
type Request struct {
	Method  string
	Path    string
	Query   map[string]string
	Headers map[string]string
	Body    string
}

// AKSK is SDK-HMAC-SHA256 (API Request Signing Guide, api-sign-algorithm-001
// ff.): the hash of the canonical request, and the signature.
func AKSK(sk string, r Request) (canonicalHash, signature string) {
	path := escape(r.Path, true)
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	var pairs []string
	for _, name := range sorted(r.Query) {
		pairs = append(pairs, escape(name, false)+"="+escape(r.Query[name], false))
	}
	names := SignedHeaders(r)
	headers := ""
	for _, n := range names {
		headers += n + ":" + strings.TrimSpace(r.Headers[n]) + "\n"
	}
	canonical := strings.Join([]string{r.Method, path, strings.Join(pairs, "&"), headers, strings.Join(names, ";"), hash(r.Body)}, "\n")
	canonicalHash = hash(canonical)
	toSign := "SDK-HMAC-SHA256\n" + r.Headers["x-sdk-date"] + "\n" + canonicalHash
	return canonicalHash, hex.EncodeToString(hmacSHA256(sk, toSign))
}

// SignedHeaders are the names in their order.
func SignedHeaders(r Request) []string { return sorted(r.Headers) }

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// escape leaves the unreserved characters A-Za-z0-9-_.~ (and the slashes of a
// path) and writes every other byte as %XX.
func escape(s string, slashes bool) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	out := ""
	for _, b := range []byte(s) {
		if strings.IndexByte(plain, b) >= 0 || slashes && b == '/' {
			out += string(rune(b))
			continue
		}
		out += fmt.Sprintf("%%%02X", b)
	}
	return out
}
