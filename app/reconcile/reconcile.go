// Package reconcile compares every open order with what the marketplace says of
// it, and leaves findings with a repair for each that a person approves. It asks
// by the order query alone, which knows orders and not instances: what it cannot
// tell (whether an instance is frozen there) is not judged. It knows neither HTTP
// nor the queue.
package reconcile

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// The kinds of finding.
const (
	Missing    = "missing"    // there is such an order, and no instance of it here
	Cancelled  = "cancelled"  // the order is an unsubscription there, and the instance lives here
	Expiry     = "expiry"     // the last order that sets an expiry sets another one
	Overdue    = "overdue"    // expired more than a day ago on both sides, and still in use here
	Locked     = "locked"     // frozen for more than a day, and paid beyond now on both sides
	Product    = "product"    // the last order that sets the product sets another one
	Unanswered = "unanswered" // the marketplace refuses to tell, or its answer cannot be read
)

// Kinds lists the kinds in the order of their weight.
func Kinds() []string {
	return []string{Missing, Cancelled, Expiry, Overdue, Locked, Product, Unanswered}
}

// The repairs.
const (
	TakeOver  = "take_over"  // make the instance as if newInstance had come
	Release   = "release"    // end the instance, and whatever is made for it
	SetExpiry = "set_expiry" // take the marketplace's expiry, and end the freeze that the old one brought
	Freeze    = "freeze"     // as the marketplace's own call would
	Unfreeze  = "unfreeze"   // the same; it may have been frozen for violation or arrears, which no order tells
	Learn     = "learn"      // ask for the order once more and have the driver change the instance
)

// Lapse is how long after its expiry an instance that still works is a finding,
// and after its freeze one that has been paid: the marketplace's own call to
// freeze it, or to end that, may be under way for an hour.
const Lapse = 24 * time.Hour

// lostSince is how far back refused purchases are looked at: the marketplace
// repeats one for three hours (page CN 0070649414), people notice within days.
const lostSince = 7 * 24 * time.Hour

// toldAfter is how long after its notice an order without an instance is a
// finding: for three hours the marketplace calls for it (page CN 0070649414).
const toldAfter = 3 * time.Hour

// Marketplace is what is asked of KooGallery's open APIs.
type Marketplace interface {
	QueryOrder(ctx context.Context, baseURL string, cred marketapi.Credentials, orderID, orderLineID string) (order market.Order, raw []byte, err error)
}

// Purchaser takes a purchase over that the marketplace's call did not bring.
type Purchaser interface {
	TakeOver(ctx context.Context, tx *store.Tx, ch *store.Channel, orderID, orderLineID string, by staff.Actor) error
}

// Lifecycle stores a repair with all that a call of the marketplace would have
// brought about.
type Lifecycle interface {
	Amend(ctx context.Context, tx *store.Tx, i *store.Instance, changes []market.Change, before time.Time, by staff.Actor) error
	End(ctx context.Context, tx *store.Tx, i *store.Instance, by staff.Actor) error
}

// Options of New. Wake is called when tasks were written.
type Options struct {
	Store       *store.Store
	Marketplace Marketplace
	Purchases   Purchaser
	Life        Lifecycle
	Zone        *time.Location // of the day of a daily run; nil: UTC
	Log         *slog.Logger
	Wake        func()
	Batch       int              // instances or purchases asked for between two looks at the clock; 0 means 25
	Now         func() time.Time // nil: time.Now
}

// Reconciler is the use case.
type Reconciler struct{ o Options }

// New makes the use case.
func New(o Options) *Reconciler {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Batch == 0 {
		o.Batch = 25
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reconciler{o: o}
}

// Hour is when the daily run begins, in the zone of Options: before people come
// to work.
const Hour = 4

// Daily begins the day's run if it is due and not there yet. Any process may
// call it at any time.
func (r *Reconciler) Daily(ctx context.Context) error {
	now := r.o.Now().In(r.o.Zone)
	if now.Hour() < Hour {
		return nil
	}
	return r.o.Store.Write(ctx, func(tx *store.Tx) error {
		id, err := tx.StartReconciliation(ctx, now, "system")
		if err != nil || id == 0 {
			return err
		}
		return r.enqueue(ctx, tx, store.Run{ID: id})
	})
}

// Start begins a run as a person's act. Fault: conflict "reconciliation.running".
func (r *Reconciler) Start(ctx context.Context, by staff.Actor) (id int64, err error) {
	err = r.o.Store.Write(ctx, func(tx *store.Tx) error {
		if id, err = tx.StartReconciliation(ctx, time.Time{}, by.Name); err != nil {
			return err
		}
		if id == 0 {
			return fault.New(fault.Conflict, "reconciliation.running")
		}
		if err := r.enqueue(ctx, tx, store.Run{ID: id}); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "reconcile.start", Target: "reconciliation/" + strconv.FormatInt(id, 10), IP: by.IP, Reason: by.Reason})
	})
	if err == nil {
		r.o.Wake()
	}
	return id, err
}

// enqueue writes the task that goes on with a run from where it stands.
func (r *Reconciler) enqueue(ctx context.Context, tx *store.Tx, run store.Run) error {
	_, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Reconcile, UniqueKey: outbox.Key(outbox.Reconcile, "", run.ID, run.LastPK, run.LostID, run.ToldID)})
	return err
}
