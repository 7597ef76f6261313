package intake

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// defaultWait leaves the transaction that writes the final answer, and the way
// back, a good second of the 4 s that a callback may take.
const defaultWait = 3 * time.Second

// maxWaiting bounds how many purchases wait at a time; any more are answered at
// once, and come again.
const maxWaiting = 256

// The steps between two looks at the database while waiting.
const (
	firstLook = 20 * time.Millisecond
	slowLook  = 250 * time.Millisecond
)

// purchaseV1 takes a V1.0 purchase, or a getLicense of License 1.0, over. V1.0 wants the access data in the
// answer, so once everything is durable, and with no transaction or connection
// held, the call waits a little for whoever makes the instance. What it leaves
// behind before it waits is a whole answer: by the channel's choice 000000 with
// the instanceId and the buyer's access page, or 000004 with the instanceId.
// Duplicates wait with it, and whatever had come by the time of the first answer
// gets that one, however far the purchase is when its turn comes.
func (in *Intake) purchaseV1(ctx context.Context, a Arrived) (attempted, error) {
	done, err := in.once(ctx, a, source{name: "marketplace"})
	if err != nil || !done.pending {
		return done, err
	}
	came := in.await(ctx, done.message, a.ReceivedAt)
	var said attempted
	err = in.store.Write(ctx, func(tx *store.Tx) (err error) {
		said, err = in.say(ctx, tx, a, done, came)
		return err
	})
	if err != nil {
		in.log.WarnContext(ctx, "the answer to a purchase that had waited could not be kept; it will be asked for again",
			"message", done.message, "error", err)
		return done, nil
	}
	return said, nil
}

// say settles the answer of a purchase that has waited: the one that stands
// already, or by how far it has come. came is what its waiting ended with.
func (in *Intake) say(ctx context.Context, tx *store.Tx, a Arrived, done attempted, came market.ResultCode) (attempted, error) {
	var e effect
	code, response, stands, err := tx.StandingAnswer(ctx, done.message, a.ReceivedAt)
	if err != nil {
		return done, err
	}
	if !stands {
		now := in.bought
		if a.Call.Activity == market.GetLicense {
			now = in.licensed
		}
		if e, err = now(ctx, tx, a, done.instance); err != nil {
			return done, err
		}
		if e.pending && !came.OK() { // given up
			e.answer = market.Answer{Code: came, InstanceID: e.answer.InstanceID}
		}
		code, response = e.answer.Code, in.encode(a, a.Call.Activity, e.answer)
		if err := tx.SetAnswer(ctx, done.message, done.attempt, code, time.Now()); err != nil {
			return done, err
		}
	}
	if bytes.Equal(response, done.response) {
		return done, nil
	}
	done.code, done.response = code, response
	return done, tx.BetterAnswer(ctx, done.attempt, a.arrival(""), store.Outcome{Code: code, Response: response, Seen: e.seen})
}

// standing is the answer that an earlier call of the same purchase has been given
// since this one came: they are duplicates, and get the same.
func standing(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, bool, error) {
	if !m.AnsweredAt.After(a.ReceivedAt) || m.Status == store.MessageFailed { // which begins anew
		return effect{}, false, nil
	}
	code, response, stands, err := tx.StandingAnswer(ctx, m.ID, a.ReceivedAt)
	return effect{answer: market.Answer{Code: code}, response: response, repeat: true, differs: m.Conflict}, stands, err
}

