package intake

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// TakeOver makes the instance of a V2.0 order as if its newInstance had come, as
// a person's act: the message is the one that the marketplace's own call would
// have, so that a call that comes after all is a repeat of it and gets the same
// instance. Fault: conflict "finding.moved" when the order has an instance.
func (in *Intake) TakeOver(ctx context.Context, tx *store.Tx, ch *store.Channel, orderID, orderLineID string, by staff.Actor) error {
	id := uuid.NewString()
	body, err := json.Marshal(map[string]string{"activity": market.NewInstance, "businessId": id, "orderId": orderID, "orderLineId": orderLineID})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	c, err := in.dialects[market.V2].Decode(body)
	if err != nil {
		return err
	}
	arr := Arrived{Channel: ch, Call: c, ReceivedAt: tx.Now, IP: by.IP, Request: store.Request{Method: "POST", Body: body}}.arrival(c.IdempotencyKey())
	m, err := tx.OpenMessage(ctx, arr)
	if err != nil {
		return err
	}
	if !m.Fresh {
		return fault.New(fault.Conflict, "finding.moved")
	}
	n := &store.NewInstance{WantedID: id, SpareID: uuid.NewString()}
	n.ChannelID, n.Protocol, n.Status = ch.ID, market.V2, market.Provisioning
	n.OrderID, n.OrderLineID, n.BusinessID = orderID, orderLineID, id
	added, err := tx.AddInstance(ctx, n)
	if err != nil {
		return err
	}
	if !added {
		return fault.New(fault.Conflict, "finding.moved")
	}
	if err := tx.NameInstance(ctx, m.ID, n.InstanceID); err != nil {
		return err
	}
	created := []market.Change{{Kind: market.StatusChanged, New: string(market.Provisioning)}}
	if err := tx.Record(ctx, n.PK, created, store.Origin{MessageID: m.ID, Actor: by.Name}); err != nil {
		return err
	}
	_, err = tx.AskOrder(ctx, ch.ID, outbox.New{Purpose: outbox.Purchase, MessageID: m.ID, InstancePK: n.PK,
		OrderID: orderID, OrderLineID: orderLineID, UniqueKey: outbox.Key(outbox.OrderQuery, outbox.Purchase, m.ID)})
	if err != nil {
		return err
	}
	answer := market.Answer{Code: market.Processing, InstanceID: n.InstanceID}
	return tx.CloseMessage(ctx, m.ID, arr, store.Outcome{Status: store.MessageProcessing, Code: market.Processing, Disposition: store.New,
		Response: in.dialects[market.V2].Encode(market.NewInstance, answer), Source: by.Source, Actor: by.Name})
}
