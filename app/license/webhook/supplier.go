// Package webhook asks the seller's own product for Licenses, by a signed
// webhook: it answers with the License at once, hands it in later through the
// API, or refuses.
package webhook

import (
	"context"
	"net/http"
	"strings"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/store"
	sender "koodesk/app/webhook"
)

// Name is the supplier's name in a product's entry.
const Name = event.SupplierWebhook

// Asker asks a product; event.Client does.
type Asker interface {
	Ask(ctx context.Context, q event.Question) (event.Asked, error)
}

// Supplier implements license.Supplier. Ask may be nil where settings are only
// checked.
type Supplier struct {
	Allow sender.Allow
	Ask   Asker
}

// CheckSettings tells whether the address and the secret can be used. Faults:
// invalid "webhook.bad_url", "webhook.plain_http", "webhook.bad_secret",
// "webhook.bad_wait"; refused "webhook.address_refused".
func (s Supplier) CheckSettings(settings store.ProductSettings, secret string) error {
	if err := s.Allow.CheckURL(settings.WebhookURL); err != nil {
		return err
	}
	if _, err := event.Wait(settings); err != nil {
		return err
	}
	return sender.CheckSecret(secret)
}

// NewSecret makes a secret for a product that has none.
func (Supplier) NewSecret() string { return sender.NewSecret() }

// Supply asks the product for the License.
//
// Faults: those of event.Client.Ask; refused "license.supplier_refused" (message;
// given up: a person decides) when the product says 409; unavailable
// "license.garbage" (why) when its answer cannot be used, which is tried again;
// refused "license.never_handed_in" (wait; given up) when it promised to hand the
// License in, did not in time, and now promises again.
func (s Supplier) Supply(ctx context.Context, r license.Request) (license.Result, error) {
	answer, err := s.Ask.Ask(ctx, event.Question{Type: event.LicenseRequested, InstanceID: r.InstanceID, TaskID: r.TaskID,
		MessageID: r.MessageID, OrderID: r.OrderID, LineID: r.OrderLineID, LicenseID: r.ID})
	if err != nil {
		return license.Result{}, refusal(answer.Answer, err)
	}
	if answer.Status == http.StatusAccepted {
		until, err := answer.Promised(r.Settings, "license.never_handed_in")
		return license.Result{Waiting: err == nil, Until: until}, err
	}
	content, err := read(answer.Answer)
	return license.Result{License: content}, err
}

// body is a product's answer: a License as text or as a file, or why not.
type body struct {
	License  string `json:"license"`
	FileName string `json:"file_name"`
	File     string `json:"file"` // base64
	Message  string `json:"message"`
}

// read reads the License of an answer; the fault never quotes it.
func read(a sender.Answer) (market.LicenseContent, error) {
	var b body
	nothing, err := event.ReadAnswer(a, &b)
	switch {
	case err != nil:
		return market.LicenseContent{}, unusable(fault.From(err).Args["why"])
	case nothing:
		return market.LicenseContent{}, unusable("license")
	}
	c, err := license.FromFields(b.License, b.FileName, b.File)
	if err != nil {
		return market.LicenseContent{}, unusable(strings.TrimPrefix(fault.From(err).Key, "license."))
	}
	return c, nil
}

func unusable(why string) error {
	return fault.New(fault.Unavailable, "license.garbage", "why", why)
}

// refusal turns a 409 into the product's no; any other fault stays as it is.
func refusal(a sender.Answer, err error) error {
	if a.Status != http.StatusConflict {
		return err
	}
	var b body
	if _, bad := event.ReadAnswer(a, &b); bad != nil || event.Reason(b.Message) == "" {
		return unusable("409 without message")
	}
	return fault.New(fault.Refused, "license.supplier_refused", "message", event.Reason(b.Message))
}
