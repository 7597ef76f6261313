package webhook

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Tolerance is how far a message's time may be from the receiver's clock.
const Tolerance = 5 * time.Minute

// maxSignatures bounds how many signatures of a header are looked at.
const maxSignatures = 16

// Why a message is not authentic.
var (
	ErrHeaders   = errors.New("webhook: a header is missing or malformed")
	ErrTime      = errors.New("webhook: the timestamp is too far from the clock")
	ErrSignature = errors.New("webhook: no signature fits")
)

// Verify proves that a message was signed with one of the secrets, not long
// before or after now. The body must be the very bytes received. The same
// webhook-id may come again: it is the receiver's key for doing things once.
func Verify(h http.Header, body []byte, now time.Time, secrets ...string) error {
	id, timestamp, signatures := h.Get(HeaderID), h.Get(HeaderTimestamp), h.Get(HeaderSignature)
	if id == "" || signatures == "" || strings.Contains(id, ".") {
		return ErrHeaders
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != timestamp {
		return ErrHeaders
	}
	if d := now.Unix() - seconds; d > int64(Tolerance/time.Second) || -d > int64(Tolerance/time.Second) {
		return ErrTime
	}
	for n := 0; signatures != "" && n < maxSignatures; n++ {
		var one string
		one, signatures, _ = strings.Cut(signatures, " ")
		text, ok := strings.CutPrefix(one, signaturePrefix)
		if !ok {
			continue // of a version that is not ours
		}
		given, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		for _, s := range secrets {
			if s != "" && hmac.Equal(given, mac(s, id, timestamp, body)) {
				return nil
			}
		}
	}
	return ErrSignature
}
