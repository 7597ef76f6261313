package event

import (
	"context"
	"fmt"
	"strconv"

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
	Supplier    string `json:"supplier"` // who supplies it: pool, manual, webhook
}

func licenseAsked(l *store.License) LicenseAsked {
	return LicenseAsked{ID: strconv.FormatInt(l.ID, 10), EventID: l.EventID, Device: l.Device, EffectiveAt: market.Stamp(l.EffectiveAt),
		ExpiresAt: market.Stamp(l.ExpiresAt), Supplier: l.Supplier}
}

// SupplierWebhook is the License supplier that asks the product's own webhook.
const SupplierWebhook = "webhook"

// OfLicense emits license.requested, once per License; the instance is locked. A
// product that supplies its Licenses itself is asked (Client.Ask), not told.
func OfLicense(ctx context.Context, tx *store.Tx, ch *store.Channel, i *store.Instance, l *store.License) error {
	return emit(ctx, tx, New{Channel: ch.ID, Type: LicenseRequested, InstancePK: i.PK, MessageID: l.MessageID, ProductID: i.ProductID, SkuCode: i.SkuCode,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, Subject: fmt.Sprintf("license/%d", l.ID),
		Data: Licensed{Instance: Brief(ch.Slug, i), License: licenseAsked(l)}}, l.Supplier != SupplierWebhook)
}
