package intake

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// AcceptContent applies the different content that came under a message's key,
// as a person decided: the call is done as if it had come alone, with follow-up
// work of its own, and its content is the message's from now on, so that its
// repeats are repeats. It never makes a second instance: of a purchase it
// replaces what is known of the order. Faults: not_found "message.unknown",
// "quarantine.unknown"; conflict "quarantine.decided", "quarantine.not_applicable"
// for what is not Applicable (a License is given once for a request),
// "quarantine.overtaken" where it would undo a call that came later, and whatever the
// call itself would be refused with today.
func (in *Intake) AcceptContent(ctx context.Context, message, id int64, by staff.Actor) error {
	wake := false
	err := in.store.Write(ctx, func(tx *store.Tx) error {
		m, err := tx.LockMessage(ctx, message)
		if err != nil {
			return err
		}
		q, err := tx.LockQuarantined(ctx, message, id)
		if err != nil {
			return err
		}
		e, a, err := in.applyContent(ctx, tx, m, q)
		switch {
		case err != nil:
			return err
		case e.err != nil:
			return e.err
		}
		wake = e.tasks
		if err := tx.RefuseOwnContent(ctx, message, by.Name); err != nil {
			return err
		}
		if err := tx.DecideQuarantined(ctx, id, store.QuarantineAccepted, by.Name, by.Reason); err != nil {
			return err
		}
		err = tx.CloseMessage(ctx, message, store.Arrival{ReceivedAt: tx.Now, Call: a.Call, IP: by.IP, Request: q.Request}, store.Outcome{
			Status: e.status(), Code: m.ResultCode, Disposition: store.Accepted, Source: by.Source, Actor: by.Name, Content: a.Call.ContentHash, CameAt: q.LastAt})
		if err != nil {
			return err
		}
		if err := tx.SettleMessage(ctx, message); err != nil {
			return err
		}
		return in.audit(ctx, tx, by, staff.ActAcceptContent, "message/"+strconv.FormatInt(message, 10))
	})
	if err == nil && wake {
		in.wake()
	}
	return err
}

// RefuseContent leaves a message as it is: the different content comes to
// nothing, now and whenever it comes again. Faults: not_found
// "quarantine.unknown"; conflict "quarantine.decided".
func (in *Intake) RefuseContent(ctx context.Context, message, id int64, by staff.Actor) error {
	return in.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockQuarantined(ctx, message, id); err != nil {
			return err
		}
		if err := tx.DecideQuarantined(ctx, id, store.QuarantineRefused, by.Name, by.Reason); err != nil {
			return err
		}
		return in.audit(ctx, tx, by, staff.ActRefuseContent, "message/"+strconv.FormatInt(message, 10))
	})
}

// content is the hash of what an attempt applied, so that its repeats are repeats
// although another content of the message came first, and was refused. That of a
// repeat is the message's already, but may be kept as an earlier version made it.
func (e effect) content(a Arrived) []byte {
	if e.differs || e.err != nil || !e.changed && !e.repeat {
		return nil
	}
	return a.Call.ContentHash
}

// QuarantineOf lists the different contents of a message that came with a call, the
// newest first, each beside the message's own.
func (in *Intake) QuarantineOf(ctx context.Context, message int64) ([]store.QuarantineRow, error) {
	return in.store.Reader().QuarantineOf(ctx, message, in.says)
}

// says is what a stored call says field by field, nil if it cannot be read.
func (in *Intake) says(p market.Protocol, r store.Request) []market.Field {
	call, err := in.decode(p, r)
	if err != nil {
		return nil
	}
	return call.Content
}

