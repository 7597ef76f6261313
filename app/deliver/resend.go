package deliver

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Resend sends a delivery again, with the content as it was stored (one that counts
// days is written anew when their number has changed), to the same or, when to is
// not empty, to a corrected address, which is used for this delivery alone. One that
// is still waiting goes out now instead, as the same sending: whoever may have got it
// at an earlier try can tell the repeat. A new sending has a Message-ID of its own:
// with the old one the receiver's system would take it for a repeat and hide it.
//
// Faults: not_found "delivery.unknown"; invalid "delivery.bad_email" or
// "delivery.bad_phone"; conflict "delivery.running" while it is being handed
// over, and "restart.under_way" when it is about to be, to the same address; conflict
// "delivery.instance_released", or "delivery.outdated" when what it
// says does not hold any more.
func (d *Deliverer) Resend(ctx context.Context, deliveryID int64, to string, actor staff.Actor) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockForDelivery(ctx, deliveryID); err != nil {
			return err
		}
		return d.resend(ctx, tx, deliveryID, to, false, actor)
	})
	if err == nil {
		d.wake()
	}
	return err
}

// ResendInBulk is Resend for one of many, within the caller's transaction: a notice
// obeys quiet hours, its customer's number for the day and what is switched off, and
// nobody's usage information waits behind it. What is locked before deliveries is locked
// before (store.LockForTelling). Whoever commits it wakes the relay.
func (d *Deliverer) ResendInBulk(ctx context.Context, tx *store.Tx, deliveryID int64, actor staff.Actor) error {
	return d.resend(ctx, tx, deliveryID, "", true, actor)
}

func (d *Deliverer) resend(ctx context.Context, tx *store.Tx, deliveryID int64, to string, inBulk bool, actor staff.Actor) error {
	v, err := tx.LockDelivery(ctx, deliveryID)
	if err != nil {
		return err
	}
	if err := d.mayResend(ctx, tx, v); err != nil {
		return err
	}
	address, err := corrected(v, to)
	if err != nil {
		return err
	}
	if address == v.To {
		if err := notDue(ctx, tx, v.ID); err != nil {
			return err
		}
	}
	if err := d.again(ctx, tx, v, address, inBulk, actor); err != nil {
		return err
	}
	return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: "delivery.resend", Target: "delivery/" + strconv.FormatInt(v.ID, 10),
		Reason: actor.Reason, IP: actor.IP, Detail: map[string]string{"to": mask(v.Medium, address), "corrected": strconv.FormatBool(address != v.To)}})
}

// notDue refuses what is about to be sent.
func notDue(ctx context.Context, tx *store.Tx, delivery int64) error {
	due, err := tx.DeliveryDue(ctx, delivery)
	if err == nil && due {
		err = store.UnderWay()
	}
	return err
}

func (d *Deliverer) mayResend(ctx context.Context, tx *store.Tx, v *store.Delivery) error {
	busy, err := tx.DeliveryBusy(ctx, v.ID, 0)
	if err != nil {
		return err
	}
	if busy {
		return fault.New(fault.Conflict, "delivery.running")
	}
	i, err := tx.Reader().InstancePK(ctx, v.InstancePK)
	if err != nil {
		return err
	}
	if !stillTrue(v, i, tx.Now) {
		if i.Status == market.Released {
			return fault.New(fault.Conflict, "delivery.instance_released", "instance", i.InstanceID)
		}
		return fault.New(fault.Conflict, "delivery.outdated", "instance", i.InstanceID)
	}
	return nil
}

// corrected is the address to use: the given one, checked, or the old one.
func corrected(v *store.Delivery, to string) (string, error) {
	to = strings.TrimSpace(to)
	if to == "" && v.To == "" {
		return "", fault.New(fault.Conflict, "delivery.address_erased")
	}
	if to == "" {
		return v.To, nil
	}
	if v.Medium == SMS {
		return market.FoldPhone(to), checkPhone(to)
	}
	return to, checkEmail(to)
}

// again makes the delivery due: by the task that waits for it, or by a new one.
func (d *Deliverer) again(ctx context.Context, tx *store.Tx, v *store.Delivery, to string, inBulk bool, actor staff.Actor) error {
	waiting, err := tx.WaitingDeliveryTasks(ctx, v.ID)
	if err != nil {
		return err
	}
	if c := v.Content; c != nil && (c.ByLink || c.WipedAt != nil) {
		// A link that was used shows nothing any more, and a text without its password is
		// not the one that was asked for.
		if err := tx.DropContent(ctx, v.ID); err != nil {
			return err
		}
	}
	ref, anew := v.MessageRef, len(waiting) == 0 || to != v.To || v.Status != pending && v.Status != running
	if anew {
		ref = d.newRef()
	}
	if err := tx.RedirectDelivery(ctx, v.ID, to, mask(v.Medium, to), ref); err != nil {
		return err
	}
	n, err := tx.ReopenDelivery(ctx, v.ID, inBulk, anew)
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		_, err := tx.RestartTasks(ctx, waiting, actor.Name)
		return err
	}
	if err := tx.CancelDeliveryTasks(ctx, []int64{v.ID}, actor.Name); err != nil {
		return err
	}
	task := outbox.New{Kind: outbox.Deliver, Purpose: outbox.Usage, MessageID: v.MessageID, InstancePK: v.InstancePK,
		DeliveryID: v.ID, UniqueKey: fmt.Sprintf("deliver/resend/%d/%d", v.ID, n)}
	if inBulk && v.Kind != UsageInfo { // as the clock's: no part of its message's work
		task.Kind, task.Purpose, task.MessageID = outbox.Notice, outbox.Told, 0
	}
	_, err = tx.Enqueue(ctx, task)
	return err
}
