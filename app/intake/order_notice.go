package intake

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// effectNotice takes an order notice over (page CN 0000002091799153): the order
// line and the question what it is, in one transaction. The marketplace notifies
// of purchases, renewals, changes and unsubscriptions alike.
func (in *Intake) effectNotice(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c := a.Call
	if c.Activity != market.OrderNotify {
		return effect{}, fault.New(fault.Internal, "call.activity_unhandled", "activity", c.Activity)
	}
	if c.Test {
		return in.sandbox(c), nil
	}
	pk, err := tx.NoticeOrder(ctx, a.Channel.ID, c.OrderID, c.OrderLineID, a.ReceivedAt)
	if err != nil {
		return effect{}, err
	}
	if !m.Fresh && m.ResultCode.OK() {
		return in.again(ctx, tx, m)
	}
	id, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.OrderNotice, Purpose: outbox.Notified, MessageID: m.ID, OrderPK: pk,
		OrderID: c.OrderID, OrderLineID: c.OrderLineID, UniqueKey: outbox.Key(outbox.OrderNotice, outbox.Notified, pk)})
	return effect{answer: market.Answer{Code: market.Success}, changed: true, tasks: id != 0}, err
}
