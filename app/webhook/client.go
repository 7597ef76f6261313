package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"koodesk/app/fault"
)

// maxAnswer is how much of an answer is read, in bytes, unless a target says more.
const maxAnswer = 64 << 10

// Target is where a message goes. Several secrets sign while one is replaced;
// without any the message goes unsigned, to receivers that have a proof of their
// own.
type Target struct {
	URL     string
	Secrets []string
	Limit   int // of an answer, in bytes; 0: 64 KiB

	// Leaving is called when the message has its turn at the target, just before it
	// leaves; its error ends the call. nil: nobody wants to know.
	Leaving func(context.Context) error
}

// Answer is what a target said. It is filled in as far as an answer came, also
// beside a fault.
type Answer struct {
	Status   int
	Body     []byte // at most the target's limit
	Cut      bool   // there was more
	Left     bool   // the message was written: without an answer nobody knows what became of it
	Duration time.Duration
}

// OK tells whether the target took the message.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status <= 299 }

// Options of NewClient. Zero values mean the defaults.
type Options struct {
	Allow    Allow
	Timeout  time.Duration  // of one call, answer included; 10 s
	AtOnce   int            // calls to one target at the same time, in this process; 4
	Patience time.Duration  // how long a call waits for its turn at a target; 1 s
	Trip     int            // failures in a row that open a target's breaker; 5
	Cooldown time.Duration  // how long an open breaker lets nothing through; 30 s
	RootCAs  *x509.CertPool // nil: the system's
	Log      *slog.Logger
}

// Client posts messages. It is safe for concurrent use; one per process, since
// it counts the calls to each target.
type Client struct {
	o     Options
	https *http.Client
	plain *http.Client
	gates *gates
}

// NewClient makes a client. Close ends its idle connections.
func NewClient(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = 4
	}
	if o.Patience == 0 {
		o.Patience = time.Second
	}
	if o.Trip == 0 {
		o.Trip = 5
	}
	if o.Cooldown == 0 {
		o.Cooldown = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{o: o, https: httpClient(o, true), plain: httpClient(o, false), gates: newGates(o)}
}

// httpClient neither follows redirects nor asks a proxy: both would lead past
// the check of the dialled address.
func httpClient(o Options, encrypted bool) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            o.Allow.dial(encrypted),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConnsPerHost:    o.AtOnce,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		},
	}
}

// Allow is what the client may call beyond the public internet.
func (c *Client) Allow() Allow { return c.o.Allow }

// Close ends idle connections.
func (c *Client) Close() {
	c.https.CloseIdleConnections()
	c.plain.CloseIdleConnections()
}

// Post sends body, signed at the time of this try, and gives the answer. id must
// be the same on every try of one message.
//
// Faults: those of CheckURL; refused "webhook.address_refused" (given up);
// unavailable, to be tried again: "webhook.unreachable", "webhook.certificate",
// "webhook.timeout", "webhook.connection_lost", "webhook.interrupted",
// "webhook.redirect" and "webhook.status" (status; not before the target's
// Retry-After, up to an hour), "webhook.breaker_open" (not before the breaker lets
// calls through); rate_limited "webhook.busy", which counts as no try; refused
// "webhook.gone" (410; given up). All but those of CheckURL have host. And that of
// Target.Leaving.
func (c *Client) Post(ctx context.Context, t Target, id string, at time.Time, body []byte) (Answer, error) {
	if err := c.o.Allow.CheckURL(t.URL); err != nil {
		return Answer{}, err
	}
	leave, err := c.gates.enter(ctx, t.URL)
	if err != nil {
		return Answer{}, err
	}
	if t.Leaving != nil {
		if err := t.Leaving(ctx); err != nil {
			leave(errNoVerdict)
			return Answer{}, err
		}
	}
	start := time.Now()
	answer, err := c.post(ctx, t, id, at, body)
	answer.Duration = time.Since(start)
	leave(err)
	return answer, err
}

func (c *Client) post(ctx context.Context, t Target, id string, at time.Time, body []byte) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fault.New(fault.Invalid, "webhook.bad_url")
	}
	if len(t.Secrets) > 0 {
		Sign(req.Header, id, at, body, t.Secrets...)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Koodesk-Webhook/1")
	client := c.https
	if req.URL.Scheme == "http" {
		client = c.plain
	}
	var left atomic.Bool
	resp, err := client.Do(req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { left.Store(true) }})))
	if err != nil {
		return Answer{Left: left.Load()}, transportFault(ctx, hostOf(t.URL), err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Left: true}
	limit := cmp.Or(t.Limit, maxAnswer)
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if len(a.Body) > limit {
		a.Body, a.Cut = a.Body[:limit], true
	}
	if fault := statusFault(hostOf(t.URL), resp); fault != nil {
		return a, fault
	}
	if err != nil {
		return a, transportFault(ctx, hostOf(t.URL), err)
	}
	return a, nil
}

// maxRetryAfter bounds how long a target may put us off.
const maxRetryAfter = time.Hour

// statusFault judges a status; nil for 2xx.
func statusFault(host string, resp *http.Response) error {
	status := strconv.Itoa(resp.StatusCode)
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return nil
	case resp.StatusCode == http.StatusGone:
		return fault.New(fault.Refused, "webhook.gone", "host", host)
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		return fault.New(fault.Unavailable, "webhook.redirect", "host", host, "status", status)
	}
	f := fault.New(fault.Unavailable, "webhook.status", "host", host, "status", status)
	if n, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get("Retry-After"))); err == nil && n > 0 {
		return f.RetryAfter(min(time.Duration(min(n, 1<<20))*time.Second, maxRetryAfter))
	}
	return f
}
