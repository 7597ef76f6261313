package intake

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// lock finds the call's instance; a nil instance comes with the refusal.
func (in *Intake) lock(ctx context.Context, tx *store.Tx, a Arrived) (*store.Instance, effect, error) {
	i, err := tx.LockInstance(ctx, a.Channel.ID, a.Call.InstanceID())
	if fault.Is(err, fault.NotFound) {
		return nil, refused(market.NoSuchInstance, "call.instance_unknown", "instance", a.Call.InstanceID()), nil
	}
	return i, effect{}, err
}

func (in *Intake) query(ctx context.Context, tx *store.Tx, a Arrived) (effect, error) {
	found, err := tx.Reader().Instances(ctx, a.Channel.ID, a.Call.InstanceIDs)
	if err != nil {
		return effect{}, err
	}
	e := effect{answer: market.Answer{Code: market.Processing}, changed: true}
	for _, i := range found {
		if i.Status == market.Released {
			continue
		}
		info := market.InstanceInfo{InstanceID: i.InstanceID}
		if i.Usable() {
			app := i.App
			info.App = &app
			e.answer.Code = market.Success
		}
		e.answer.Info = append(e.answer.Info, info)
	}
	if len(e.answer.Info) == 0 {
		return refused(market.NoSuchInstance, "call.instance_unknown", "instance", a.Call.InstanceID()), nil
	}
	return e, nil
}

// refresh sets the expiry; it never adds to it.
func (in *Intake) refresh(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	changes, code := i.Refresh(a.Call.ExpireTime)
	if code != market.Success {
		return refused(code, "call.instance_released", "instance", i.InstanceID), nil
	}
	if p := a.Call.ProductID; p != "" && p != i.ProductID {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: i.ProductID, New: p})
		i.ProductID = p
	}
	// A late answer of the purchase's order query must not undo this, not even
	// when the date happens to be the same.
	byRefresh := i.ExpirySetBy != setByRefresh
	i.ExpirySetBy = setByRefresh
	if len(changes) > 0 || byRefresh {
		if err := tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID}); err != nil {
			return effect{}, err
		}
	}
	e = effect{answer: market.Answer{Code: market.Success}, changed: true}
	if purpose, ask := purposeOf(a.Call.Scene); ask {
		e.tasks = true
		_, err = tx.Enqueue(ctx, orderQuery(purpose, a, i, m))
	}
	return e, err
}

// setByRefresh marks an expiry that a refreshInstance set.
const setByRefresh = "refresh"

func orderQuery(purpose outbox.Purpose, a Arrived, i *store.Instance, m store.OpenMessage) outbox.New {
	return outbox.New{Kind: outbox.OrderQuery, Purpose: purpose, MessageID: m.ID, InstancePK: i.PK,
		OrderID: a.Call.OrderID, OrderLineID: a.Call.OrderLineID, UniqueKey: outbox.Key(outbox.OrderQuery, purpose, m.ID)}
}

// status freezes or unfreezes. The target state is the key, so a later freeze
// is the same message as an earlier one, and applies by the instance's state.
func (in *Intake) status(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	var changes []market.Change
	code := market.Success
	if a.Call.Target == market.Freeze {
		changes = i.Freeze(tx.Now)
	} else {
		changes, code = i.Unfreeze()
	}
	if code != market.Success {
		return refused(code, "call.instance_released", "instance", i.InstanceID), nil
	}
	if len(changes) > 0 {
		err = tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID})
	}
	return effect{answer: market.Answer{Code: market.Success}, changed: len(changes) > 0}, err
}

// release ends the instance and whatever was still to be done for it.
func (in *Intake) release(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	changes := i.Release(tx.Now)
	e = effect{answer: market.Answer{Code: market.Success}, changed: len(changes) > 0}
	if len(changes) == 0 {
		return e, nil
	}
	if err := tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	if _, err := tx.CancelTasks(ctx, i.PK, "releaseInstance"); err != nil {
		return effect{}, err
	}
	if err := tx.CancelDeliveries(ctx, i.PK); err != nil {
		return effect{}, err
	}
	e.tasks = true
	return e, in.life.Release(ctx, tx, i, m.ID)
}

// upgrade is taken over durably and answered with success; what was bought is
// learned and applied by tasks.
func (in *Intake) upgrade(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	if i.Status == market.Released {
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	_, err = tx.Enqueue(ctx, orderQuery(outbox.Upgrade, a, i, m))
	return effect{answer: market.Answer{Code: market.Success}, changed: true, tasks: true}, err
}

// check asks the driver whether a change upon renewal would be possible.
func (in *Intake) check(ctx context.Context, tx *store.Tx, a Arrived) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	if i.Status == market.Released {
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	err = in.life.CheckChange(ctx, tx.Reader(), a.Channel, i, a.Call.Products)
	if err == nil {
		return effect{answer: market.Answer{Code: market.Success}, changed: true}, nil
	}
	f := fault.From(err)
	if f.Code == fault.Unavailable || f.Code == fault.Internal {
		return effect{}, err
	}
	return effect{answer: market.Answer{Code: market.OtherError, Msg: "the change is not possible."}, err: err}, nil
}
