package email

import (
	"bytes"
	"mime"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"koodesk/app/deliver"
	"koodesk/app/fault"
)

// compose writes the whole mail: headers, a plain part and an HTML part. Nobody
// but the one receiver is named in it, and no value can begin a header of its
// own. Faults: invalid "delivery.bad_email"; internal.
func (s *Sender) compose(p deliver.Parcel, now time.Time) ([]byte, error) {
	to, err := receiver(p.To)
	if err != nil {
		return nil, err
	}
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(mail.EncodingQP))
	m.FromMailAddress(&s.o.From)
	m.ToMailAddress(to)
	m.SetDateWithValue(now)
	m.SetMessageIDWithValue(strings.Trim(p.Ref, "<>"))
	m.SetGenHeaderPreformatted(mail.HeaderSubject, subject(p.Subject))
	m.SetGenHeader(mail.Header("Content-Language"), headerText(p.Language))
	// RFC 3834: keeps holiday answers away.
	m.SetGenHeader(mail.Header("Auto-Submitted"), "auto-generated")
	m.SetGenHeader(mail.Header("X-Auto-Response-Suppress"), "All")
	if p.RefuseURL != "" { // RFC 2369, and RFC 8058 for one click without a page
		m.SetGenHeaderPreformatted(mail.Header("List-Unsubscribe"), "<"+headerText(p.RefuseURL)+">")
		m.SetGenHeader(mail.Header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click")
	}
	m.SetBodyString(mail.TypeTextPlain, p.Text)
	if p.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, p.HTML)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fault.Wrap(scrub(err.Error()), fault.Internal, "internal")
	}
	return b.Bytes(), nil
}

// subject writes a subject as RFC 2047 words, one per line: the library would
// leave the header's first line empty, which some receivers take amiss.
func subject(s string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("UTF-8", headerText(s)), "?= =?", "?=\r\n =?")
}

// receiver accepts exactly one bare address.
func receiver(s string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" {
		return nil, fault.New(fault.Invalid, "delivery.bad_email")
	}
	return a, nil
}

// headerText keeps a value on its header's line.
func headerText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
