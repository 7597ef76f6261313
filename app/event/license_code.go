package event

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
)

// Coded is the data of the license_code.* events. Times are RFC 3339 in UTC.
type Coded struct {
	ID          string  `json:"id"` // Koodesk's number of the code
	License     string  `json:"license"`
	Channel     string  `json:"channel"`
	Status      string  `json:"status"` // UNVERIFIED, ALIVE, FROZEN, EXPIRED, RELEASED
	ProductID   string  `json:"product_id,omitempty"`
	OrderID     string  `json:"order_id,omitempty"`
	OrderLineID string  `json:"order_line_id,omitempty"`
	CustomerID  string  `json:"customer_id,omitempty"`
	ExpiresAt   *string `json:"expires_at"` // null: none, or not known

	Scene           string       `json:"scene,omitempty"` // license_code.renewed: refreshLicenseCode's
	PreviousExpires string       `json:"previous_expires_at,omitempty"`
	ChangeOrder     *ChangeOrder `json:"change_order,omitempty"`
}

// CodeCall is the call of the marketplace that changed a code.
type CodeCall struct {
	MessageID     int64
	OrderID, Line string // of a renewal
}

// OfCode emits what a call of the marketplace did to an authorization code:
// renewed, frozen, unfrozen, released. The code is locked.
func OfCode(ctx context.Context, tx *store.Tx, ch *store.Channel, c *store.LicenseCode, changes []market.Change, call CodeCall) error {
	sku, err := tx.Reader().SkuOfOrder(ctx, ch.ID, c.OrderID, c.OrderLineID)
	if err != nil {
		return err
	}
	previous := ""
	for _, change := range changes {
		if change.Kind == market.ExpiryChanged {
			previous = change.Old
		}
	}
	for _, change := range changes {
		eventType := codeEvent(change)
		if eventType == "" {
			continue
		}
		d := Coded{ID: strconv.FormatInt(c.ID, 10), License: c.Code, Channel: ch.Slug, Status: string(c.Status), ProductID: c.ProductID,
			OrderID: c.OrderID, OrderLineID: c.OrderLineID, CustomerID: c.CustomerID, ExpiresAt: stampOrNull(c.ExpiresAt)}
		n := New{Channel: ch.ID, Type: eventType, CodeID: c.ID, MessageID: call.MessageID, ProductID: c.ProductID, SkuCode: sku, OrderID: c.OrderID,
			OrderLineID: c.OrderLineID, Subject: fmt.Sprintf("license_code/%d/message/%d/%d", c.ID, call.MessageID, tx.Now.UnixNano())}
		if eventType == LicenseCodeRenewed {
			d.Scene, d.PreviousExpires = change.Old, previous
			n.Scene = market.Scene(d.Scene)
			if call.OrderID != "" {
				d.ChangeOrder = &ChangeOrder{OrderID: call.OrderID, OrderLineID: call.Line}
				n.OrderID, n.OrderLineID = call.OrderID, call.Line
			}
		}
		n.Data = d
		if err := Emit(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// codeEvent is the type of event that a change of a code makes, "" if none.
func codeEvent(c market.Change) string {
	switch {
	case c.Kind == market.CodeRenewed:
		return LicenseCodeRenewed
	case c.Kind != market.StatusChanged:
		return ""
	case c.New == string(market.CodeFrozen):
		return LicenseCodeFrozen
	case c.New == string(market.CodeReleased):
		return LicenseCodeReleased
	case c.Old == string(market.CodeFrozen):
		return LicenseCodeUnfrozen
	}
	return ""
}

func stampOrNull(at time.Time) *string {
	if at.IsZero() {
		return nil
	}
	s := market.Stamp(at)
	return &s
}
