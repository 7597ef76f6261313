// Package provision turns what was ordered into something that the customer can
// use: it learns the order, has the product's driver make or change the
// instance, and keeps the access data. It knows drivers by their interface only,
// and nothing of HTTP, the queue or how customers are told.
package provision

import (
	"context"
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Access is how a customer uses an instance; its limits are market.AppInfo's.
type Access = market.AppInfo

// Customer is who bought. Everything but ID is personal data.
type Customer struct {
	ID       string
	Name     string // account name
	RealName string
	Email    string
	Phone    string
}

// Request is what a driver is asked. It may come again after an answer that was
// lost: a driver makes one thing per InstanceID, however often it is asked.
type Request struct {
	InstanceID   string // KooGallery's instanceId: globally unique, stable
	Channel      string // slug
	OrderID      string // the purchase
	OrderLineID  string
	Product      market.ProductInfo // what is bought now
	ChargingMode market.ChargingMode
	ExpiresAt    time.Time // UTC; zero: does not expire
	Customer     Customer
	Params       map[string]string // what the buyer gave while ordering, by KooGallery's names; may be personal data
	Settings     store.ProductSettings
	Secret       string // of a driver that needs one
	Access       Access // what the customer has; zero before the first provisioning
	MadeBy       string // the driver that made Access; "" before
	TaskID       int64  // the same on every retry of one piece of work; 0 for a mere question
	MessageID    int64  // the interface message that caused it; 0 if none

	// The order of an upgrade; "" for the purchase.
	ChangeOrderID, ChangeOrderLineID string
}

// Result is a driver's answer: the access data whole, or Waiting when somebody
// else is going to hand it in through Provisioner.SetAccess. Until is when the
// driver wants to be asked again if nobody has; zero: never.
type Result struct {
	Access  Access
	Waiting bool
	Nothing bool // there is no access data to give: the instance is ready without
	Until   time.Time
}

// ArgCode is the argument of a driver's fault that says by which result code the
// marketplace is told, as far as an answer can still tell it.
const ArgCode = "result_code"

// Driver makes and changes instances. Faults of a driver should say what to do:
// Final where trying again cannot help.
type Driver interface {
	// CheckSettings tells whether a product can be provisioned with these
	// settings, before they are stored. Fault: invalid.
	CheckSettings(s store.ProductSettings, secret string) error
	// Provision makes an instance.
	Provision(ctx context.Context, r Request) (Result, error)
	// Change brings an instance in line with r.Product after an upgrade. What the
	// customer has chosen or been told (user name, password) stays. A driver that
	// cannot, since it did not make what is there, leaves it to a person (Waiting).
	Change(ctx context.Context, r Request) (Result, error)
	// CanChange tells whether the change would be possible; nil if so. It is asked
	// within a call of the marketplace and must be quick.
	CanChange(ctx context.Context, r Request, target []market.ProductInfo) error
}

// Releaser is a driver that holds something which must be let go when the
// instance ends. Release is asked when nothing is making or changing the
// instance any more, also after a Provision that failed or whose answer was
// lost: letting go what was never made, or is gone, succeeds. It may come again.
type Releaser interface {
	Release(ctx context.Context, r Request) error
}

// Prober is a Releaser that can look whether what it made is still there. It is
// asked after a Release: what has not gone is tried again and then shown as left
// over.
type Prober interface {
	Exists(ctx context.Context, r Request) (bool, error)
}

// Holder is a Releaser of which our own records tell whether it holds something of
// an instance.
type Holder interface {
	Holds(ctx context.Context, r *store.Reader, instancePK int64) (bool, error)
}

// Leaver is a driver whose instances only people can take down. When such an
// instance ends and Leaves says that something was made, it is shown as left over
// until somebody says that it is gone.
type Leaver interface {
	Leaves(r Request) bool
}

// Secretive is a driver that can make a secret for a product that has none.
type Secretive interface{ NewSecret() string }

// Drivers are the known drivers by name.
type Drivers map[string]Driver

// Names lists the drivers' names in order.
func (d Drivers) Names() []string {
	names := make([]string, 0, len(d))
	for n := range d {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Of gives a product's driver. Fault: invalid "product.driver_unknown".
func (d Drivers) Of(p *store.Product) (Driver, error) {
	drv, ok := d[p.Driver]
	if !ok {
		return nil, fault.New(fault.Invalid, "product.driver_unknown",
			"driver", p.Driver, "product", p.Name(), "known", strings.Join(d.Names(), ", "))
	}
	return drv, nil
}

// Check tells whether a product's entry can work, before it is stored.
func (d Drivers) Check(p store.Product) error {
	drv, err := d.Of(&p)
	if err != nil {
		return err
	}
	return drv.CheckSettings(p.Settings, p.Secret)
}

// taskRequest is request for a piece of work.
func taskRequest(ch *store.Channel, i *store.Instance, p *store.Product, task outbox.Task) Request {
	r := request(ch, i, p, task.ID)
	r.MessageID = task.MessageID
	if task.Purpose == outbox.Upgrade {
		r.ChangeOrderID, r.ChangeOrderLineID = task.OrderID, task.OrderLineID
	}
	return r
}

func request(ch *store.Channel, i *store.Instance, p *store.Product, taskID int64) Request {
	return Request{
		InstanceID: i.InstanceID, Channel: ch.Slug, OrderID: i.OrderID, OrderLineID: i.OrderLineID,
		Product:      i.Bought(),
		ChargingMode: i.ChargingMode, ExpiresAt: i.ExpiresAt,
		Customer: Customer{ID: i.CustomerID, Name: i.CustomerName, RealName: i.RealName, Email: i.Email, Phone: i.Phone},
		Params:   i.Params, Settings: p.Settings, Secret: p.Secret, Access: i.App, MadeBy: i.Driver, TaskID: taskID,
	}
}
