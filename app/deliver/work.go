package deliver

import (
	"context"
	"reflect"
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
// conflict "task.lease_lost"; unavailable "delivery.outcome_unknown" (given up)
// when an earlier try, or this one, may have handed it over to a service that
// would take it twice. How a failed try shows on the delivery is OnFail's
// business.
func (d *Deliverer) Deliver(ctx context.Context, task outbox.Task) error {
	var parcel *Parcel
	var sender Sender
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		if task.Kind == outbox.Notice { // what ends the reason why it is called off has it made anew, and must find it called off
			if err := tx.HoldInstance(ctx, task.InstancePK); err != nil {
				return err
			}
		}
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
	err = HandOver(ctx, sender, *parcel, func(receipt Receipt) error {
		ctx, cancel := afterwards(ctx)
		defer cancel()
		return d.store.Write(ctx, func(tx *store.Tx) error { return d.end(ctx, tx, task, sender, receipt) })
	})
	if err != nil {
		return d.notHanded(ctx, task, sender, err)
	}
	d.log.InfoContext(ctx, "delivered", "delivery", task.DeliveryID, "transport", sender.Transport(), "to", parcel.Mask)
	return nil
}

// end writes that the hand-over went well.
func (d *Deliverer) end(ctx context.Context, tx *store.Tx, task outbox.Task, sender Sender, receipt Receipt) error {
	v, err := tx.LockDelivery(ctx, task.DeliveryID)
	if err != nil {
		return err
	}
	try := store.DeliveryTry{Status: succeeded, Transport: sender.Transport(), ProviderRef: receipt.ProviderRef, Outcome: string(taken(sender))}
	if err := tx.EndDeliveryTry(ctx, task.DeliveryID, try); err != nil {
		return err
	}
	if err := d.given(ctx, tx, v, taken(sender)); err != nil {
		return err
	}
	return tx.Complete(ctx, task)
}

// afterwards is time to write how a hand-over ended: the try's own may be over.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// notHanded gives back why a hand-over failed, unless the service has reported of it
// meanwhile: that counts more than how the call ended. What has only not had its turn
// waits again.
func (d *Deliverer) notHanded(ctx context.Context, task outbox.Task, sender Sender, cause error) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	told := false
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		if fault.From(cause).Retry.Free {
			return tx.DeliveryWaits(ctx, task)
		}
		v, err := tx.LockDelivery(ctx, task.DeliveryID)
		if told = err == nil && reported(v); !told {
			return err
		}
		if err := tx.EndDeliveryTry(ctx, v.ID, store.DeliveryTry{Transport: sender.Transport()}); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
	if told && err == nil {
		return nil
	}
	return cause
}

// reported tells whether the service has said of a try that began as queued or unknown
// what became of it.
func reported(v *store.Delivery) bool {
	return Outcome(v.Outcome) != Queued && Outcome(v.Outcome) != Unknown
}

// taken is the outcome of a hand-over that went well.
func taken(s Sender) Outcome {
	if t := s.Transport(); t == "none" || t == "log" {
		return Kept
	}
	return HandedOver
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
	late := false
	if Outcome(v.Outcome) == Queued && !v.Handing { // else it is seen to its end
		if late, err = overtaken(ctx, tx, v); err != nil {
			return nil, nil, err
		}
	}
	if late || !stillTrue(v, i, tx.Now) {
		return nil, nil, tx.SetDeliveryStatus(ctx, v.ID, cancelled)
	}
	if v.Handing {
		if done, err := d.interrupted(ctx, tx, v); done || err != nil {
			return nil, nil, err
		}
	}
	if err := d.settleContent(ctx, tx, v, i); err != nil {
		return nil, nil, err
	}
	p := &Parcel{DeliveryID: v.ID, Kind: v.Kind, To: v.To, Mask: v.ToMask, Ref: v.MessageRef, Tag: tagOf(v.ID, v.MessageRef), Language: v.Language,
		Subject: v.Content.Subject, Text: v.Content.Text, HTML: v.Content.HTML, Variables: v.Content.Variables, ReturnTo: d.returnTo(v), RefuseURL: d.refuseURL(v, i)}
	p.Leave = func(ctx context.Context) error {
		return d.store.Write(ctx, func(tx *store.Tx) error { return tx.LeaveDelivery(ctx, task) })
	}
	if err := d.keepFilled(ctx, tx, v, *p); err != nil {
		return nil, nil, err
	}
	begun := Queued
	if d.mayHaveArrived(v) {
		begun = Unknown
	}
	return p, d.senders[v.Medium], tx.BeginDeliveryTry(ctx, v.ID, string(begun))
}

