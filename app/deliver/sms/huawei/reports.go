package huawei

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/protocol/aksk"
)

// report is a status report (sms_05_0003), and one of a batch (sms_05_0063).
type report struct {
	SMSMsgID   string `json:"smsMsgId"`
	Total      string `json:"total"`
	Sequence   string `json:"sequence"`
	Status     string `json:"status"`
	StatusDesc string `json:"statusDesc"`
	UpdateTime string `json:"updateTime"`
	Extend     string `json:"extend"`
}

// maxReports is how many reports the service puts into one batch.
const maxReports = 50

// Receive takes a status report, single or in a batch. The service sends them
// unsigned unless push authentication is switched on in its console
// (sms_05_0064); when keys for that are set here, an unsigned one is refused.
func (s *Sender) Receive(r *http.Request, body []byte, now time.Time) ([]deliver.Report, error) {
	if len(s.o.PushKeys) > 0 {
		secret := func(ak string) (string, bool) { sk, ok := s.o.PushKeys[ak]; return sk, ok }
		if _, err := aksk.Verify(r, body, secret, now); err != nil {
			return nil, fault.Wrap(err, fault.Unauthenticated, "receipt.rejected", "why", fault.From(err).Args["checks"])
		}
	}
	all, err := read(r.Header.Get("Content-Type"), body)
	if err != nil || len(all) == 0 || len(all) > maxReports {
		return nil, fault.Wrap(err, fault.Invalid, "receipt.unreadable")
	}
	out := make([]deliver.Report, 0, len(all))
	for _, one := range all {
		if one.SMSMsgID == "" || one.Status == "" {
			return nil, fault.Wrap(errors.New("smsMsgId or status is missing"), fault.Invalid, "receipt.unreadable")
		}
		out = append(out, one.read(now))
	}
	return out, nil
}

func read(contentType string, body []byte) ([]report, error) {
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/json" {
		var batch struct {
			List []report `json:"statusReportList"`
		}
		err := json.Unmarshal(body, &batch)
		return batch.List, err
	}
	v, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	return []report{{SMSMsgID: v.Get("smsMsgId"), Total: v.Get("total"), Sequence: v.Get("sequence"), Status: v.Get("status"),
		StatusDesc: v.Get("statusDesc"), UpdateTime: v.Get("updateTime"), Extend: v.Get("extend")}}, nil
}

func (o report) read(now time.Time) deliver.Report {
	r := deliver.Report{Tag: plainText(o.Extend, 64), ProviderRef: plainText(o.SMSMsgID, 64), Outcome: outcome(o.Status), Code: word(o.Status),
		Note: plainText(o.StatusDesc, 200), Part: small(o.Sequence), Parts: small(o.Total), At: now}
	if at, err := time.Parse(time.RFC3339, o.UpdateTime); err == nil && at.Before(now) {
		r.At = at
	}
	return r
}

// outcome of a status. ACCEPTD is "taken by the network, not yet by the phone";
// UNKNOWN is what a carrier says that lost sight of the message. Everything that
// is not one of the known good words is a refusal: most of them are carriers' own
// codes.
func outcome(status string) deliver.Outcome {
	switch strings.ToUpper(status) {
	case "DELIVRD":
		return deliver.Delivered
	case "ACCEPTD":
		return deliver.HandedOver
	case "UNKNOWN":
		return deliver.Unknown
	}
	return deliver.Refused
}

// small is the number of a part.
func small(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 99 {
		return 1
	}
	return n
}

// plainText keeps the service's words on one line, short, and without any number
// that could be a customer's.
func plainText(s string, most int) string {
	digits := 0
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		if r < '0' || r > '9' {
			digits = 0
			return r
		}
		if digits++; digits > 7 && most > 64 {
			return '*'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}
