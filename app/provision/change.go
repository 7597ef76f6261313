package provision

import (
	"context"

	"koodesk/app/market"
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