// await waits until the purchase is ready (000000), was given up (000005, or the
// published code that the driver named), or waiting longer is of no use (000004).
func (in *Intake) await(ctx context.Context, message int64, came time.Time) market.ResultCode {
	until := came.Add(in.wait)
	select {
	case in.waiting <- struct{}{}:
		defer func() { <-in.waiting }()
	default:
		return market.Processing
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for step := firstLook; ; step = min(2*step, slowLook) {
		select {
		case <-ctx.Done():
			return market.Processing
		case <-timer.C:
		}
		r, err := in.store.Reader().Readiness(ctx, message, came, until)
		left := time.Until(until)
		switch {
		case err != nil, r.Said:
			return market.Processing
		case r.Ready:
			return market.Success
		case r.Given && r.Code.Refuses():
			return r.Code
		case r.Given:
			return market.OtherError
		case r.Later || left <= 0:
			return market.Processing
		}
		timer.Reset(min(step, left))
	}
}

// buy is what an arrival of a purchase does.
func (in *Intake) buy(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	if m.Fresh {
		return in.firstBuy(ctx, tx, a, m)
	}
	e, err := in.bought(ctx, tx, a, m.InstanceID)
	e.repeat, e.differs = true, m.Conflict
	if err != nil || m.Conflict || m.Status != store.MessageFailed {
		return e, err
	}
	// The marketplace tries a failed purchase again: what was given up begins anew.
	r, err := restartGivenUp(ctx, tx, m.ID, "marketplace")
	e.changed, e.tasks = r.Given > 0, r.Touched() > 0
	return e, err
}

func (in *Intake) firstBuy(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	spare := uuid.NewString()
	id := wanted(a.Call.BusinessID, spare)
	if a.Call.Test {
		e := effect{answer: market.Answer{Code: market.Success, InstanceID: id}, changed: true}
		e.answer.App = &market.AppInfo{FrontEndURL: in.publicURL}
		return e, tx.NameInstance(ctx, m.ID, id)
	}
	n, changes, err := instanceOf(a, id, spare, tx.Now)
	if err != nil {
		return effect{}, err
	}
	added, err := tx.AddInstance(ctx, n)
	if err != nil {
		return effect{}, err
	}
	if err := tx.NameInstance(ctx, m.ID, n.InstanceID); err != nil {
		return effect{}, err
	}
	if !added {
		return in.bought(ctx, tx, a, n.InstanceID)
	}
	if err := tx.SaveState(ctx, &n.Instance, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	if err := keepOrder(ctx, tx, a.Call, &n.Instance, market.OrderType(n.OrderType), outbox.Purchase, ""); err != nil {
		return effect{}, err
	}
	e := in.notYet(a, &n.Instance)
	e.changed, e.tasks = true, true
	if err := event.OfInstance(ctx, tx, event.InstanceProvision, &n.Instance, event.Cause{MessageID: m.ID}, event.Whole(a.Channel, &n.Instance)); err != nil {
		return e, err
	}
	_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Purchase, MessageID: m.ID, InstancePK: n.PK,
		OrderID: a.Call.OrderID, UniqueKey: outbox.Key(outbox.Provision, outbox.Purchase, n.PK)})
	return e, err
}

// bought is the answer to a purchase whose instance is there. A debugging call
// has only its id.
func (in *Intake) bought(ctx context.Context, tx *store.Tx, a Arrived, id string) (effect, error) {
	e := effect{answer: market.Answer{Code: market.Success, InstanceID: id}}
	if a.Call.Test {
		e.answer.App = &market.AppInfo{FrontEndURL: in.publicURL}
		return e, nil
	}
	i, err := tx.Reader().InstanceOf(ctx, a.Channel.ID, id)
	if fault.Is(err, fault.NotFound) {
		return refused(market.NoSuchInstance, "call.instance_unknown", "instance", id), nil
	}
	if err != nil {
		return e, err
	}
	d, err := decide(a, i, tx.Now)
	e.answer.Code = d.Code
	switch {
	case d.Does(market.ShowAccess):
		app := i.App
		e.answer.App = &app
		if app.FrontEndURL == "" { // which must be there, also of a product without an address
			app.FrontEndURL = in.page(i.InstanceID, i.LinkGeneration)
		}
	case d.Does(market.ShowAddress) && i.App.FrontEndURL != "":
		e.answer.App = &market.AppInfo{FrontEndURL: i.App.FrontEndURL}
	case d.Code == market.Processing:
		return in.notYet(a, i), err
	}
	if e.answer.App != nil && i.App.FrontEndURL != "" {
		e.sees(i)
	}
	return e, err
}

// notYet is the answer to a purchase whose access data is not there yet.
func (in *Intake) notYet(a Arrived, i *store.Instance) effect {
	e := effect{pending: true, answer: market.Answer{Code: market.Processing, InstanceID: i.InstanceID}}
	if app := in.meanwhile(a.Channel, i.InstanceID, i.LinkGeneration); app != nil {
		e.answer.Code, e.answer.App = market.Success, app
	}
	return e
}

// meanwhile is what the marketplace can show of an instance that is being made:
// the buyer's access page; nil when the channel does not want that, or there is none.
func (in *Intake) meanwhile(ch *store.Channel, instanceID string, generation int) *market.AppInfo {
	if ch.V1Pending != store.PendingPage {
		return nil
	}
	if link := in.page(instanceID, generation); link != "" {
		return &market.AppInfo{FrontEndURL: link}
	}
	return nil
}

// page is the address of the buyer's access page; "" where it would be longer than
// frontEndUrl may be.
func (in *Intake) page(instanceID string, generation int) string {
	if in.link == nil {
		return ""
	}
	link := in.link(instanceID, generation)
	if len(link) > market.MaxAppURL {
		in.log.Warn("the address of an access page is longer than frontEndUrl may be; PUBLIC_URL is too long", "instance", instanceID, "length", len(link))
		return ""
	}
	return link
}
