package saas1

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// Key is one candidate access key during a rotation. A key without a secret
// matches nothing.
type Key struct {
	ID     int64
	Secret string
}

// Proof says which key proved a call. It is also the one to encrypt and sign the
// answer with.
type Proof struct {
	KeyID  int64
	Secret string
}

// Verify proves that a call was signed with one of keys (newest first). Every key
// is always tried, and which one matched does not show in the time taken. The
// errors are those of refusal.go, all Unauthenticated.
//
// No time window is checked: no page of V1.0 has one, and the marketplace sends
// the same call for hours. What keeps a repeated call harmless are the
// idempotency keys.
func Verify(keys []Key, q Query) (Proof, error) {
	switch {
	case q.Token == "":
		return Proof{}, ErrTokenMissing
	case strings.TrimSpace(q.Get(nameStamp)) == "":
		return Proof{}, ErrTimestampMissing
	case !slices.ContainsFunc(keys, func(k Key) bool { return k.Secret != "" }):
		return Proof{}, ErrNoKey
	}
	got, err := base64.StdEncoding.Strict().DecodeString(q.Token)
	if err != nil || len(got) != sha256.Size {
		return Proof{}, ErrTokenWrong
	}
	payload, stamp := q.payload(), q.Get(nameStamp)
	found, which := 0, 0
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i].Secret == "" {
			continue
		}
		equal := subtle.ConstantTimeCompare(token(keys[i].Secret, stamp, payload), got)
		which = subtle.ConstantTimeSelect(equal, i, which)
		found |= equal
	}
	if found == 0 {
		return Proof{}, ErrTokenWrong
	}
	return Proof{KeyID: keys[which].ID, Secret: keys[which].Secret}, nil
}

// payload is what is signed: name=value, decoded, unquoted, joined with '&' in
// the order of the names (page CN 0070649156, intl 0070649066, sample intl
// 0070649061). Blank values stay in, unlike in the POST sample.
func (q Query) payload() []byte {
	var b []byte
	for i, p := range q.Params {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p.Name...)
		b = append(b, '=')
		b = append(b, p.Value...)
	}
	return b
}

// token is the published recipe: HMAC-SHA256 keyed with Key + timeStamp.
func token(secret, stamp string, payload []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret+stamp))
	mac.Write(payload)
	return mac.Sum(nil)
}

// Sign is the marketplace's side: the query string (without "?") of a call with
// these fields, the names in order and authToken at the end, as the published
// samples have it. A timeStamp among the fields stands; there must be one.
func Sign(secret string, fields map[string]string) (query string) {
	var q Query
	for name, value := range fields {
		q.Params = append(q.Params, Parameter{name, value})
	}
	slices.SortFunc(q.Params, func(a, b Parameter) int { return wire.CompareUTF16(a.Name, b.Name) })
	var b strings.Builder
	for _, p := range q.Params {
		b.WriteString(url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value) + "&")
	}
	sum := token(secret, q.Get(nameStamp), q.payload())
	return b.String() + nameToken + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(sum))
}

// Stamp is a timeStamp in UTC, as the basic interfaces carry it.
func Stamp(t time.Time) string { return market.FormatMillis(t) }
