// Package orderbook keeps orders as the marketplace gave them: it asks what the
// order of an order notice is and tells the seller's product. It knows neither
// HTTP nor instances, which learn their orders by themselves.
package orderbook

import (
	"context"
	"log/slog"
	"strings"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Marketplace is what is asked of KooGallery's open APIs.
type Marketplace interface {
	QueryOrder(ctx context.Context, baseURL string, cred marketapi.Credentials, orderID, orderLineID string) (order market.Order, raw []byte, err error)
}

// Book is the use case.
type Book struct {
	store  *store.Store
	market Marketplace
	log    *slog.Logger
}

// New makes the use case.
func New(s *store.Store, m Marketplace, log *slog.Logger) *Book {
	return &Book{store: s, market: m, log: log}
}

// Notice does an order_notice task: it asks the marketplace what the order is
// keeps the answer, and tells the seller's systems (event order.notified).
//
// Faults: invalid "order_query.no_credentials" (given up: the channel has no
// AK/SK); not_found "order_query.line_missing"; those of marketapi.QueryOrder;
// conflict "task.lease_lost".
func (b *Book) Notice(ctx context.Context, task outbox.Task) error {
	if err := b.store.OrderAsked(ctx, task.OrderPK); err != nil {
		return err
	}
	r := b.store.Reader()
	o, err := r.OrderByPK(ctx, task.OrderPK)
	if err != nil {
		return err
	}
	ch, err := r.ChannelByID(ctx, o.ChannelID)
	if err != nil {
		return err
	}
	if ch.AK == "" || ch.SK == "" {
		return fault.New(fault.Invalid, "order_query.no_credentials", "channel", ch.Slug)
	}
	order, raw, err := b.market.QueryOrder(ctx, ch.BaseURL(), marketapi.Credentials{AK: ch.AK, SK: ch.SK}, o.OrderID, o.OrderLineID)
	if err != nil {
		return err
	}
	line, ok := order.Line(o.OrderLineID)
	if !ok {
		return fault.New(fault.NotFound, "order_query.line_missing", "order", o.OrderID, "line", o.OrderLineID)
	}
	if len(order.Doubts) > 0 {
		b.log.WarnContext(ctx, "parts of an order could not be read", "order", o.OrderID, "parts", strings.Join(order.Doubts, ", "))
	}
	return b.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.KeepOrder(ctx, o.ChannelID, o.OrderLineID, store.OrderFromNotice, order, raw); err != nil {
			return err
		}
		if err := event.OfOrder(ctx, tx, ch, task.OrderPK, task.MessageID, order, line); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

// OnFail notes at the order why it could not be asked for.
func (b *Book) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	return tx.OrderNotLearned(ctx, task.OrderPK, cause, final)
}
