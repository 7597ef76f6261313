// Package webhook hands short messages to an SMS gateway of the seller's own, as
// signed messages (Standard Webhooks), and reads the reports that the gateway
// signs in the same way. It knows nothing of what a message is about.
package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	hook "koodesk/app/webhook"
)

// Types of the two messages.
const (
	TypeSend    = "textmessage.send"
	TypeReceipt = "textmessage.receipt"
)

// Options of New.
type Options struct {
	URL      string
	Secret   string
	Callback string // where reports go
	Client   *hook.Client
	Now      func() time.Time
}

// Sender is the gateway. It implements deliver.Sender and deliver.Receiver, and
// is safe for concurrent use.
type Sender struct{ o Options }

// New makes a sender.
func New(o Options) *Sender {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sender{o: o}
}

// Transport is "webhook".
func (s *Sender) Transport() string { return "webhook" }

// Repeatable is true: webhook-id is the same on every try of one sending, and
// the gateway does one thing once.
func (s *Sender) Repeatable() bool { return true }

type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      sms       `json:"data"`
}

type sms struct {
	Tag       string            `json:"tag"`
	To        string            `json:"to"`
	Kind      string            `json:"kind"`
	Language  string            `json:"language"`
	Text      string            `json:"text"`
	Parts     int               `json:"parts"`
	Variables map[string]string `json:"variables"`
	Callback  string            `json:"callback_url"`
}

// answer is what the gateway may say: its own id, or beside status 422 why it
// will never send this.
type answer struct {
	ID   string `json:"id"`
	Code string `json:"code"`
}

// Send hands an SMS over. Faults: those of the webhook's client; refused
// "sms.refused" (code) for status 422; "delivery.outcome_unknown" when the message
// left and no answer of the gateway's came.
func (s *Sender) Send(ctx context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	now := s.o.Now()
	body, err := json.Marshal(message{Type: TypeSend, Timestamp: now.UTC().Truncate(time.Second), Data: sms{Tag: p.Tag, To: p.To, Kind: p.Kind,
		Language: p.Language, Text: p.Text, Parts: deliver.SizeSMS(p.Text).Parts, Variables: p.Variables, Callback: s.o.Callback}})
	if err != nil {
		return deliver.Receipt{}, fault.Wrap(err, fault.Internal, "internal")
	}
	got, err := s.o.Client.Post(ctx, hook.Target{URL: s.o.URL, Secrets: []string{s.o.Secret}, Leaving: p.Leaving}, "sms_"+p.Tag, now, body)
	var a answer
	_ = json.Unmarshal(got.Body, &a) // an answer without a body is one too
	if got.Status == http.StatusUnprocessableEntity {
		return deliver.Receipt{}, fault.New(fault.Refused, "sms.refused", "code", clean(a.Code, 32))
	}
	if err != nil && unheard(got) {
		return deliver.Receipt{}, deliver.OutcomeUnknown(err, s)
	}
	if err != nil {
		return deliver.Receipt{}, err
	}
	return deliver.Receipt{ProviderRef: clean(a.ID, 64)}, nil
}

// unheard tells whether a failed call left and had no answer of the gateway's own: none
// at all, half of one, or that of a proxy which got none.
func unheard(a hook.Answer) bool {
	return a.Left && (a.Status == 0 || a.OK() || a.Status == http.StatusBadGateway || a.Status == http.StatusGatewayTimeout)
}

type receipt struct {
	Type string `json:"type"`
	Data struct {
		Tag     string          `json:"tag"`
		ID      string          `json:"id"`
		Outcome deliver.Outcome `json:"outcome"`
		Code    string          `json:"code"`
		Note    string          `json:"note"`
		Part    int             `json:"part"`
		Parts   int             `json:"parts"`
	} `json:"data"`
}

// Receive takes a report of the gateway.
func (s *Sender) Receive(r *http.Request, body []byte, now time.Time) ([]deliver.Report, error) {
	if err := hook.Verify(r.Header, body, now, s.o.Secret); err != nil {
		return nil, fault.Wrap(err, fault.Unauthenticated, "receipt.rejected", "why", "signature")
	}
	var in receipt
	if err := json.Unmarshal(body, &in); err != nil || in.Type != TypeReceipt || in.Data.Tag == "" {
		return nil, fault.Wrap(err, fault.Invalid, "receipt.unreadable")
	}
	switch d := in.Data; d.Outcome {
	case deliver.HandedOver, deliver.Delivered, deliver.Refused, deliver.Unknown:
		return []deliver.Report{{Tag: clean(d.Tag, 64), ProviderRef: clean(d.ID, 64), Outcome: d.Outcome, Code: clean(d.Code, 32), Note: clean(d.Note, 200),
			Part: min(max(d.Part, 1), 99), Parts: min(max(d.Parts, 1), 99), At: now}}, nil
	}
	return nil, fault.New(fault.Invalid, "receipt.unreadable")
}

// clean keeps the gateway's words on one line and short.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}
