package provision

import (
	"slices"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// MaxExpiryDay is the earliest that a customer can be told of an expiry.
const MaxExpiryDay = 365

// checkNotices tells whether the part of a product's settings that says what
// customers are told can work, and puts the days in order.
func checkNotices(s *store.ProductSettings) error {
	if err := market.CheckNotices(s.NoticesOff); err != nil {
		return err
	}
	for _, d := range s.ExpiryDays {
		if d < 0 || d > MaxExpiryDay {
			return fault.New(fault.Invalid, "notice.bad_days", "value", strconv.Itoa(d), "most", strconv.Itoa(MaxExpiryDay))
		}
	}
	days := slices.Clone(s.ExpiryDays)
	slices.SortFunc(days, func(a, b int) int { return b - a })
	s.ExpiryDays = slices.Compact(days)
	if _, _, some := market.QuietHours(s.QuietHours); !some && s.QuietHours != "none" {
		return fault.New(fault.Invalid, "notice.bad_quiet_hours", "value", s.QuietHours)
	}
	if s.DailyCap < -1 {
		return fault.New(fault.Invalid, "notice.bad_cap", "value", strconv.Itoa(s.DailyCap))
	}
	return nil
}
