package aksk

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
)

// Window is how far X-Sdk-Date may lie from the verifier's clock, both ways.
const Window = 15 * time.Minute

// The checks that a call can fail; errors.Is finds each of them in what Verify
// returns.
var (
	ErrAuthorization = errors.New("authorization header missing or malformed")
	ErrSignedHeaders = errors.New("host or x-sdk-date is not signed")
	ErrDate          = errors.New("x-sdk-date missing or malformed")
	ErrSkew          = errors.New("x-sdk-date outside the window")
	ErrAccessKey     = errors.New("access key unknown")
	ErrSignature     = errors.New("signature does not match")
	ErrRequest       = errors.New("path or query cannot be decoded")
)

// checkNames are the stable words for the fault's argument "checks".
var checkNames = []struct {
	err  error
	name string
}{
	{ErrAuthorization, "authorization"},
	{ErrSignedHeaders, "signed_headers"},
	{ErrDate, "date"},
	{ErrSkew, "skew"},
	{ErrAccessKey, "access_key"},
	{ErrSignature, "signature"},
	{ErrRequest, "request"},
}

// Verify proves who signed r and returns the access key id. secretOf gives the
// SK of an AK. Every check is made, so that the fault names all that failed:
// code Unauthenticated, key "aksk.rejected", argument "checks" (comma-separated
// names). The signature is compared in constant time, and an unknown AK costs
// as much as a wrong signature.
func Verify(r *http.Request, body []byte, secretOf func(ak string) (sk string, ok bool), now time.Time) (ak string, err error) {
	auth, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return "", rejected([]error{ErrAuthorization})
	}
	var failed []error
	if !slices.Contains(auth.signed, "host") || !slices.Contains(auth.signed, "x-sdk-date") {
		failed = append(failed, ErrSignedHeaders)
	} else if r.Header.Get(HeaderContentSHA256) != "" && !slices.Contains(auth.signed, strings.ToLower(HeaderContentSHA256)) {
		failed = append(failed, ErrSignedHeaders) // else anybody could take the body out of the signature
	}
	if err := checkDate(r.Header.Get(HeaderDate), now); err != nil {
		failed = append(failed, err)
	}
	sk, known := secretOf(auth.access)
	if !known {
		failed = append(failed, ErrAccessKey)
	}
	if err := checkSignature(r, body, auth, sk); err != nil && known {
		failed = append(failed, err)
	}
	if len(failed) > 0 {
		return "", rejected(failed)
	}
	return auth.access, nil
}

func checkDate(date string, now time.Time) error {
	at, err := time.Parse(DateFormat, date)
	if err != nil {
		return ErrDate
	}
	if d := now.Sub(at); d > Window || d < -Window {
		return ErrSkew
	}
	return nil
}

func checkSignature(r *http.Request, body []byte, auth authorization, sk string) error {
	canonical, err := canonicalRequest(r, auth.signed, payloadHash(r.Header, body))
	if err != nil {
		return ErrRequest
	}
	if !hmac.Equal(signature(sk, r.Header.Get(HeaderDate), canonical), auth.signature) {
		return ErrSignature
	}
	return nil
}

func rejected(failed []error) error {
	var names []string
	for _, c := range checkNames {
		if slices.Contains(failed, c.err) {
			names = append(names, c.name)
		}
	}
	return fault.Wrap(errors.Join(failed...), fault.Unauthenticated, "aksk.rejected", "checks", strings.Join(names, ","))
}

// authorization is the parsed header. Its three parts may stand in any order.
type authorization struct {
	access    string
	signed    []string
	signature []byte
}

func parseAuthorization(header string) (authorization, bool) {
	var a authorization
	rest, ok := strings.CutPrefix(header, Algorithm+" ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return a, false
		}
		switch name {
		case "Access":
			a.access = value
		case "SignedHeaders":
			a.signed = strings.Split(strings.ToLower(value), ";")
		case "Signature":
			b, err := hex.DecodeString(value)
			if err != nil {
				return a, false
			}
			a.signature = b
		}
	}
	return a, a.access != "" && len(a.signed) > 0 && len(a.signature) > 0
}
