// Package saas2 speaks the SaaS Access Guide V2.0 of KooGallery: it proves that
// a call is authentic, reads the bytes into a market.Call and writes the
// market.Answer back, and it holds the marketplace's side (signing) beside the
// seller's, for the simulator and the tests. It does no I/O, has no clock of its
// own, and knows neither HTTP servers nor databases nor what a call causes.
//
// Page ids in the comments are those of Huawei's help pages; docs/protocol.md
// lists every check with its published statement.
package saas2

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxParameter bounds each of the three query values, in bytes. The longest
// published one is a nonce or signature of 64 characters.
const maxParameter = 256

// Envelope is one call as it arrived: the three query values decoded exactly as
// received, and the raw bytes of the body.
type Envelope struct {
	Signature string // 64 hex digits, either case
	Timestamp string // UNIX time in ms; up to 10 digits are seconds
	Nonce     string
	Body      []byte
}

// ParseQuery takes signature, timestamp and nonce from a raw query string
// (without "?"); the body is for the caller to add. The strings may share memory
// with raw.
//
// Decoding is that of HTML forms, as in the Java servlet interface that the
// published sample project reads its parameters with: %XX is one byte and '+' a
// blank. All published values are alphanumeric, where this makes no difference.
// Names are case-sensitive, other parameters are ignored, a missing one is left
// empty for Verify to name. A parameter that is there twice is ErrQueryDuplicate
// (which one was signed cannot be told); a broken escape, a control character,
// invalid UTF-8 or more than 256 bytes are ErrQueryFormat. With an error the
// Envelope holds what could be read, for the log.
func ParseQuery(raw string) (Envelope, error) {
	var e Envelope
	var seen [3]bool
	var first error
	fail := func(err error) {
		if first == nil {
			first = err
		}
	}
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, text, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue // a name that cannot be read is none of the three
		}
		which, dst := e.parameter(name)
		if dst == nil {
			continue
		}
		if seen[which] {
			fail(with(ErrQueryDuplicate, "field", name))
			continue
		}
		seen[which] = true
		text, err = url.QueryUnescape(text)
		if err != nil || len(text) > maxParameter || !cleanText(text) {
			fail(with(ErrQueryFormat, "field", name))
			continue
		}
		*dst = text
	}
	return e, first
}

func (e *Envelope) parameter(name string) (int, *string) {
	switch name {
	case "signature":
		return 0, &e.Signature
	case "timestamp":
		return 1, &e.Timestamp
	case "nonce":
		return 2, &e.Nonce
	}
	return 0, nil
}

// Fingerprint is what the replay memory keeps for a nonce: SHA-256 of the raw
// body. A nonce that comes again with the same body is the marketplace trying
// again (it may have stamped and signed the call anew), with another body it is
// a replay. Timestamp and signature stay out, since whether a retry re-uses its
// nonce is not published.
func Fingerprint(e Envelope) [sha256.Size]byte { return sha256.Sum256(e.Body) }

// cleanText tells whether s is valid UTF-8 without control characters, so that
// it can be stored, logged and put on a screen as it is.
func cleanText(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x20 || c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	if ascii {
		return true
	}
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
