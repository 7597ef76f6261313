package license

import (
	"context"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Supply does a license task: the product's supplier gives the License. A second
// run finds it and only ends the task.
//
// Faults: not_found "product.unconfigured", conflict "license.unconfigured" and
// invalid "license.supplier_unknown" (given up); the supplier's own; those of
// market.LicenseContent's Check and invalid "license.v1_needs_text" (what came
// cannot be handed over; given up); unavailable "license.order_unknown" and those
// of market.NoLicense (refused by the order; given up); conflict "task.lease_lost".
func (d *Desk) Supply(ctx context.Context, task outbox.Task) error {
	r := d.store.Reader()
	l, err := r.License(ctx, task.LicenseID)
	if err != nil {
		return err
	}
	i, err := r.InstancePK(ctx, l.InstancePK)
	if err != nil {
		return err
	}
	if l.There() || l.Status == market.LicenseCancelled || i.Status == market.Released {
		return d.complete(ctx, task)
	}
	if l.JudgeLater {
		if err := d.judge(ctx, l.ID); err != nil {
			return err
		}
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	product, err := r.ProductOf(ctx, i)
	if err != nil {
		return err
	}
	sup, err := d.suppliers.Of(product)
	if err != nil {
		return err
	}
	l.Supplier, l.Pool = product.Settings.License, product.Settings.LicensePool
	if err := d.asks(ctx, l); err != nil {
		return err
	}
	ask := request(ch, i, product, l)
	ask.TaskID, ask.MessageID = task.ID, task.MessageID
	result, err := sup.Supply(ctx, ask)
	if err != nil {
		return err
	}
	if result.Waiting {
		return d.park(ctx, task, result.Until)
	}
	result.License = result.License.Tidy()
	if err := fits(l, result.License); err != nil {
		return err
	}
	return d.store.WriteFor(ctx, task, func(tx *store.Tx) error { return d.supplied(ctx, tx, task, l.Supplier, l.Pool, result.License) })
}

// judge decides what the request's answer could not: its order was not known then.
func (d *Desk) judge(ctx context.Context, license int64) error {
	return d.store.Write(ctx, func(tx *store.Tx) error {
		i, l, err := lock(ctx, tx, license)
		if err != nil {
			return err
		}
		if i.OrderKnownAt.IsZero() {
			return fault.New(fault.Unavailable, "license.order_unknown", "order", i.OrderID)
		}
		product, err := tx.Reader().ProductOf(ctx, i)
		if err != nil {
			return err
		}
		ask, err := tx.LicenseAsk(ctx, i, l, product)
		if err != nil {
			return err
		}
		if code := ask.Judge(l.RequestedAt); code != market.Success {
			return market.NoLicense(code, i.InstanceID).Final()
		}
		return tx.LicenseAllowed(ctx, l.ID, i.ExpiresAt)
	})
}

// asks notes whom the License is asked of, so that it can be seen while it waits
// and after it failed.
func (d *Desk) asks(ctx context.Context, l *store.License) error {
	return d.store.Write(ctx, func(tx *store.Tx) error { return tx.SetLicenseSupplier(ctx, l.ID, l.Supplier, l.Pool) })
}

// supplied keeps a supplier's answer, unless the instance ended or a person was
// faster.
func (d *Desk) supplied(ctx context.Context, tx *store.Tx, task outbox.Task, supplier, pool string, c market.LicenseContent) error {
	i, l, err := lock(ctx, tx, task.LicenseID)
	if err != nil {
		return err
	}
	if l.There() || l.Status == market.LicenseCancelled || i.Status == market.Released {
		return tx.Complete(ctx, task)
	}
	l.Supplier, l.Pool = supplier, pool
	if err := d.keep(ctx, tx, l, i, c, origin(task)); err != nil {
		return err
	}
	d.log.InfoContext(ctx, "a License was supplied", "license", l.ID, "instance", i.InstanceID, "supplier", supplier)
	return tx.Complete(ctx, task)
}

// lock locks a License with its instance, the instance first, as the
// marketplace's calls do.
func lock(ctx context.Context, tx *store.Tx, license int64) (*store.Instance, *store.License, error) {
	l, err := tx.Reader().License(ctx, license)
	if err != nil {
		return nil, nil, err
	}
	i, err := tx.LockInstancePK(ctx, l.InstancePK)
	if err != nil {
		return nil, nil, err
	}
	l, err = tx.LockLicense(ctx, license)
	return i, l, err
}

// park leaves the task to whoever hands the License in; at until, if there is one,
// the supplier is asked again.
func (d *Desk) park(ctx context.Context, task outbox.Task, until time.Time) error {
	return d.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, l, err := lock(ctx, tx, task.LicenseID)
		if err != nil {
			return err
		}
		if l.There() || l.Status == market.LicenseCancelled || i.Status == market.Released {
			return tx.Complete(ctx, task)
		}
		// One that failed before waits again.
		if err := tx.SetLicenseTrouble(ctx, l.ID, market.LicenseRequested, nil); err != nil {
			return err
		}
		return tx.Park(ctx, task, until)
	})
}

// OnFail notes, in the transaction that records a failed try of a license or
// license_upload task, what the trouble is; a License that was given up needs a
// person, one that its order has no room for is refused.
func (d *Desk) OnFail(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error {
	l, err := tx.LockLicense(ctx, t.LicenseID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var status market.LicenseStatus
	switch {
	case t.Kind == outbox.License && l.There(), t.Kind == outbox.LicenseUpload && l.Version == l.Uploaded:
		return nil // somebody has done it in the meantime
	case final && market.IsNoLicense(cause):
		status = market.LicenseRefused
	case final:
		status = market.LicenseFailed
	}
	return tx.SetLicenseTrouble(ctx, l.ID, status, cause)
}
