package aksk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// canonicalRequest is what both sides hash: method, path, query, headers, their
// names and the body's hash, one per line.
func canonicalRequest(r *http.Request, signed []string, bodyHash string) (string, error) {
	path, err := canonicalPath(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	method := r.Method
	if method == "" { // net/http's own default
		method = http.MethodGet
	}
	return strings.Join([]string{
		method, path, query, canonicalHeaders(r, signed), strings.Join(signed, ";"), bodyHash,
	}, "\n"), nil
}

// canonicalPath encodes each segment by RFC 3986 and always ends in "/". The
// slash belongs to the signature only; the address that is called keeps its form.
func canonicalPath(escaped string) (string, error) {
	segments := strings.Split(escaped, "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return "", fmt.Errorf("path: %w", err)
		}
		segments[i] = encode(plain)
	}
	path := strings.Join(segments, "/")
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return path, nil
}

// canonicalQuery sorts by name, then by value, and encodes both.
func canonicalQuery(raw string) (string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		slices.Sort(values[name])
		for _, v := range values[name] {
			pairs = append(pairs, encode(name)+"="+encode(v))
		}
	}
	return strings.Join(pairs, "&"), nil
}

// canonicalHeaders writes one line per value, each ended by a line feed. A
// signed header that the request does not have stands as an empty value.
func canonicalHeaders(r *http.Request, signed []string) string {
	var b strings.Builder
	for _, name := range signed {
		for _, v := range headerValues(r, name) {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	return b.String()
}

func headerValues(r *http.Request, name string) []string {
	if name == "host" { // net/http keeps it outside of Header
		if r.Host != "" {
			return []string{r.Host}
		}
		return []string{r.URL.Host}
	}
	values := slices.Clone(r.Header.Values(name))
	if len(values) == 0 {
		return []string{""}
	}
	slices.Sort(values)
	return values
}

// payloadHash is the body's SHA-256 in hex, or the agreed word when the caller
// left the body out of the signature.
func payloadHash(h http.Header, body []byte) string {
	if h.Get(HeaderContentSHA256) == UnsignedPayload {
		return UnsignedPayload
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// encode is RFC 3986 percent-encoding with only the unreserved characters left
// as they are. url.QueryEscape differs in the blank and in "~".
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
