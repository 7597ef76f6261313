// Package manual is the driver for products that people set up: it makes
// nothing, and leaves the work to whoever types the access data in.
package manual

import (
	"context"

	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/store"
)

// Name is the driver's name in a product's entry.
const Name = "manual"

// Driver implements provision.Driver.
type Driver struct{}

// CheckSettings accepts any settings: none are used.
func (Driver) CheckSettings(store.ProductSettings, string) error { return nil }

// Provision waits for a person.
func (Driver) Provision(context.Context, provision.Request) (provision.Result, error) {
	return provision.Result{Waiting: true}, nil
}

// Change waits for a person: only people know what the change means here.
func (Driver) Change(context.Context, provision.Request) (provision.Result, error) {
	return provision.Result{Waiting: true}, nil
}

// CanChange is always possible: people make it so.
func (Driver) CanChange(context.Context, provision.Request, []market.ProductInfo) error { return nil }

// Leaves says that what a person has set up only a person can take down.
func (Driver) Leaves(r provision.Request) bool { return r.Access.FrontEndURL != "" }
