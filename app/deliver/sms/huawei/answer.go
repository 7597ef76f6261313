package huawei

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
)

// success is the code of what went well.
const success = "000000"

type answer struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	Result      []struct {
		SMSMsgID string `json:"smsMsgId"`
		Status   string `json:"status"`
	} `json:"result"`
}

// judge reads an answer. An error of the service's own, without its code, leaves
// it open whether it took the message.
func (s *Sender) judge(res *http.Response, body []byte) (deliver.Receipt, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.Code == "" {
		status := strconv.Itoa(res.StatusCode)
		switch {
		case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable:
			return deliver.Receipt{}, fault.New(fault.Unavailable, "sms.deferred", "code", status).RetryAfter(time.Minute)
		case res.StatusCode >= 300 && res.StatusCode < 500:
			return deliver.Receipt{}, fault.New(fault.Refused, "sms.not_the_service", "server", s.host(), "status", status)
		}
		return deliver.Receipt{}, deliver.OutcomeUnknown(fault.New(fault.Unavailable, "sms.deferred", "code", status), s)
	}
	code := a.Code
	if code == partly || code == success {
		if len(a.Result) != 1 {
			return deliver.Receipt{}, deliver.OutcomeUnknown(fault.New(fault.Unavailable, "sms.deferred", "code", code), s)
		}
		code = a.Result[0].Status
		if code == success {
			return deliver.Receipt{ProviderRef: plainText(a.Result[0].SMSMsgID, 64)}, nil
		}
	}
	return deliver.Receipt{}, refusal(code)
}

// partly means that the status of each number says more.
const partly = "E000510"

// Waits before something is tried again that a person, or time, has to change.
const (
	authWait  = 10 * time.Minute
	listWait  = 15 * time.Minute // a changed list of addresses takes effect in 10 to 15 minutes
	limitWait = time.Hour
	flowWait  = 10 * time.Minute // the service's advice
)

// refusals are the published codes (sms_05_0050) that call for something of
// their own. Those of the login are a range.
var refusals = map[string]struct {
	key  string
	wait time.Duration // 0: given up
}{
	"E000000": {"sms.template_refused", 0}, // not readable, typically templateParas
	"E000503": {"sms.template_refused", 0}, // a parameter's form
	"E000620": {"sms.address_refused", listWait},
	"E000623": {"sms.limit_reached", limitWait},
	"E200015": {"sms.deferred", flowWait},
	"E200028": {"sms.template_refused", 0}, // the variables
	"E200029": {"sms.template_refused", 0}, // the template's kind
	"E200030": {"sms.template_refused", 0}, // not activated
	"E200032": {"sms.template_refused", 0},
	"E200033": {"sms.template_refused", 0},
	"E200022": {"sms.recipient_refused", 0},
	"E200023": {"sms.recipient_refused", 0},
	"E200025": {"sms.recipient_refused", 0},
	"E200026": {"sms.recipient_refused", 0},
}

// refusal is the fault of a code.
func refusal(code string) error {
	code = word(code)
	r, ok := refusals[code]
	switch {
	case !ok && (strings.HasPrefix(code, "E0000") || strings.HasPrefix(code, "E0001")):
		r.key, r.wait = "sms.auth_refused", authWait
	case !ok:
		r.key = "sms.refused"
	}
	f := fault.New(fault.Refused, r.key, "code", code)
	if r.wait > 0 {
		f = f.RetryAfter(r.wait)
	}
	return f
}

// word keeps a code that came from outside short and plain: it is stored and
// shown.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(":-_.", r) {
			return r
		}
		return -1
	}, s)
	return s[:min(len(s), 32)]
}
