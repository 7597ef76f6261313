package provision

import (
	"context"

	"koodesk/app/event"
	"koodesk/app/market"
	"koodesk/app/orderbook"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// QueryOrder does an order_query task: it asks the marketplace what was ordered
// and keeps it, and writes the task that follows from it (provisioning after a
// purchase or an upgrade).
//
// Faults: those of orderbook.Ask; conflict "task.lease_lost".
func (p *Provisioner) QueryOrder(ctx context.Context, task outbox.Task) error {
	r := p.store.Reader()
	i, err := r.InstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	if i.Status == market.Released {
		return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
			if err := tx.OrderNotAsked(ctx, task); err != nil {
				return err
			}
			return tx.Complete(ctx, task)
		})
	}
	if err := p.store.OrderAsked(ctx, task.OrderPK); err != nil {
		return err
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	asked, err := orderbook.Ask(ctx, p.market, p.log, ch, task.OrderID, task.OrderLineID)
	if err != nil {
		return err
	}
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error { return p.learn(ctx, tx, task, asked) })
}

// learn keeps the order and writes what it says into the instance, under the
// instance's lock.
func (p *Provisioner) learn(ctx context.Context, tx *store.Tx, task outbox.Task, asked orderbook.Asked) error {
	i, err := tx.LockInstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	pk, err := asked.Keep(ctx, tx, store.OrderFromInstance)
	if err != nil {
		return err
	}
	if err := tx.LinkOrder(ctx, i.PK, pk, task.Purpose); err != nil {
		return err
	}
	order, line, raw := asked.Order, asked.Line, asked.Raw
	d, ok := market.Decide(market.V2, i.Stage(), learned(task.Purpose), false)
	if !ok || !d.Does(market.LearnTerms) {
		return tx.Complete(ctx, task)
	}
	changes := []market.Change{{Kind: market.OrderLearned, New: order.OrderID}}
	rules := false
	if order.Type != market.OrderUnsubscribe { // which describes what is not there any more
		var more []market.Change
		more, rules = takeLine(i, order, line, task)
		changes = append(changes, more...)
	}
	if !rules {
		if raw, err = tx.Reader().OrderAnswer(ctx, i.PK); err != nil {
			return err
		}
	}
	changes = append(changes, takeBuyer(i, order.Buyer, task.Purpose)...)
	if err := tx.SaveOrder(ctx, i, raw); err != nil {
		return err
	}
	if err := tx.AddParams(ctx, i, params(order, line), !rules); err != nil {
		return err
	}
	if err := tx.SaveState(ctx, i, changes, origin(task)); err != nil {
		return err
	}
	if err := p.followUp(ctx, tx, task, i, d); err != nil {
		return err
	}
	if i.OrderKnownAt.IsZero() {
		if err := tx.JudgeLicenses(ctx, i.PK); err != nil {
			return err
		}
	}
	return tx.Complete(ctx, task)
}

// learned is the event that the answer of an order query is.
func learned(purpose outbox.Purpose) market.Event {
	switch purpose {
	case outbox.Purchase:
		return market.PurchaseLearned
	case outbox.Upgrade:
		return market.UpgradeLearned
	}
	return market.RenewalLearned
}

// followUp writes the provisioning that a purchase or an upgrade needs.
func (p *Provisioner) followUp(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance, d market.Decision) error {
	n := outbox.New{Kind: outbox.Provision, Purpose: task.Purpose, MessageID: task.MessageID, InstancePK: i.PK,
		OrderID: task.OrderID, OrderLineID: task.OrderLineID}
	switch {
	case d.Does(market.Make):
		n.UniqueKey = outbox.Key(outbox.Provision, outbox.Purchase, i.PK)
		if err := tell(ctx, tx, event.InstanceProvision, i, event.Cause{MessageID: task.MessageID, TaskID: task.ID}); err != nil {
			return err
		}
	case d.Does(market.ChangeIt):
		n.UniqueKey = outbox.Key(outbox.Provision, outbox.Upgrade, task.ID)
	default:
		return nil
	}
	_, err := tx.Enqueue(ctx, n)
	return err
}
