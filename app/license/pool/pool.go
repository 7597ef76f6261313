// Package pool supplies Licenses that were made in advance and put into a pool.
// Each is handed out once, for ever.
package pool

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/store"
)

// Name is the supplier's name in a product's entry.
const Name = "pool"

// Supplier implements license.Supplier.
type Supplier struct{ Store *store.Store }

// CheckSettings wants the pool's name. The pool may still be empty, or not made
// yet. Faults: invalid "license.pool_missing", "license.pool_name".
func (Supplier) CheckSettings(s store.ProductSettings, _ string) error {
	if s.LicensePool == "" {
		return fault.New(fault.Invalid, "license.pool_missing")
	}
	return license.CheckPoolName(s.LicensePool)
}

// Supply takes a License out of the pool. Faults: conflict "license.pool_empty"
// (given up; a refill lets it go on), unavailable "license.pool_busy".
func (p Supplier) Supply(ctx context.Context, r license.Request) (license.Result, error) {
	var out license.Result
	err := p.Store.Write(ctx, func(tx *store.Tx) (err error) {
		out.License, err = p.SupplyIn(ctx, tx, r)
		return err
	})
	return out, err
}

// SupplyIn does it within the transaction that asks.
func (Supplier) SupplyIn(ctx context.Context, tx *store.Tx, r license.Request) (market.LicenseContent, error) {
	return tx.TakePooledLicense(ctx, r.Settings.LicensePool, r.ID, r.TextOnly)
}
