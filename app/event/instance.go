package event

import (
	"context"
	"fmt"
	"slices"
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
)

// Instance is the data of the instance.* events. Times are RFC 3339 in UTC.
type Instance struct {
	InstanceID  string            `json:"instance_id"`
	Channel     string            `json:"channel"`
	Status      string            `json:"status"` // provisioning, active, frozen, released
	Product     Product           `json:"product"`
	Order       Order             `json:"order"`
	ChangeOrder *ChangeOrder      `json:"change_order,omitempty"` // of a renewal or an upgrade
	ExpiresAt   *string           `json:"expires_at"`             // null: does not expire
	Customer    Customer          `json:"customer"`
	Params      map[string]string `json:"params,omitempty"` // what the buyer gave while ordering
	Access      *Access           `json:"access,omitempty"` // what the customer has; never the password

	Scene           string `json:"scene,omitempty"`               // instance.renewed: TRIAL_TO_FORMAL, RENEWAL, UNSUBSCRIBE_RENEWAL_PERIOD, RENEWAL_CHANGE
	PreviousExpires string `json:"previous_expires_at,omitempty"` // instance.renewed
	FrozenBy        string `json:"frozen_by,omitempty"`           // instance.frozen, where V1.0 says it: expiry, status
	Target          []Size `json:"target,omitempty"`              // instance.check_change
}

// Product is what is bought.
type Product struct {
	ProductID   string `json:"product_id"`
	SkuCode     string `json:"sku_code"`
	ProductName string `json:"product_name,omitempty"`
	LinearValue int64  `json:"linear_value,omitempty"`
	Amount      int64  `json:"amount,omitempty"`     // pieces, of a V1.0 product, as the two below
	DiskSize    int64  `json:"disk_size,omitempty"`  // GB
	BandWidth   int64  `json:"band_width,omitempty"` // Mbps
}

func productOf(p market.ProductInfo) Product {
	return Product{ProductID: p.ProductID, SkuCode: p.SkuCode, ProductName: p.ProductName, LinearValue: p.LinearValue,
		Amount: p.Amount, DiskSize: p.DiskSize, BandWidth: p.BandWidth}
}

// Size is a product that an instance may become.
type Size struct {
	ProductID   string `json:"product_id"`
	SkuCode     string `json:"sku_code,omitempty"`
	LinearValue int64  `json:"linear_value,omitempty"`
}

// Order is the purchase, in KooGallery's words.
type Order struct {
	OrderID      string `json:"order_id"`
	OrderLineID  string `json:"order_line_id,omitempty"`
	OrderType    string `json:"order_type,omitempty"`
	ChargingMode string `json:"charging_mode,omitempty"`
	PeriodType   string `json:"period_type,omitempty"`
	PeriodNumber int    `json:"period_number,omitempty"`
}

// ChangeOrder is the order that caused the event, when it is not the purchase.
type ChangeOrder struct {
	OrderID     string `json:"order_id"`
	OrderLineID string `json:"order_line_id,omitempty"`
}

