package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// defaultWait lets a person see a promise that is not kept while the marketplace
// still repeats the purchase: three hours (page CN 0070649414).
const defaultWait = 2 * time.Hour

// Wait reads how long a product may take to hand in what it promised. Fault:
// invalid "webhook.bad_wait".
func Wait(s store.ProductSettings) (time.Duration, error) {
	if s.WebhookWait == "" {
		return defaultWait, nil
	}
	wait, err := time.ParseDuration(s.WebhookWait)
	if err != nil || wait < time.Second || wait > 30*24*time.Hour {
		return 0, fault.New(fault.Invalid, "webhook.bad_wait")
	}
	return wait, nil
}

// Promised says until when a product that answered 202 is waited for, once.
// Faults: invalid "webhook.bad_wait"; refused with the given key (wait; given up)
// when the product promised before, did not hand anything in, and now promises
// again.
func (a Asked) Promised(s store.ProductSettings, broken string) (until time.Time, err error) {
	wait, err := Wait(s)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	if !a.Before.IsZero() && now.Sub(a.Before) >= wait {
		return time.Time{}, fault.New(fault.Refused, broken, "wait", wait.String())
	}
	return now.Add(wait), nil
}

// ReadAnswer decodes a product's answer; nothing says that it is empty. A fault
// never quotes it. Fault: that of Unusable.
func ReadAnswer(a webhook.Answer, into any) (nothing bool, err error) {
	text := bytes.TrimSpace(a.Body)
	switch {
	case len(text) == 0:
		return true, nil
	case a.Cut:
		return false, Unusable("size")
	case !bytes.HasPrefix(text, []byte("{")) || !utf8.Valid(text) || json.Unmarshal(text, into) != nil:
		return false, Unusable("JSON")
	}
	return false, nil
}

// Unusable is the fault of an answer that cannot be used, which is tried again:
// unavailable "webhook.garbage" (why).
func Unusable(why string) error {
	return fault.New(fault.Unavailable, "webhook.garbage", "why", why)
}

// MaxReason bounds what is kept of a refusal's text, in characters.
const MaxReason = 200

// Reason makes a product's words fit to be shown: one line of printable characters.
func Reason(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > MaxReason {
		return string(r[:MaxReason-1]) + "…"
	}
	return s
}
