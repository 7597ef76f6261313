package event

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// Question is what a product is asked about one of its instances, by a task.
type Question struct {
	Type       string // InstanceProvision, InstanceUpgraded or LicenseRequested
	InstanceID string
	TaskID     int64 // the same on every try: one event, one webhook-id for each product
	MessageID  int64
	OrderID    string // of the change
	LineID     string
	LicenseID  int64 // of LicenseRequested: the License that is asked for
}

// maxLicense is how much of an answer with a License is read, in bytes: the
// largest License as base64, and what stands around it.
const maxLicense = market.MaxLicenseSize*4/3 + 16<<10

// Asked is what a product said.
type Asked struct {
	webhook.Answer
	Before time.Time // when it last said 202 to the same question; zero: never
}

// Ask sends an event to the webhook of an instance's product and gives the
// answer, also beside a fault: a product may refuse with a status of its own.
// What is said is written under the instance's lock at the first try and stays
// the same, so that whatever happens later follows as an event of its own.
//
// Faults: those of webhook.Client.Post and Reader.ProductFor; conflict
// "event.waits_turn" while the product has not got an earlier event of the
// instance, which counts as no try; conflict "provision.changed_meanwhile" when
// an instance that is to be made or changed was released just now.
func (c *Client) Ask(ctx context.Context, q Question) (Asked, error) {
	var e *store.Event
	var to store.Receiver
	err := c.store.Write(ctx, func(tx *store.Tx) (err error) {
		e, to, err = c.open(ctx, tx, q)
		return err
	})
	if err != nil {
		return Asked{}, err
	}
	limit := 0
	if q.LicenseID != 0 {
		limit = maxLicense
	}
	try, answer := c.call(ctx, e, to, limit)
	asked := Asked{Answer: answer}
	if e.HTTPStatus == http.StatusAccepted {
		asked.Before = e.SentAt
	}
	if try.Err != nil {
		return asked, c.failed(ctx, e, try)
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockEvent(ctx, e.ID); err != nil {
			return err
		}
		if err := tx.EndEventTry(ctx, e.ID, try); err != nil {
			return err
		}
		return tx.HurryNextEvent(ctx, e)
	})
	return asked, err
}

// open finds or writes the event of a question and marks it as running.
func (c *Client) open(ctx context.Context, tx *store.Tx, q Question) (*store.Event, store.Receiver, error) {
	var to store.Receiver
	i, err := tx.LockInstanceID(ctx, q.InstanceID)
	if err != nil {
		return nil, to, err
	}
	if q.LicenseID == 0 && i.Status == market.Released {
		// The product would make what nobody tells it the end of: whoever released
		// the instance did not know that it was going to be asked.
		return nil, to, fault.New(fault.Conflict, "provision.changed_meanwhile")
	}
	product, err := tx.Reader().ProductOf(ctx, i)
	if err != nil {
		return nil, to, err
	}
	to = product.Receiver(tx.Now)
	e, err := tx.LockQuestion(ctx, q.TaskID, q.Type, product.ID)
	if fault.Is(err, fault.NotFound) {
		if err := c.ask(ctx, tx, q, i, to); err != nil {
			return nil, to, err
		}
		e, err = tx.LockQuestion(ctx, q.TaskID, q.Type, product.ID)
	}
	if err != nil {
		return nil, to, err
	}
	if err := waitsTurn(ctx, tx, e); err != nil {
		return nil, to, err
	}
	return e, to, tx.SetEventStatus(ctx, e.ID, outbox.Running)
}

// said is what a product is asked.
func said(ctx context.Context, tx *store.Tx, q Question, i *store.Instance) (any, error) {
	ch, err := tx.Reader().ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return nil, err
	}
	data := Whole(ch, i)
	if q.LicenseID != 0 {
		l, err := tx.Reader().License(ctx, q.LicenseID)
		if err != nil {
			return nil, err
		}
		return Licensed{Instance: data, License: licenseAsked(l)}, nil
	}
	if q.OrderID != i.OrderID {
		data.ChangeOrder = &ChangeOrder{OrderID: q.OrderID, OrderLineID: q.LineID}
	}
	return data, nil
}

func (c *Client) ask(ctx context.Context, tx *store.Tx, q Question, i *store.Instance, to store.Receiver) error {
	data, err := said(ctx, tx, q, i)
	if err != nil {
		return err
	}
	payload, err := body(q.Type, tx.Now, data)
	if err != nil {
		return err
	}
	_, err = tx.AddEvent(ctx, store.NewEvent{ChannelID: i.ChannelID, Type: q.Type, WebhookID: webhook.NewID(), Receiver: to,
		UniqueKey: fmt.Sprintf("%d/%s/task/%d/product/%d", i.ChannelID, q.Type, q.TaskID, to.ProductPK),
		Shown:     webhook.Shown(to.URL), TaskID: q.TaskID, InstancePK: i.PK, MessageID: q.MessageID, ProductID: i.ProductID,
		OrderID: q.OrderID, OrderLineID: q.LineID, Payload: payload})
	return err
}
