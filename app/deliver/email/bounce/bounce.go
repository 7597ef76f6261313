// Package bounce reads mails that come back: delivery status notifications
// (RFC 3464) of any mail system, the older forms that some still write, and
// whatever else arrives at an address that nobody should write to. It knows
// neither the network nor which delivery is meant: that stands in the address.
package bounce

import (
	"mime"
	"net/textproto"
	"strings"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/fault"
)

// MaxSize is how much of a mail is read, in bytes. What counts stands before the
// copy of the mail that came back.
const MaxSize = 1 << 20

// Read makes a report of one mail. The receiver is the one of the envelope, where
// it is known; if it is empty, the header is asked. There is no report for what is
// no word about a delivery: answers of people and of their mail programs. Fault:
// invalid "receipt.unreadable" for what is no mail at all.
func Read(raw []byte, recipient string, now time.Time) ([]deliver.Report, error) {
	if len(raw) > MaxSize {
		raw = raw[:MaxSize]
	}
	h, body := fields(unboxed(raw))
	if len(h) == 0 {
		return nil, fault.New(fault.Invalid, "receipt.unreadable")
	}
	r, ok := report(h, body)
	if !ok {
		return nil, nil
	}
	r.To, r.At = receivers(h, recipient), now
	r.Note = clean(r.Note, maxNote)
	return []deliver.Report{r}, nil
}

// report is what the mail says, and whether it says anything.
func report(h textproto.MIMEHeader, body []byte) (deliver.Report, bool) {
	p := open(h, body)
	if p.status != nil {
		if r, ok := notification(p.status); ok {
			return r, true
		}
	}
	if p.other { // a receipt of a reader, or a complaint
		return deliver.Report{}, false
	}
	return unformatted(h, p.text)
}

// unboxed takes the line off that some mail servers put before a mail, as if it
// stood in a mailbox file.
func unboxed(raw []byte) []byte {
	for {
		line, rest, more := cutLine(raw)
		if text := string(line); more && (strings.TrimSpace(text) == "" || strings.HasPrefix(text, "From ") || strings.HasPrefix(text, ">From ")) {
			raw = rest
			continue
		}
		return raw
	}
}

// maxReceivers bounds how many addresses are looked at.
const maxReceivers = 16

// receivers are the addresses that the mail may have come to, the surest first.
func receivers(h textproto.MIMEHeader, recipient string) (out []string) {
	if recipient != "" {
		return []string{recipient}
	}
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To"} {
		for _, v := range h.Values(name) {
			out = append(out, email.Address.FindAllString(v, maxReceivers)...)
		}
	}
	return out[:min(len(out), maxReceivers)]
}

// mediaType reads a Content-Type, as well as it can be read.
func mediaType(v string) (kind string, params map[string]string) {
	kind, params, err := mime.ParseMediaType(v)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(v, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	return kind, params
}
