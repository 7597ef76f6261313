package event

import (
	"context"
	"fmt"

	"koodesk/app/market"
	"koodesk/app/store"
)

// Licensed is the data of license.requested: the instance, and the License that
// is asked for. Times are RFC 3339 in UTC.
type Licensed struct {
	Instance
	License LicenseAsked `json:"license"`
}

// LicenseAsked is a License that the marketplace asks for.
type LicenseAsked struct {
	ID          string `json:"id"`                           // Koodesk's number of the request
	EventID     string `json:"event_id,omitempty"`           // getLicenseAsync's; none in License 1.0
	Device      string `json:"device_fingerprint,omitempty"` // of the machine that it is for
	EffectiveAt string `json:"effective_at,omitempty"`
	ExpiresAt   string `json:"expires_at,omitempty"`
	Supplier    string `json:"supplier"` // who supplies it: pool, manual
}

// OfLicense emits license.requested, once per License; the instance is locked.
func OfLicense(ctx context.Context, tx *store.Tx, ch *store.Channel, i *store.Instance, l *store.License) error {
	return Emit(ctx, tx, New{Channel: ch.ID, Type: LicenseRequested, InstancePK: i.PK, MessageID: l.MessageID, ProductID: i.ProductID,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, Subject: fmt.Sprintf("license/%d", l.ID),
		Data: Licensed{Instance: Brief(ch.Slug, i), License: LicenseAsked{ID: fmt.Sprint(l.ID), EventID: l.EventID, Device: l.Device,
			EffectiveAt: market.Stamp(l.EffectiveAt), ExpiresAt: market.Stamp(l.ExpiresAt), Supplier: l.Supplier}}})
}
