package provision

import (
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// maxWipeDays is the longest that a password is kept after its customer has got
// it, if it is wiped at all.
const maxWipeDays = 365

// checkPasswords tells whether the part of a product's settings that says how
// passwords are told and kept can work.
func checkPasswords(s store.ProductSettings) error {
	if by := s.PasswordBy; by != "" && by != store.PasswordInMessage && by != store.PasswordByLink {
		return fault.New(fault.Invalid, "product.bad_password_by", "value", by)
	}
	if d := s.WipePasswordDays; d < 0 || d > maxWipeDays {
		return fault.New(fault.Invalid, "product.bad_wipe_days", "value", strconv.Itoa(d), "most", strconv.Itoa(maxWipeDays))
	}
	return nil
}
