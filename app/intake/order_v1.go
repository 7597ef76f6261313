package intake

import (
	"context"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// keepOrder keeps the order that a V1.0 call names as the call tells it, where
// V2.0 has the answer of the order query, and links it with its instance.
func keepOrder(ctx context.Context, tx *store.Tx, c market.Call, i *store.Instance, as market.OrderType, purpose outbox.Purpose, instead string) error {
	if c.OrderID == "" {
		return nil
	}
	raw, err := factsOf(c)
	if err != nil {
		return err
	}
	pk, err := tx.TellOrder(ctx, store.OrderRef{ChannelID: i.ChannelID, OrderID: c.OrderID, OrderLineID: c.OrderLineID}, orderOf(c, as), raw, instead)
	if err != nil {
		return err
	}
	return tx.LinkOrder(ctx, i.PK, pk, purpose)
}

// orderOf is what a call says of its order. V1.0's orders have one line, without
// an id, and no time at which they were placed.
func orderOf(c market.Call, as market.OrderType) market.Order {
	t := c.Terms
	line := market.OrderLine{OrderLineID: c.OrderLineID, ChargingMode: t.ChargingMode, ExpireTime: c.ExpireTime, PeriodType: t.PeriodType,
		PeriodNumber: t.PeriodNumber, Currency: t.OrderAmount, Params: t.Params}
	if c.ProductID != "" {
		line.Products = []market.ProductInfo{{ProductID: c.ProductID, SkuCode: c.SkuCode, LinearValue: t.Linear(), Size: t.Size}}
	}
	o := market.Order{OrderID: c.OrderID, Type: as, Lines: []market.OrderLine{line}}
	if t.Buyer != (market.Buyer{}) {
		buyer := t.Buyer
		o.Buyer = &buyer
	}
	return o
}
