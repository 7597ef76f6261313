// Package wsse signs and verifies calls with the header X-WSSE as Huawei Cloud
// Message & SMS publishes it (api-msgsms, page sms_05_0046). Signer and verifier
// stand side by side. The digest covers neither address nor body; AK/SK signing
// is the better choice where the service has both.
package wsse

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"time"
)

// The words of the page.
const (
	HeaderName    = "X-WSSE"
	Authorization = `WSSE realm="SDP",profile="UsernameToken",type="Appkey"`
	timeFormat    = "2006-01-02T15:04:05Z"
)

// Window is how far Created may lie from the verifier's clock, both ways.
const Window = 24 * time.Hour

// Why a call is not authentic.
var (
	ErrHeaders = errors.New("wsse: Authorization or X-WSSE is missing or malformed")
	ErrTime    = errors.New("wsse: Created is outside the window")
	ErrKey     = errors.New("wsse: the user name is unknown")
	ErrDigest  = errors.New("wsse: the digest does not fit")
)

// Sign sets the two headers. The nonce must not be used twice.
func Sign(h http.Header, key, secret, nonce string, at time.Time) {
	created := at.UTC().Format(timeFormat)
	h.Set("Authorization", Authorization)
	h.Set(HeaderName, `UsernameToken Username="`+key+`",PasswordDigest="`+digest(nonce, created, secret)+`",Nonce="`+nonce+`",Created="`+created+`"`)
}

// digest is the base64 of the hexadecimal SHA-256, as the published example
// has it, and not of its bytes.
func digest(nonce, created, secret string) string {
	sum := sha256.Sum256([]byte(nonce + created + secret))
	return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:])))
}

var token = regexp.MustCompile(`^UsernameToken\s+Username="([^"]+)",\s*PasswordDigest="([^"]+)",\s*Nonce="([A-Za-z0-9]{1,128})",\s*Created="([^"]+)"$`)

// Verify proves that the call was signed with the secret of key.
func Verify(h http.Header, key, secret string, now time.Time) error {
	m := token.FindStringSubmatch(h.Get(HeaderName))
	if m == nil || h.Get("Authorization") != Authorization {
		return ErrHeaders
	}
	created, err := time.Parse(timeFormat, m[4])
	if err != nil {
		return ErrHeaders
	}
	switch d := now.Sub(created); {
	case d > Window, d < -Window:
		return ErrTime
	case m[1] != key:
		return ErrKey
	case !hmac.Equal([]byte(m[2]), []byte(digest(m[3], m[4], secret))):
		return ErrDigest
	}
	return nil
}
