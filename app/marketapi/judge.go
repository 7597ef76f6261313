package marketapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"koodesk/app/fault"
	"koodesk/app/protocol/aksk"
)

// reply is an answer's envelope: the form of the order query (resultCode,
// resultMsg) and that of the gateway and the other APIs (error_code, error_msg).
type reply struct {
	resp *http.Response
	code resultCode
	msg  string
}

// judge decides whether an answer is a success, and names the failure if not.
// What the body says counts more than its content type: a code that can be read
// is taken from any of them.
func (c *Client) judge(from call, resp *http.Response, raw []byte) (node, *failure) {
	op := from.op
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return node{}, &failure{fault: fault.New(fault.Unavailable, op+".redirected", "status", strconv.Itoa(resp.StatusCode))}
	}
	doc, err := parseTree(raw)
	r := reply{resp: resp}
	if err == nil {
		r.code = parseResultCode(doc.first("resultCode", "error_code", "errorCode").text())
		r.msg = doc.first("resultMsg", "error_msg", "errorMsg").text()
	}
	switch {
	case r.code.suffix == "":
		return node{}, c.withoutCode(op, resp, raw)
	case r.code.suffix == "0000" && !r.code.gateway() && resp.StatusCode/100 == 2:
		return doc, nil
	case r.code.gateway():
		return node{}, c.fromGateway(op, r)
	}
	if from.good != "" && r.code.String() == from.good && resp.StatusCode/100 == 2 {
		return doc, nil
	}
	if e, ok := from.codes[r.code.String()]; ok {
		return node{}, r.fail(op, e)
	}
	if e, ok := table[r.code.suffix]; ok {
		return node{}, r.fail(op, e)
	}
	return node{}, r.fail(op, byStatus(resp.StatusCode))
}

// withoutCode handles answers of proxies and error pages: their status is all
// that can be relied on.
func (c *Client) withoutCode(op string, resp *http.Response, raw []byte) *failure {
	r := reply{resp: resp, msg: snippet(raw)}
	if resp.StatusCode >= 400 {
		if e := byStatus(resp.StatusCode); e.reason != "refused" {
			return r.fail(op, e)
		}
	}
	f := r.fail(op, entry{reason: "bad_answer", code: fault.Unavailable})
	f.fault.Args["content_type"] = snippet([]byte(resp.Header.Get("Content-Type")))
	delete(f.fault.Args, "code")
	return f
}

// fromGateway handles APIGW codes (page intl 0070649110). A signature is also
// refused when the clocks differ too much; the answer's Date tells which it was.
func (c *Client) fromGateway(op string, r reply) *failure {
	status := r.resp.StatusCode
	switch {
	case r.code.suffix == "0301" || r.code.suffix == "0303":
		if off := clockOff(r.resp, c.opt.Now()); off > aksk.Window || off < -aksk.Window {
			f := r.fail(op, entry{reason: "clock_wrong", code: fault.Unavailable})
			f.fault.Args["difference"] = off.Round(time.Second).String()
			return f
		}
		return r.fail(op, entry{reason: "credentials_refused", code: fault.Refused})
	case r.code.suffix == "0308":
		return r.fail(op, byStatus(http.StatusTooManyRequests))
	}
	return r.fail(op, byStatus(status))
}

// clockOff is how far our clock is ahead of the server's; 0 if it does not say.
func clockOff(resp *http.Response, now time.Time) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return now.Sub(at)
}

// fail makes the failure of a table entry.
func (r reply) fail(op string, e entry) *failure {
	var cause error
	if r.msg != "" {
		cause = errors.New(r.msg)
	}
	f := fault.Wrap(cause, e.code, op+"."+e.reason, "status", strconv.Itoa(r.resp.StatusCode), "code", r.code.String())
	if e.code == fault.RateLimited {
		f = f.RetryAfter(retryAfter(r.resp))
	}
	return &failure{fault: f, temporary: e.temporary}
}

// limitWait is how long to hold back after "access frequency overlimit"; the
// limit itself is not published.
const limitWait = time.Minute

// retryAfter obeys the header of that name, in seconds, up to an hour.
func retryAfter(resp *http.Response) time.Duration {
	s, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get("Retry-After")))
	if err != nil || s <= 0 {
		return limitWait
	}
	return min(time.Duration(s)*time.Second, time.Hour)
}

// snippet is the beginning of a text that is not ours, fit for one line.
func snippet(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), 240)]), "·")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
