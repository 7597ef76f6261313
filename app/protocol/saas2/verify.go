package saas2

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// MaxSkew is how far the timestamp of a call may lie from now, either way (HTTP
// Body Signature, CN 0070649476: "must differ by at most 60 s"). The replay
// memory has to outlive the whole window: twice MaxSkew.
const MaxSkew = 60 * time.Second

// Digits of the timestamp. The samples have 13 (milliseconds); the intl text
// says seconds, which have 10 until the year 2286.
const (
	maxDigitsSeconds = 10
	maxDigitsMillis  = 13
)

// Key is one candidate access key during a rotation. A key without a secret
// matches nothing.
type Key struct {
	ID     int64
	Secret string
}

// Form is which reading of "RequestPayload" the signature was made over.
type Form string

// The forms: the body's raw bytes, or Canonical of it.
const (
	FormRaw    Form = "raw"
	FormSorted Form = "sorted"
)

// Proof says how a call was proved authentic.
type Proof struct {
	KeyID int64
	Form  Form
	At    time.Time     // the call's timestamp, UTC
	Skew  time.Duration // now minus At; negative for a call from the future
}

// Verify proves that a call was signed with one of keys (newest first) at most
// MaxSkew from now. Raw bytes are tried first, then the sorted re-serialisation.
// Every key is always tried, and which one matched does not show in the time
// taken. The errors are those of refusal.go, all Unauthenticated; ErrSkewed says
// in its args by how much and whether the signature itself was right, so that an
// operator can tell a wrong clock from a forgery.
func Verify(keys []Key, e Envelope, now time.Time) (Proof, error) {
	switch {
	case e.Signature == "":
		return Proof{}, ErrSignatureMissing
	case e.Timestamp == "":
		return Proof{}, ErrTimestampMissing
	case e.Nonce == "":
		return Proof{}, ErrNonceMissing
	}
	at, ok := parseTimestamp(e.Timestamp)
	if !ok {
		return Proof{}, ErrTimestampFormat
	}
	if !usable(keys) {
		return Proof{}, ErrNoKey
	}
	p := Proof{At: at, Skew: now.Sub(at)}
	signed := p.match(keys, e)
	if p.Skew > MaxSkew || p.Skew < -MaxSkew {
		return Proof{}, skewed(p.Skew, signed)
	}
	if !signed {
		return Proof{}, ErrSignatureWrong
	}
	return p, nil
}

// Sign is the marketplace's side: the query string (without "?") of a call with
// this body, its timestamp in milliseconds and its signature in upper-case hex,
// as in all published V2.0 samples.
func Sign(secret string, at time.Time, nonce string, body []byte) (query string) {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := signature(secret, stamp, nonce, body)
	return "signature=" + strings.ToUpper(hex.EncodeToString(mac[:])) +
		"&timestamp=" + stamp +
		"&nonce=" + url.QueryEscape(nonce)
}

// match looks for the key and form that made the signature, and notes them.
func (p *Proof) match(keys []Key, e Envelope) bool {
	got, err := hex.DecodeString(e.Signature) // takes either case
	if err != nil || len(got) != sha256.Size {
		return false
	}
	if i, ok := find(keys, e, e.Body, got); ok {
		p.KeyID, p.Form = keys[i].ID, FormRaw
		return true
	}
	sorted, err := Canonical(e.Body)
	if err != nil || bytes.Equal(sorted, e.Body) {
		return false // nothing that could have been signed in the second form
	}
	if i, ok := find(keys, e, sorted, got); ok {
		p.KeyID, p.Form = keys[i].ID, FormSorted
		return true
	}
	return false
}

// find goes through all keys, oldest first, without leaving early: the newest
// that matches is the last to be written.
func find(keys []Key, e Envelope, payload, got []byte) (int, bool) {
	found, which := 0, 0
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i].Secret == "" {
			continue
		}
		want := signature(keys[i].Secret, e.Timestamp, e.Nonce, payload)
		equal := subtle.ConstantTimeCompare(want[:], got)
		which = subtle.ConstantTimeSelect(equal, i, which)
		found |= equal
	}
	return which, found == 1
}

// signature is the published recipe (CN 0070649476, intl 0070649090):
// HMAC(accessKey + nonce + timestamp + lowerhex(HMAC(payload))), both keyed with
// the access key. The printed formula names no key for the HMACs; the License
// guide and the sample project do.
func signature(secret, timestamp, nonce string, payload []byte) [sha256.Size]byte {
	var sum [sha256.Size]byte
	var inner [2 * sha256.Size]byte
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(payload)
	hex.Encode(inner[:], mac.Sum(sum[:0]))
	mac.Reset()
	mac.Write([]byte(secret))
	mac.Write([]byte(nonce))
	mac.Write([]byte(timestamp))
	mac.Write(inner[:])
	mac.Sum(sum[:0])
	return sum
}

// parseTimestamp reads digits only: no sign, no blank, no fraction.
func parseTimestamp(s string) (time.Time, bool) {
	if len(s) > maxDigitsMillis {
		return time.Time{}, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	if len(s) <= maxDigitsSeconds {
		return time.Unix(n, 0).UTC(), true
	}
	return time.UnixMilli(n).UTC(), true
}

func usable(keys []Key) bool {
	for _, k := range keys {
		if k.Secret != "" {
			return true
		}
	}
	return false
}
