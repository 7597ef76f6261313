// Package crypt holds the cryptographic forms that several protocol generations
// of the marketplace share. It knows keys and bytes: no HTTP, no JSON, no
// activity, and it keeps nothing.
package crypt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"koodesk/app/fault"
)

// BodySignHeader is the name of the header that carries an answer's signature.
// The published text calls the name case-sensitive, so it must be sent in
// exactly this form.
const BodySignHeader = "Body-Sign"

// The published header value is sign_type="HMAC-SHA256", signature= "<base64>":
// the quotes are required, and there is one blank after "signature=".
const (
	bodySignHead = `sign_type="HMAC-SHA256", signature= "`
	bodySignTail = `"`
	signatureLen = 44 // base64 of 32 bytes
)

// The reasons why VerifyBodySign refuses.
var (
	ErrBodySignForm  = fault.New(fault.Unauthenticated, "bodysign.form")
	ErrBodySignWrong = fault.New(fault.Unauthenticated, "bodysign.wrong")
)

// FaultKeys are the keys of all faults of this package, for whoever translates
// them.
func FaultKeys() []string {
	return []string{ErrBodySignForm.Key, ErrBodySignWrong.Key, ErrFieldForm.Key}
}

// BodySign is the exact value of the Body-Sign header for an answer: base64 of
// HMAC-SHA256 with the access key over the very bytes of the body, leading and
// trailing blanks included (V1.0 text; "authToken Value", CN 0070649475 and EU
// 000006, asks for signed answers in V2.0 too). Without a key there is nothing
// to sign with: the value is "" and no header should be sent.
func BodySign(key string, body []byte) string {
	if key == "" {
		return ""
	}
	out := make([]byte, 0, len(bodySignHead)+signatureLen+len(bodySignTail))
	out = append(out, bodySignHead...)
	out = base64.StdEncoding.AppendEncode(out, sum(key, body))
	out = append(out, bodySignTail...)
	return string(out)
}

// BodySignFAQ is BodySign in the form that V1.0's FAQ calls the correct one (CN
// 0082027567): without the blank after "signature=".
func BodySignFAQ(key string, body []byte) string {
	return strings.Replace(BodySign(key, body), `signature= "`, `signature="`, 1)
}

// VerifyBodySign is the marketplace's side: it tells whether a header value
// signs these bytes with this key. The blank after "signature=" may be missing,
// everything else must have the published form: otherwise ErrBodySignForm, and
// ErrBodySignWrong for another key or another body.
func VerifyBodySign(key, header string, body []byte) error {
	rest, ok := strings.CutPrefix(header, strings.TrimSuffix(bodySignHead, ` "`))
	if !ok {
		return ErrBodySignForm
	}
	rest, ok = strings.CutPrefix(strings.TrimPrefix(rest, " "), `"`)
	if !ok {
		return ErrBodySignForm
	}
	rest, ok = strings.CutSuffix(rest, bodySignTail)
	if !ok {
		return ErrBodySignForm
	}
	if len(rest) != signatureLen { // the decoder would overlook line breaks
		return ErrBodySignForm
	}
	got, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil || len(got) != sha256.Size {
		return ErrBodySignForm
	}
	if key == "" || !hmac.Equal(got, sum(key, body)) {
		return ErrBodySignWrong
	}
	return nil
}

func sum(key string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return mac.Sum(nil)
}
