// Package orderbook keeps orders as the marketplace gave them: it asks what an
// order is, for instances as for order notices, and tells the seller's systems of
// the latter. It knows neither HTTP nor instances, which take from an order what
// concerns them.
package orderbook

import (
	"context"
	"log/slog"

	"koodesk/app/event"
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

// Notice does an order_notice task: it asks the marketplace what the order is,
// keeps the answer, and tells the seller's systems (event order.notified).
//
// Faults: those of Ask; conflict "task.lease_lost".
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
	asked, err := Ask(ctx, b.market, b.log, ch, o.OrderID, o.OrderLineID)
	if err != nil {
		return err
	}
	return b.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		if _, err := asked.Keep(ctx, tx, store.OrderFromNotice); err != nil {
			return err
		}
		if err := event.OfOrder(ctx, tx, ch, task.OrderPK, task.MessageID, asked.Order, asked.Line); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

// OnFail notes at the order why it could not be asked for.
func (b *Book) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	return tx.OrderNotLearned(ctx, task.OrderPK, cause, final)
}
