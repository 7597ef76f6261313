package reconcile

import (
	"context"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Apply does the repair of one finding as a person's act; it is recorded with
// who, when and why. What it changes is checked once more under the instance's
// lock, so that a repair never overwrites what came in since.
//
// Faults: not_found "finding.unknown"; conflict "finding.decided",
// "finding.no_repair", "finding.moved" (the instance has changed since; the next
// run looks again).
func (r *Reconciler) Apply(ctx context.Context, id int64, by staff.Actor) error {
	err := r.o.Store.Write(ctx, func(tx *store.Tx) error {
		f, err := open(ctx, tx, id)
		if err != nil {
			return err
		}
		if f.Repair == "" {
			return fault.New(fault.Conflict, "finding.no_repair")
		}
		status, err := r.repair(ctx, tx, f, by)
		if err != nil {
			return err
		}
		return r.decide(ctx, tx, f, store.FindingApplied, status, by)
	})
	if err == nil {
		r.o.Wake()
	}
	return err
}

// Keep leaves a difference as it is, with the reason; it is not found again
// until its values change. Faults as Apply's.
func (r *Reconciler) Keep(ctx context.Context, id int64, by staff.Actor) error {
	return r.o.Store.Write(ctx, func(tx *store.Tx) error {
		f, err := open(ctx, tx, id)
		if err != nil {
			return err
		}
		return r.decide(ctx, tx, f, store.FindingKept, "", by)
	})
}

// Decided is what deciding about several differences came to.
type Decided struct {
	Done    int
	Refused map[string]int // by the key of the fault
}

// ApplySome approves the named findings, one transaction each. What breaks it
// off comes with what was done before.
func (r *Reconciler) ApplySome(ctx context.Context, ids []int64, by staff.Actor) (Decided, error) {
	return some(ids, func(id int64) error { return r.Apply(ctx, id, by) })
}

// KeepSome leaves the named differences as they are, as ApplySome does.
func (r *Reconciler) KeepSome(ctx context.Context, ids []int64, by staff.Actor) (Decided, error) {
	return some(ids, func(id int64) error { return r.Keep(ctx, id, by) })
}

func some(ids []int64, decide func(id int64) error) (Decided, error) {
	out := Decided{Refused: map[string]int{}}
	for _, id := range ids {
		err := decide(id)
		switch {
		case err == nil:
			out.Done++
		case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
			out.Refused[fault.From(err).Key]++
		default:
			return out, err
		}
	}
	return out, nil
}

func open(ctx context.Context, tx *store.Tx, id int64) (store.Finding, error) {
	f, err := tx.LockFinding(ctx, id)
	if err == nil && f.Status != store.FindingOpen {
		err = fault.New(fault.Conflict, "finding.decided")
	}
	return f, err
}

// decide records a decision; instance is the status that its repair left, if any.
func (r *Reconciler) decide(ctx context.Context, tx *store.Tx, f store.Finding, status string, instance market.InstanceStatus, by staff.Actor) error {
	if err := tx.DecideFinding(ctx, f.ID, status, by.Name, by.Reason); err != nil {
		return err
	}
	detail := map[string]string{"kind": f.Kind, "order": f.OrderID, "ours": f.Ours, "theirs": f.Theirs, "repair": f.Repair}
	if instance != "" {
		detail["status"] = string(instance)
	}
	return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "reconcile." + status, Target: "finding/" + strconv.FormatInt(f.ID, 10),
		Reason: by.Reason, IP: by.IP, Detail: detail})
}

// repair does what was proposed and tells how the instance stands then.
func (r *Reconciler) repair(ctx context.Context, tx *store.Tx, f store.Finding, by staff.Actor) (market.InstanceStatus, error) {
	if f.Repair == TakeOver {
		ch, err := tx.Reader().ChannelByID(ctx, f.ChannelID)
		if err != nil {
			return "", err
		}
		return market.Provisioning, r.o.Purchases.TakeOver(ctx, tx, ch, f.OrderID, f.OrderLineID, by)
	}
	if err := tx.HoldWork(ctx, f.InstancePK); err != nil {
		return "", err
	}
	i, err := tx.LockInstancePK(ctx, f.InstancePK)
	if err != nil {
		return "", err
	}
	if i.Status == market.Released {
		return "", fault.New(fault.Conflict, "finding.moved")
	}
	switch f.Repair {
	case Release:
		err = r.o.Life.End(ctx, tx, i, by)
	case Learn:
		_, err = tx.AskOrder(ctx, i.ChannelID, outbox.New{Purpose: outbox.Upgrade, InstancePK: i.PK, OrderID: f.OrderID,
			OrderLineID: f.OrderLineID, UniqueKey: outbox.Key(outbox.OrderQuery, "reconcile", f.ID)})
	default:
		before := i.ExpiresAt
		changes, amendErr := r.amend(i, f, tx.Now)
		if amendErr != nil {
			return "", amendErr
		}
		err = r.o.Life.Amend(ctx, tx, i, changes, before, by)
	}
	return i.Status, err
}

// amend changes an instance's life as a repair proposes, unless it has changed
// since.
func (r *Reconciler) amend(i *store.Instance, f store.Finding, now time.Time) ([]market.Change, error) {
	expires := market.Stamp(i.ExpiresAt)
	switch {
	case f.Repair == SetExpiry && expires == f.Ours:
		to, err := time.Parse(time.RFC3339, f.Theirs)
		if err != nil {
			break
		}
		changes := i.SetExpiry(to)
		// V2.0's RENEWAL ends no freeze, but neither does its expiry begin one: what
		// is frozen for it was frozen by our own repair.
		d, _ := market.Decide(market.V1, i.Stage(), market.RenewalCame, i.ExpiresAt.After(r.o.Now()))
		return append(changes, i.Take(d.To, now)...), nil
	case f.Repair == Freeze && i.Status == market.Active && expires == f.Theirs:
		return i.On(market.PeriodOver, now), nil
	case f.Repair == Unfreeze && r.locked(i) && expires == f.Theirs:
		return i.On(market.UnfreezeCame, now), nil
	}
	return nil, fault.New(fault.Conflict, "finding.moved")
}
