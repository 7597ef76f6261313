package provision

import (
	"context"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// CheckChange tells whether an instance could become the target products
// (changeInstanceCheck, page CN 0000002411753620); nil if so. Without a target
// the present product is asked about. It looks through the caller's reader, makes
// nothing and calls nobody but the driver. Faults: not_found "product.unconfigured" and invalid
// "product.driver_unknown" (there is nothing to provision the target by), or the
// driver's.
func (p *Provisioner) CheckChange(ctx context.Context, r *store.Reader, ch *store.Channel, i *store.Instance, target []market.ProductInfo) error {
	id := i.ProductID
	if len(target) > 0 && target[0].ProductID != "" {
		id = target[0].ProductID
	}
	product, err := r.ProductFor(ctx, ch.ID, id)
	if err != nil {
		return err
	}
	driver, err := p.drivers.Of(product)
	if err != nil {
		return err
	}
	return driver.CanChange(ctx, request(ch, i, product, 0), target)
}

// Release writes, in the transaction that releases an instance, the task that
// lets go what its driver holds. Drivers that hold nothing cause none.
func (p *Provisioner) Release(ctx context.Context, tx *store.Tx, i *store.Instance, messageID int64) error {
	if _, holds := p.drivers[i.Driver].(Releaser); !holds {
		return nil
	}
	_, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Release, MessageID: messageID, InstancePK: i.PK,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(outbox.Provision, outbox.Release, i.PK)})
	return err
}

// letGo does the task that Release wrote.
func (p *Provisioner) letGo(ctx context.Context, task outbox.Task, i *store.Instance) error {
	r := p.store.Reader()
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	product, err := productOrDefault(ctx, r, i)
	if err != nil {
		return err
	}
	if releaser, holds := p.drivers[i.Driver].(Releaser); holds {
		if err := releaser.Release(ctx, request(ch, i, product, task.ID)); err != nil {
			return err
		}
	}
	return p.complete(ctx, task)
}
