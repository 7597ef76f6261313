package intake

import (
	"context"
	"strconv"
	"time"

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
	return in.known(ctx, tx, a, m)
}

// renewV1 keeps what a V1.0 renewal says of its order.
func (in *Intake) renewV1(ctx context.Context, tx *store.Tx, c market.Call, i *store.Instance) ([]market.Change, error) {
	if t := c.Terms; t.PeriodType != "" {
		i.PeriodType, i.PeriodNumber = t.PeriodType, t.PeriodNumber
	}
	as := market.OrderUnsubscribe
	switch c.Scene {
	case market.TrialToFormal:
		as = market.OrderTrialToFormal
	case market.Renewal:
		as = market.OrderRenew
	}
	if as != market.OrderUnsubscribe {
		i.OrderType = string(as)
	}
	if err := keepOrder(ctx, tx, c, i, as, outbox.Renewed, ""); err != nil {
		return nil, err
	}
	return []market.Change{{Kind: market.OrderLearned, New: c.OrderID}}, tx.SaveBought(ctx, i)
}

// upgradeV1 keeps what was bought, which the call says itself, and leaves the
// change at the driver to a task.
func (in *Intake) upgradeV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance) ([]market.Change, error) {
	c := a.Call
	// The other upgrades' keys end in a task's id.
	key := outbox.Key(outbox.Provision, outbox.Upgrade) + "/message/" + strconv.FormatInt(m.ID, 10)
	task, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, MessageID: m.ID, InstancePK: i.PK,
		OrderID: c.OrderID, UniqueKey: m.Once(key)})
	if err != nil {
		return nil, err
	}
	before := i.Bought().Sized()
	changes := []market.Change{{Kind: market.OrderLearned, New: c.OrderID}}
	placed := tx.Now
	if placed.Before(i.Ordered.At) { // calls count in the order in which they are taken over
		placed = i.Ordered.At
	}
	learned, _ := i.Learn(c.ProductID, time.Time{}, placed, task, "")
	i.SkuCode, i.OrderType = c.SkuCode, string(market.OrderChange)
	if c.Terms.Size != (market.Size{}) {
		if i.Size == (market.Size{}) { // bought before sizes were kept
			bought, err := sizeBought(ctx, tx, i)
			if err != nil {
				return nil, err
			}
			i.Size = bought.Said(i.LinearValue)
		}
		i.Size = i.Size.With(c.Terms.Size)
		i.LinearValue = i.Size.Linear()
	}
	if err := tx.AddParams(ctx, i, paramsOf(c.Terms), false); err != nil {
		return nil, err
	}
	if err := keepOrder(ctx, tx, c, i, market.OrderChange, outbox.Upgrade, ""); err != nil {
		return nil, err
	}
	return append(changes, market.Resized(learned, before, i.Bought().Sized())...), tx.SaveBought(ctx, i)
}
