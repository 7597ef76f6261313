package provision

import (
	"context"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Release sees to it, in the transaction that releases an instance, that what
// its driver holds is let go: by a task, or, where the driver cannot, as a
// left-over for a person: what somebody has claimed may be half made. Drivers that
// hold nothing cause neither.
func (p *Provisioner) Release(ctx context.Context, tx *store.Tx, i *store.Instance, messageID int64) error {
	return p.undo(ctx, tx, i, outbox.New{MessageID: messageID, UniqueKey: outbox.Key(outbox.Provision, outbox.Release, i.PK)})
}

func (p *Provisioner) undo(ctx context.Context, tx *store.Tx, i *store.Instance, n outbox.New) error {
	if err := endClaim(ctx, tx, i.PK); err != nil {
		return err
	}
	if i.Driver == "" {
		return nil // nothing was begun
	}
	driver, known := p.drivers[i.Driver]
	if !known {
		return tx.NoteLeftover(ctx, store.Leftover{InstancePK: i.PK, Driver: i.Driver, Reason: store.DriverUnknown}, nil)
	}
	if l, leaves := driver.(Leaver); leaves && l.Leaves(request(&store.Channel{}, i, &store.Product{}, 0)) {
		return tx.NoteLeftover(ctx, store.Leftover{InstancePK: i.PK, Driver: i.Driver, Reason: store.ByHand}, nil)
	}
	if _, holds := driver.(Releaser); !holds {
		return nil
	}
	n.Kind, n.Purpose, n.InstancePK, n.OrderID, n.OrderLineID = outbox.Provision, outbox.Release, i.PK, i.OrderID, i.OrderLineID
	_, err := tx.Enqueue(ctx, n)
	return err
}

// undoLate sees to it that what a driver has made, or may have made, for an
// instance that was released meanwhile goes again. An undoing that has not begun
// comes after this try anyway; one that has run already saw nothing of it. The
// worker's lease may be over: what was made is there all the same.
func (p *Provisioner) undoLate(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance, driver string) error {
	if err := p.take(ctx, tx, task, i, driver); err != nil {
		return err
	}
	waits, err := tx.UndoWaits(ctx, i.PK)
	if err != nil || waits {
		return err
	}
	return p.undo(ctx, tx, i, outbox.New{MessageID: task.MessageID,
		UniqueKey: outbox.Key(outbox.Provision, outbox.Release, i.PK, task.ID, int64(task.Round), int64(task.Attempt))})
}

// endLate ends the try of a task whose instance was released, also when another
// worker has been given the task.
func endLate(ctx context.Context, tx *store.Tx, task outbox.Task) error {
	err := tx.Complete(ctx, task)
	if f := fault.From(err); f != nil && f.Key == "task.lease_lost" {
		return nil
	}
	return err
}

// failed is a driver's fault. Its try may have made something all the same, so
// that a release in the meantime has to be made good.
func (p *Provisioner) failed(ctx context.Context, task outbox.Task, driver string, cause error) error {
	if _, holds := p.drivers[driver].(Releaser); !holds {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, task.InstancePK)
		if err != nil || i.Status != market.Released {
			return err
		}
		return p.undoLate(ctx, tx, task, i, driver)
	})
	if err != nil {
		p.log.ErrorContext(ctx, "what a failed try may have made for a released instance could not be noted", "task", task.ID, "error", err)
	}
	return cause
}

// letGo does the task that undoes an instance, when nothing is making or
// changing it any more.
func (p *Provisioner) letGo(ctx context.Context, task outbox.Task, i *store.Instance) error {
	r := p.store.Reader()
	if making, err := r.Making(ctx, i.PK); err != nil {
		return err
	} else if making {
		return fault.New(fault.Conflict, "provision.still_running").RetryAfter(2 * time.Second)
	}
	name := i.Driver
	if l, ok, err := r.LeftoverOfTask(ctx, task.ID); err != nil {
		return err
	} else if ok {
		name = l.Driver
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	product, err := productOrDefault(ctx, r, i)
	if err != nil {
		return err
	}
	if err := p.releaseAt(ctx, name, request(ch, i, product, task.ID)); err != nil {
		return err
	}
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		if err := tx.LeftoverGone(ctx, i.PK, name, "system"); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

func (p *Provisioner) releaseAt(ctx context.Context, name string, r Request) error {
	releaser, holds := p.drivers[name].(Releaser)
	if !holds {
		return nil
	}
	if err := releaser.Release(ctx, r); err != nil {
		return err
	}
	prober, looks := releaser.(Prober)
	if !looks {
		return nil
	}
	there, err := prober.Exists(ctx, r)
	if err != nil {
		return err
	}
	if there {
		return fault.New(fault.Conflict, "provision.still_there", "driver", name)
	}
	return nil
}

// OnFail shows what could not be undone as left over, in the transaction that
// gives the undoing up, and notes at an order why it could not be asked for.
func (p *Provisioner) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	if task.Kind == outbox.OrderQuery {
		return tx.OrderNotLearned(ctx, task.OrderPK, cause, final)
	}
	if !final || task.Purpose != outbox.Release {
		return nil
	}
	i, err := tx.LockInstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	name := i.Driver
	if l, ok, err := tx.Reader().LeftoverOfTask(ctx, task.ID); err != nil {
		return err
	} else if ok {
		name = l.Driver
	}
	return tx.NoteLeftover(ctx, store.Leftover{InstancePK: i.PK, Driver: name, Reason: store.UndoFailed, TaskID: task.ID}, cause)
}
