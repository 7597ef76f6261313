// Package nothing is the driver for products whose instances have no access data:
// what the customer gets comes another way, for a License product as a License.
package nothing

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/store"
)

// Name is the driver's name in a product's entry.
const Name = "none"

// Driver implements provision.Driver.
type Driver struct{}

// CheckSettings wants something else that the customer gets. Fault: invalid
// "product.nothing_to_give".
func (Driver) CheckSettings(s store.ProductSettings, _ string) error {
	if s.License == "" {
		return fault.New(fault.Invalid, "product.nothing_to_give")
	}
	return nil
}

// Provision has nothing to make.
func (Driver) Provision(context.Context, provision.Request) (provision.Result, error) {
	return provision.Result{Nothing: true}, nil
}

// Change leaves an instance that has access data, so that something else made it,
// to a person.
func (Driver) Change(context.Context, provision.Request) (provision.Result, error) {
	return provision.Result{Waiting: true}, nil
}

// CanChange is always possible.
func (Driver) CanChange(context.Context, provision.Request, []market.ProductInfo) error { return nil }
