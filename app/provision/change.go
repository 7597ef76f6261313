package provision

import (
	"context"

	"koodesk/app/fault"
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
	product, err := entryOfTarget(ctx, r, ch, i, target)
	if err != nil {
		return err
	}
	driver, err := p.drivers.Of(product)
	if err != nil {
		return err
	}
	return driver.CanChange(ctx, request(ch, i, product, 0), target)
}

// entryOfTarget finds what the first target is provisioned by. One that is told
// by its skuCode alone has that one's entry; without it, it is taken for the
// present product in another size.
func entryOfTarget(ctx context.Context, r *store.Reader, ch *store.Channel, i *store.Instance, target []market.ProductInfo) (*store.Product, error) {
	if len(target) == 0 || target[0].SkuCode == i.SkuCode && target[0].ProductID == "" {
		return r.ProductOf(ctx, i)
	}
	t := target[0]
	if t.ProductID == i.ProductID && t.SkuCode == "" {
		t.SkuCode = i.SkuCode
	}
	product, err := r.ProductFor(ctx, ch.ID, t.ProductID, t.SkuCode)
	if t.ProductID == "" && (fault.Is(err, fault.NotFound) || err == nil && product.SkuCode == "") {
		return r.ProductOf(ctx, i)
	}
	return product, err
}
