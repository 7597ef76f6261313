package restart

import (
	"cmp"
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// RestartOne restarts one message or task (Thing) in a mode: what was given up, and
// what waits, runs at once, and nothing waits for a customer's hours but what is told
// again and nothing else. Who, why and what came of it stay, as those of a restart of
// many do, also if it is refused as a conflict.
//
// Faults: those of intake's RestartMessage and RestartTask; of the mode "delivery"
// invalid "restart.mode" for a task, forbidden "http.forbidden" for whom may not send,
// not_found "message.unknown", conflict "restart.nothing_told", "restart.told_already" or
// "restart.under_way", and those of deliver's Resend.
func (b *Batches) RestartOne(ctx context.Context, thing, mode string, id int64, by staff.Actor) (done intake.Restarted, err error) {
	var refused error
	err = b.o.Store.Write(ctx, func(tx *store.Tx) error {
		done, refused, err = b.alone(ctx, tx, thing, mode, id, by)
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return intake.Restarted{}, err
	}
	b.o.Wake()
	return done, nil
}

// RestartOneIn is RestartOne as a part of another act, within its transaction: what is
// refused ends that. Whoever commits it wakes the relay.
func (b *Batches) RestartOneIn(ctx context.Context, tx *store.Tx, thing, mode string, id int64, by staff.Actor) (intake.Restarted, error) {
	done, refused, err := b.alone(ctx, tx, thing, mode, id, by)
	return done, cmp.Or(err, refused)
}

// alone restarts one thing as a batch of its own. refused is the conflict that is kept
// with it; err means that nothing is.
func (b *Batches) alone(ctx context.Context, tx *store.Tx, thing, mode string, id int64, by staff.Actor) (done intake.Restarted, refused, err error) {
	set := store.RestartSet{Thing: thing, Mode: mode, IDs: []int64{id}}
	if err := possible(set, by); err != nil {
		return done, nil, err
	}
	batch, _, err := tx.AddBatch(ctx, newBatch(Order{RestartSet: set}, by))
	if err != nil {
		return done, nil, err
	}
	if err := hold(ctx, tx, thing, mode, id); err != nil {
		return done, nil, err
	}
	refused, err = tx.Try(ctx, func() (err error) {
		done, err = b.act(ctx, tx, batch, thing, mode, id, by)
		return err
	})
	if err == nil && refused != nil && !fault.Is(refused, fault.Conflict) {
		err = refused
	}
	if err != nil {
		return done, nil, err
	}
	var r store.RestartResult
	if refused == nil {
		r = result(done)
	}
	if err := tx.ItemDone(ctx, batch, id, r, refused); err != nil {
		return done, nil, err
	}
	var sum store.Tally
	count(&sum, r, refused)
	if err := tx.CountItems(ctx, batch, sum); err != nil {
		return done, nil, err
	}
	_, err = tx.EndBatch(ctx, batch)
	return done, refused, err
}

// RestartTaskIn is RestartOneIn for one task, and says nothing of what it did.
func (b *Batches) RestartTaskIn(ctx context.Context, tx *store.Tx, task int64, by staff.Actor) error {
	_, err := b.RestartOneIn(ctx, tx, store.RestartTasks, store.RestartAll, task, by)
	return err
}

// act restarts one item of a batch, behind hold.
func (b *Batches) act(ctx context.Context, tx *store.Tx, batch int64, thing, mode string, id int64, by staff.Actor) (intake.Restarted, error) {
	switch {
	case mode == store.RestartDelivery:
		return b.tell(ctx, tx, batch, id, by)
	case thing == store.RestartTasks:
		return b.o.Restart.RestartTask(ctx, tx, id, by, batch)
	}
	return b.o.Restart.RestartMessage(ctx, tx, id, by, batch)
}

// result is what is kept of a restart. Only a call that was run again may have ended
// already (one that was refused, or that left no work), and has a code of its own.
func result(done intake.Restarted) store.RestartResult {
	r := store.RestartResult{Given: done.Given, Hurried: done.Hurried, Ran: done.Ran, Tells: done.Tells}
	if !done.Ran {
		return r
	}
	r.Code = string(done.Code)
	switch done.Status {
	case store.MessageSucceeded:
		r.Outcome = store.ItemPassed
	case store.MessageFailed:
		r.Outcome = store.ItemFailed
	}
	return r
}

// tell sends what the customer was to be told again, and leaves all else alone but
// for an attempt that says so.
func (b *Batches) tell(ctx context.Context, tx *store.Tx, batch, message int64, by staff.Actor) (intake.Restarted, error) {
	m, err := tx.LockMessage(ctx, message)
	if err != nil {
		return intake.Restarted{}, err
	}
	again, err := tx.DeliveriesOfMessage(ctx, message)
	out := intake.Restarted{MessageID: message, Status: m.Status, Code: m.ResultCode, Given: len(again.IDs), Tells: again.IDs}
	switch {
	case err != nil:
		return out, err
	case len(again.IDs) > 0:
	case again.Due:
		return out, store.UnderWay()
	case again.Told:
		return out, fault.New(fault.Conflict, "restart.told_already")
	default:
		return out, fault.New(fault.Conflict, "restart.nothing_told")
	}
	for _, id := range again.IDs {
		if err := b.o.Resend.ResendInBulk(ctx, tx, id, by); err != nil {
			return out, err
		}
	}
	if err := intake.NoteRestart(ctx, tx, m, by, batch, 0); err != nil {
		return out, err
	}
	return out, tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActRestartMessage, Target: "message/" + strconv.FormatInt(message, 10), Reason: by.Reason, IP: by.IP,
		Detail: map[string]string{"mode": store.RestartDelivery}})
}
