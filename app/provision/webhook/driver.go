// Package webhook is the driver for products that make their instances
// themselves: the seller's own product is asked by a signed webhook, and answers
// with the access data at once, hands it in later, or refuses. What else happens
// to an instance (renewal, freeze, release) it hears of as events.
package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/store"
	sender "koodesk/app/webhook"
)

// Name is the driver's name in a product's entry.
const Name = store.DriverWebhook

// Asker asks a product; event.Client does.
type Asker interface {
	Ask(ctx context.Context, q event.Question) (event.Asked, error)
}

// Driver implements provision.Driver. Ask may be nil where settings are only
// checked.
type Driver struct {
	Allow sender.Allow
	Ask   Asker
}

// CheckSettings tells whether the address and the secret can be used. Faults:
// invalid "webhook.bad_url", "webhook.plain_http", "webhook.bad_secret"; refused
// "webhook.address_refused".
func (d Driver) CheckSettings(s store.ProductSettings, secret string) error {
	if err := d.Allow.CheckURL(s.WebhookURL); err != nil {
		return err
	}
	if _, err := event.Wait(s); err != nil {
		return err
	}
	return sender.CheckSecret(secret)
}

// NewSecret makes a secret for a product that has none.
func (Driver) NewSecret() string { return sender.NewSecret() }

// Provision asks the product to make the instance.
//
// Faults: those of event.Client.Ask; refused "webhook.refused" (result_code, message;
// given up) when the product says 409; unavailable "webhook.garbage" (why) when
// its answer cannot be used, which is tried again; refused
// "webhook.never_handed_in" (given up) when it promised to hand the access data
// in, did not in time, and now promises again.
func (d Driver) Provision(ctx context.Context, r provision.Request) (provision.Result, error) {
	answer, err := d.Ask.Ask(ctx, question(event.InstanceProvision, r))
	if err != nil {
		return provision.Result{}, refusal(answer.Answer, err)
	}
	if answer.Status == http.StatusAccepted {
		return promised(answer, r)
	}
	access, given, err := readAccess(answer.Answer)
	if err == nil && !given {
		err = event.Unusable("front_end_url")
	}
	return provision.Result{Access: access}, err
}

// Change tells the product what the instance is to be now. It may answer with
// new access data; what it leaves out stays.
func (d Driver) Change(ctx context.Context, r provision.Request) (provision.Result, error) {
	answer, err := d.Ask.Ask(ctx, question(event.InstanceUpgraded, r))
	if err != nil {
		return provision.Result{}, refusal(answer.Answer, err)
	}
	if answer.Status == http.StatusAccepted {
		return promised(answer, r)
	}
	access, given, err := readAccess(answer.Answer)
	if err != nil || !given {
		return provision.Result{Access: r.Access}, err
	}
	if access.Password == "" {
		access.Password = r.Access.Password
	}
	if access.UserName == "" {
		access.UserName = r.Access.UserName
	}
	return provision.Result{Access: access}, nil
}

// CanChange answers from what is known: a callback does not wait for outside
// systems. The product hears of it by instance.check_change, afterwards.
func (d Driver) CanChange(_ context.Context, r provision.Request, _ []market.ProductInfo) error {
	return d.CheckSettings(r.Settings, r.Secret)
}

// promised waits for access data that the product is going to hand in, once.
func promised(a event.Asked, r provision.Request) (provision.Result, error) {
	until, err := a.Promised(r.Settings, "webhook.never_handed_in")
	return provision.Result{Waiting: err == nil, Until: until}, err
}

func question(eventType string, r provision.Request) event.Question {
	q := event.Question{Type: eventType, InstanceID: r.InstanceID, TaskID: r.TaskID, MessageID: r.MessageID, OrderID: r.OrderID, LineID: r.OrderLineID}
	if r.ChangeOrderID != "" {
		q.OrderID, q.LineID = r.ChangeOrderID, r.ChangeOrderLineID
	}
	return q
}

// body is a product's answer: access data, or why not.
type body struct {
	FrontEndURL *string `json:"front_end_url"`
	AdminURL    string  `json:"admin_url"`
	UserName    string  `json:"user_name"`
	Password    string  `json:"password"`
	Memo        string  `json:"memo"`
	ResultCode  string  `json:"result_code"`
	Message     string  `json:"message"`
}

// readAccess reads the access data of an answer; given is false when there is
// none. The password is not looked at: it is nobody's business what is in it.
func readAccess(a sender.Answer) (access provision.Access, given bool, err error) {
	var b body
	if nothing, err := event.ReadAnswer(a, &b); err != nil || nothing {
		return access, false, err
	}
	if b.FrontEndURL == nil {
		return access, false, nil
	}
	access = provision.Access{FrontEndURL: strings.TrimSpace(*b.FrontEndURL), AdminURL: strings.TrimSpace(b.AdminURL),
		UserName: strings.TrimSpace(b.UserName), Password: b.Password, Memo: strings.TrimSpace(b.Memo)}
	if err := access.Check(); err != nil {
		return access, false, event.Unusable(fault.From(err).Args["field"])
	}
	return access, true, nil
}

// refusal turns a 409 with a known code into the product's no; any other fault
// stays as it is.
func refusal(a sender.Answer, err error) error {
	if a.Status != http.StatusConflict {
		return err
	}
	var b body
	if _, bad := event.ReadAnswer(a, &b); bad != nil || !known(b.ResultCode) {
		return event.Unusable(fmt.Sprintf("409 without result_code %s…%s", market.NoResource, market.MailDomainExisted))
	}
	return fault.New(fault.Refused, "webhook.refused", "result_code", b.ResultCode, "message", event.Reason(b.Message))
}

// known tells whether a code is one of those by which a purchase may be refused:
// 000100 to 000107 (pages CN 0070649421, intl 0070649099).
func known(code string) bool {
	n, err := strconv.Atoi(code)
	return err == nil && len(code) == 6 && n >= 100 && n <= 107
}
