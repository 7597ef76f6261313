package provision

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// without makes an instance ready that has no access data, since what was bought
// is something else, such as a License. Nobody is told. V1.0 wants an address in
// its answer (FAQ CN 0082027567), so that an instance of it can't do without.
func (p *Provisioner) without(ctx context.Context, task outbox.Task, product *store.Product) error {
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, task.InstancePK)
		switch {
		case err != nil:
			return err
		case i.Protocol == market.V1:
			return fault.New(fault.Invalid, "provision.v1_needs_access", "driver", product.Driver, "product", product.Name())
		case i.Status == market.Released || i.AccessVersion > 0:
			return tx.Complete(ctx, task)
		}
		if err := p.take(ctx, tx, task, i, product.Driver); err != nil {
			return err
		}
		if err := reached(ctx, tx, task, i, product); err != nil {
			return err
		}
		if err := tx.SaveState(ctx, i, i.Provisioned(tx.Now), origin(task)); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}
