package event

import (
	"context"
	"fmt"

	"koodesk/app/market"
	"koodesk/app/store"
)

// Notified is the data of order.notified: one line of an order that the
// marketplace notified of, as its order query told it.
type Notified struct {
	Channel               string   `json:"channel"`
	Order                 Order    `json:"order"`
	Product               Product  `json:"product"`
	CreateTime            string   `json:"create_time,omitempty"` // when it was placed; RFC 3339, UTC
	ExpiresAt             *string  `json:"expires_at"`            // null: none
	Currency              string   `json:"currency,omitempty"`    // amounts, as the marketplace wrote them
	CurrencyAfterDiscount string   `json:"currency_after_discount,omitempty"`
	Customer              Customer `json:"customer"`
}

// OfOrder emits order.notified, once per order line, to the channel's
// subscribers and to the product's own webhook.
func OfOrder(ctx context.Context, tx *store.Tx, ch *store.Channel, orderPK, message int64, order market.Order, line market.OrderLine) error {
	p, _ := line.Product()
	d := Notified{Channel: ch.Slug,
		Order: Order{OrderID: order.OrderID, OrderLineID: line.OrderLineID, OrderType: string(order.Type), ChargingMode: string(line.ChargingMode),
			PeriodType: line.PeriodType, PeriodNumber: line.PeriodNumber},
		Product:    productOf(p),
		CreateTime: market.Stamp(order.CreateTime), Currency: line.Currency, CurrencyAfterDiscount: line.CurrencyAfterDiscount}
	d.ExpiresAt = stampOrNull(line.ExpireTime)
	if b := order.Buyer; b != nil {
		d.Customer = Customer{CustomerID: b.CustomerID, CustomerName: b.CustomerName}
	}
	return Emit(ctx, tx, New{Channel: ch.ID, Type: OrderNotified, MessageID: message, ProductID: p.ProductID, SkuCode: p.SkuCode, OrderID: order.OrderID,
		OrderLineID: line.OrderLineID, Subject: fmt.Sprintf("order/%d", orderPK), Data: d})
}
