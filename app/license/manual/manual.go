// Package manual leaves Licenses to people: it makes nothing, and waits for
// whoever pastes or uploads one.
package manual

import (
	"context"

	"koodesk/app/license"
	"koodesk/app/store"
)

// Name is the supplier's name in a product's entry.
const Name = "manual"

// Supplier implements license.Supplier.
type Supplier struct{}

// CheckSettings accepts any settings: none are used.
func (Supplier) CheckSettings(store.ProductSettings, string) error { return nil }

// Supply waits for a person.
func (Supplier) Supply(context.Context, license.Request) (license.Result, error) {
	return license.Result{Waiting: true}, nil
}
