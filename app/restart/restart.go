// Package restart runs messages or tasks again, one or many: what is chosen is
// written down as a batch with who and why, which stays with what came of each.
// Many are worked off a slice at a time at the rate that was asked for, and can be
// paused, resumed and cancelled. What one restart does, and when it is refused, is
// decided by intake.
package restart

import (
	"context"
	"log/slog"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Restarter restarts one message or task of a batch within a transaction.
type Restarter interface {
	RestartMessage(ctx context.Context, tx *store.Tx, id int64, by staff.Actor, batch int64) (intake.Restarted, error)
	RestartTask(ctx context.Context, tx *store.Tx, id int64, by staff.Actor, batch int64) (intake.Restarted, error)
}

// Resender sends one of many deliveries again within a transaction.
type Resender interface {
	ResendInBulk(ctx context.Context, tx *store.Tx, delivery int64, by staff.Actor) error
}

// Options of New.
type Options struct {
	Store   *store.Store
	Restart Restarter
	Resend  Resender
	Log     *slog.Logger
	Wake    func()
}

// Batches is the use case. It is safe for concurrent use.
type Batches struct{ o Options }

// New makes the use case.
func New(o Options) *Batches {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Batches{o: o}
}

// AtOnce is up to how many items a batch is done while its caller waits.
const AtOnce = 50

// MaxPerSecond is the fastest rate that can be chosen; 0 is as fast as it goes.
const MaxPerSecond = 1000

// Rates are the rates that a form offers; 0 is as fast as it goes.
func Rates() []int { return []int{1, 5, 20, 100, 0} }

// Order is a batch as somebody asks for it.
type Order struct {
	store.RestartSet
	PerSecond int
	// Expected is how many items were shown beforehand; 0 does not care. Far more
	// are not begun with.
	Expected int
}

// Preview tells what an order would find now; it changes nothing. Faults: invalid
// "restart.mode"; forbidden "http.forbidden", as for Start.
func (b *Batches) Preview(ctx context.Context, s store.RestartSet, by staff.Actor) (*store.RestartPreview, error) {
	if err := possible(s, by); err != nil {
		return nil, err
	}
	return b.o.Store.Reader().RestartPreview(ctx, s)
}

// Start writes a batch down. One of few items without a rate is done before
// Start returns; any other is worked off in the background. The batch is the
// zero one if there is nothing to restart.
//
// Faults: invalid "restart.rate" or "restart.mode"; forbidden "http.forbidden" if
// customers are told by whom may not send; conflict "restart.moved" if there is much
// more than expected.
func (b *Batches) Start(ctx context.Context, o Order, by staff.Actor) (store.BatchRow, error) {
	if o.PerSecond < 0 || o.PerSecond > MaxPerSecond {
		return store.BatchRow{}, fault.New(fault.Invalid, "restart.rate", "max", strconv.Itoa(MaxPerSecond))
	}
	if err := possible(o.RestartSet, by); err != nil {
		return store.BatchRow{}, err
	}
	var id int64
	var total int
	err := b.o.Store.Write(ctx, func(tx *store.Tx) (err error) {
		id, total, err = b.write(ctx, tx, o, by)
		return err
	})
	switch {
	case err != nil:
		return store.BatchRow{}, err
	case total == 0:
		return store.BatchRow{}, nil
	case now(o, total):
		if err := b.workOff(ctx, id, total); err != nil {
			return store.BatchRow{}, err
		}
	}
	b.o.Wake()
	return b.o.Store.Reader().Batch(ctx, id)
}

// MaySend tells whether a role may have customers told again. The route of a restart
// asks for the permission to restart alone: what it is to do stands in its body.
func MaySend(role staff.Role) bool { return role.May(staff.DeliveriesSend) }

// possible refuses to tell again the customers of tasks: messages have told them; and
// to tell customers for whom may not send to them.
func possible(s store.RestartSet, by staff.Actor) error {
	switch {
	case s.Mode != store.RestartDelivery:
		return nil
	case s.Thing != store.RestartMessages:
		return fault.New(fault.Invalid, "restart.mode")
	case !MaySend(by.Role):
		return fault.New(fault.Forbidden, "http.forbidden")
	}
	return nil
}

// now tells whether a batch is small enough to be done at once.
func now(o Order, total int) bool {
	return total <= AtOnce && (o.PerSecond == 0 || o.PerSecond >= total)
}

func (b *Batches) write(ctx context.Context, tx *store.Tx, o Order, by staff.Actor) (int64, int, error) {
	id, total, err := tx.AddBatch(ctx, newBatch(o, by))
	if err != nil {
		return 0, 0, err
	}
	if total == 0 {
		return 0, 0, tx.DropBatch(ctx, id)
	}
	if o.Expected > 0 && total > o.Expected+o.Expected/10+10 {
		return 0, 0, fault.New(fault.Conflict, "restart.moved", "now", strconv.Itoa(total), "shown", strconv.Itoa(o.Expected))
	}
	if !now(o, total) {
		if err := b.kick(ctx, tx, id); err != nil {
			return 0, 0, err
		}
	}
	return id, total, tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "restart.start", Target: target(id), Reason: by.Reason, IP: by.IP,
		Detail: map[string]string{"thing": o.Thing, "mode": o.Mode, "items": strconv.Itoa(total)}})
}

func newBatch(o Order, by staff.Actor) store.NewBatch {
	return store.NewBatch{RestartSet: o.RestartSet, PerSecond: o.PerSecond, Actor: by.Name, Source: by.Source, IP: by.IP, Reason: by.Reason}
}

func target(id int64) string { return "restart/" + strconv.FormatInt(id, 10) }

// kick writes a task that goes on with a batch, or with any if id is 0.
func (b *Batches) kick(ctx context.Context, tx *store.Tx, id int64) error {
	id, n, ok, err := tx.KickBatch(ctx, id)
	if err != nil || !ok {
		return err
	}
	_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.Restart, UniqueKey: outbox.Key(outbox.Restart, "", id, int64(n))})
	return err
}

// Pause stops a batch behind the slice that is in hand. Faults as for the rest:
// not_found "restart.unknown_batch"; conflict "restart.batch_over" or
// "restart.batch_already".
func (b *Batches) Pause(ctx context.Context, id int64, by staff.Actor) error {
	return b.change(ctx, id, staff.ActPauseBatch, []string{store.BatchRunning}, store.BatchPaused, by)
}

// Resume goes on with a paused batch.
func (b *Batches) Resume(ctx context.Context, id int64, by staff.Actor) error {
	return b.change(ctx, id, staff.ActResumeBatch, []string{store.BatchPaused}, store.BatchRunning, by)
}

// Cancel ends a batch; what it has not come to stays as it is.
func (b *Batches) Cancel(ctx context.Context, id int64, by staff.Actor) error {
	return b.change(ctx, id, staff.ActCancelBatch, []string{store.BatchRunning, store.BatchPaused}, store.BatchCancelled, by)
}

func (b *Batches) change(ctx context.Context, id int64, act string, from []string, to string, by staff.Actor) error {
	err := b.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.ChangeBatch(ctx, id, from, to, by.Name); err != nil {
			return err
		}
		if to == store.BatchRunning {
			if err := b.kick(ctx, tx, id); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: act, Target: target(id), Reason: by.Reason, IP: by.IP})
	})
	if err == nil {
		b.o.Wake()
	}
	return err
}
