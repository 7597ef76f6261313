// Package aksk signs and verifies calls of Huawei Cloud's open APIs with an
// access key pair (SDK-HMAC-SHA256; API Request Signing Guide, devg-apisign,
// pages api-sign-algorithm-001 and following). Signer and verifier stand side
// by side and share one canonical form, so that they cannot drift apart. It
// sends nothing, reads no clock, and knows neither which API is called nor what
// the bodies mean.
package aksk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The words of the signing guide.
const (
	Algorithm           = "SDK-HMAC-SHA256"
	HeaderDate          = "X-Sdk-Date"           // UTC, DateFormat; mandatory and signed
	HeaderContentSHA256 = "X-Sdk-Content-Sha256" // only sent with UnsignedPayload
	UnsignedPayload     = "UNSIGNED-PAYLOAD"     // in HeaderContentSHA256: the body is not part of the signature
	DateFormat          = "20060102T150405Z"
)

// Credentials are an access key id (AK) and its secret (SK) of an account or an
// IAM user with programmatic access. The SK is never sent.
type Credentials struct{ AK, SK string }

// Sign adds X-Sdk-Date and Authorization to r. Signed are Host, Content-Type
// (when set) and every X- header that r has by now, so headers that a proxy may
// rewrite (User-Agent, Accept-Encoding) do not break the signature. body are
// the very bytes that will be sent; with X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD
// set on r they are left out. The query is rewritten in its canonical encoding:
// a server that reads "+" otherwise than we do cannot come to another hash.
func Sign(r *http.Request, body []byte, cred Credentials, at time.Time) error {
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	r.URL.RawQuery = query
	r.Header.Set(HeaderDate, at.UTC().Format(DateFormat))
	names := headersToSign(r.Header)
	canonical, err := canonicalRequest(r, names, payloadHash(r.Header, body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", Algorithm+" Access="+cred.AK+
		", SignedHeaders="+strings.Join(names, ";")+
		", Signature="+hex.EncodeToString(signature(cred.SK, r.Header.Get(HeaderDate), canonical)))
	return nil
}

// headersToSign are the lower-case names that Sign covers, in order.
func headersToSign(h http.Header) []string {
	names := []string{"host"}
	for name := range h {
		lower := strings.ToLower(name)
		if lower == "content-type" || strings.HasPrefix(lower, "x-") {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names
}

// signature is HMAC-SHA256(SK, algorithm, date and hash of the canonical
// request, one per line).
func signature(sk, date, canonical string) []byte {
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(sk))
	mac.Write([]byte(Algorithm + "\n" + date + "\n" + hex.EncodeToString(sum[:])))
	return mac.Sum(nil)
}
