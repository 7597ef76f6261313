// Package event tells the seller's own systems what happened, by signed
// webhooks: an event is written for each receiver in the transaction of what
// happened, and sent by a task of its own until it is taken. It decides who hears
// what and what is said; how a message is signed and sent is app/webhook's
// business. It knows neither HTTP's server side nor the queue.
package event

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// What events are about: types begin with it.
const (
	ofInstance = "instance."
	ofLicense  = "license."
	ofCode     = "license_code."
	ofTenant   = "tenant."
	ofOrder    = "order."
	ofUsage    = "usage."
)

// The types of events.
const (
	InstanceProvision   = ofInstance + "provision"   // make an instance; its product is asked and answers
	InstanceProvisioned = ofInstance + "provisioned" // its access data is there; subscribers only
	InstanceRenewed     = ofInstance + "renewed"     // its expiry was set: renewal, trial to formal, cancelled renewal
	InstanceFrozen      = ofInstance + "frozen"
	InstanceUnfrozen    = ofInstance + "unfrozen"
	InstanceUpgraded    = ofInstance + "upgraded" // another product or size was bought; its product is asked and may answer
	InstanceReleased    = ofInstance + "released"
	InstanceCheckChange = ofInstance + "check_change" // it was asked whether it could become another product
	LicenseRequested    = ofLicense + "requested"
	LicenseCodeRenewed  = ofCode + "renewed" // its expiry was set: renewal, cancelled renewal
	LicenseCodeFrozen   = ofCode + "frozen"
	LicenseCodeUnfrozen = ofCode + "unfrozen"
	LicenseCodeReleased = ofCode + "released"
	TenantSynced        = ofTenant + "synced" // not sent yet
	OrderNotified       = ofOrder + "notified"
	UsageQuota          = ofUsage + "quota" // not sent yet
	Test                = "koodesk.test"    // somebody pressed the button
)

// Types lists the types that can be subscribed to.
func Types() []string {
	return []string{InstanceProvision, InstanceProvisioned, InstanceRenewed, InstanceFrozen, InstanceUnfrozen, InstanceUpgraded,
		InstanceReleased, InstanceCheckChange, LicenseRequested, LicenseCodeRenewed, LicenseCodeFrozen, LicenseCodeUnfrozen, LicenseCodeReleased,
		TenantSynced, OrderNotified, UsageQuota}
}

// Sent tells whether anything sends events of a type yet.
func Sent(eventType string) bool { return eventType != TenantSynced && eventType != UsageQuota }

// asked are the types that a product's own webhook hears of by being asked
// (Client.Ask) instead; subscribers are told.
var asked = []string{InstanceProvision, InstanceProvisioned, InstanceUpgraded}

// New is something that happened. Zero ids mean none.
type New struct {
	Channel     int64 // channels.id
	Type        string
	InstancePK  int64  // events of an instance reach each receiver in their order
	CodeID      int64  // those of an authorization code likewise
	MessageID   int64  // the interface message that caused it
	ProductID   string // KooGallery's; whose webhook hears of it
	SkuCode     string // of the product, as far as it is known
	OrderID     string
	OrderLineID string
	Scene       market.Scene // of a renewal
	Subject     string       // what makes it one happening, e.g. "message/17": the same again is not written
	Data        any          // becomes "data" of the envelope
}

// envelope is the body of every event.
type envelope struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // RFC 3339, UTC: when it happened
	Data      any    `json:"data"`
}

func body(eventType string, at time.Time, data any) ([]byte, error) {
	if data == nil {
		data = struct{}{}
	}
	b, err := json.Marshal(envelope{Type: eventType, Timestamp: at.UTC().Format(time.RFC3339Nano), Data: data})
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return b, nil
}

// Emit writes an event and its task for everybody who wants to hear of it, in
// the caller's transaction; without anybody nothing is written. The caller's
// wake hurries the sending. Debugging calls must not emit.
func Emit(ctx context.Context, tx *store.Tx, e New) error {
	return emit(ctx, tx, e, !slices.Contains(asked, e.Type))
}

// emit tells the subscribers and, with toProduct, the product's own webhook.
func emit(ctx context.Context, tx *store.Tx, e New, toProduct bool) error {
	receivers, err := tx.Reader().Receivers(ctx, e.Channel, e.Type, e.ProductID, e.SkuCode, e.InstancePK, toProduct)
	if err != nil || len(receivers) == 0 {
		return err
	}
	payload, err := body(e.Type, tx.Now, e.Data)
	if err != nil {
		return err
	}
	for _, r := range receivers {
		if _, err := write(ctx, tx, e, r, payload); err != nil {
			return err
		}
	}
	return nil
}

// uniqueKey is what happened and for whom.
func uniqueKey(e New, r store.Receiver) string {
	to := fmt.Sprintf("target/%d", r.TargetID)
	if r.TargetID == 0 {
		to = fmt.Sprintf("product/%d", r.ProductPK)
	}
	return fmt.Sprintf("%d/%s/%s/%s", e.Channel, e.Type, e.Subject, to)
}

// write writes an event for one receiver and the task that sends it; id is 0 if
// it was written before.
func write(ctx context.Context, tx *store.Tx, e New, r store.Receiver, payload []byte) (id int64, err error) {
	shown := r.Former
	if r.URL != "" {
		shown = webhook.Shown(r.URL)
	}
	id, err = tx.AddEvent(ctx, store.NewEvent{ChannelID: e.Channel, Type: e.Type, WebhookID: webhook.NewID(), UniqueKey: uniqueKey(e, r),
		Receiver: r, Shown: shown, InstancePK: e.InstancePK, CodeID: e.CodeID, MessageID: e.MessageID, ProductID: e.ProductID,
		OrderID: e.OrderID, OrderLineID: e.OrderLineID, Scene: e.Scene, Payload: payload})
	if err != nil || id == 0 {
		return 0, err
	}
	task, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Event, Purpose: outbox.Notify, InstancePK: e.InstancePK,
		OrderID: e.OrderID, OrderLineID: e.OrderLineID, UniqueKey: outbox.Key(outbox.Event, outbox.Notify, id)})
	if err != nil {
		return 0, err
	}
	return id, tx.SetEventTask(ctx, id, task)
}
