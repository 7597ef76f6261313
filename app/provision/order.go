package provision

import (
	"context"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// QueryOrder does an order_query task: it asks the marketplace what was ordered
// and keeps it, and writes the task that follows from it (provisioning after a
// purchase or an upgrade).
//
// Faults: invalid "order_query.no_credentials" (given up: the channel has no
// AK/SK); not_found "order_query.line_missing" (the answer does not have the
// order line); those of marketapi; conflict "task.lease_lost".
func (p *Provisioner) QueryOrder(ctx context.Context, task outbox.Task) error {
	r := p.store.Reader()
	i, err := r.InstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	if i.Status == market.Released {
		return p.complete(ctx, task)
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	if ch.AK == "" || ch.SK == "" {
		return fault.New(fault.Invalid, "order_query.no_credentials", "channel", ch.Slug)
	}
	order, raw, err := p.market.QueryOrder(ctx, ch.BaseURL(), marketapi.Credentials{AK: ch.AK, SK: ch.SK}, task.OrderID, task.OrderLineID)
	if err != nil {
		return err
	}
	line, ok := order.Line(task.OrderLineID)
	if !ok {
		return fault.New(fault.NotFound, "order_query.line_missing", "order", task.OrderID, "line", task.OrderLineID)
	}
	if len(order.Doubts) > 0 {
		p.log.WarnContext(ctx, "parts of an order could not be read", "order", task.OrderID, "parts", strings.Join(order.Doubts, ", "))
	}
	return p.store.Write(ctx, func(tx *store.Tx) error { return p.learn(ctx, tx, task, order, line, raw) })
}

// learn writes what an order says, under the instance's lock.
func (p *Provisioner) learn(ctx context.Context, tx *store.Tx, task outbox.Task, order market.Order, line market.OrderLine, raw []byte) error {
	i, err := tx.LockInstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	if i.Status == market.Released {
		return tx.Complete(ctx, task)
	}
	stored, err := tx.Reader().OrderAnswer(ctx, i.PK)
	if err != nil {
		return err
	}
	changes := []market.Change{{Kind: market.OrderLearned, New: order.OrderID}}
	newest := rules(order, stored, task.Purpose)
	if newest {
		changes = append(changes, takeLine(i, order, line)...)
	} else {
		raw = stored
	}
	changes = append(changes, takeBuyer(i, order.Buyer, task.Purpose)...)
	if err := tx.SaveOrder(ctx, i, raw); err != nil {
		return err
	}
	if err := tx.AddParams(ctx, i, params(order, line), !newest); err != nil {
		return err
	}
	if err := tx.SaveState(ctx, i, changes, origin(task)); err != nil {
		return err
	}
	if err := p.followUp(ctx, tx, task, i); err != nil {
		return err
	}
	return tx.Complete(ctx, task)
}

// followUp writes the provisioning that a purchase or an upgrade needs.
func (p *Provisioner) followUp(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance) error {
	n := outbox.New{Kind: outbox.Provision, Purpose: task.Purpose, MessageID: task.MessageID, InstancePK: i.PK,
		OrderID: task.OrderID, OrderLineID: task.OrderLineID}
	switch task.Purpose {
	case outbox.Purchase:
		n.UniqueKey = outbox.Key(outbox.Provision, outbox.Purchase, i.PK)
	case outbox.Upgrade:
		n.UniqueKey = outbox.Key(outbox.Provision, outbox.Upgrade, task.ID)
	default:
		return nil
	}
	_, err := tx.Enqueue(ctx, n)
	return err
}

// rules tells whether an order decides over product and period: it must not be
// older than the order that was learned before it (answers come in any order),
// and a cancellation describes what is not there any more.
func rules(order market.Order, stored []byte, purpose outbox.Purpose) bool {
	if order.Type == market.OrderUnsubscribe {
		return false
	}
	if len(stored) == 0 {
		return true
	}
	last, err := marketapi.ParseOrder(stored, market.OrderZone())
	if err != nil || last.OrderID == order.OrderID {
		return true
	}
	if last.CreateTime.IsZero() || order.CreateTime.IsZero() || last.CreateTime.Equal(order.CreateTime) {
		return purpose != outbox.Purchase // the purchase is the first of them all
	}
	return order.CreateTime.After(last.CreateTime)
}
