// Package retention sees to it that nothing is kept longer than it may be: the
// clock deletes or empties what is old and closed, and people have a customer
// erased. What goes, what stays and why is in docs/retention.md.
package retention

import (
	"context"
	"errors"
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
	Now   func() time.Time // nil: the clock
}

// Keeper is the use case. It is safe for concurrent use.
type Keeper struct{ o Options }

// New makes a keeper.
func New(o Options) *Keeper {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keeper{o: o}
}

// A run works off so many rows of a kind with one transaction, and goes on so
// often; what is left then comes with the next one.
const (
	batch  = 500
	rounds = 200
)

// step works off at most limit rows of a kind that are older than before, and tells
// how many it passed.
type step func(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error)

// Run works off what is due. It may be broken off at any moment, and called again.
func (k *Keeper) Run(ctx context.Context) error {
	months := k.patient(k.makeMonths(ctx)) // what goes does not wait for what is to come
	return errors.Join(k.workOff(ctx), months)
}

func (k *Keeper) workOff(ctx context.Context) error {
	s, d := k.o.Store, k.o.Days
	for _, w := range []struct {
		kind string
		days int
		next step
	}{{store.KeepPayloads, d.Payloads, s.Retire}, {store.KeepAttempts, d.Attempts, s.RetireMonths}, {store.KeepTries, d.Attempts, s.RetireMonths},
		{store.KeepDeliveries, d.Deliveries, s.Retire}, {store.KeepEvents, d.Events, s.Retire}, {store.KeepAlerts, d.Alerts, s.Retire}, {store.KeepSayings, d.Alerts, s.Retire}} {
		for _, next := range []step{s.RetireHeld, w.next} {
			err := k.patient(k.each(w.days, func(before time.Time) (int, error) { return next(ctx, w.kind, before, batch) }))
			if err != nil {
				return err
			}
		}
	}
	err := k.each(d.Rejected, func(before time.Time) (int, error) { return s.RetireRejected(ctx, before, batch) })
	if err != nil {
		return err
	}
	if err := k.patient(k.dropMonths(ctx)); err != nil {
		return err
	}
	return k.personal(ctx)
}

// each repeats a step until it has nothing more to do.
func (k *Keeper) each(days int, step func(before time.Time) (int, error)) error {
	if days == 0 {
		return nil
	}
	before := k.before(days)
	for range rounds {
		if n, err := step(before); err != nil || n < batch {
			return err
		}
	}
	return nil
}

// before is the moment since when what is kept for so many days is kept; nothing is
// from before it when that is for ever.
func (k *Keeper) before(days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return k.o.Now().AddDate(0, 0, -days)
}
