package provision

import (
	"slices"
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// MaxWipeDays is the longest that a password is kept after its customer has got
// it, if it is wiped at all.
const MaxWipeDays = 365

// How long generated passwords may be: all of them fit V1.0's limit too, which
// counts them encrypted.
const (
	MinPassword = 8
	MaxPassword = 64
)

// checkPasswords tells whether the part of a product's settings that says how
// passwords are made, told and kept can work.
func checkPasswords(s store.ProductSettings) error {
	if by := s.PasswordBy; by != "" && by != store.PasswordInMessage && by != store.PasswordByLink {
		return fault.New(fault.Invalid, "product.bad_password_by", "value", by)
	}
	if d := s.WipePasswordDays; d < 0 || d > MaxWipeDays {
		return fault.New(fault.Invalid, "product.bad_wipe_days", "value", strconv.Itoa(d), "most", strconv.Itoa(MaxWipeDays))
	}
	if n := s.PasswordLength; n != 0 && (n < MinPassword || n > MaxPassword) {
		return fault.New(fault.Invalid, "product.bad_password_length", "value", strconv.Itoa(n), "least", strconv.Itoa(MinPassword), "most", strconv.Itoa(MaxPassword))
	}
	known := store.PasswordClasses()
	var seen []string
	for _, class := range s.PasswordClasses {
		if !slices.Contains(known, class) || slices.Contains(seen, class) {
			return fault.New(fault.Invalid, "product.bad_password_class", "value", class, "known", strings.Join(known, ", "))
		}
		seen = append(seen, class)
	}
	if len(seen) == 1 {
		return fault.New(fault.Invalid, "product.one_password_class")
	}
	return nil
}
