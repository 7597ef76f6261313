package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"koodesk/app/fault"
	"koodesk/app/webhook"
)

// form is how one kind of webhook is spoken to.
type form struct {
	// write gives the address and the body of one try.
	write func(c Content, target, secret string, at time.Time) (address string, body any, err error)
	// judge reads an answer with status 2xx; nil: the status says it all.
	judge func(answer []byte) verdict
}

// forms are the webhooks other than our own.
var forms = map[string]form{
	DingTalk: {write: dingTalk, judge: byErrCode("130101", "410100", "-1")},
	WeCom:    {write: weCom, judge: byErrCode("45009", "45033", "-1")},
	Feishu:   {write: feishu, judge: byFeishuCode},
	Slack:    {write: slack},
}

// verdict is what a robot answered: "" is yes. Busy asks for another try later.
type verdict struct {
	code  string
	words string
	busy  bool
}

func (v verdict) fault(medium string) error {
	switch {
	case v.code == "":
		return nil
	case v.busy:
		return fault.New(fault.Unavailable, "alert.robot_busy", "service", medium, "code", v.code).RetryAfter(time.Minute)
	}
	return fault.Wrap(errWords(v.words), fault.Refused, "alert.robot_refused", "service", medium, "code", v.code)
}

type errWords string

func (e errWords) Error() string { return string(e) }

// byErrCode reads {"errcode":0,"errmsg":"ok"}, as DingTalk and WeCom answer; the
// codes given mean that it was too much at once, or that they are out of order.
func byErrCode(busy ...string) func([]byte) verdict {
	return func(answer []byte) verdict {
		var a struct {
			ErrCode *json.Number `json:"errcode"`
			ErrMsg  string       `json:"errmsg"`
		}
		if json.Unmarshal(answer, &a) != nil || a.ErrCode == nil {
			return unread
		}
		return verdictOf(a.ErrCode.String(), a.ErrMsg, busy)
	}
}

// byFeishuCode reads {"code":0,"msg":"success"}.
func byFeishuCode(answer []byte) verdict {
	var a struct {
		Code *json.Number `json:"code"`
		Msg  string       `json:"msg"`
	}
	if json.Unmarshal(answer, &a) != nil || a.Code == nil {
		return unread
	}
	return verdictOf(a.Code.String(), a.Msg, []string{"11232", "11233"})
}

// unread is an answer that is not the service's.
var unread = verdict{code: "?", busy: true}

func verdictOf(code, words string, busy []string) verdict {
	if code == "0" {
		return verdict{}
	}
	v := verdict{code: code[:min(len(code), 16)], words: short(printable(words))}
	for _, b := range busy {
		v.busy = v.busy || b == code
	}
	return v
}

// refusedStatus turns a status by which a robot says no for good into a fault that
// is given up: the webhook's client takes every status for a passing trouble.
func refusedStatus(medium string, answer webhook.Answer, err error) error {
	if fault.From(err).Key != "webhook.status" || answer.Status < 400 || answer.Status >= 500 || answer.Status == 408 || answer.Status == 429 {
		return err
	}
	return verdict{code: strconv.Itoa(answer.Status), words: short(printable(string(answer.Body)))}.fault(medium)
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, ""))
}

// sign is the HMAC-SHA256 of text under key, in base64.
func sign(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// plain keeps words from being taken for markup: they may be a remote system's.
var plain = strings.NewReplacer("[", "(", "]", ")", "<", "‹", ">", "›", "*", "·", "`", "'", "\n", " ", "\r", " ").Replace

// withQuery adds parameters to an address.
func withQuery(target string, pairs ...string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", fault.New(fault.Invalid, "webhook.bad_url")
	}
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// within joins as many of the parts as fit into so many bytes; what is left out
// shows as an ellipsis.
func within(limit int, head string, parts []string, tail string) string {
	var b strings.Builder
	b.WriteString(head)
	for _, p := range parts {
		if b.Len()+len(p)+len(tail)+len("…\n") > limit {
			b.WriteString("…\n")
			break
		}
		b.WriteString(p)
	}
	b.WriteString(tail)
	return b.String()
}
