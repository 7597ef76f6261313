package reconcile

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// stint is how long one task goes on asking; what is left is the next task's.
const stint = 30 * time.Second

// atOnce is how many orders are asked for at the same time: the marketplace
// refuses callers that come too often, and publishes no limit.
const atOnce = 4

// Work does a reconcile task: it goes on with the run that is under way. Faults
// of the marketplace being away are tried again; what it refuses for one order
// is a finding.
func (r *Reconciler) Work(ctx context.Context, task outbox.Task) error {
	until := time.Now().Add(stint)
	for {
		run, more, err := r.batch(ctx)
		switch {
		case fault.Is(err, fault.NotFound): // ended meanwhile
			return r.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.Complete(ctx, task) })
		case err != nil:
			return err
		case more && time.Now().Before(until):
			continue
		}
		return r.o.Store.Write(ctx, func(tx *store.Tx) error {
			if more {
				if err := r.enqueue(ctx, tx, run); err != nil {
					return err
				}
			} else if err := tx.EndRun(ctx, run.ID, nil); err != nil {
				return err
			}
			return tx.Complete(ctx, task)
		})
	}
}

// OnFail ends the run whose task is given up, with the reason.
func (r *Reconciler) OnFail(ctx context.Context, tx *store.Tx, _ outbox.Task, cause error, final bool) error {
	if !final {
		return nil
	}
	run, err := tx.LockRun(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.EndRun(ctx, run.ID, cause)
}

// batch asks for the next instances and, behind the last of them, for purchases
// that made none. more is false when nothing is left.
func (r *Reconciler) batch(ctx context.Context) (store.Run, bool, error) {
	var run store.Run
	err := r.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
		run, err = tx.LockRun(ctx)
		return err
	})
	if err != nil {
		return run, false, err
	}
	open, err := r.o.Store.Reader().OpenInstances(ctx, run.LastPK, r.o.Batch)
	if err != nil {
		return run, false, err
	}
	asker := &asker{r: r, channels: map[int64]*store.Channel{}}
	if len(open) == 0 {
		return r.lost(ctx, run, asker)
	}
	findings, err := all(ctx, asker, open, func(o store.OpenInstance) int64 { return o.ChannelID }, asker.compare)
	if err != nil {
		return run, false, err
	}
	run.LastPK = open[len(open)-1].PK
	return run, true, r.keep(ctx, run, findings, func(tx *store.Tx) error {
		return tx.AdvanceRun(ctx, run.ID, run.LastPK, len(open)-asker.skipped, asker.skipped)
	})
}

// keep writes what was found, and how far the run has come with it.
func (r *Reconciler) keep(ctx context.Context, run store.Run, findings []store.Finding, advance func(*store.Tx) error) error {
	return r.o.Store.Write(ctx, func(tx *store.Tx) error {
		for _, f := range findings {
			if err := tx.AddFinding(ctx, run.ID, f); err != nil {
				return err
			}
		}
		return advance(tx)
	})
}

// asker asks for orders, each channel loaded once.
type asker struct {
	r        *Reconciler
	mu       sync.Mutex
	channels map[int64]*store.Channel
	skipped  int
}

func (a *asker) channel(ctx context.Context, id int64) (*store.Channel, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ch := a.channels[id]; ch != nil {
		return ch, nil
	}
	ch, err := a.r.o.Store.Reader().ChannelByID(ctx, id)
	if err == nil {
		a.channels[id] = ch
	}
	return ch, err
}

// all asks about things of channels, a few at a time. An error means that the
// marketplace could not be asked: then nothing more is asked, and what was found
// is left for the next try.
func all[T any](ctx context.Context, a *asker, things []T, channel func(T) int64,
	ask func(context.Context, *store.Channel, T) ([]store.Finding, error)) ([]store.Finding, error) {
	var findings []store.Finding
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, thing := range things {
		g.Go(func() error {
			ch, err := a.channel(ctx, channel(thing))
			if err != nil {
				return err
			}
			if ch.AK == "" || ch.SK == "" {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.skipped++
				return nil
			}
			found, err := ask(ctx, ch, thing)
			a.mu.Lock()
			defer a.mu.Unlock()
			findings = append(findings, found...)
			return err
		})
		if ctx.Err() != nil {
			break
		}
	}
	return findings, g.Wait()
}

// query asks for an order line. An answer that says no is a finding; not being
// able to ask is an error.
func (a *asker) query(ctx context.Context, ch *store.Channel, order, line string) (market.Order, market.OrderLine, *fault.Error, error) {
	o, _, err := a.r.o.Marketplace.QueryOrder(ctx, ch.BaseURL(), marketapi.Credentials{AK: ch.AK, SK: ch.SK}, order, line)
	if err != nil {
		f := fault.From(err)
		if f.Code == fault.Refused || f.Code == fault.NotFound || f.Code == fault.TooLarge {
			return o, market.OrderLine{}, f, nil
		}
		return o, market.OrderLine{}, nil, err
	}
	l, ok := o.Line(line)
	if !ok {
		return o, l, fault.New(fault.NotFound, "order_query.line_missing", "order", order, "line", line), nil
	}
	return o, l, nil, nil
}

// lost asks for the orders of the next purchases that were refused here and,
// behind the last of them, for those that only a notice told of.
func (r *Reconciler) lost(ctx context.Context, run store.Run, a *asker) (store.Run, bool, error) {
	if run.LostAt.IsZero() {
		run.LostAt = r.o.Now().Add(-lostSince)
	}
	if run.ToldAt.IsZero() {
		run.ToldAt = r.o.Now().Add(-lostSince)
	}
	at, id := &run.LostAt, &run.LostID
	lost, err := r.o.Store.Reader().LostPurchases(ctx, run, r.o.Batch)
	if err == nil && len(lost) == 0 {
		at, id = &run.ToldAt, &run.ToldID
		lost, err = r.o.Store.Reader().ToldPurchases(ctx, run, run.StartedAt.Add(-toldAfter), r.o.Batch)
	}
	if err != nil || len(lost) == 0 {
		return run, false, err
	}
	findings, err := all(ctx, a, lost, func(p store.LostPurchase) int64 { return p.ChannelID }, a.missing)
	if err != nil {
		return run, false, err
	}
	last := lost[len(lost)-1]
	*at, *id = last.At, last.ID
	return run, true, r.keep(ctx, run, findings, func(tx *store.Tx) error { return tx.AdvanceLost(ctx, run) })
}

// missing asks whether there is an order for a purchase that made no instance. A
// stranger's invention is no finding, nor is what makes no instance. V1.0's call
// alone tells what was bought and by whom: only the marketplace can repeat it.
func (a *asker) missing(ctx context.Context, ch *store.Channel, p store.LostPurchase) ([]store.Finding, error) {
	order, line, no, err := a.query(ctx, ch, p.OrderID, p.OrderLineID)
	if no != nil && p.OrderLineID == "" && no.Key == "order_query.line_missing" { // a V1.0 order of several lines
		no = nil
	}
	if err != nil || no != nil || order.Type != market.OrderNew && order.Type != market.OrderTrial {
		return nil, err
	}
	product, _ := line.Product()
	f := store.Finding{ChannelID: p.ChannelID, OrderID: p.OrderID, OrderLineID: p.OrderLineID, Kind: Missing, Theirs: product.ProductID}
	if p.Sellable {
		f.Repair = TakeOver
	}
	return []store.Finding{f}, nil
}
