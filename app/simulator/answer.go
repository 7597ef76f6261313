package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

// AnswerLimit is the published time for an answer ("request timeout 5 s", page
// CN 0070649475).
const AnswerLimit = 5 * time.Second

// Answer is what came back, with everything that is wrong about it.
type Answer struct {
	Activity    string
	Request     string // the body that was sent
	Status      int
	ContentType string
	Body        string
	Latency     time.Duration // from the last byte sent to the last byte received

	Code       market.ResultCode
	Msg        string
	InstanceID string
	License    string // of getLicense in License 1.0
	Info       []Info
	BodySign   string   // "valid", "missing", "wrong: …"
	Findings   []string // departures from the published form; empty if there are none
	Unfit      []string // those of them that no table of fields tells: the answer does not fit the call or the key
	Fault      string   // why there is no answer; "" if there is one

	head string // status line and headers as sent; "" without a recording
}

// Info is one element of queryInstance's answer.
type Info struct {
	InstanceID string `json:"instanceId"`
	App        *App   `json:"appInfo"`
}

// App is the access data of an instance.
type App struct {
	FrontEndURL string `json:"frontEndUrl"`
	AdminURL    string `json:"adminUrl"`
	UserName    string `json:"userName"`
	Password    string `json:"password"`
	Memo        string `json:"memo"`
}

// Conformant tells whether there is an answer and its form is right.
func (a Answer) Conformant() bool { return a.Fault == "" && len(a.Findings) == 0 }

// OK tells whether the answer is conformant and takes the call over.
func (a Answer) OK() bool { return a.Conformant() && a.Code.OK() }

// AppOf is the access data of an instance in the answer; nil if it has none.
func (a Answer) AppOf(instanceID string) *App {
	for _, i := range a.Info {
		if i.InstanceID == instanceID {
			return i.App
		}
	}
	return nil
}

// unfit finds what only somebody who knows the call and the key can see.
func (a *Answer) unfit(format string, args ...any) {
	a.find(format, args...)
	a.Unfit = append(a.Unfit, a.Findings[len(a.Findings)-1])
}

func (a *Answer) find(format string, args ...any) {
	a.Findings = append(a.Findings, fmt.Sprintf(format, args...))
}

// examine checks the form as the marketplace does (FAQ V2.0: CN
// access_topic_0000008, intl 0070649120) and as the tables of each interface
// print it.
func (a *Answer) examine(asked Fields) {
	doc, ok := a.document()
	if !ok {
		return
	}
	switch a.Activity {
	case market.NewInstance:
		a.onlyFields("", doc, "resultCode", "resultMsg", "instanceId")
		a.InstanceID = a.text(doc, "", "instanceId", 64, a.Code.OK())
	case market.QueryInstance:
		a.onlyFields("", doc, "resultCode", "resultMsg", "info")
		a.examineInfo(doc["info"], asked)
	default:
		a.onlyFields("", doc, "resultCode", "resultMsg")
	}
}

// document checks what all answers of all generations have in common and gives
// the members of the body; false if there are none to look at.
func (a *Answer) document() (map[string]json.RawMessage, bool) {
	if a.Status != 200 {
		a.find("HTTP status is %d, must be 200", a.Status)
		return nil, false
	}
	if a.ContentType != "application/json" {
		a.find("Content-Type is %q, must be \"application/json\"", a.ContentType)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.Body), &doc); err != nil || doc == nil {
		a.find("the body is not one JSON object")
		return nil, false
	}
	if strings.ContainsFunc(a.Body, func(r rune) bool { return r > 0x7f }) {
		a.find("characters beyond ASCII must be written as \\uXXXX")
	}
	a.examineResult(doc)
	return doc, true
}

func (a *Answer) examineResult(doc map[string]json.RawMessage) {
	a.Code = market.ResultCode(a.text(doc, "", "resultCode", 6, true))
	a.Msg = a.text(doc, "", "resultMsg", 255, true)
	if a.Code != "" && !published[a.Code] {
		a.find("resultCode %q is not a published one", a.Code)
	}
}

// published are the result codes of SaaS V2.0 and of the online License (pages CN
// 0070649421, 0070649288).
var published = func() map[market.ResultCode]bool {
	m := map[market.ResultCode]bool{}
	for _, c := range strings.Fields("000000 000001 000002 000003 000004 000005 " +
		"000100 000101 000102 000103 000104 000105 000106 000107 000900 000901 000902 000903") {
		m[market.ResultCode(c)] = true
	}
	return m
}()

// onlyFields finds fields that the interface does not document.
func (a *Answer) onlyFields(where string, doc map[string]json.RawMessage, names ...string) {
	for name := range doc {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			a.find("field %s%s is not documented", where, name)
		}
	}
}

// text reads a string field and checks presence and length; the limit counts
// UTF-16 units, as Java's String.length does.
func (a *Answer) text(doc map[string]json.RawMessage, where, name string, limit int, mandatory bool) string {
	raw, there := doc[name]
	if !there || string(raw) == "null" {
		if mandatory {
			a.find("field %s%s is missing", where, name)
		}
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		a.find("field %s%s is not a string", where, name)
		return ""
	}
	if mandatory && s == "" {
		a.find("field %s%s is empty", where, name)
	}
	if n := len(utf16.Encode([]rune(s))); n > limit {
		a.find("field %s%s has %d characters, at most %d are allowed", where, name, n, limit)
	}
	return s
}

// examineSignature checks Body-Sign over the very bytes that came.
func (a *Answer) examineSignature(header string, body []byte, key string, wanted bool) {
	if header == "" {
		a.BodySign = "missing"
		if wanted {
			a.find("Body-Sign is missing")
		}
		return
	}
	if err := crypt.VerifyBodySign(key, header, body); err != nil {
		a.BodySign = "wrong: " + err.Error()
		a.find("Body-Sign is wrong (%v)", err)
		return
	}
	a.BodySign = "valid"
}
