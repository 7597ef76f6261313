// Package license gets Licenses for those who bought a License product: it asks
// the product's supplier, keeps what comes, and uploads it by the open API, or
// leaves it to the answer of License 1.0. People may hand a License in at any
// time. It knows suppliers by their interface only, and nothing of HTTP handlers,
// the queue or how the marketplace's calls are written.
package license

import (
	"context"
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// Request is what a supplier is asked. It may come again after an answer that was
// lost: a supplier gives one License per ID, however often it is asked.
type Request struct {
	ID          int64
	EventID     string // "" in License 1.0
	InstanceID  string
	Channel     string // slug
	OrderID     string // the purchase
	OrderLineID string
	Product     market.ProductInfo
	TextOnly    bool      // License 1.0 has no room for a file
	Device      string    // fingerprint that the License is to be bound to; "" if none
	EffectiveAt time.Time // UTC; zero: at once
	ExpiresAt   time.Time // UTC; zero: never
	Customer    Customer
	Settings    store.ProductSettings
	Secret      string // of the product's entry
	RequestedAt time.Time
	TaskID      int64 // the same on every retry
	MessageID   int64 // the interface message that caused it
}

// Customer is who bought. Everything but ID is personal data.
type Customer struct {
	ID       string
	Name     string // account name
	RealName string
	Email    string
	Phone    string
}

// Result is a supplier's answer: the License, or Waiting when somebody else is
// going to hand it in through Desk.HandIn. Until is when the supplier wants to be
// asked again if nobody has; zero: never.
type Result struct {
	License market.LicenseContent
	Waiting bool
	Until   time.Time
}

// Supplier gives Licenses. Faults should say what to do: Final where trying again
// cannot help. One of code Refused is the supplier's no: it is asked again only
// by a person, or when the marketplace asks again.
type Supplier interface {
	// CheckSettings tells whether a product can be served with these settings,
	// before they are stored. Fault: invalid.
	CheckSettings(s store.ProductSettings, secret string) error
	// Supply gives a License.
	Supply(ctx context.Context, r Request) (Result, error)
}

// Prompt is a Supplier that can give a License within the transaction that asks
// for it, since it needs nothing but the database.
type Prompt interface {
	SupplyIn(ctx context.Context, tx *store.Tx, r Request) (market.LicenseContent, error)
}

// Secretive is a Supplier that can make a secret for a product that has none.
type Secretive interface{ NewSecret() string }

// Suppliers are the known suppliers by the name that products use.
type Suppliers map[string]Supplier

// Names lists the suppliers' names in order.
func (s Suppliers) Names() []string {
	names := make([]string, 0, len(s))
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Of gives the supplier of a product. Faults: conflict "license.unconfigured"
// (product; given up): the product's entry names none; invalid
// "license.supplier_unknown".
func (s Suppliers) Of(p *store.Product) (Supplier, error) {
	if p.Settings.License == "" {
		return nil, fault.New(fault.Conflict, "license.unconfigured", "product", p.Name()).Final()
	}
	sup, ok := s[p.Settings.License]
	if !ok {
		return nil, fault.New(fault.Invalid, "license.supplier_unknown",
			"supplier", p.Settings.License, "product", p.Name(), "known", strings.Join(s.Names(), ", "))
	}
	return sup, nil
}

// Check tells whether a product's entry can work, before it is stored. A product
// without a supplier is none of ours.
func (s Suppliers) Check(p store.Product) error {
	if p.Settings.License == "" {
		return nil
	}
	sup, err := s.Of(&p)
	if err != nil {
		return err
	}
	return sup.CheckSettings(p.Settings, p.Secret)
}

// NewSecret makes a secret for a product whose supplier needs one; "" if it needs
// none.
func (s Suppliers) NewSecret(p store.Product) string {
	if one, ok := s[p.Settings.License].(Secretive); ok {
		return one.NewSecret()
	}
	return ""
}

func request(ch *store.Channel, i *store.Instance, p *store.Product, l *store.License) Request {
	return Request{
		ID: l.ID, EventID: l.EventID, InstanceID: i.InstanceID, Channel: ch.Slug, OrderID: i.OrderID, OrderLineID: i.OrderLineID,
		Product:  i.Bought(),
		TextOnly: l.Protocol == market.LicenseV1, Device: l.Device, EffectiveAt: l.EffectiveAt, ExpiresAt: l.ExpiresAt,
		Customer: Customer{ID: i.CustomerID, Name: i.CustomerName, RealName: i.RealName, Email: i.Email, Phone: i.Phone},
		Settings: p.Settings, Secret: p.Secret, RequestedAt: l.RequestedAt,
	}
}
