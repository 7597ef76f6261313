// Package retention sees to it that nothing is kept longer than it may be: the
// clock deletes or empties what is old and closed, and people have a customer
// erased. What goes, what stays and why is in docs/retention.md.
package retention

import (
	"context"
	"log/slog"
	"time"

	"koodesk/app/store"
)

// Days says for how many days each kind is kept; 0 keeps it for ever.
type Days struct {
	Payloads   int // what was called and answered, word by word
	Attempts   int // that it was called, or tried
	Rejected   int // calls that could not be proved
	Deliveries int // texts to customers
	Events     int // payloads of events
	Alerts     int // alerts that are over, and who was told
	Personal   int // personal data of released instances, since their release
}

// Options of New.
type Options struct {
	Store *store.Store
	Days  Days
	Log   *slog.Logger
}

// Keeper is the use case. It is safe for concurrent use.
type Keeper struct{ o Options }

// New makes a keeper.
func New(o Options) *Keeper {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{o: o}
}

// A run works off so many rows of a kind with one transaction, and goes on so
// often; what is left then comes with the next one.
const (
	batch  = 500
	rounds = 200
)

// Run works off what is due. It may be broken off at any moment, and called again.
func (k *Keeper) Run(ctx context.Context) error {
	d := k.o.Days
	for _, w := range []struct {
		kind string
		days int
	}{{store.KeepPayloads, d.Payloads}, {store.KeepAttempts, d.Attempts}, {store.KeepTries, d.Attempts},
		{store.KeepDeliveries, d.Deliveries}, {store.KeepEvents, d.Events}, {store.KeepAlerts, d.Alerts}, {store.KeepSayings, d.Alerts}} {
		for _, step := range []func(context.Context, string, time.Time, int) (int, error){k.o.Store.RetireHeld, k.o.Store.Retire} {
			err := k.each(w.days, func(before time.Time) (int, error) { return step(ctx, w.kind, before, batch) })
			if err != nil {
				return err
			}
		}
	}
	err := k.each(d.Rejected, func(before time.Time) (int, error) { return k.o.Store.RetireRejected(ctx, before, batch) })
	if err != nil {
		return err
	}
	return k.personal(ctx)
}

// each repeats a step until it has nothing more to do.
func (k *Keeper) each(days int, step func(before time.Time) (int, error)) error {
	if days == 0 {
		return nil
	}
	before := time.Now().AddDate(0, 0, -days)
	for range rounds {
		if n, err := step(before); err != nil || n < batch {
			return err
		}
	}
	return nil
}
