package marketapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
)

const (
	opLicenseUpload   = "license_upload"
	licenseUploadPath = "/api/mkp-openapi-public/global/v1/market-event/" // {event_id}/file, page CN 0070649351
)

// uploadCodes are the published codes of the upload, most of which come with HTTP
// 200 (page CN 0070649352). 91381036 is printed as "inner error".
var uploadCodes = map[string]entry{
	"91381033": {reason: resourceInvalid, code: fault.Refused},
	"91381034": {reason: applyInvalid, code: fault.Refused},
	"91381035": {reason: noRemainAmount, code: fault.Refused},
	"91381036": {reason: systemError, code: fault.Unavailable, temporary: true},
	"91381037": {reason: badFormat, code: fault.Refused},
	"91381038": {reason: applyDenied, code: fault.Refused},
	"91380150": {reason: roleDenied, code: fault.Refused},
}

const (
	resourceInvalid = "resource_invalid"
	applyInvalid    = "apply_invalid"
	noRemainAmount  = "no_remain_amount"
	systemError     = "system_error"
	badFormat       = "bad_format"
	applyDenied     = "apply_denied"
	roleDenied      = "role_denied"
)

// Values of "type" in an upload.
const (
	uploadCharacters = "CHARACTERS"
	uploadFile       = "FILE"
)

// uploadRequest is the part isvUpdateFileReq of an upload. The table of page CN
// 0070649351 makes file_name and sha256 mandatory for FILE and characters for
// CHARACTERS; its sample leaves file_name out.
type uploadRequest struct {
	Type       string `json:"type"`
	FileName   string `json:"file_name,omitempty"`
	SHA256     string `json:"sha256,omitempty"`
	Characters string `json:"characters,omitempty"`
}

// UploadLicense hands a License over for an event, the eventId of
// getLicenseAsync (String/file upload, page CN 0070649351; China site only). A
// text of up to 1024 characters goes as CHARACTERS, a longer one and a file as
// FILE with its SHA-256.
//
// The body is multipart/form-data. Its hash is left out of the signature
// (X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD), as the signing guide allows and
// Huawei's own SDK does for every body that is not JSON; where that is refused as
// a wrong signature, the same is sent once more with the hash of the body signed.
//
// Faults, keys below "license_upload.": as QueryOrder's; and Refused
// resource_invalid, apply_invalid, no_remain_amount, bad_format, apply_denied,
// role_denied (codes 91381033 and following, page CN 0070649352).
func (c *Client) UploadLicense(ctx context.Context, baseURL string, cred Credentials, eventID string, l market.LicenseContent) error {
	if eventID == "" {
		return fault.New(fault.Invalid, opLicenseUpload+".no_event_id")
	}
	body, contentType, err := uploadBody(eventID, l)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	_, _, err = c.do(ctx, baseURL, cred, call{op: opLicenseUpload, method: http.MethodPost, body: body, form: contentType, codes: uploadCodes,
		path: licenseUploadPath + url.PathEscape(eventID) + "/file"})
	return err
}

// uploadBody writes the parts in the order of the published sample: the file, if
// there is one, then the JSON.
func uploadBody(eventID string, l market.LicenseContent) (body []byte, contentType string, err error) {
	req := uploadRequest{Type: uploadCharacters, Characters: l.Text}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if l.IsFile() || !market.FitsCharacters(l.Text) {
		content, name := l.Bytes(), l.FileName
		if name == "" {
			name = textFileName(eventID)
		}
		sum := sha256.Sum256(content)
		req = uploadRequest{Type: uploadFile, FileName: name, SHA256: hex.EncodeToString(sum[:])}
		if err := writePart(w, `form-data; name="file"; filename="`+name+`"`, "multipart/form-data", content); err != nil { // sic, as in the sample
			return nil, "", err
		}
	}
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(req); err != nil {
		return nil, "", err
	}
	if err := writePart(w, `form-data; name="isvUpdateFileReq"`, "application/json", bytes.TrimRight(doc.Bytes(), "\n")); err != nil {
		return nil, "", err
	}
	err = w.Close()
	return b.Bytes(), w.FormDataContentType(), err
}

func writePart(w *multipart.Writer, disposition, contentType string, content []byte) error {
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {contentType}})
	if err != nil {
		return err
	}
	_, err = part.Write(content)
	return err
}

// textFileName is how a text that is too long for CHARACTERS is called.
func textFileName(eventID string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' {
			return r
		}
		return -1
	}, eventID)
	return "license-" + safe + ".txt"
}
