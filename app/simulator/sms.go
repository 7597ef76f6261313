package simulator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"koodesk/app/protocol/aksk"
	"koodesk/app/protocol/wsse"
)

// SMSOptions shape a stand-in of Huawei Cloud Message & SMS.
type SMSOptions struct {
	Key, Secret    string         // the only application that it knows
	PushAK, PushSK string         // sign status reports; "" sends them unsigned
	Templates      map[string]int // how many variables each template has; nil takes any
	Delay          time.Duration  // before status reports
	Now            func() time.Time
	Log            func(SMSCall) // told of every call, one at a time; may be nil
}

// SMSCall is one SMS that the stand-in was given, or a call that it refused.
type SMSCall struct {
	ID, To, From, Template string
	Variables              []string
	Extend, Callback       string
	Signed                 string // aksk or wsse
	Status                 int    // of the answer; 0 for a connection that was dropped
	Code                   string
	Refused                string // why the signature was not believed
}

// SMSService stands in for the service: an http.Handler that checks how calls are
// signed and what they hold, and reports what became of each SMS to the address
// that the call names. How it behaves can be changed while it runs. Safe for
// concurrent use.
type SMSService struct {
	opt     SMSOptions
	reports sync.WaitGroup

	mu      sync.Mutex
	calls   []SMSCall
	planned []SMSFailure
	status  string // of reports; "" sends none
	parts   int
}

// SMSFailure is an answer that somebody wants instead of the right one.
type SMSFailure struct {
	Code   string // of the service, e.g. E000623
	Number string // instead: what becomes of the number, E000510 being the code
	Status int    // instead: this status without the service's form
	Drop   bool   // takes the SMS, and closes the connection without an answer
}

// NewSMSService makes a stand-in whose SMS arrive.
func NewSMSService(o SMSOptions) *SMSService {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &SMSService{opt: o, status: "DELIVRD", parts: 1}
}

// FailNext lets the next n calls fail; failures planned earlier come first.
func (s *SMSService) FailNext(n int, f SMSFailure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.planned = append(s.planned, f)
	}
}

// SetReport says what becomes of SMS from now on: a status such as UNDELIV,
// reported for each of so many parts; "" reports nothing.
func (s *SMSService) SetReport(status string, parts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.parts = status, max(parts, 1)
}

// Calls are all calls so far.
func (s *SMSService) Calls() []SMSCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SMSCall(nil), s.calls...)
}

// Wait waits for reports that are under way.
func (s *SMSService) Wait() { s.reports.Wait() }

func (s *SMSService) next() (f SMSFailure, status string, parts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.planned) > 0 {
		f, s.planned = s.planned[0], s.planned[1:]
	}
	return f, s.status, s.parts
}

func (s *SMSService) seen(c SMSCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	if s.opt.Log != nil {
		s.opt.Log(c)
	}
}

// ServeHTTP answers one call.
func (s *SMSService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/sms/batchSendSms/v1" {
		http.NotFound(w, r)
		return
	}
	var c SMSCall
	defer func() { s.seen(c) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		c.answer(w, http.StatusBadRequest, "E000000", "")
		return
	}
	if c.Signed, c.Refused = s.proved(r, body); c.Refused != "" {
		c.answer(w, http.StatusUnauthorized, "E000101", "")
		return
	}
	if code := c.read(r, body, s.opt.Templates); code != "" {
		c.answer(w, http.StatusBadRequest, code, "")
		return
	}
	f, status, parts := s.next()
	switch {
	case f.Status != 0:
		c.Status = f.Status
		http.Error(w, "upstream", f.Status)
		return
	case f.Code != "":
		c.answer(w, http.StatusBadRequest, f.Code, "")
		return
	case f.Number != "":
		c.answer(w, http.StatusOK, "E000510", f.Number)
		return
	}
	c.ID = newSMSID()
	s.report(c, status, parts)
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	c.answer(w, http.StatusOK, "000000", "000000")
}

