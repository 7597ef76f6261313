package simulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// usageNumber is a Double(12,4) as it may be printed: no sign, no exponent.
var usageNumber = regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,4})?$`)

// examineUsage checks the elements of usageInfo, where there are any (pages CN
// 0070649428, 0070649185).
func (a *Answer) examineUsage(raw json.RawMessage, where string) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		a.find("field %susageInfo is not a list of objects", where)
		return
	}
	for n, u := range list {
		at := fmt.Sprintf("%susageInfo[%d].", where, n)
		a.onlyFields(at, u, "relatedInstanceId", "usageValue", "statisticalTime", "dashboardUrl")
		a.text(u, at, "relatedInstanceId", 64, false)
		switch value := string(u["usageValue"]); {
		case value == "":
			a.find("field %susageValue is missing", at)
		case len(value) > 20 || !usageNumber.MatchString(value):
			a.find("field %susageValue is %s, must be a number of at most 8 digits, a point and 4 digits, without exponent", at, value)
		}
		if text := a.text(u, at, "statisticalTime", 20, true); text != "" && !usageTime(text) {
			a.unfit("field %sstatisticalTime is %q, must be yyyyMMddHHmmssSSS", at, text)
		}
		a.text(u, at, "dashboardUrl", 512, false)
	}
}

func usageTime(text string) bool {
	if len(text) != len("yyyyMMddHHmmssSSS") {
		return false
	}
	_, err := time.Parse("20060102150405.000", text[:14]+"."+text[14:])
	return err == nil
}
