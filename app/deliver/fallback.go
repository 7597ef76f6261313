package deliver

import (
	"context"
	"fmt"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// lost does what follows from a message that did not arrive.
func (d *Deliverer) lost(ctx context.Context, tx *store.Tx, v *store.Delivery, outcome Outcome) error {
	if err := d.notGiven(ctx, tx, v, outcome); err != nil {
		return err
	}
	return d.fallBack(ctx, tx, v, outcome)
}

// fallBack tells the customer by the other medium what finally did not arrive by
// this one, if the product says so and the other address is known. What may have
// arrived is not told twice, what is a fall-back itself goes no further, and what was
// cancelled, or a notice whose kind is switched off by now, or that a nearer one has
// overtaken, is told by neither.
func (d *Deliverer) fallBack(ctx context.Context, tx *store.Tx, v *store.Delivery, outcome Outcome) error {
	if v.FallbackOf != 0 || outcome == Unknown || v.Status == cancelled {
		return nil
	}
	i, err := tx.Reader().InstancePK(ctx, v.InstancePK)
	if err != nil || !stillTrue(v, i, tx.Now) {
		return err
	}
	s, err := tx.Reader().SettingsOf(ctx, i)
	if err != nil || !s.DeliveryFallback {
		return err
	}
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return err
	}
	v.Handing = false // it has ended
	if off, err := d.switchedOff(ctx, tx, v, s, w); off || err != nil {
		return err
	}
	if late, err := overtaken(ctx, tx, v); late || err != nil {
		return err
	}
	medium, to := other(v.Medium, i)
	if medium == "" {
		return nil
	}
	id, err := tx.AddDelivery(ctx, store.NewDelivery{ChannelID: i.ChannelID, InstancePK: i.PK, MessageID: v.MessageID, Kind: v.Kind, Medium: medium,
		Language: v.Language, To: to, ToMask: mask(medium, to), MessageRef: d.newRef(), FallbackOf: v.ID,
		UniqueKey: fmt.Sprintf("fallback/%d/%s", v.ID, v.MessageRef)})
	if err != nil || id == 0 {
		return err
	}
	kind, purpose := outbox.Deliver, outbox.Usage
	if v.Kind != UsageInfo {
		kind, purpose = outbox.Notice, outbox.Told
	}
	_, err = tx.Enqueue(ctx, outbox.New{Kind: kind, Purpose: purpose, MessageID: v.MessageID, InstancePK: i.PK, DeliveryID: id,
		OrderID: i.OrderID, OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(kind, purpose, id)})
	return err
}

// other is the other medium with the customer's address for it, "" if there is
// none that can be used.
func other(medium string, i *store.Instance) (string, string) {
	if email := i.Email; medium == SMS && checkEmail(email) == nil {
		return Email, email
	}
	if phone := market.FoldPhone(i.Phone); medium == Email && checkPhone(phone) == nil {
		return SMS, phone
	}
	return "", ""
}
