package store

import (
	"context"
	"encoding/json"
	"slices"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// TellOrder keeps what a V1.0 call says of its order, as KeepOrder keeps the
// answer of an order query. An order that is charged by use comes in several
// calls, each with another product: its line has all of them, but for the product
// instead of which this one is ("" for none).
func (t *Tx) TellOrder(ctx context.Context, ref OrderRef, order market.Order, raw []byte, instead string) (pk int64, err error) {
	// Calls of one order may come at the same time: the row is there before it is read.
	if _, err := t.tx.ExecContext(ctx, `
INSERT INTO orders (channel_id, order_id, order_line_id, source)
VALUES ($1, $2, $3, 'instance')
ON CONFLICT DO NOTHING`, ref.ChannelID, ref.OrderID, ref.OrderLineID); err != nil {
		return 0, toFault(err)
	}
	var sealed []byte
	if err := t.tx.GetContext(ctx, &sealed, `
SELECT facts_sealed
  FROM orders
 WHERE channel_id = $1
   AND order_id = $2
   AND order_line_id = $3
   FOR NO KEY UPDATE`, ref.ChannelID, ref.OrderID, ref.OrderLineID); err != nil {
		return 0, toFault(err)
	}
	plain, err := t.keys.Open(seal.Customer, sealed)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	var before market.Order
	if len(plain) > 0 {
		if err := json.Unmarshal(plain, &before); err != nil {
			return 0, fault.Wrap(err, fault.Internal, "internal")
		}
	}
	if known, ok := before.Line(ref.OrderLineID); ok && len(order.Lines) == 1 {
		order.Lines[0].Products = joined(known.Products, order.Lines[0].Products, instead)
	}
	return t.KeepOrder(ctx, ref, OrderFromInstance, order, raw)
}

// joined are the products of both, the newer word on each, without what is gone.
func joined(before, now []market.ProductInfo, gone string) []market.ProductInfo {
	out := slices.DeleteFunc(slices.Clone(before), func(p market.ProductInfo) bool { return gone != "" && p.ProductID == gone })
	for _, p := range now {
		at := slices.IndexFunc(out, func(o market.ProductInfo) bool { return o.ProductID == p.ProductID })
		if at < 0 {
			out = append(out, p)
			continue
		}
		out[at] = p
	}
	return out
}

// LinkOrder notes that an order concerns an instance, and as what.
func (t *Tx) LinkOrder(ctx context.Context, instancePK, orderPK int64, purpose outbox.Purpose) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO instance_orders (instance_pk, order_pk, purpose)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING`, instancePK, orderPK, string(purpose))
	return toFault(err)
}
