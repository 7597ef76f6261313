package simulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
)

// Caller plays the marketplace towards one production address, in any
// generation that can be played.
// Safe for concurrent use.
type Caller struct {
	URL  string           // production address; a query that it has is kept
	Key  string           // access key bound to the basic interface
	HTTP *http.Client     // nil: a plain one with DefaultTimeout
	Now  func() time.Time // dates the calls; nil: time.Now

	Skew       time.Duration // added to each call's timestamp
	Limit      time.Duration // what an answer may take without being found late; 0: AnswerLimit
	Slow       bool          // dribble the body over about two seconds
	NoBodySign bool          // do not miss Body-Sign where an answer has none

	Protocol    market.Protocol   // "": V2
	EncryptType crypt.EncryptType // of what a V1.0 call encrypts; 0: AES-256

	slowInterval time.Duration // 0: slowStep
}

// Signed is a call ready to be sent, as often as wanted.
type Signed struct {
	Activity string
	Fields   Fields // what was meant; Body may have been tampered with since
	Query    string
	Body     []byte // nil: a V1.0 call, which is all query
}

// plainClient serves callers without one of their own. http.DefaultClient would
// go through a proxy named in the environment.
var plainClient = NewHTTPClient(DefaultTimeout, 8)

// DefaultTimeout is how long the marketplace's debugging page waits (FAQ V2.0).
const DefaultTimeout = 20 * time.Second

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// NewHTTPClient makes a client for n calls at a time. It follows no redirect
// (the marketplace does not) and verifies certificates.
func NewHTTPClient(timeout time.Duration, n int) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConns:        n,
			MaxIdleConnsPerHost: n,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Sign makes a signed call of the fields, with a new nonce and timestamp.
func (c *Caller) Sign(f Fields) (Signed, error) {
	if c.Protocol.ByQuery() {
		return c.signV1(f)
	}
	body, err := f.JSON()
	if err != nil {
		return Signed{}, err
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	return Signed{
		Activity: f.Text("activity"), Fields: f, Body: body,
		Query: saas2.Sign(c.Key, now().Add(c.Skew), nonce(), body),
	}, nil
}

// Call signs and sends.
func (c *Caller) Call(ctx context.Context, f Fields) Answer {
	s, err := c.Sign(f)
	if err != nil {
		return Answer{Activity: f.Text("activity"), Fault: err.Error()}
	}
	return c.Send(ctx, s)
}

// Send sends a call as it stands and examines the answer.
func (c *Caller) Send(ctx context.Context, s Signed) Answer {
	a := Answer{Activity: s.Activity, Request: string(s.Body)}
	if s.Body == nil {
		a.Request, _, _ = strings.Cut(s.Query, "&authToken=")
	}
	var wire *recordedConn
	started := time.Now()
	var written atomic.Pointer[time.Time]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		t := time.Now()
		written.Store(&t)
	}, GotConn: func(i httptrace.GotConnInfo) {
		if r, ok := i.Conn.(*recordedConn); ok {
			wire = r
			wire.reset()
		}
	}})
	resp, err := c.exchange(ctx, s)
	if err != nil {
		a.Fault = plainError(err)
		return a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if t := written.Load(); t != nil {
		started = *t // a slow request is not the seller's slowness
	}
	if t := wire.sent(); t.After(started) {
		started = t
	}
	a.Latency = time.Since(started)
	if err != nil {
		a.Fault = "the answer broke off: " + plainError(err)
		return a
	}
	if limit := cmp.Or(c.Limit, AnswerLimit); a.Latency > limit {
		a.find("answered after %.1f s; the published limit is %.0f s", a.Latency.Seconds(), limit.Seconds())
	}
	a.Status, a.ContentType, a.Body = resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
	if s.Body == nil {
		a.examineV1(s.Fields, c.Key)
	} else {
		a.examine(s.Fields)
	}
	a.examineSpelling(wire.head())
	a.examineSignature(resp.Header.Get("Body-Sign"), body, c.Key, !c.NoBodySign)
	return a
}

func (c *Caller) exchange(ctx context.Context, s Signed) (*http.Response, error) {
	address, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	if s.Body == nil {
		return c.get(ctx, address, s)
	}
	if address.RawQuery != "" {
		address.RawQuery += "&"
	}
	address.RawQuery += s.Query
	var body io.Reader = bytes.NewReader(s.Body)
	if c.Slow {
		body = c.dribble(ctx, s.Body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(len(s.Body))
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", market.OwnAgent)
	req.Header.Set("Content-Type", "application/json;charset=utf8") // as published, sic
	client := c.HTTP
	if client == nil {
		client = plainClient
	}
	return client.Do(req)
}

// plainError leaves the address with its signature out.
func plainError(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Sprintf("no answer: %v", u.Err)
	}
	return err.Error()
}
