// Package webhook speaks Standard Webhooks: the signer and the verifier side by
// side, and a client that posts signed messages to addresses which other people
// configured, and therefore trusts neither where a name leads nor what comes
// back. It knows nothing of what the messages say, nor of the database.
package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
)

// The headers of a message.
const (
	HeaderID        = "webhook-id"        // of the message: the same on every try
	HeaderTimestamp = "webhook-timestamp" // of the try, in seconds since 1970
	HeaderSignature = "webhook-signature" // "v1,<base64>", several separated by blanks while a secret is replaced
)

const (
	secretPrefix    = "whsec_"
	signaturePrefix = "v1,"
)

// The bounds of a secret's length in bytes: those of Standard Webhooks for the
// base64 form. A plain secret has to have as many characters.
const (
	minSecret = 24
	maxSecret = 64
	maxPlain  = 256
)

// NewSecret makes a secret of 32 random bytes in its published form, whsec_ and
// base64.
func NewSecret() string {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil { // crypto/rand does not fail on supported systems
		panic(err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// NewID makes the id of a message: msg_ and 32 hexadecimal digits.
func NewID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return "msg_" + hex.EncodeToString(b[:])
}

// CheckSecret tells whether a secret can sign: whsec_ and base64 of 24 to 64
// bytes, or any text of 24 to 256 characters without blanks. Fault: invalid
// "webhook.bad_secret".
func CheckSecret(secret string) error {
	if rest, ok := strings.CutPrefix(secret, secretPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(rest); err == nil && len(key) >= minSecret && len(key) <= maxSecret {
			return nil
		}
		return fault.New(fault.Invalid, "webhook.bad_secret")
	}
	if len(secret) < minSecret || len(secret) > maxPlain || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fault.New(fault.Invalid, "webhook.bad_secret")
	}
	return nil
}

// key is what a secret signs with: the decoded bytes of a whsec_ secret, else
// the text itself.
func key(secret string) []byte {
	if rest, ok := strings.CutPrefix(secret, secretPrefix); ok {
		if k, err := base64.StdEncoding.DecodeString(rest); err == nil {
			return k
		}
	}
	return []byte(secret)
}

// mac is HMAC-SHA256 over "id.timestamp.body".
func mac(secret, id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, key(secret))
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Signature is the value of webhook-signature: one signature for each secret,
// so that a receiver which knows the old or the new one can verify it.
func Signature(id string, at time.Time, body []byte, secrets ...string) string {
	parts := make([]string, 0, len(secrets))
	for _, s := range secrets {
		parts = append(parts, signaturePrefix+base64.StdEncoding.EncodeToString(mac(s, id, stamp(at), body)))
	}
	return strings.Join(parts, " ")
}

// Sign puts the three headers into h.
func Sign(h http.Header, id string, at time.Time, body []byte, secrets ...string) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, stamp(at))
	h.Set(HeaderSignature, Signature(id, at, body, secrets...))
}

func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
