package market

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
)

// Published lengths of UsageInfo (pages CN 0070649428, 0070649185), in
// characters.
const (
	MaxUsageValue   = 20
	MaxUsageTime    = 20
	MaxDashboardURL = 512
)

// Bounds of a report that are ours: none are published.
const (
	MaxUsages   = 100             // entries: a package has one for each of its billing items
	usageAhead  = 5 * time.Minute // by which the clock of whoever reports may be fast
	usageDigits = 8               // before the point, and
	usagePlaces = 4               // behind it: Double(12,4), of which no more than twelve are digits
)

// Usage is one entry of queryInstance's usageInfo: how much of an instance was
// used, as the seller's product counts it.
type Usage struct {
	Related   string    `json:"related,omitempty"`   // instanceId of the pay-per-use instance that a package's entry is about
	Value     string    `json:"value"`               // a decimal as UsageValue writes it
	At        time.Time `json:"at"`                  // when it was counted
	Dashboard string    `json:"dashboard,omitempty"` // where the buyer sees the details
}

// UsageReport is what the seller's product last reported of an instance.
type UsageReport struct {
	At      time.Time `json:"at"` // when the report came
	Entries []Usage   `json:"entries"`
}

// Metered tells whether an instance's use belongs into queryInstance's answer:
// that of an instance paid by use, and of a package.
func (m ChargingMode) Metered() bool { return m == OnDemand || m == OnDemandPkg }

// UsageValue is a number as usageValue is written: at most eight digits before
// the point and four behind it, never with an exponent; false for what is no such
// number. JSON writers that use exponents are understood.
func UsageValue(number string) (string, bool) {
	if len(number) > 64 || strings.Trim(number, "0123456789+-.eE") != "" {
		return "", false
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 {
		return "", false
	}
	text := strconv.FormatFloat(math.Abs(f), 'f', -1, 64) // twelve digits come back as they were; zero has no sign
	whole, places, _ := strings.Cut(text, ".")
	return text, len(whole) <= usageDigits && len(places) <= usagePlaces
}

// CheckUsage tells whether a report can be written into an answer, so that
// nothing is stored that the marketplace would refuse later. The fault is Invalid
// and names the field by its path ("usage[0].usage_value"): usage.too_many
// (limit), usage.value, usage.time, usage.ahead, usage.related_missing,
// usage.related_twice, and those of AppInfo.Check for texts and addresses.
func CheckUsage(list []Usage, now time.Time) error {
	if len(list) > MaxUsages {
		return fault.New(fault.Invalid, "usage.too_many", "field", "usage", "limit", strconv.Itoa(MaxUsages))
	}
	for n, u := range list {
		at := fmt.Sprintf("usage[%d].", n)
		if err := u.check(at, now); err != nil {
			return err
		}
		switch {
		case u.Related == "" && len(list) > 1:
			return fault.New(fault.Invalid, "usage.related_missing", "field", at+"related_instance_id")
		case slices.ContainsFunc(list[:n], func(before Usage) bool { return before.Related == u.Related }):
			return fault.New(fault.Invalid, "usage.related_twice", "field", at+"related_instance_id")
		}
	}
	return nil
}

func (u Usage) check(at string, now time.Time) error {
	if v, ok := UsageValue(u.Value); !ok || v != u.Value {
		return fault.New(fault.Invalid, "usage.value", "field", at+"usage_value", "digits", strconv.Itoa(usageDigits), "places", strconv.Itoa(usagePlaces))
	}
	if u.At.IsZero() || u.At.Year() < 1970 || u.At.Year() > 9999 {
		return fault.New(fault.Invalid, "usage.time", "field", at+"statistical_time")
	}
	if u.At.After(now.Add(usageAhead)) {
		return fault.New(fault.Invalid, "usage.ahead", "field", at+"statistical_time", "given", Stamp(u.At), "now", Stamp(now))
	}
	return checkTexts(
		textField{at + "related_instance_id", u.Related, MaxInstanceID, false},
		textField{at + "dashboard_url", u.Dashboard, MaxDashboardURL, true})
}

// Behind tells whether a report is older than the one that is there: counted
// before it, as a whole or in an entry that both have. It gives the times of both.
func (r UsageReport) Behind(next []Usage) (given, known time.Time, behind bool) {
	for _, u := range next {
		n := slices.IndexFunc(r.Entries, func(e Usage) bool { return e.Related == u.Related })
		if n >= 0 && u.At.Before(r.Entries[n].At) {
			return u.At, r.Entries[n].At, true
		}
	}
	given, known = newest(next), newest(r.Entries)
	return given, known, len(next) > 0 && given.Before(known)
}

func newest(list []Usage) (at time.Time) {
	for _, u := range list {
		if u.At.After(at) {
			at = u.At
		}
	}
	return at
}
