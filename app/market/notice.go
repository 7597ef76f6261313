package market

import (
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
)

// What customers are told of an instance.
const (
	UsageInfo    = "usage_info"
	ExpiryNotice = "expiry_notice"
	WasFrozen    = "frozen"
	WasUnfrozen  = "unfrozen"
	WasRenewed   = "renewed"
	WasReleased  = "released"
	LicenseThere = "license_ready"
)

// Notices lists what customers are told, in the order of an instance's life.
func Notices() []string {
	return []string{UsageInfo, LicenseThere, ExpiryNotice, WasRenewed, WasFrozen, WasUnfrozen, WasReleased}
}

// CheckNotices tells whether all of these are kinds of messages to customers.
// Fault: invalid "notice.kind_unknown".
func CheckNotices(kinds []string) error {
	for _, k := range kinds {
		if !slices.Contains(Notices(), k) {
			return fault.New(fault.Invalid, "notice.kind_unknown", "kind", k, "known", strings.Join(Notices(), ", "))
		}
	}
	return nil
}

// Noticed tells which notice each of the changes of one moment is worth; "" for
// none. A renewal that ends a freeze says it all, so that the customer gets one
// message, not two; and whoever was never given anything is told of no end, be
// the instance frozen before it was made. given tells whether it was made.
func Noticed(changes []Change, given bool) []string {
	out := make([]string, len(changes))
	for n, c := range changes {
		out[n] = c.notice()
		if out[n] == WasReleased && !given {
			out[n] = ""
		}
	}
	if slices.Contains(out, WasRenewed) {
		for n := range out {
			if out[n] == WasUnfrozen {
				out[n] = ""
			}
		}
	}
	return out
}

func (c Change) notice() string {
	switch c.Kind {
	case StatusChanged:
		was, is := InstanceStatus(c.Old), InstanceStatus(c.New)
		switch {
		case was == Provisioning || was == "":
			return ""
		case is == Frozen:
			return WasFrozen
		case is == Active:
			return WasUnfrozen
		case is == Released:
			return WasReleased
		}
	case ExpiryChanged: // both are RFC 3339 in UTC, so the later one is the greater
		if c.Old != "" && c.New > c.Old {
			return WasRenewed
		}
	case LicenseChanged:
		if s := LicenseStatus(c.New); s == LicenseUploaded || s == LicenseAnswered {
			return LicenseThere
		}
	}
	return ""
}

// ExpiryDays are how many days before an expiry its customer is told, where a
// product says nothing else; 0 is the day itself, from its beginning in the
// customer's zone.
func ExpiryDays() []int { return []int{30, 15, 7, 3, 1, 0} }

// DefaultQuietHours is when no notice goes out by SMS, where a product says
// nothing else.
const DefaultQuietHours = "21:00-09:00"

// QuietHours reads a product's quiet hours: "" for the default, "none", or two
// times of a day such as "21:00-09:00". some is false for none and for what
// cannot be read.
func QuietHours(s string) (from, to time.Duration, some bool) {
	if s == "" {
		s = DefaultQuietHours
	}
	a, b, some := strings.Cut(s, "-")
	if !some || len(a) != len("15:04") || len(b) != len("15:04") {
		return 0, 0, false
	}
	x, err1 := time.Parse("15:04", a)
	y, err2 := time.Parse("15:04", b)
	clock := func(t time.Time) time.Duration {
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	return clock(x), clock(y), err1 == nil && err2 == nil && !x.Equal(y)
}
