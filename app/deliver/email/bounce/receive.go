package bounce

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
)

// Receiver takes what a mail service posts of mails that came back. It implements
// deliver.Receiver; that the call is the service's is proved by its address.
type Receiver struct{}

// Receive reads the mail itself (message/rfc822, or whatever the service calls
// it), the body of a multipart/report whose header is the call's, or JSON. The
// parameter recipient is the receiver of the envelope, if the mail does not tell.
func (Receiver) Receive(r *http.Request, body []byte, now time.Time) ([]deliver.Report, error) {
	kind, _ := mediaType(r.Header.Get("Content-Type"))
	recipient := words(r.URL.Query().Get("recipient"))
	switch kind {
	case "application/json":
		return told(body, now)
	case "multipart/report":
		body = slices.Concat([]byte("Content-Type: "+r.Header.Get("Content-Type")+"\r\n\r\n"), body)
	}
	return Read(body, recipient, now)
}

// told reads the short form.
func told(body []byte, now time.Time) ([]deliver.Report, error) {
	var in struct {
		Recipient string          `json:"recipient"` // to which it came back
		Outcome   deliver.Outcome `json:"outcome"`
		Code      string          `json:"code"`
		Note      string          `json:"note"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Recipient == "" {
		return nil, fault.Wrap(err, fault.Invalid, "receipt.unreadable")
	}
	switch in.Outcome {
	case deliver.HandedOver, deliver.Delivered, deliver.Refused, deliver.Bounced:
		return []deliver.Report{{To: []string{in.Recipient}, Outcome: in.Outcome, Code: clean(words(in.Code), maxCode), Note: clean(words(in.Note), maxNote), At: now}}, nil
	}
	return nil, fault.New(fault.Invalid, "receipt.unreadable")
}
