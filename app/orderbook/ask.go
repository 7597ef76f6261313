package orderbook

import (
	"context"
	"log/slog"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/store"
)

// Asked is an order line as the marketplace told it.
type Asked struct {
	Order market.Order
	Line  market.OrderLine
	Raw   []byte // the answer, whole
	ref   store.OrderRef
}

// Ask asks the marketplace what a line of an order is; no line means its only one.
//
// Faults: invalid "order_query.no_credentials" (to be given up: the channel has no
// AK/SK); not_found "order_query.line_missing" (the answer does not have the
// order line); those of marketapi.QueryOrder.
func Ask(ctx context.Context, m Marketplace, log *slog.Logger, ch *store.Channel, orderID, lineID string) (Asked, error) {
	a := Asked{ref: store.OrderRef{ChannelID: ch.ID, OrderID: orderID, OrderLineID: lineID}}
	if ch.AK == "" || ch.SK == "" {
		return a, fault.New(fault.Invalid, "order_query.no_credentials", "channel", ch.Slug)
	}
	var err error
	if a.Order, a.Raw, err = m.QueryOrder(ctx, ch.BaseURL(), marketapi.Credentials{AK: ch.AK, SK: ch.SK}, orderID, lineID); err != nil {
		return a, err
	}
	var ok bool
	if a.Line, ok = a.Order.Line(lineID); !ok {
		return a, fault.New(fault.NotFound, "order_query.line_missing", "order", orderID, "line", lineID)
	}
	if len(a.Order.Doubts) > 0 {
		log.WarnContext(ctx, "parts of an order could not be read", "order", orderID, "parts", strings.Join(a.Order.Doubts, ", "))
	}
	return a, nil
}

// Keep writes what was told into the order's row, which it makes if there is
// none; source is then how the order became known.
func (a Asked) Keep(ctx context.Context, tx *store.Tx, source string) (pk int64, err error) {
	return tx.KeepOrder(ctx, a.ref, source, a.Order, a.Raw)
}
