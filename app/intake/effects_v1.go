package intake

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// effectV1 decides by V1.0's activities, as effect does by V2.0's.
func (in *Intake) effectV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c := a.Call
	if c.Activity == market.NewInstance {
		return in.buy(ctx, tx, a, m)
	}
	if c.Test {
		return in.sandbox(c), nil
	}
	applied := !m.Fresh && m.ResultCode.OK()
	if applied && (c.Activity == market.RefreshInstance || c.Activity == market.Upgrade) {
		if m.Conflict {
			return effect{answer: market.Answer{Code: m.ResultCode}, differs: true}, nil
		}
		return in.again(ctx, tx, m)
	}
	switch c.Activity {
	case market.QueryInstance:
		e, err := in.query(ctx, tx, a)
		if e.answer.Code == market.Processing { // V1.0 knows no such state here: the instance is there, its appInfo is optional
			e.answer.Code = market.Success
		}
		return e, err
	case market.RefreshInstance:
		return in.renew(ctx, tx, a, m)
	case market.ExpireInstance:
		return in.expire(ctx, tx, a, m)
	case market.ChangeInstanceStatus:
		return in.statusV1(ctx, tx, a, m)
	case market.Upgrade:
		return in.upgradeV1(ctx, tx, a, m)
	case market.ReleaseInstance:
		return in.release(ctx, tx, a, m)
	}
	return effect{}, fault.New(fault.Internal, "call.activity_unhandled", "activity", c.Activity)
}

// renew sets the expiry. An instance that expireInstance froze is used again
// when it is not over any more; what a status change froze stays frozen.
func (in *Intake) renew(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	c := a.Call
	changes, code := i.Refresh(c.ExpireTime)
	if code != market.Success {
		return refused(code, "call.instance_released", "instance", i.InstanceID), nil
	}
	if p := c.ProductID; p != "" && p != i.ProductID {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: i.ProductID, New: p})
		i.ProductID = p
	}
	if i.FrozenBy == store.ByExpiry && c.ExpireTime.After(tx.Now) {
		unfrozen, _ := i.Unfreeze() // a released one does not come this far
		changes = append(changes, unfrozen...)
	}
	if t := c.Terms; t.PeriodType != "" {
		i.PeriodType, i.PeriodNumber = t.PeriodType, t.PeriodNumber
	}
	switch c.Scene {
	case market.TrialToFormal:
		i.OrderType = string(market.OrderTrialToFormal)
	case market.Renewal:
		i.OrderType = string(market.OrderRenew)
	}
	i.ExpirySetBy = setByRefresh
	if err := tx.SaveBought(ctx, i); err != nil {
		return effect{}, err
	}
	e = effect{answer: market.Answer{Code: market.Success}, changed: true}
	return e, tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID})
}

// expire freezes. It applies by the instance's state: the same call comes again
// when a renewed period is over.
func (in *Intake) expire(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	changes := i.Freeze(tx.Now)
	if len(changes) > 0 {
		i.FrozenBy = store.ByExpiry
		err = tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID})
	}
	return effect{answer: market.Answer{Code: market.Success}, changed: len(changes) > 0}, err
}

// statusV1 freezes or unfreezes for a reason that no renewal undoes.
func (in *Intake) statusV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	var changes []market.Change
	before := i.FrozenBy
	if a.Call.Target == market.Freeze {
		changes = i.Freeze(tx.Now)
		if i.Status == market.Frozen {
			i.FrozenBy = store.ByStatus
		}
	} else {
		var code market.ResultCode
		if changes, code = i.Unfreeze(); code != market.Success {
			return refused(code, "call.instance_released", "instance", i.InstanceID), nil
		}
		i.FrozenBy = ""
	}
	changed := len(changes) > 0 || i.FrozenBy != before
	if changed {
		err = tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID})
	}
	return effect{answer: market.Answer{Code: market.Success}, changed: changed}, err
}

// upgradeV1 keeps what was bought, which the call says itself, and leaves the
// change at the driver to a task.
func (in *Intake) upgradeV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, e, err := in.lock(ctx, tx, a)
	if i == nil {
		return e, err
	}
	if i.Status == market.Released {
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	c := a.Call
	before := sized(i)
	i.ProductID, i.SkuCode, i.OrderType = c.ProductID, c.SkuCode, string(market.OrderChange)
	if n := c.Terms.Linear(); n > 0 {
		i.LinearValue = n
	}
	changes := []market.Change{{Kind: market.OrderLearned, New: c.OrderID}}
	if after := sized(i); after != before {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: before, New: after})
	}
	if err := tx.SaveBought(ctx, i); err != nil {
		return effect{}, err
	}
	if err := tx.AddParams(ctx, i, paramsOf(c.Terms), false); err != nil {
		return effect{}, err
	}
	if err := tx.Record(ctx, i.PK, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	// The other upgrades' keys end in a task's id.
	key := outbox.Key(outbox.Provision, outbox.Upgrade) + "/message/" + strconv.FormatInt(m.ID, 10)
	_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, MessageID: m.ID, InstancePK: i.PK,
		OrderID: c.OrderID, UniqueKey: key})
	return effect{answer: market.Answer{Code: market.Success}, changed: true, tasks: true}, err
}

// sized is a product in the history: its id, and the size of a linear one.
func sized(i *store.Instance) string {
	if i.LinearValue > 0 {
		return i.ProductID + " × " + strconv.FormatInt(i.LinearValue, 10)
	}
	return i.ProductID
}
