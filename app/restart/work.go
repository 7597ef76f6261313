package restart

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

const (
	// stint is how long one task goes on; what is left is the next task's.
	stint = 25 * time.Second
	// slice is how many items one transaction restarts: few enough that nothing waits
	// long for their rows.
	slice = 25
	// hands is how many slices are in hand at the same time: what a pause or a
	// cancellation still lets be done, and says so.
	hands = 4
	// nap is how long a hand waits when others have what is left, and the longest
	// that it waits before it looks whether a batch was begun or resumed.
	nap = 200 * time.Millisecond
)

// Work does a restart task: it goes on with every batch that is running, in
// turns. Two tasks at once do no harm.
func (b *Batches) Work(ctx context.Context, task outbox.Task) error {
	until := time.Now().Add(stint)
	failed := make([]error, hands)
	var wg sync.WaitGroup
	for n := range hands {
		wg.Go(func() { failed[n] = b.hand(ctx, until) })
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	err := b.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := b.kick(ctx, tx, 0); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
	b.o.Wake()
	return err
}

// OnFail pauses the batches when their task is given up: a person has to see why.
func (b *Batches) OnFail(ctx context.Context, tx *store.Tx, _ outbox.Task, cause error, final bool) error {
	if !final {
		return nil
	}
	return tx.HaltBatches(ctx, cause)
}

// hand does slices until the time is over or no batch is running.
func (b *Batches) hand(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		s, wait, ok, err := b.o.Store.TakeSlice(ctx, slice)
		if err != nil {
			return err
		}
		if !ok {
			if wait < 0 {
				return nil
			}
			if err := pause(ctx, min(max(wait, 10*time.Millisecond), nap)); err != nil {
				return err
			}
			continue
		}
		n, err := b.do(ctx, s)
		if err != nil {
			return err
		}
		if n == 0 {
			if err := pause(ctx, nap); err != nil {
				return err
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// workOff does a small batch at once.
func (b *Batches) workOff(ctx context.Context, id int64, total int) error {
	for done := 0; done < total; {
		var s store.Slice
		err := b.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
			s, err = tx.SliceOf(ctx, id, slice)
			return err
		})
		if err != nil {
			return err
		}
		n, err := b.do(ctx, s)
		if err != nil {
			return err
		}
		if n == 0 { // its task was faster
			break
		}
		done += n
	}
	return b.o.Store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.EndBatch(ctx, id)
		return err
	})
}

// do restarts a slice's items, each marked in the transaction that restarts it,
// and ends the batch behind the last one.
func (b *Batches) do(ctx context.Context, s store.Slice) (n int, err error) {
	err = b.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.PlanOnce(ctx); err != nil {
			return err
		}
		ids, err := tx.LockItems(ctx, s.Batch, s.N)
		if err != nil {
			return err
		}
		n = len(ids)
		if n == 0 {
			_, err := tx.EndBatch(ctx, s.Batch)
			return err
		}
		if err := hold(ctx, tx, s.Thing, s.Mode, ids...); err != nil {
			return err
		}
		right, err := settled(ctx, tx, s, ids)
		if err != nil {
			return err
		}
		var sum store.Tally
		for _, id := range ids {
			r, cause, err := b.one(ctx, tx, s, id, slices.Contains(right, id))
			if err != nil {
				return err
			}
			count(&sum, r, cause)
			if err := tx.ItemDone(ctx, s.Batch, id, r, cause); err != nil {
				return err
			}
		}
		return tx.CountItems(ctx, s.Batch, sum)
	})
	if err == nil && n > 0 {
		b.o.Wake()
	}
	return n, err
}

// hold locks what all items are about at once, and the tasks that tell their customers
// where these are told again.
func hold(ctx context.Context, tx *store.Tx, thing, mode string, ids ...int64) error {
	if thing == store.RestartTasks {
		return tx.LockForTasks(ctx, ids...)
	}
	err := tx.LockForMessages(ctx, ids...)
	if err != nil || mode != store.RestartDelivery {
		return err
	}
	return tx.LockForTelling(ctx, ids...)
}

// settled are the items that have come right since they were chosen for having
// failed: the marketplace called again, or somebody was faster. They are passed
// over, and say so.
func settled(ctx context.Context, tx *store.Tx, s store.Slice, ids []int64) ([]int64, error) {
	if !s.Broken || s.Thing != store.RestartMessages || s.Mode != store.RestartAll {
		return nil, nil
	}
	return tx.Succeeded(ctx, ids)
}

// one restarts an item. cause is why it was refused; err means that the
// transaction is lost.
func (b *Batches) one(ctx context.Context, tx *store.Tx, s store.Slice, id int64, settled bool) (r store.RestartResult, cause, err error) {
	if settled {
		return r, fault.New(fault.Conflict, "restart.done"), nil
	}
	by := staff.Actor{Name: s.Actor, Source: s.Source, IP: s.IP, Reason: s.Reason}
	cause, err = tx.Try(ctx, func() error {
		done, err := b.act(ctx, tx, s.Batch, s.Thing, s.Mode, id, by)
		if err != nil {
			return err
		}
		r = result(done)
		if s.Mode == store.RestartDelivery {
			return nil
		}
		return tx.DeliveriesInBulk(ctx, done.Tells)
	})
	if cause != nil {
		r = store.RestartResult{}
		if c := fault.From(cause); c.Code == fault.Internal || c.Code == fault.Unavailable {
			b.o.Log.ErrorContext(ctx, "an item of a restart failed", "batch", s.Batch, "item", id, "error", cause)
		}
	}
	return r, cause, err
}

func count(sum *store.Tally, r store.RestartResult, cause error) {
	switch {
	case cause != nil:
		sum.Refused++
	default:
		sum.Restarted++
	}
	switch r.Outcome {
	case store.ItemPassed:
		sum.Passed++
	case store.ItemFailed:
		sum.Failed++
	}
}

// idle is how long a batch is left alone before the clock looks after it.
const idle = 30 * time.Second

// Settle notes how restarted items have ended, and goes on with a batch that was
// left when the process that did it at once died. It is called by the clock.
func (b *Batches) Settle(ctx context.Context) error {
	err := b.o.Store.Write(ctx, func(tx *store.Tx) error {
		left, err := tx.BatchIdle(ctx, idle)
		if err != nil || !left {
			return err
		}
		return b.kick(ctx, tx, 0)
	})
	if err != nil {
		return err
	}
	for {
		var n int
		err := b.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.SettleRestarts(ctx, 1000)
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}
