package intake

import (
	"context"
	"slices"
	"time"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// lock finds the call's instance; it is nil when the channel has none.
func (in *Intake) lock(ctx context.Context, tx *store.Tx, a Arrived) (*store.Instance, error) {
	i, err := tx.LockInstance(ctx, a.Channel.ID, a.Call.InstanceID())
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return i, err
}

// decide asks the life cycle what a call does to an instance, which is nil when
// there is none.
func decide(a Arrived, i *store.Instance, now time.Time) (market.Decision, error) {
	on, ok := market.EventOf(a.Call)
	stage := market.Absent
	if i != nil {
		stage = i.Stage()
	}
	d, found := market.Decide(a.Call.Protocol, stage, on, a.Call.ExpireTime.After(now))
	if !ok || !found {
		return d, fault.New(fault.Internal, "call.activity_unhandled", "activity", a.Call.Activity)
	}
	return d, nil
}

// living is a call about one instance: it locks it and lets the life cycle
// decide. What the decision leaves to be done is done by then, which gives the
// changes that it made; the new stage is written with them.
func (in *Intake) living(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, then follow) (effect, error) {
	if a.Call.Activity == market.ReleaseInstance { // it ends what other messages have begun
		if err := tx.HoldWorkID(ctx, a.Call.InstanceID()); err != nil {
			return effect{}, err
		}
	}
	i, err := in.lock(ctx, tx, a)
	if err != nil {
		return effect{}, err
	}
	d, err := decide(a, i, tx.Now)
	if err != nil {
		return effect{}, err
	}
	switch {
	case d.Code == market.NoSuchInstance && i == nil:
		return refused(d.Code, "call.instance_unknown", "instance", a.Call.InstanceID()), nil
	case d.Code == market.NoSuchInstance:
		return refused(d.Code, "call.instance_released", "instance", i.InstanceID), nil
	}
	e := effect{answer: market.Answer{Code: d.Code}}
	expiry := i.ExpiresAt
	var changes []market.Change
	if then != nil {
		if changes, err = then(ctx, tx, a, m, i, d, &e); err != nil {
			return effect{}, err
		}
	}
	changes = append(i.Take(d.To, tx.Now), changes...)
	e.changed = e.changed || len(changes) > 0
	if len(changes) > 0 || d.Does(market.KeepTerms) {
		if err := tx.SaveState(ctx, i, changes, store.Origin{MessageID: m.ID}); err != nil {
			return effect{}, err
		}
		e.tasks = true
		return e, told(ctx, tx, a, i, changes, m, d, expiry)
	}
	return e, nil
}

// told tells the seller's systems what a call has changed; before is the expiry
// that there was.
func told(ctx context.Context, tx *store.Tx, a Arrived, i *store.Instance, changes []market.Change, m store.OpenMessage, d market.Decision, before time.Time) error {
	var scene market.Scene
	if d.Does(market.KeepTerms) {
		if scene = a.Call.Scene; scene == "" { // V1.0 names only one
			scene = market.Renewal
		}
	}
	return event.Changed(ctx, tx, a.Channel.Slug, i, changes,
		event.Cause{MessageID: m.ID, OrderID: a.Call.OrderID, OrderLineID: a.Call.OrderLineID}, scene, before)
}

// follow does what a decision leaves to be done.
type follow func(context.Context, *store.Tx, Arrived, store.OpenMessage, *store.Instance, market.Decision, *effect) ([]market.Change, error)

// query shows what there is, read without a lock.
func (in *Intake) query(ctx context.Context, r *store.Reader, a Arrived) (effect, error) {
	found, err := r.Instances(ctx, a.Channel.ID, a.Call.InstanceIDs)
	if err != nil {
		return effect{}, err
	}
	return in.look(a, found)
}

// look answers a queryInstance about these instances.
func (in *Intake) look(a Arrived, found []*store.Instance) (effect, error) {
	answer, lacks, err := Look(a.Call.Protocol, found)
	if answer.Code == market.NoSuchInstance {
		return refused(answer.Code, "call.instance_unknown", "instance", a.Call.InstanceID()), nil
	}
	e := effect{changed: true, lacks: lacks}
	for n := range answer.Info { // before the buyer's access page stands in for what is not there
		if answer.Info[n].App != nil {
			e.sees(found[slices.IndexFunc(found, func(i *store.Instance) bool { return i.InstanceID == answer.Info[n].InstanceID })])
		}
	}
	if a.Call.Protocol == market.V1 {
		in.bridge(a.Channel, &answer, found)
	}
	e.answer = answer
	return e, err
}

// bridge gives what is still being made the buyer's access page.
func (in *Intake) bridge(ch *store.Channel, answer *market.Answer, found []*store.Instance) {
	generations := make(map[string]int, len(found))
	for _, i := range found {
		generations[i.InstanceID] = i.LinkGeneration
	}
	for n := range answer.Info {
		if info := &answer.Info[n]; info.App == nil {
			info.App = in.meanwhile(ch, info.InstanceID, generations[info.InstanceID])
		}
	}
}

// Look is the answer to a queryInstance for these instances: what each of them
// shows, and the best of their codes; lacks tells that one has the code of what is
// still being made.
func Look(p market.Protocol, found []*store.Instance) (answer market.Answer, lacks bool, err error) {
	answer.Code = market.NoSuchInstance
	for _, i := range found {
		d, ok := market.Decide(p, i.Stage(), market.Queried, false)
		if !ok {
			return answer, lacks, fault.New(fault.Internal, "call.activity_unhandled", "activity", market.QueryInstance)
		}
		if d.Code == market.NoSuchInstance {
			continue
		}
		lacks = lacks || d.Code == market.Processing
		info := market.InstanceInfo{InstanceID: i.InstanceID}
		if app := i.App; d.Does(market.ShowAccess) && app.FrontEndURL != "" { // a License product has none
			info.App = &app
		}
		if i.ChargingMode.Metered() {
			info.Usage = i.Usage.Entries
		}
		if answer.Code != market.Success {
			answer.Code = d.Code
		}
		answer.Info = append(answer.Info, info)
	}
	return answer, lacks, nil
}

// renew keeps the terms that a refreshInstance tells. It sets the expiry and
// never adds to it.
func (in *Intake) renew(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance, d market.Decision, e *effect) ([]market.Change, error) {
	c := a.Call
	after, err := tx.LastTask(ctx, i.PK)
	if err != nil {
		return nil, err
	}
	changes := i.Hear(c.ExpireTime, c.ProductID, after)
	e.changed = true
	if c.Protocol == market.V1 {
		more, err := in.renewV1(ctx, tx, c, i)
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	if d.Does(market.AskOrder) {
		e.tasks = true
		_, err = tx.AskOrder(ctx, i.ChannelID, orderQuery(purposes[c.Scene], a, i, m))
	}
	return changes, err
}

// purposes is what the order of a scene is asked for.
var purposes = map[market.Scene]outbox.Purpose{market.TrialToFormal: outbox.Renewed, market.RenewalChange: outbox.Upgrade}

func orderQuery(purpose outbox.Purpose, a Arrived, i *store.Instance, m store.OpenMessage) outbox.New {
	return outbox.New{Purpose: purpose, MessageID: m.ID, InstancePK: i.PK,
		OrderID: a.Call.OrderID, OrderLineID: a.Call.OrderLineID, UniqueKey: m.Once(outbox.Key(outbox.OrderQuery, purpose, m.ID))}
}

// release ends whatever was still to be done for an instance.
func (in *Intake) release(ctx context.Context, tx *store.Tx, _ Arrived, m store.OpenMessage, i *store.Instance, d market.Decision, e *effect) ([]market.Change, error) {
	if d.Does(market.EndWork) {
		if err := tx.EndWork(ctx, i.PK, "releaseInstance"); err != nil {
			return nil, err
		}
	}
	if d.Does(market.Undo) {
		e.tasks = true
		return nil, in.life.Release(ctx, tx, i, m.ID)
	}
	return nil, nil
}

// upgrade is taken over durably and answered with success; what was bought is
// learned and applied by tasks. V1.0 says itself what was bought.
func (in *Intake) upgrade(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance, d market.Decision, e *effect) ([]market.Change, error) {
	e.changed, e.tasks = true, true
	if d.Does(market.AskOrder) {
		_, err := tx.AskOrder(ctx, i.ChannelID, orderQuery(outbox.Upgrade, a, i, m))
		return nil, err
	}
	return in.upgradeV1(ctx, tx, a, m, i)
}

// check asks the driver whether a change upon renewal would be possible. The
// seller's systems hear of a question when it comes first, and of an answer that
// has changed; not of each repeat.
func (in *Intake) check(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance, d market.Decision, e *effect) ([]market.Change, error) {
	e.changed = true
	if !d.Does(market.AskDriver) {
		return nil, nil
	}
	answered := market.Success
	err := in.life.CheckChange(ctx, tx.Reader(), a.Channel, i, a.Call.Products)
	if f := fault.From(err); f != nil {
		if f.Code == fault.Unavailable || f.Code == fault.Internal {
			return nil, err
		}
		answered = market.OtherError
		e.answer, e.err = market.Answer{Code: answered, Msg: "the change is not possible."}, err
	}
	e.tasks = true
	if !m.Fresh && m.ResultCode == answered {
		return nil, nil
	}
	return nil, event.Checked(ctx, tx, a.Channel, i, m.ID, a.Call.Products)
}
