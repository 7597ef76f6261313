package i18n

import (
	"strings"

	"koodesk/app/fault"
)

// Remedy is the longer advice for a fault, step by step: its own
// ("remedy.<key>"), or that of its family ("remedy.<family>.any"). "" where
// what the fault's own text says to do is all there is to say.
func (z *Localizer) Remedy(r *fault.Record) string {
	if r == nil {
		return ""
	}
	family, _, _ := strings.Cut(r.Key, ".")
	for _, key := range []string{"remedy." + r.Key, "remedy." + family + ".any"} {
		if z.Has(key) {
			return z.T(key)
		}
	}
	return ""
}