// proved tells how a call is signed, and what is wrong with it.
func (s *SMSService) proved(r *http.Request, body []byte) (kind, why string) {
	if r.Header.Get(wsse.HeaderName) != "" {
		if err := wsse.Verify(r.Header, s.opt.Key, s.opt.Secret, s.opt.Now()); err != nil {
			return "wsse", err.Error()
		}
		return "wsse", ""
	}
	secret := func(ak string) (string, bool) { return s.opt.Secret, ak == s.opt.Key }
	if _, err := aksk.Verify(r, body, secret, s.opt.Now()); err != nil {
		return "aksk", strings.Join(strings.Split(err.Error(), "\n"), "; ")
	}
	return "aksk", ""
}

var (
	smsNumber = regexp.MustCompile(`^\+[1-9][0-9]{4,19}$`)
	smsFrom   = regexp.MustCompile(`^[0-9A-Za-z]{1,21}$`)
)

// read takes the parameters apart; code says what is wrong with them.
func (c *SMSCall) read(r *http.Request, body []byte, templates map[string]int) (code string) {
	v, err := url.ParseQuery(string(body))
	if err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return "E000000"
	}
	c.From, c.To, c.Template = v.Get("from"), v.Get("to"), v.Get("templateId")
	c.Extend, c.Callback = v.Get("extend"), v.Get("statusCallback")
	if json.Unmarshal([]byte(v.Get("templateParas")), &c.Variables) != nil {
		return "E000000"
	}
	if !smsFrom.MatchString(c.From) || !smsNumber.MatchString(c.To) || len(c.Extend) > 128 || strings.ContainsAny(c.Extend, "{}") {
		return "E000503"
	}
	n, known := templates[c.Template]
	if templates != nil && (!known || n != len(c.Variables)) {
		return "E200028"
	}
	for _, value := range c.Variables {
		if value == "" || strings.ContainsAny(value, "{}'") {
			return "E200028"
		}
	}
	return ""
}

// answer writes the service's answer; number is the status of the receiver.
func (c *SMSCall) answer(w http.ResponseWriter, status int, code, number string) {
	c.Status, c.Code = status, code
	type result struct {
		OriginTo   string `json:"originTo"`
		CreateTime string `json:"createTime"`
		From       string `json:"from"`
		SMSMsgID   string `json:"smsMsgId"`
		Status     string `json:"status"`
	}
	doc := struct {
		Code        string   `json:"code"`
		Description string   `json:"description"`
		Result      []result `json:"result,omitempty"`
	}{Code: code, Description: "Success"}
	if code != "000000" {
		doc.Description = "Failed"
	}
	if number != "" {
		doc.Result = []result{{OriginTo: c.To, CreateTime: time.Now().UTC().Format(time.RFC3339), From: c.From, SMSMsgID: c.ID, Status: number}}
		c.Code = number
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

func newSMSID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + "_" + strconv.Itoa(int(b[0])+1)
}

// report tells the callback address, once for each part.
func (s *SMSService) report(c SMSCall, status string, parts int) {
	if c.Callback == "" || status == "" {
		return
	}
	s.reports.Go(func() {
		time.Sleep(s.opt.Delay)
		for n := range parts {
			s.Push(context.Background(), c, status, n+1, parts)
		}
	})
}

// Push sends one status report, and gives the status of the answer; 0 for none.
func (s *SMSService) Push(ctx context.Context, c SMSCall, status string, part, parts int) int {
	v := url.Values{"smsMsgId": {c.ID}, "sequence": {strconv.Itoa(part)}, "total": {strconv.Itoa(parts)}, "status": {status}, "source": {"2"},
		"updateTime": {s.opt.Now().UTC().Format(time.RFC3339)}, "orgCode": {status}}
	if c.Extend != "" {
		v.Set("extend", c.Extend)
		v.Set("to", c.To)
	}
	body := []byte(v.Encode())
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Callback, strings.NewReader(string(body)))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.opt.PushAK != "" {
		if err := aksk.Sign(r, body, aksk.Credentials{AK: s.opt.PushAK, SK: s.opt.PushSK}, s.opt.Now()); err != nil {
			return 0
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