func (in *Intake) applyContent(ctx context.Context, tx *store.Tx, m store.StoredMessage, q store.Quarantined) (effect, Arrived, error) {
	call, err := in.storedCall(m, q.Request)
	if err != nil {
		return effect{}, Arrived{}, err
	}
	ch, err := tx.Reader().ChannelByID(ctx, m.ChannelID)
	if err != nil {
		return effect{}, Arrived{}, err
	}
	a := Arrived{Channel: ch, Call: call, ReceivedAt: tx.Now, Request: store.Unpack(q.Request)}
	if err := tx.LockSubjects(ctx, []int64{m.ID}, nil); err != nil {
		return effect{}, Arrived{}, err
	}
	if err := overtaken(ctx, tx, m, q.LastAt, "quarantine.overtaken"); err != nil {
		return effect{}, Arrived{}, err
	}
	open := store.OpenMessage{ID: m.ID, Fresh: true, Status: m.Status, InstanceID: m.InstanceID, Accepted: q.Attempt}
	var e effect
	switch {
	case !Applicable(call.Activity):
		err = fault.New(fault.Conflict, "quarantine.not_applicable")
	case call.Activity == market.NewInstance:
		e, err = in.otherPurchase(ctx, tx, a, open)
	default:
		e, err = in.effect(ctx, tx, a, open)
	}
	return e, a, err
}

// Applicable tells whether a different content of such a call can be applied.
func Applicable(activity string) bool {
	switch activity {
	case market.RefreshInstance, market.UpgradeInstance, market.Upgrade, market.RefreshLicense, market.RefreshLicenseCode, market.NewInstance:
		return true
	}
	return false
}

// otherPurchase puts what a V1.0 purchase says of its order in the place of what
// an earlier one said. If what was bought has changed, its driver is told, whether
// the instance is there or still being made. Who
// bought stays reachable as before: what is encrypted is no content.
func (in *Intake) otherPurchase(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, err := tx.LockInstance(ctx, a.Channel.ID, m.InstanceID)
	switch {
	case fault.Is(err, fault.NotFound):
		return refused(market.NoSuchInstance, "call.instance_unknown", "instance", m.InstanceID), nil
	case err != nil:
		return effect{}, err
	case i.Status == market.Released:
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	n, _, err := instanceOf(a, i.InstanceID, i.InstanceID, tx.Now)
	if err != nil {
		return effect{}, err
	}
	before, refusedProduct := i.Bought().Sized(), i.ProductID
	i.SkuCode, i.OrderType, i.LinearValue, i.Size, i.PeriodType, i.PeriodNumber = n.SkuCode, n.OrderType, n.LinearValue, n.Size, n.PeriodType, n.PeriodNumber
	i.CustomerID, i.CustomerName = n.CustomerID, n.CustomerName
	placed := tx.Now
	if placed.Before(i.Ordered.At) {
		placed = i.Ordered.At
	}
	last, err := tx.LastTask(ctx, i.PK)
	if err != nil {
		return effect{}, err
	}
	learned, _ := i.Learn(a.Call.ProductID, a.Call.ExpireTime, placed, last, a.Call.Terms.ChargingMode)
	changes := append([]market.Change{{Kind: market.OrderLearned, New: a.Call.OrderID}},
		market.Resized(learned, before, i.Bought().Sized())...)
	if err := tx.SaveOrder(ctx, i, n.Facts); err != nil {
		return effect{}, err
	}
	if err := tx.AddParams(ctx, i, n.Params, false); err != nil {
		return effect{}, err
	}
	if err := tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	if err := keepOrder(ctx, tx, a.Call, i, market.OrderType(i.OrderType), outbox.Purchase, refusedProduct); err != nil {
		return effect{}, err
	}
	e := effect{answer: market.Answer{Code: market.Success, InstanceID: i.InstanceID}, changed: true}
	if i.Status == market.Provisioning {
		r, err := restartGivenUp(ctx, tx, m.ID, "system")
		if err != nil {
			return effect{}, err
		}
		e.tasks = r.Touched() > 0
	}
	if i.Bought().Sized() == before {
		return e, nil
	}
	// Also while it is being made: the driver may have been asked for the other one
	// already, and a question stays as it was first put.
	e.tasks = true
	_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, MessageID: m.ID, InstancePK: i.PK,
		OrderID: a.Call.OrderID, UniqueKey: m.Once(outbox.Key(outbox.Provision, outbox.Upgrade) + "/message/" + strconv.FormatInt(m.ID, 10))})
	return e, err
}