// Customer is who bought. Only events by which an account is made or changed
// have more than the first two.
type Customer struct {
	CustomerID   string `json:"customer_id"`
	CustomerName string `json:"customer_name,omitempty"`
	RealName     string `json:"real_name,omitempty"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
}

// Access is how the customer uses the instance.
type Access struct {
	FrontEndURL string `json:"front_end_url"`
	AdminURL    string `json:"admin_url,omitempty"`
	UserName    string `json:"user_name,omitempty"`
	Memo        string `json:"memo,omitempty"`
}

// Brief is an instance without personal data.
func Brief(channel string, i *store.Instance) Instance {
	d := Instance{InstanceID: i.InstanceID, Channel: channel, Status: string(i.Status),
		Product: productOf(i.Bought()),
		Order: Order{OrderID: i.OrderID, OrderLineID: i.OrderLineID, OrderType: i.OrderType, ChargingMode: string(i.ChargingMode),
			PeriodType: i.PeriodType, PeriodNumber: i.PeriodNumber},
		Customer: Customer{CustomerID: i.CustomerID, CustomerName: i.CustomerName}}
	d.ExpiresAt = stampOrNull(i.ExpiresAt)
	return d
}

// Whole is an instance with whatever its product needs to make an account.
func Whole(ch *store.Channel, i *store.Instance) Instance {
	d := Brief(ch.Slug, i)
	d.Customer.RealName, d.Customer.Email, d.Customer.Phone = i.RealName, i.Email, i.Phone
	d.Params = i.Params
	if i.AccessVersion > 0 {
		d.Access = &Access{FrontEndURL: i.App.FrontEndURL, AdminURL: i.App.AdminURL, UserName: i.App.UserName, Memo: i.App.Memo}
	}
	return d
}

// Checked emits instance.check_change: the marketplace asked whether an instance
// could become those products, and was answered.
func Checked(ctx context.Context, tx *store.Tx, ch *store.Channel, i *store.Instance, message int64, target []market.ProductInfo) error {
	data := Brief(ch.Slug, i)
	for _, p := range target {
		data.Target = append(data.Target, Size{ProductID: p.ProductID, SkuCode: p.SkuCode, LinearValue: p.LinearValue})
	}
	return OfInstance(ctx, tx, InstanceCheckChange, i, Cause{MessageID: message}, data)
}

// Cause is why an instance changed.
type Cause struct {
	MessageID   int64
	TaskID      int64
	OrderID     string // of the change; "" if none
	OrderLineID string
}

// OfInstance emits an event of an instance, which the caller has locked. data
// begins with Brief or Whole.
func OfInstance(ctx context.Context, tx *store.Tx, eventType string, i *store.Instance, c Cause, data Instance) error {
	n := New{Channel: i.ChannelID, Type: eventType, InstancePK: i.PK, MessageID: c.MessageID, ProductID: i.ProductID, SkuCode: i.SkuCode,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, Scene: market.Scene(data.Scene), Data: data,
		Subject: fmt.Sprintf("instance/%d/message/%d/task/%d/%d", i.PK, c.MessageID, c.TaskID, tx.Now.UnixNano())}
	if c.TaskID != 0 { // however often it is tried
		n.Subject = fmt.Sprintf("instance/%d/task/%d", i.PK, c.TaskID)
	}
	if c.OrderID != "" {
		n.OrderID, n.OrderLineID = c.OrderID, c.OrderLineID
		if c.OrderID != i.OrderID {
			data.ChangeOrder = &ChangeOrder{OrderID: c.OrderID, OrderLineID: c.OrderLineID}
			n.Data = data
		}
	}
	return Emit(ctx, tx, n)
}

// Changed emits what an instance's life-cycle changes mean to the outside: a
// new expiry, frozen, unfrozen. before is the expiry that it had; scene is
// refreshInstance's, "" if the expiry did not come by one, but a person set it.
func Changed(ctx context.Context, tx *store.Tx, channel string, i *store.Instance, changes []market.Change, c Cause, scene market.Scene, before time.Time) error {
	if scene != "" || c.MessageID == 0 && slices.ContainsFunc(changes, func(ch market.Change) bool { return ch.Kind == market.ExpiryChanged }) {
		data := Brief(channel, i)
		data.Scene, data.PreviousExpires = string(scene), market.Stamp(before)
		if err := OfInstance(ctx, tx, InstanceRenewed, i, c, data); err != nil {
			return err
		}
	}
	for _, change := range changes {
		if change.Kind != market.StatusChanged || change.Old == change.New {
			continue
		}
		data, eventType := Brief(channel, i), ""
		switch {
		case change.New == string(market.Frozen):
			eventType, data.FrozenBy = InstanceFrozen, i.FrozenBy
		case change.New == string(market.Released):
			eventType = InstanceReleased
		case change.Old == string(market.Frozen):
			eventType = InstanceUnfrozen
		default:
			continue
		}
		if err := OfInstance(ctx, tx, eventType, i, c, data); err != nil {
			return err
		}
	}
	return nil
}