// keepFilled keeps what leaves where the service has the text itself: that is what
// the customer reads, and not what was rendered here. Between two tries another text
// may have been named.
func (d *Deliverer) keepFilled(ctx context.Context, tx *store.Tx, v *store.Delivery, p Parcel) error {
	var now *store.Filled
	if holder, ok := d.senders[v.Medium].(TextHolder); ok {
		if id, _ := holder.TextOf(p.Kind, p.Language); id != "" {
			now = &store.Filled{Template: id, Values: holder.Filling(p)}
		}
	}
	if reflect.DeepEqual(now, v.Content.Filled) {
		return nil
	}
	v.Content.Filled = now
	return tx.SaveContent(ctx, v.ID, *v.Content)
}

// interrupted looks at a hand-over whose end was not written down: a report may
// have told it since, or the sender's repeat does no harm.
func (d *Deliverer) interrupted(ctx context.Context, tx *store.Tx, v *store.Delivery) (done bool, err error) {
	switch o := Outcome(v.Outcome); o {
	case HandedOver, Delivered:
		if err := d.given(ctx, tx, v, o); err != nil {
			return true, err
		}
		return true, tx.SetDeliveryStatus(ctx, v.ID, succeeded)
	case Refused, Bounced:
		return true, tx.SetDeliveryStatus(ctx, v.ID, failed)
	}
	return false, Interrupted(d.senders[v.Medium])
}

// mayHaveArrived tells whether an earlier try of this sending may have, at somebody
// who knows the repeat.
func (d *Deliverer) mayHaveArrived(v *store.Delivery) bool {
	return d.senders[v.Medium].Repeatable() && (v.Handing || Outcome(v.Outcome) == Unknown)
}

// settleContent renders the message for its first try, and anew when its words are
// not true any more and no try has left with them. A sending that a person has had
// begun anew, or that says something else, gets a reference of its own, so that it is
// not taken for the old one, nor are reports of that for its.
func (d *Deliverer) settleContent(ctx context.Context, tx *store.Tx, v *store.Delivery, i *store.Instance) error {
	o := Outcome(v.Outcome)
	again := o == Refused || o == Bounced || o == Unknown && !d.senders[v.Medium].Repeatable()
	stale, err := d.stale(ctx, tx, v, i)
	if err != nil {
		return err
	}
	if (again || stale) && !v.Handing {
		v.MessageRef = d.newRef()
		if err := tx.RedirectDelivery(ctx, v.ID, v.To, v.ToMask, v.MessageRef); err != nil {
			return err
		}
	}
	if v.Content != nil && !stale {
		return nil
	}
	content, err := d.content(ctx, tx, v, i)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	v.Content = &content
	return tx.SaveContent(ctx, v.ID, content)
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
	try := store.DeliveryTry{Status: pending, Transport: d.senders[v.Medium].Transport(), Err: cause}
	// What an earlier try may have brought there, no later one's failure takes back.
	if outcome := refusedBy(cause); Outcome(v.Outcome) != Unknown && (final || outcome == Unknown) {
		try.Outcome, try.Code = string(outcome), fault.From(cause).Args["code"]
	}
	if final {
		try.Status = failed
	}
	if err := tx.EndDeliveryTry(ctx, v.ID, try); err != nil || !final || reported(v) {
		return err
	}
	if try.Outcome == "" {
		try.Outcome = v.Outcome
	}
	return d.lost(ctx, tx, v, Outcome(try.Outcome))
}

// refusedBy is the outcome that a final failure means, "" if nobody took the
// message and nobody refused it.
func refusedBy(cause error) Outcome {
	f := fault.From(cause)
	switch {
	case f.Key == ErrOutcomeUnknown:
		return Unknown
	case f.Code == fault.Refused || f.Code == fault.Invalid:
		return Refused
	}
	return ""
}
