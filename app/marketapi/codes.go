package marketapi

import (
	"strings"
	"unicode"

	"koodesk/app/fault"
)

// resultCode is a code of an answer, split at its dot. The same table is
// published with the prefixes MKT and CBC (the License copies of page CN
// 0070649350), so only the suffix tells; codes of the gateway begin with APIGW.
type resultCode struct{ family, suffix string }

// parseResultCode drops blanks: "MKT. 0250" is printed with one.
func parseResultCode(s string) resultCode {
	s = strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
	if len(s) > 16 { // the published length; longer ones are somebody else's words
		return resultCode{}
	}
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return resultCode{s[:i], s[i+1:]}
	}
	return resultCode{"", s}
}

func (c resultCode) gateway() bool { return strings.HasPrefix(c.family, "APIG") }

// String is the code without blanks; "-" for none, since it is shown.
func (c resultCode) String() string {
	switch {
	case c.suffix == "":
		return "-"
	case c.family == "":
		return c.suffix
	}
	return c.family + "." + c.suffix
}

// entry is what a code means to us. Refused is given up at once (fault.New),
// RateLimited waits, Unavailable is left to the caller's back-off; temporary
// failures are tried again within the call.
type entry struct {
	reason    string // last part of the fault key
	code      fault.Code
	temporary bool
}

// table is the published one (guide 云商店-查询订单:错误码, 2024-11-21), by suffix.
var table = map[string]entry{
	"0999": {reason: "system_error", code: fault.Unavailable, temporary: true},
	"0100": {reason: "invalid_parameter", code: fault.Refused}, // sent with 500, but it is the input that is wrong
	"0101": {reason: "invalid_parameter", code: fault.Refused},
	"0199": {reason: "invalid_parameter", code: fault.Refused},
	"0150": {reason: "illegal_operation", code: fault.Refused}, // e.g. the product is another seller's
	"0151": {reason: "not_authorised", code: fault.Refused},
	"0154": {reason: "illegal_token", code: fault.Refused},
	"0250": {reason: "frequency_limit", code: fault.RateLimited},
	"9001": {reason: "instance_not_found", code: fault.Refused},
	"9002": {reason: "invalid_usage", code: fault.Refused},
	"9003": {reason: "too_many_records", code: fault.Refused},
	"9004": {reason: "too_old", code: fault.Refused},
}

// byStatus is for answers whose code is unknown or missing (HTTP codes have
// their standard meanings: page CN 0070649463).
func byStatus(status int) entry {
	switch {
	case status == 401 || status == 403:
		return entry{reason: "not_authorised", code: fault.Refused}
	case status == 406 || status == 429: // 406 is what goes with 0250
		return entry{reason: "frequency_limit", code: fault.RateLimited}
	case status >= 500:
		return entry{reason: "system_error", code: fault.Unavailable, temporary: true}
	case status >= 400:
		return entry{reason: "refused", code: fault.Refused}
	default: // a code that nobody published, with a good status: may be gone tomorrow
		return entry{reason: "unknown_code", code: fault.Unavailable}
	}
}

// reasons are the last parts of all fault keys that any operation can give.
var reasons = []string{
	"answer_too_large", "bad_address", "bad_answer", "certificate", "clock_wrong", "connection_lost",
	"credentials_refused", "frequency_limit", "illegal_operation", "illegal_token", "instance_not_found",
	"interrupted", "invalid_parameter", "invalid_usage", "no_credentials", "not_authorised",
	"redirected", "refused", "system_error", "timeout", "too_many_records", "too_old", "unknown_code", "unreachable",
}

// FaultKeys are the keys of all faults of this package, for whoever translates
// them.
func FaultKeys() []string {
	keys := []string{opOrderQuery + ".no_order", opOrderQuery + ".no_order_id", opOrderQuery + ".other_order",
		opLicense + ".no_such_code", opLicense + ".not_received", opLicense + ".other_code", opLicense + ".no_code",
		opLicenseUpload + ".no_event_id"}
	for _, e := range uploadCodes {
		keys = append(keys, opLicenseUpload+"."+e.reason)
	}
	for _, r := range reasons {
		keys = append(keys, opOrderQuery+"."+r, opLicense+"."+r, opLicenseUpload+"."+r)
	}
	return keys
}
