package simulator

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/aksk"
)

// MarketOptions shape a stand-in of the open APIs.
type MarketOptions struct {
	AK, SK     string // the only credentials that it accepts
	BuyerEmail string // given in every order; "" leaves it null, as the mock answers do
	BuyerPhone string // "": the mock's 18688888888
	Now        func() time.Time
	Log        func(MarketCall) // told of every call, one at a time; may be nil
}

// MarketCall is what the stand-in saw and answered.
type MarketCall struct {
	Method, Path string
	OrderID      string
	Status       int    // 0 for a connection that was dropped
	Code         string // "" likewise
	Refused      string // which checks of the signature failed
}

// Failure is an answer that somebody wants instead of the right one. The zero
// value is 500 MKT.0999.
type Failure struct {
	Status int
	Code   string // MKT., CBC. and others in the API's form, APIGW. in the gateway's
	Msg    string
	Body   string // verbatim instead of Code and Msg; with Type as its content type
	Type   string
	Drop   bool // close the connection without an answer
	Cut    bool // close it in the middle of the answer
}

// Market stands in for the open APIs: an http.Handler that checks the caller's
// AK/SK and answers order queries with the MOCK orders of page CN 0070649466 or,
// for any other id, a plausible order, and questions about authorization codes. Everything can be changed while it runs.
// Safe for concurrent use.
type Market struct {
	opt   MarketOptions
	mux   *http.ServeMux
	start time.Time

	mu      sync.Mutex
	delay   time.Duration
	planned []Failure
	orders  map[string]market.Order
	calls   []MarketCall
	codes   map[string]CodeState
	usage   []UsageSeen

	uploads    []Upload
	uploadCode string // what uploads are refused with; "" takes them
}

// NewMarket makes a stand-in.
func NewMarket(o MarketOptions) *Market {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.BuyerPhone == "" {
		o.BuyerPhone = "18688888888"
	}
	m := &Market{opt: o, mux: http.NewServeMux(), orders: map[string]market.Order{}, codes: map[string]CodeState{}, start: o.Now()}
	m.mux.HandleFunc("GET /api/mkp-openapi-public/global/v1/order/query", m.queryOrder)
	m.mux.HandleFunc("POST /api/mkp-openapi-public/global/v1/license/activate", m.activateLicense)
	m.mux.HandleFunc("POST /api/mkp-openapi-public/global/v1/license/heartbeat", m.queryLicense)
	m.mux.HandleFunc("POST /api/mkp-openapi-public/global/v2/license/software-usage-info", m.takeUsage)
	m.mux.HandleFunc("POST /api/mkp-openapi-public/global/v1/market-event/{event}/file", m.upload)
	m.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment.")
	})
	return m
}

// FailNext lets the next n calls fail; failures planned earlier come first.
func (m *Market) FailNext(n int, f Failure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		m.planned = append(m.planned, f)
	}
}

// SetDelay lets every answer wait.
func (m *Market) SetDelay(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay = d
}

// SetBuyer changes the buyer's address and number for orders to come.
func (m *Market) SetBuyer(email, phone string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opt.BuyerEmail, m.opt.BuyerPhone = email, phone
}

// SetOrder fixes what is answered for o.OrderID.
func (m *Market) SetOrder(o market.Order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders[o.OrderID] = o
}

// Calls are all calls so far, refused and failed ones included, in order of
// their end.
func (m *Market) Calls() []MarketCall {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]MarketCall(nil), m.calls...)
}

// CallsFor counts the calls for one order.
func (m *Market) CallsFor(orderID string) int {
	n := 0
	for _, c := range m.Calls() {
		if c.OrderID == orderID {
			n++
		}
	}
	return n
}

// Reset forgets orders, failures, delay, calls and uploads.
func (m *Market) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delay, m.planned, m.calls, m.orders = 0, nil, nil, map[string]market.Order{}
	m.codes, m.usage = map[string]CodeState{}, nil
	m.uploads, m.uploadCode = nil, ""
}

// next takes the plan for one call.
func (m *Market) next() (time.Duration, *Failure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.planned) == 0 {
		return m.delay, nil
	}
	f := m.planned[0]
	m.planned = m.planned[1:]
	return m.delay, &f
}

func (m *Market) seen(c MarketCall) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, c)
	if m.opt.Log != nil {
		m.opt.Log(c)
	}
}

// ServeHTTP answers one call.
func (m *Market) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := MarketCall{Method: r.Method, Path: r.URL.Path, OrderID: r.URL.Query().Get("orderId")}
	rec := &recorder{ResponseWriter: w}
	defer func() {
		call.Status, call.Code = rec.status, rec.code
		m.seen(call)
	}()
	delay, failure := m.next()
	if !pauseFor(r, delay) {
		return
	}
	if failure != nil {
		failure.write(rec)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		writeError(rec, http.StatusBadRequest, "APIGW.0201", "Request body could not be read.")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if call.Refused = m.refuse(rec, r, body); call.Refused == "" {
		m.mux.ServeHTTP(rec, r)
	}
}

func pauseFor(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// refuse answers a call whose signature is missing or wrong, in the form of
// whoever would refuse it: the API without a signature, the gateway with a wrong
// one.
func (m *Market) refuse(w http.ResponseWriter, r *http.Request, body []byte) (checks string) {
	if r.Header.Get("Authorization") == "" {
		writeError(w, http.StatusUnauthorized, "MKT.0154", "Illegal token.")
		return "authorization"
	}
	secret := func(ak string) (string, bool) { return m.opt.SK, ak == m.opt.AK }
	if _, err := aksk.Verify(r, body, secret, m.opt.Now()); err != nil {
		why := strings.Join(strings.Split(err.Error(), "\n"), "; ")
		writeError(w, http.StatusUnauthorized, "APIGW.0301", "Incorrect IAM authentication information: "+why)
		return why
	}
	return ""
}
