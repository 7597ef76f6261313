package diagnose

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"koodesk/app/protocol/saas2"
)

// deviation is one thing that is different from how we verify: code and args of
// the finding that it amounts to. An empty code is "nothing".
type deviation struct {
	code string
	args []string
}

// attempt is one way to make the signature with a key.
type attempt struct {
	deviation
	cost int // bytes that it hashes
	sum  func(secret string) []byte
}

// try makes every attempt with every key that it is meant for, and gives the
// first that comes out as got. It goes on after that, so that the time it takes
// does not depend on what fits. Keys of other channels are tried without
// deviations only.
func (e *examination) try(got []byte, attempts []attempt) (candidate, deviation, bool) {
	var key candidate
	var dev deviation
	found := false
	for _, a := range attempts {
		for _, k := range e.keys {
			if a.code != "" && !k.own() {
				continue
			}
			if e.left -= a.cost; e.left < 0 {
				e.cut = true
				return key, dev, found
			}
			if subtle.ConstantTimeCompare(a.sum(k.Secret), got) == 1 && !found {
				key, dev, found = k, a.deviation, true
			}
		}
	}
	return key, dev, found
}

func sum(h func() hash.Hash, key string, parts ...[]byte) []byte {
	mac := hmac.New(h, []byte(key))
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func mac(key string, parts ...[]byte) []byte { return sum(sha256.New, key, parts...) }

// digest reads a signature in whatever form it has: hex, or one of the base64s.
// hex tells which.
func digest(s string) (sum []byte, isHex, ok bool) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == sha256.Size {
		return b, true, true
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(strings.ReplaceAll(s, " ", "+")); err == nil && len(b) == sha256.Size {
			return b, false, true
		}
	}
	return nil, false, false
}

// payload is the body as it may have been when it was signed.
type payload struct {
	deviation
	body []byte
}

// maxRewritten is up to which length a body is tried in other forms; published
// bodies have a few hundred bytes.
const maxRewritten = 64 << 10

// payloads are the body as it is, and as it may have been before something on
// the way rewrote it. Equal ones come once.
func payloads(body []byte) []payload {
	out := []payload{{body: body}}
	add := func(code string, b []byte, args ...string) {
		for _, p := range out {
			if bytes.Equal(p.body, b) {
				return
			}
		}
		out = append(out, payload{deviation: deviation{code, args}, body: b})
	}
	sorted, err := saas2.Canonical(body)
	if err == nil {
		add("", sorted)
	}
	if len(body) > maxRewritten {
		return out
	}
	bom := []byte("\xef\xbb\xbf")
	add("body", bytes.TrimPrefix(body, bom), "how", "bom_added")
	add("body", bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r")), "how", "newline_added")
	add("body", append(bytes.Clone(body), '\n'), "how", "newline_lost")
	add("body", append(bytes.Clone(body), "\r\n"...), "how", "newline_lost")
	add("body", bytes.TrimSpace(body), "how", "blanks_around")
	lf := bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	add("body", lf, "how", "line_ends")
	add("body", bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n")), "how", "line_ends")
	var compact bytes.Buffer
	if err == nil && json.Compact(&compact, bytes.TrimPrefix(body, bom)) == nil { // so it is not nested deeply, which would be long when indented
		add("body", compact.Bytes(), "how", "reformatted")
		add("body", unescaped(compact.Bytes()), "how", "escapes")
		add("body", escaped(compact.Bytes()), "how", "escapes")
		var spaced bytes.Buffer
		for _, indent := range []string{"  ", "    ", "\t"} {
			spaced.Reset()
			if json.Indent(&spaced, compact.Bytes(), "", indent) == nil {
				add("body", bytes.Clone(spaced.Bytes()), "how", "reformatted")
			}
		}
	}
	add("body", append(bytes.Clone(bom), body...), "how", "bom_lost")
	add("body_lost", nil)
	return out
}

// escaped writes everything beyond ASCII as \uXXXX.
func escaped(b []byte) []byte {
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r < utf8.RuneSelf || r == utf8.RuneError && n < 2:
			out = append(out, b[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = appendUnit(appendUnit(out, high), low)
		default:
			out = appendUnit(out, r)
		}
		b = b[n:]
	}
	return out
}

func appendUnit(b []byte, u rune) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

const hexDigits = "0123456789abcdef"

// unescaped writes \uXXXX beyond ASCII as the character itself.
func unescaped(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			i++
			continue
		}
		r, n := readUnits(b[i:])
		if n == 0 { // another escape: both of its bytes as they are
			out = append(out, b[i], b[i+1])
			i += 2
			continue
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}

// readUnits reads one \uXXXX, or a pair of them, beyond ASCII; 0 if there is none.
func readUnits(b []byte) (rune, int) {
	r, ok := readUnit(b)
	switch {
	case !ok || r < utf8.RuneSelf:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	low, ok := readUnit(b[6:])
	if whole := utf16.DecodeRune(r, low); ok && whole != utf8.RuneError {
		return whole, 12
	}
	return 0, 0
}

func readUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
