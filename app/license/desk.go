package license

import (
	"context"
	"log/slog"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Marketplace is what is asked of KooGallery's open APIs.
type Marketplace interface {
	UploadLicense(ctx context.Context, baseURL string, cred marketapi.Credentials, eventID string, l market.LicenseContent) error
}

// Options are what a Desk needs. Wake, which may be nil, is called after a
// person's act has written follow-up work.
type Options struct {
	Store       *store.Store
	Marketplace Marketplace
	Suppliers   Suppliers
	Log         *slog.Logger
	Wake        func()
}

// Desk is the use case.
type Desk struct {
	store     *store.Store
	market    Marketplace
	suppliers Suppliers
	log       *slog.Logger
	wake      func()
}

// New makes the use case.
func New(o Options) *Desk {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	return &Desk{store: o.Store, market: o.Marketplace, suppliers: o.Suppliers, log: o.Log, wake: o.Wake}
}

// Now gives a License within tx if its supplier needs nothing but the database;
// false leaves it to a task. Fault: that of the supplier, e.g. conflict
// "license.pool_empty"; nothing has been written then, and a task should try
// again and be seen to fail.
func (d *Desk) Now(ctx context.Context, tx *store.Tx, ch *store.Channel, i *store.Instance, l *store.License) (bool, error) {
	r := tx.Reader()
	product, err := r.ProductOf(ctx, i)
	if err != nil {
		return false, leaveToTask(err)
	}
	sup, err := d.suppliers.Of(product)
	if err != nil {
		return false, leaveToTask(err)
	}
	prompt, ok := sup.(Prompt)
	if !ok {
		return false, nil
	}
	content, err := prompt.SupplyIn(ctx, tx, request(ch, i, product, l))
	if err == nil {
		err = fits(l, content)
	}
	if err != nil {
		return false, err
	}
	l.Supplier, l.Pool = product.Settings.License, product.Settings.LicensePool
	return true, d.keep(ctx, tx, l, i, content, store.Origin{MessageID: l.MessageID})
}

// leaveToTask lets a missing or wrong entry be found by the task, where it fails
// visibly and can be restarted.
func leaveToTask(err error) error {
	switch fault.CodeOf(err) {
	case fault.NotFound, fault.Conflict, fault.Invalid:
		return nil
	}
	return err
}

// fits tells whether a License can be handed over by its generation: the answer
// of License 1.0 has a text only.
func fits(l *store.License, c market.LicenseContent) error {
	if err := c.Check(); err != nil {
		return err
	}
	if l.Protocol == market.LicenseV1 && c.IsFile() {
		return fault.New(fault.Invalid, "license.v1_needs_text")
	}
	return nil
}

// keep stores a License that has come, and writes what follows from it: the
// upload, or in License 1.0 an instance that is ready. The License's and the
// instance's rows are locked.
func (d *Desk) keep(ctx context.Context, tx *store.Tx, l *store.License, i *store.Instance, c market.LicenseContent, o store.Origin) error {
	before := l.Status
	l.Content = c
	status := market.LicenseReady
	if l.Protocol == market.LicenseV1 {
		status = market.LicenseAnswered
	}
	if err := tx.SaveLicense(ctx, l, status); err != nil {
		return err
	}
	changes := []market.Change{{Kind: market.LicenseChanged, Old: string(before), New: string(status)}}
	if l.Protocol == market.LicenseV1 {
		i.Driver = noAccess
		if err := tx.SetDriver(ctx, i.PK, i.Driver); err != nil {
			return err
		}
		return tx.SaveState(ctx, i, append(changes, i.Provisioned(tx.Now)...), o)
	}
	if err := tx.Record(ctx, i.PK, changes, o); err != nil {
		return err
	}
	_, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseUpload, MessageID: l.MessageID, InstancePK: l.InstancePK, LicenseID: l.ID,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(outbox.LicenseUpload, "", l.ID, int64(l.Version))})
	return err
}

// noAccess is the driver of instances that have no access data: the License is
// all that was bought.
const noAccess = "none"

// complete ends a task that has nothing to do.
func (d *Desk) complete(ctx context.Context, task outbox.Task) error {
	return d.store.WriteFor(ctx, task, func(tx *store.Tx) error { return tx.Complete(ctx, task) })
}

func origin(task outbox.Task) store.Origin {
	return store.Origin{MessageID: task.MessageID, TaskID: task.ID}
}
