package deliver

import (
	"context"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Statuses of a delivery.
const (
	pending   = "pending"
	running   = "running"
	succeeded = "succeeded"
	failed    = "failed"
	cancelled = "cancelled"
)

// busyWait is how long a task waits while another one is handing the same
// delivery over.
const busyWait = 30 * time.Second

// Deliver does a deliver task: it renders the message for its first try, keeps
// it, and hands it over. A delivery that was cancelled, or that is not true any
// more, is not sent; a notice that must wait is put back.
//
// Faults: those of the sender; conflict "delivery.under_way" (tried again);
// conflict "task.lease_lost". How a failed try shows on the delivery is OnFail's
// business.
func (d *Deliverer) Deliver(ctx context.Context, task outbox.Task) error {
	var parcel *Parcel
	var sender Sender
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		held, err := d.hold(ctx, tx, task)
		if err != nil || held {
			return err
		}
		parcel, sender, err = d.begin(ctx, tx, task)
		if err == nil && parcel == nil {
			return tx.Complete(ctx, task)
		}
		return err
	})
	if err != nil || parcel == nil {
		return err
	}
	receipt, err := sender.Send(ctx, *parcel)
	if err != nil {
		return err
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockDelivery(ctx, task.DeliveryID); err != nil {
			return err
		}
		try := store.DeliveryTry{Status: succeeded, Transport: sender.Transport(), ProviderRef: receipt.ProviderRef}
		if err := tx.EndDeliveryTry(ctx, task.DeliveryID, try); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
	if err != nil {
		return err
	}
	d.log.InfoContext(ctx, "delivered", "delivery", task.DeliveryID, "transport", sender.Transport(), "to", parcel.Mask)
	return nil
}

// begin locks the delivery, settles its content and marks it as running. A nil
// parcel means that there is nothing to send.
func (d *Deliverer) begin(ctx context.Context, tx *store.Tx, task outbox.Task) (*Parcel, Sender, error) {
	v, err := tx.LockDelivery(ctx, task.DeliveryID)
	if err != nil || v.Status == succeeded || v.Status == cancelled {
		return nil, nil, err
	}
	busy, err := tx.DeliveryBusy(ctx, v.ID, task.ID)
	if err != nil {
		return nil, nil, err
	}
	if busy {
		return nil, nil, fault.New(fault.Conflict, "delivery.under_way").RetryAfter(busyWait)
	}
	i, err := tx.Reader().InstancePK(ctx, v.InstancePK)
	if err != nil {
		return nil, nil, err
	}
	if !stillTrue(v, i, tx.Now) {
		return nil, nil, tx.SetDeliveryStatus(ctx, v.ID, cancelled)
	}
	if v.Content == nil {
		content, err := d.content(ctx, tx, v, i)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Internal, "internal")
		}
		if err := tx.SaveContent(ctx, v.ID, content); err != nil {
			return nil, nil, err
		}
		v.Content = &content
	}
	p := &Parcel{DeliveryID: v.ID, To: v.To, Mask: v.ToMask, Ref: v.MessageRef, Language: v.Language,
		Subject: v.Content.Subject, Text: v.Content.Text, HTML: v.Content.HTML}
	return p, d.senders[v.Medium], tx.SetDeliveryStatus(ctx, v.ID, running)
}

// OnFail brings the delivery of a failed try up to date, in the transaction that
// ends the task's try.
func (d *Deliverer) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	v, err := tx.LockDelivery(ctx, task.DeliveryID)
	if err != nil {
		return err
	}
	if v.Status == succeeded || v.Status == cancelled || fault.From(cause).Key == "delivery.under_way" {
		return nil // somebody else's try says how it stands
	}
	status := pending
	if final {
		status = failed
	}
	return tx.EndDeliveryTry(ctx, v.ID, store.DeliveryTry{Status: status, Transport: d.senders[v.Medium].Transport(), Err: cause})
}
