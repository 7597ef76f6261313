package marketapi

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"koodesk/app/fault"
	"koodesk/app/protocol/aksk"
)

// call is one operation of the open APIs.
type call struct {
	op     string // first part of its fault keys
	method string
	path   string
	query  url.Values
	body   []byte // JSON, nil for none
	// codes are the operation's own result codes, whole, before the common ones;
	// good is the one of success, "" for the common 0000.
	codes map[string]entry
	good  string
	form  string // content type of a body that is not JSON: it is not signed
}

// failure is a fault with what the loops below need to know about it.
type failure struct {
	fault       *fault.Error
	temporary   bool // the same call may succeed in a moment
	unreachable bool // no connection came about: nothing was sent
}

// do makes the call, again after temporary failures, until it succeeds, the
// attempts are used up or ctx leaves no time for another. The last failure is
// the one that is told.
func (c *Client) do(ctx context.Context, baseURL string, cred Credentials, op call) (node, []byte, error) {
	base, err := parseBase(op.op, baseURL)
	if err != nil {
		return node{}, nil, err
	}
	if cred.AK == "" || cred.SK == "" {
		return node{}, nil, fault.New(fault.Invalid, op.op+".no_credentials")
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.TotalTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		doc, raw, f := c.attempt(ctx, base, cred, op)
		if f == nil {
			return doc, raw, nil
		}
		if !f.temporary || attempt >= c.opt.Attempts || !pause(ctx, c.backOff(attempt)) {
			return node{}, nil, f.fault
		}
	}
}

// attempt tries the base address and, when it cannot be reached, its fallback.
func (c *Client) attempt(ctx context.Context, base *url.URL, cred Credentials, op call) (node, []byte, *failure) {
	doc, raw, f := c.once(ctx, base, cred, op, op.form != "")
	if f != nil && op.form != "" && f.fault.Key == op.op+".credentials_refused" {
		doc, raw, f = c.once(ctx, base, cred, op, false)
	}
	second, ok := c.opt.Fallbacks[base.Host]
	if f == nil || !f.unreachable || !ok {
		return doc, raw, f
	}
	other := *base
	other.Host = second
	if doc, raw, g := c.once(ctx, &other, cred, op, op.form != ""); g == nil || !g.unreachable {
		return doc, raw, g
	}
	return node{}, nil, f
}

// once sends one signed request and reads its answer.
func (c *Client) once(ctx context.Context, base *url.URL, cred Credentials, op call, unsigned bool) (node, []byte, *failure) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.AttemptTimeout)
	defer cancel()
	trace, connected := traceConnection(ctx)
	req, err := c.request(trace, base, cred, op, unsigned)
	if err != nil {
		return node{}, nil, &failure{fault: fault.Wrap(err, fault.Internal, "internal")}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return node{}, nil, transportFailure(ctx, op.op, err, connected())
	}
	defer resp.Body.Close()
	raw, f := c.read(ctx, op.op, resp)
	if f != nil {
		return node{}, nil, f
	}
	doc, f := c.judge(op, resp, raw)
	return doc, raw, f
}

func (c *Client) request(ctx context.Context, base *url.URL, cred Credentials, op call, unsigned bool) (*http.Request, error) {
	u := base.JoinPath(op.path)
	u.RawQuery = op.query.Encode()
	req, err := http.NewRequestWithContext(ctx, op.method, u.String(), bytes.NewReader(op.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json") // mandatory on every open API (page CN 0070649463)
	if op.form != "" {
		req.Header.Set("Content-Type", op.form)
	}
	if unsigned {
		req.Header.Set(aksk.HeaderContentSHA256, aksk.UnsignedPayload)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "koodesk")
	if err := aksk.Sign(req, op.body, cred, c.opt.Now()); err != nil {
		return nil, err
	}
	return req, nil
}

// backOff doubles with each attempt and is spread over ±50 %, so that workers
// which failed together do not come back together.
func (c *Client) backOff(attempt int) time.Duration {
	d := c.opt.BackOff << (attempt - 1)
	return d/2 + rand.N(d)
}

// pause waits, unless ctx would be over by then.
func pause(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// isTimeout tells a wait that ended by the clock from one that was called off.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
