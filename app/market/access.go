package market

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"koodesk/app/fault"
)

// Published lengths of AppInfo (page CN 0070649428), in characters. They are
// counted in UTF-16 units, as Java's String.length does, which is the least that
// a length can mean.
const (
	MaxAppURL      = 512 // frontEndUrl and adminUrl
	MaxAppUserName = 128
	MaxAppPassword = 128
	MaxAppMemo     = 1024
)

// Published lengths of what every answer has.
const (
	MaxResultMsg  = 255 // resultMsg
	MaxInstanceID = 64  // instanceId (CN 0070649427, 0070649428)
)

// Check tells whether the access data can be written into an answer, so that
// nothing is stored that the marketplace would refuse later. frontEndUrl is
// mandatory; both addresses must be absolute http(s) URLs in ASCII; the memo may
// have line breaks and tabs, otherwise no field has control characters. The
// fault is Invalid and names the field: access.field_missing,
// access.field_too_long (limit, got), access.field_control, access.field_url. It
// never holds the value.
func (a AppInfo) Check() error {
	if strings.TrimSpace(a.FrontEndURL) == "" {
		return fault.New(fault.Invalid, "access.field_missing", "field", "frontEndUrl")
	}
	return checkTexts(
		textField{"frontEndUrl", a.FrontEndURL, MaxAppURL, true},
		textField{"adminUrl", a.AdminURL, MaxAppURL, true},
		textField{"userName", a.UserName, MaxAppUserName, false},
		textField{"password", a.Password, MaxAppPassword, false},
		textField{"memo", oneLine(a.Memo), MaxAppMemo, false})
}

// textField is a text that goes into an answer, and the length that is published
// for it.
type textField struct {
	name, text string
	limit      int
	url        bool // an absolute http(s) address, unless it is empty
}

func checkTexts(fields ...textField) error {
	for _, f := range fields {
		if n := lenUTF16(f.text); n > f.limit {
			return tooLong(f.name, f.limit, n)
		}
		if strings.ContainsFunc(f.text, unprintable) {
			return fault.New(fault.Invalid, "access.field_control", "field", f.name)
		}
		if f.url && f.text != "" && !webAddress(f.text) {
			return fault.New(fault.Invalid, "access.field_url", "field", f.name)
		}
	}
	return nil
}

func tooLong(field string, limit, got int) error {
	return fault.New(fault.Invalid, "access.field_too_long",
		"field", field, "limit", strconv.Itoa(limit), "got", strconv.Itoa(got))
}

// Changed names the fields in which b differs from a, in KooGallery's words.
func (a AppInfo) Changed(b AppInfo) []string {
	var names []string
	for _, f := range [...]struct{ name, old, new string }{
		{"frontEndUrl", a.FrontEndURL, b.FrontEndURL},
		{"adminUrl", a.AdminURL, b.AdminURL},
		{"userName", a.UserName, b.UserName},
		{"password", a.Password, b.Password},
		{"memo", a.Memo, b.Memo},
	} {
		if f.old != f.new {
			names = append(names, f.name)
		}
	}
	return names
}

// oneLine replaces what only a memo may have, one for one.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s)
}

func unprintable(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }

func webAddress(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

func lenUTF16(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
