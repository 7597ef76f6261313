// Package huawei hands short messages to Huawei Cloud Message & SMS
// (api-msgsms, "SMS Sending API", sms_05_0001) and reads its status reports. The
// service has the texts itself: it is given the id of an approved template and
// the values of its variables. It knows nothing of what a message is about.
package huawei

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/aksk"
	"koodesk/app/protocol/wsse"
)

// How calls are signed.
const (
	AKSK = "aksk" // SDK-HMAC-SHA256 with the application's key and secret; recommended by the service
	WSSE = "wsse" // X-WSSE
)

// sendPath is the interface's path behind the application's access address.
const sendPath = "/sms/batchSendSms/v1"

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// Options of New.
type Options struct {
	URL       string // the application's access address, e.g. https://smsapi.cn-north-4.myhuaweicloud.com:443
	Key       string // Application Key
	Secret    string // Application Secret
	Auth      string // AKSK or WSSE; "": AKSK
	Sender    string // channel number of the signature; templates may name another
	Signature string // name of the signature, which only a general template needs; may be empty
	Country   string // put before national numbers, e.g. "86"
	Templates Templates
	Callback  string            // where status reports go; "" asks for none
	PushKeys  map[string]string // AK to SK of signed reports; empty takes unsigned ones

	Timeout time.Duration  // of one call; 0: 15 s
	RootCAs *x509.CertPool // nil: the system's
	Now     func() time.Time
}

// Sender is the service. It implements deliver.Sender and deliver.Receiver, and
// is safe for concurrent use.
type Sender struct {
	o    Options
	http *http.Client
}

// CheckURL tells whether passwords may be sent to an address, as market.Confidential
// has it.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || !market.Confidential(u) {
		return errors.New("is not https, so that passwords would travel readable; http is for 127.0.0.1 only")
	}
	return nil
}

// New makes a sender. Close ends its idle connections.
func New(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Auth == "" {
		o.Auth = AKSK
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.URL = strings.TrimRight(o.URL, "/")
	return &Sender{o: o, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     60 * time.Second,
		},
	}}
}

// Close ends idle connections.
func (s *Sender) Close() { s.http.CloseIdleConnections() }

// Transport is "huawei".
func (s *Sender) Transport() string { return "huawei" }

// Repeatable is false: the service sends, and charges for, whatever it is given.
func (s *Sender) Repeatable() bool { return false }

// Send hands an SMS over; the receipt has the service's id of it.
//
// Faults below "sms.", with the argument code where the service gave one. Given
// up: refused no_template (kind, language), template_refused, recipient_refused,
// refused. Tried again: refused auth_refused, address_refused, limit_reached
// (after a good while), unavailable deferred, unreachable. Never again by itself:
// "delivery.outcome_unknown".
func (s *Sender) Send(ctx context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	t, ok := s.o.Templates.find(p.Kind, p.Language)
	if !ok {
		return deliver.Receipt{}, fault.New(fault.Refused, "sms.no_template", "kind", p.Kind, "language", p.Language)
	}
	form, err := s.form(t, p)
	if err != nil {
		return deliver.Receipt{}, err
	}
	// A stop of the program must not leave it open whether the service took it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Timeout)
	defer cancel()
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }})
	req, err := s.request(ctx, []byte(form.Encode()))
	if err != nil {
		return deliver.Receipt{}, err
	}
	if err := p.Leaving(ctx); err != nil {
		return deliver.Receipt{}, err
	}
	res, err := s.http.Do(req)
	if err != nil {
		return deliver.Receipt{}, s.broken(err, written.Load())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return deliver.Receipt{}, deliver.OutcomeUnknown(plain(err), s)
	}
	return s.judge(res, body)
}

// form are the parameters of the interface.
func (s *Sender) form(t Template, p deliver.Parcel) (url.Values, error) {
	paras, err := json.Marshal(t.filling(p))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	from := t.Sender
	if from == "" {
		from = s.o.Sender
	}
	f := url.Values{"from": {from}, "to": {s.number(p.To)}, "templateId": {t.ID}, "templateParas": {string(paras)}}
	for name, value := range map[string]string{"signature": s.o.Signature, "statusCallback": s.o.Callback, "extend": p.Tag} {
		if value != "" {
			f.Set(name, value)
		}
	}
	return f, nil
}

// number writes a number as the service wants it: +, country, number.
func (s *Sender) number(to string) string {
	switch {
	case strings.HasPrefix(to, "+"):
		return to
	case strings.HasPrefix(to, "00"):
		return "+" + to[2:]
	}
	return "+" + s.o.Country + to
}

func (s *Sender) request(ctx context.Context, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.o.URL+sendPath, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Koodesk/1")
	if s.o.Auth == WSSE {
		var nonce [16]byte
		if _, err := rand.Read(nonce[:]); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "internal")
		}
		wsse.Sign(req.Header, s.o.Key, s.o.Secret, hex.EncodeToString(nonce[:]), s.o.Now())
		return req, nil
	}
	if err := aksk.Sign(req, body, aksk.Credentials{AK: s.o.Key, SK: s.o.Secret}, s.o.Now()); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return req, nil
}

// broken is for calls without an answer.
func (s *Sender) broken(err error, written bool) error {
	if written {
		return deliver.OutcomeUnknown(plain(err), s)
	}
	return fault.Wrap(plain(err), fault.Unavailable, "sms.unreachable", "server", s.host())
}

func (s *Sender) host() string {
	u, err := url.Parse(s.o.URL)
	if err != nil {
		return "?"
	}
	return u.Host
}

// plain leaves the address out of an error.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Check connects, as a look at the settings: the service has no call that only
// tells whether it knows us.
func (s *Sender) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, s.o.URL, nil)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	res, err := s.http.Do(req)
	if err != nil {
		return s.broken(err, false)
	}
	return res.Body.Close()
}
