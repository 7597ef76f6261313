package provision

import (
	"context"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// UndoLeftover has a left-over's driver undo it (again), as a person decided. A
// purchase that the marketplace has given up ends by it, whatever its driver: the
// instance is released. Faults: not_found "leftover.unknown"; conflict "leftover.decided"
// when somebody has decided already, "leftover.no_undo" when only a person can
// take it down.
func (p *Provisioner) UndoLeftover(ctx context.Context, id int64, by staff.Actor) error {
	err := p.decide(ctx, id, staff.ActUndoLeftover, by, func(tx *store.Tx, l store.Leftover) error {
		if !p.Undoes(l.Driver) && l.Reason != store.OrderGivenUp {
			return fault.New(fault.Conflict, "leftover.no_undo", "driver", l.Driver)
		}
		i, err := tx.LockInstancePK(ctx, l.InstancePK)
		if err != nil {
			return err
		}
		if l.Reason == store.OrderGivenUp && i.Status != market.Released {
			if err := p.end(ctx, tx, i, by); err != nil {
				return err
			}
		}
		if !p.Undoes(l.Driver) {
			return p.notUndone(ctx, tx, l, by)
		}
		task, err := p.undoAgain(ctx, tx, l, i, by)
		if err != nil {
			return err
		}
		return tx.DecideLeftover(ctx, l.ID, store.LeftoverUndoing, task, by.Name, by.Reason)
	})
	if err == nil {
		p.wake()
	}
	return err
}

// notUndone is what becomes of a left-over whose purchase has ended without its
// driver's doing: people look at what people may have made; a product with a
// webhook hears of the end, and is shown again if it cannot.
func (p *Provisioner) notUndone(ctx context.Context, tx *store.Tx, l store.Leftover, by staff.Actor) error {
	if err := endClaim(ctx, tx, l.InstancePK); err != nil {
		return err
	}
	driver, known := p.drivers[l.Driver]
	if _, leaves := driver.(Leaver); !known || leaves {
		l.Reason = store.ByHand
		if !known {
			l.Reason = store.DriverUnknown
		}
		return tx.NoteLeftover(ctx, l, nil)
	}
	return tx.DecideLeftover(ctx, l.ID, store.LeftoverGone, 0, by.Name, by.Reason)
}

// Undoes tells whether this program has a driver that can undo what it made.
func (p *Provisioner) Undoes(driver string) bool {
	_, holds := p.drivers[driver].(Releaser)
	return holds
}

// undoAgain restarts the task that could not undo it, or writes one.
func (p *Provisioner) undoAgain(ctx context.Context, tx *store.Tx, l store.Leftover, i *store.Instance, by staff.Actor) (int64, error) {
	if l.TaskID != 0 {
		r, err := tx.RestartTasks(ctx, []int64{l.TaskID}, by.Name)
		if err != nil || r.Touched() > 0 || r.Already() > 0 {
			return l.TaskID, err
		}
	}
	last, err := tx.LastTask(ctx, i.PK)
	if err != nil {
		return 0, err
	}
	return tx.Enqueue(ctx, outbox.New{Kind: outbox.Provision, Purpose: outbox.Release, InstancePK: i.PK, OrderID: i.OrderID,
		OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(outbox.Provision, outbox.Release, i.PK) + "/leftover/" +
			strconv.FormatInt(l.ID, 10) + "/" + strconv.FormatInt(last, 10)})
}

// LeftoverGone notes that a person has taken a left-over down, or found it gone.
// Faults as for UndoLeftover, and invalid "leftover.reason_missing": how it was
// seen must be said.
func (p *Provisioner) LeftoverGone(ctx context.Context, id int64, by staff.Actor) error {
	return p.close(ctx, id, staff.ActLeftoverGone, store.LeftoverGone, by)
}

// KeepLeftover notes that a left-over stays, and why. Faults as for
// LeftoverGone.
func (p *Provisioner) KeepLeftover(ctx context.Context, id int64, by staff.Actor) error {
	return p.close(ctx, id, staff.ActKeepLeftover, store.LeftoverKept, by)
}

func (p *Provisioner) close(ctx context.Context, id int64, action, status string, by staff.Actor) error {
	return p.decide(ctx, id, action, by, func(tx *store.Tx, l store.Leftover) error {
		if strings.TrimSpace(by.Reason) == "" {
			return fault.New(fault.Invalid, "leftover.reason_missing")
		}
		return tx.DecideLeftover(ctx, l.ID, status, 0, by.Name, by.Reason)
	})
}

func (p *Provisioner) decide(ctx context.Context, id int64, action string, by staff.Actor, then func(*store.Tx, store.Leftover) error) error {
	return p.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.HoldLeftover(ctx, id); err != nil {
			return err
		}
		l, err := tx.LockLeftover(ctx, id)
		if err != nil {
			return err
		}
		if l.Status != store.LeftoverOpen && !(l.Status == store.LeftoverKept && action != staff.ActKeepLeftover) {
			return fault.New(fault.Conflict, "leftover.decided")
		}
		if err := then(tx, l); err != nil {
			return err
		}
		i, err := tx.Reader().InstancePK(ctx, l.InstancePK)
		if err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: action, Target: "instance/" + i.InstanceID, Reason: by.Reason, IP: by.IP,
			Detail: map[string]string{"leftover": strconv.FormatInt(id, 10), "driver": l.Driver, "why": l.Reason}})
	})
}

// patience is how long after the end of the marketplace's own retries a failed
// purchase counts as given up.
const patience = 10 * time.Minute

// FindLeftovers shows what drivers may hold of purchases that failed for good.
func (p *Provisioner) FindLeftovers(ctx context.Context) error {
	n, err := p.store.NoteFailedOrders(ctx, patience)
	if n > 0 {
		p.log.WarnContext(ctx, "purchases that the marketplace has given up may have left something at their drivers", "instances", n)
	}
	return err
}
