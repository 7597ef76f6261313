package market

import (
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"koodesk/app/fault"
)

// LicenseStatus is how far a License has come.
type LicenseStatus string

// The statuses of a License.
const (
	LicenseRequested LicenseStatus = "requested" // its supplier has not given it yet
	LicenseReady     LicenseStatus = "ready"     // there, not uploaded yet
	LicenseUploaded  LicenseStatus = "uploaded"  // the marketplace has it (getLicenseAsync)
	LicenseAnswered  LicenseStatus = "answered"  // given in the answer (getLicense of License 1.0)
	LicenseRefused   LicenseStatus = "refused"   // the order, which became known after the request, has no room for it
	LicenseFailed    LicenseStatus = "failed"    // supply or upload was given up: needs a person
	LicenseCancelled LicenseStatus = "cancelled" // its instance was released first
)

// LicenseStatuses lists the statuses, what needs a person first.
func LicenseStatuses() []string {
	var out []string
	for _, s := range []LicenseStatus{LicenseFailed, LicenseRequested, LicenseReady, LicenseUploaded, LicenseAnswered, LicenseRefused, LicenseCancelled} {
		out = append(out, string(s))
	}
	return out
}

// Limits of a License. MaxLicenseText is the published length of "characters"
// (page CN 0070649351), in UTF-16 units; a longer text is uploaded as a file.
// MaxLicenseName is that of "file_name"; the size of a file is not published, ours
// is what fits into a request with a good margin.
const (
	MaxLicenseText = 1024
	MaxLicenseName = 255
	MaxLicenseSize = 512 << 10 // bytes
)

// LicenseContent is a License: a text, or a file with a name.
type LicenseContent struct {
	Text     string
	FileName string
	File     []byte
}

// IsFile tells whether the License is a file.
func (c LicenseContent) IsFile() bool { return c.FileName != "" }

// Bytes are the text's, or the file's.
func (c LicenseContent) Bytes() []byte {
	if c.IsFile() {
		return c.File
	}
	return []byte(c.Text)
}

// Tidy cuts blanks and line breaks around a text, which come with copying, and
// the folders before a file's name.
func (c LicenseContent) Tidy() LicenseContent {
	c.Text = strings.TrimSpace(strings.ReplaceAll(c.Text, "\r\n", "\n"))
	if c.FileName != "" {
		c.FileName = path.Base(strings.ReplaceAll(strings.TrimSpace(c.FileName), `\`, "/"))
	}
	return c
}

// Check tells whether a License can be stored and handed over. Faults, all
// invalid: "license.empty"; "license.text_and_file"; "license.too_large" (limit,
// got); "license.bad_text" (control characters, or no UTF-8);
// "license.bad_file_name". None holds the License.
func (c LicenseContent) Check() error {
	size := len(c.Text) + len(c.File)
	switch {
	case c.Text != "" && (c.IsFile() || len(c.File) > 0):
		return fault.New(fault.Invalid, "license.text_and_file")
	case size == 0:
		return fault.New(fault.Invalid, "license.empty")
	case size > MaxLicenseSize:
		return fault.New(fault.Invalid, "license.too_large", "limit", strconv.Itoa(MaxLicenseSize), "got", strconv.Itoa(size))
	case len(c.File) > 0:
		return checkFileName(c.FileName)
	}
	odd := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if !utf8.ValidString(c.Text) || strings.ContainsFunc(c.Text, odd) {
		return fault.New(fault.Invalid, "license.bad_text")
	}
	return nil
}

// checkFileName takes a name that can stand in a header and on any disk.
func checkFileName(name string) error {
	odd := func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`/\"<>|:*?`, r) }
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) || lenUTF16(name) > MaxLicenseName {
		return fault.New(fault.Invalid, "license.bad_file_name")
	}
	return nil
}

// FitsCharacters tells whether a text may be uploaded as "characters".
func FitsCharacters(text string) bool { return lenUTF16(text) <= MaxLicenseText }

// LicenseGrace is how much later than its order a License may end: the order
// query and the call may round the same day differently, and a refusal would leave
// a customer who has paid without a License.
const LicenseGrace = 24 * time.Hour

// LicenseAsk is what getLicenseAsync wants, with what is known of the order.
type LicenseAsk struct {
	Effective, Expires time.Time // of the License; Expires may be zero
	Device             string
	ChargingMode       ChargingMode
	OrderExpires       time.Time // zero: never, or not known yet
	Frozen             bool
	Quota              int64 // how many Licenses the order has; 0: not known, or not limited
	Given              int64 // how many of them are given or promised
	NeedsDevice        bool
}

// Judge says whether a License may be given, by the codes of page CN 0070649288:
// LicenseNeedsDevice, LicenseNeedsExpiry, LicenseOutOfPeriod, LicenseQuotaUsedUp;
// InvalidParameter for a License that would end before it begins; Success.
// An expired or frozen instance is out of its order's period.
func (a LicenseAsk) Judge(now time.Time) ResultCode {
	switch {
	case a.NeedsDevice && strings.TrimSpace(a.Device) == "":
		return LicenseNeedsDevice
	case a.ChargingMode == Period && a.Expires.IsZero():
		return LicenseNeedsExpiry
	case !a.Expires.IsZero() && !a.Expires.After(a.Effective):
		return InvalidParameter
	case a.Frozen:
		return LicenseOutOfPeriod
	}
	if end := a.OrderExpires; !end.IsZero() {
		if !now.Before(end) || !a.Effective.Before(end) || a.Expires.After(end.Add(LicenseGrace)) {
			return LicenseOutOfPeriod
		}
	}
	if a.Quota > 0 && a.Given >= a.Quota {
		return LicenseQuotaUsedUp
	}
	return Success
}

// noLicense are the faults by which people are told why a License may not be
// given, by its code.
var noLicense = map[ResultCode]string{LicenseNeedsDevice: "call.license_needs_device", LicenseNeedsExpiry: "call.license_needs_expiry",
	LicenseOutOfPeriod: "call.license_out_of_period", LicenseQuotaUsedUp: "call.license_quota_used_up", InvalidParameter: "call.license_ends_early"}

// NoLicense says for people why Judge refuses a License: not_found (instance).
func NoLicense(code ResultCode, instanceID string) *fault.Error {
	return fault.New(fault.NotFound, noLicense[code], "instance", instanceID)
}

// IsNoLicense tells whether a fault is NoLicense's.
func IsNoLicense(err error) bool {
	f := fault.From(err)
	for _, key := range noLicense {
		if f != nil && f.Key == key {
			return true
		}
	}
	return false
}
