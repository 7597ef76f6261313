package provision

import (
	"context"
	"log/slog"

	"koodesk/app/fault"
	"koodesk/app/orderbook"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Deliverer tells the customer.
type Deliverer interface {
	// UsageInfo sees to it, within tx, that the customer gets the instance's
	// present access data, once per version of it.
	UsageInfo(ctx context.Context, tx *store.Tx, i *store.Instance, p *store.Product, messageID int64) error
}

// Licenses are the suppliers of Licenses, as far as an entry needs them.
type Licenses interface {
	Check(p store.Product) error
	NewSecret(p store.Product) string // "" if the supplier needs none
	Names() []string
}

// Options are what a Provisioner needs. Wake, which may be nil, is called after
// a person's act has written follow-up work, so that it need not wait for the
// next look.
type Options struct {
	Store       *store.Store
	Marketplace orderbook.Marketplace
	Deliverer   Deliverer
	Drivers     Drivers
	Log         *slog.Logger
	Wake        func()
	// Licenses tells whether the License part of a product's entry can work; nil
	// means that no product can have one.
	Licenses Licenses
}

// Provisioner is the use case.
type Provisioner struct {
	store   *store.Store
	market  orderbook.Marketplace
	deliver Deliverer
	drivers Drivers
	log     *slog.Logger
	wake    func()
	license Licenses
}

// New makes the use case.
func New(o Options) *Provisioner {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	return &Provisioner{store: o.Store, market: o.Marketplace, deliver: o.Deliverer, drivers: o.Drivers, log: o.Log, wake: o.Wake, license: o.Licenses}
}

func origin(task outbox.Task) store.Origin {
	return store.Origin{MessageID: task.MessageID, TaskID: task.ID}
}

// productOrDefault is the product's entry, or what a customer can be told by
// when there is none: the language of the site.
func productOrDefault(ctx context.Context, r *store.Reader, i *store.Instance) (*store.Product, error) {
	product, err := r.ProductOf(ctx, i)
	if !fault.Is(err, fault.NotFound) {
		return product, err
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return nil, err
	}
	return &store.Product{ChannelID: i.ChannelID, ProductID: i.ProductID, MailLanguage: siteLanguage(ch.Site)}, nil
}
