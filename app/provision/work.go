package provision

import (
	"context"
	"strings"
	"time"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Provision does a provision task: the product's driver makes the instance,
// changes it after an upgrade, or lets it go. Access data is made once; a second
// run finds it and only ends the task.
//
// Faults: not_found "product.unconfigured" and invalid "product.driver_unknown"
// (given up); the driver's own; invalid "provision.bad_access" (the driver's
// answer does not fit the published lengths; given up); conflict
// "provision.changed_meanwhile" (tried again); conflict "task.lease_lost".
func (p *Provisioner) Provision(ctx context.Context, task outbox.Task) error {
	r := p.store.Reader()
	i, err := r.InstancePK(ctx, task.InstancePK)
	if err != nil {
		return err
	}
	if task.Purpose == outbox.Release {
		return p.letGo(ctx, task, i)
	}
	if i.Status == market.Released || made(task, i) {
		return p.finish(ctx, task)
	}
	ch, err := r.ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	product, err := r.ProductOf(ctx, i)
	if err != nil {
		return err
	}
	driver, err := p.drivers.Of(product)
	if err != nil {
		return err
	}
	if gone, err := p.begin(ctx, task, product.Driver); err != nil || gone {
		return err
	}
	ask := driver.Provision
	if i.AccessVersion > 0 {
		ask = driver.Change
	}
	result, err := ask(ctx, taskRequest(ch, i, product, task))
	if err != nil {
		return p.failed(ctx, task, product.Driver, err)
	}
	if result.Waiting {
		return p.park(ctx, task, product, result.Until)
	}
	if result.Nothing {
		return p.without(ctx, task, product)
	}
	if err := result.Access.CheckFor(i.Protocol); err != nil {
		f := fault.From(err)
		return fault.Wrap(err, fault.Invalid, "provision.bad_access", "driver", product.Driver, "product", product.Name(),
			"field", f.Args["field"])
	}
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		return p.keep(ctx, tx, task, product, i.AccessVersion, result.Access)
	})
}

// begin notes who is going to be asked before it is asked, when that driver may
// have to undo it: the try may never be heard of again. gone says that the
// instance was released meanwhile and nothing must be begun.
func (p *Provisioner) begin(ctx context.Context, task outbox.Task, driver string) (gone bool, err error) {
	if _, holds := p.drivers[driver].(Releaser); !holds {
		return false, nil
	}
	err = p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, task.InstancePK)
		if err != nil {
			return err
		}
		if gone = i.Status == market.Released; gone {
			return tx.Complete(ctx, task)
		}
		if i.AccessVersion > 0 && i.Driver != driver {
			return p.handOver(ctx, tx, i, driver) // until it is its own
		}
		if i.AccessVersion > 0 {
			return nil
		}
		return p.take(ctx, tx, task, i, driver)
	})
	return gone, err
}

// made tells whether a purchase has its access data: an upgrade may change it,
// the purchase never again.
func made(task outbox.Task, i *store.Instance) bool {
	return task.Purpose == outbox.Purchase && i.AccessVersion > 0
}

// finish ends a task whose work is done. Access data may be older than the
// knowledge of whom to tell, when a person typed it before the order was known.
func (p *Provisioner) finish(ctx context.Context, task outbox.Task) error {
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, task.InstancePK)
		if err != nil {
			return err
		}
		if i.Status != market.Released && (i.Email != "" || i.Phone != "") {
			product, err := productOrDefault(ctx, tx.Reader(), i)
			if err != nil {
				return err
			}
			if err := p.deliver.UsageInfo(ctx, tx, i, product, task.MessageID); err != nil {
				return err
			}
		}
		return tx.Complete(ctx, task)
	})
}

// keep writes a driver's answer, under the instance's lock. seen is the version
// of the access data that the driver knew.
func (p *Provisioner) keep(ctx context.Context, tx *store.Tx, task outbox.Task, product *store.Product, seen int, access Access) error {
	i, err := tx.LockInstancePK(ctx, task.InstancePK)
	switch {
	case err != nil:
		return err
	case i.Status == market.Released:
		// Released while the driver was at work: what it made must go again.
		if err := p.undoLate(ctx, tx, task, i, product.Driver); err != nil {
			return err
		}
		return endLate(ctx, tx, task)
	case made(task, i):
		return tx.Complete(ctx, task)
	case i.AccessVersion != seen:
		return fault.New(fault.Conflict, "provision.changed_meanwhile")
	}
	if err := reached(ctx, tx, task, i, product); err != nil {
		return err
	}
	changed := i.App.Changed(access)
	if len(changed) == 0 {
		return tx.Complete(ctx, task)
	}
	if err := p.writeAccess(ctx, tx, i, access, product.Driver, origin(task)); err != nil {
		return err
	}
	if err := p.deliver.UsageInfo(ctx, tx, i, product, task.MessageID); err != nil {
		return err
	}
	p.log.InfoContext(ctx, "access data made", "instance", i.InstanceID, "driver", product.Driver,
		"version", i.AccessVersion, "fields", strings.Join(changed, ","))
	return tx.Complete(ctx, task)
}

// writeAccess stores new access data with its history.
func (p *Provisioner) writeAccess(ctx context.Context, tx *store.Tx, i *store.Instance, access Access, driver string, o store.Origin) error {
	changes := []market.Change{{Kind: market.AccessChanged, New: strings.Join(i.App.Changed(access), ", ")}}
	first := i.AccessVersion == 0
	if i.Driver != driver {
		changes = append(changes, market.Change{Kind: market.DriverChanged, Old: i.Driver, New: driver})
		if err := p.handOver(ctx, tx, i, i.Driver); err != nil {
			return err
		}
	}
	if err := tx.TakeBack(ctx, i.PK, driver); err != nil {
		return err
	}
	i.App, i.Driver = access, driver
	if err := tx.SaveAccess(ctx, i); err != nil {
		return err
	}
	if err := tx.SaveState(ctx, i, append(changes, i.Provisioned(tx.Now)...), o); err != nil || !first {
		return err
	}
	return tell(ctx, tx, event.InstanceProvisioned, i, event.Cause{MessageID: o.MessageID, TaskID: o.TaskID})
}

// take gives an instance that has no access data to the driver that is at work on
// it, from whichever had it before.
func (p *Provisioner) take(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance, driver string) error {
	if i.Driver == driver {
		return nil
	}
	if err := p.handOver(ctx, tx, i, i.Driver); err != nil {
		return err
	}
	i.Driver = driver
	return tx.SetDriver(ctx, i.PK, driver, origin(task))
}

// handOver shows what a driver may hold of an instance that is another one's, or what
// a person made of it: it may be the customer's data, so nobody but a person decides.
func (p *Provisioner) handOver(ctx context.Context, tx *store.Tx, i *store.Instance, name string) error {
	driver := p.drivers[name]
	l, leaves := driver.(Leaver)
	leaves = leaves && l.Leaves(request(&store.Channel{}, i, &store.Product{}, 0))
	if _, releases := driver.(Releaser); !releases && !leaves {
		return nil
	}
	if h, tells := driver.(Holder); tells {
		if holds, err := h.Holds(ctx, tx.Reader(), i.PK); err != nil || !holds {
			return err
		}
	}
	return tx.NoteLeftover(ctx, store.Leftover{InstancePK: i.PK, Driver: name, Reason: store.DriverChanged}, nil)
}

// park leaves the task to somebody else, who ends it by handing in the access
// data; until is when the driver is asked again, zero for never.
func (p *Provisioner) park(ctx context.Context, task outbox.Task, product *store.Product, until time.Time) error {
	return p.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, task.InstancePK)
		if err != nil {
			return err
		}
		if i.Status == market.Released {
			if err := p.undoLate(ctx, tx, task, i, product.Driver); err != nil {
				return err
			}
			return endLate(ctx, tx, task)
		}
		if made(task, i) {
			return tx.Complete(ctx, task)
		}
		if i.AccessVersion == 0 {
			if err := p.take(ctx, tx, task, i, product.Driver); err != nil {
				return err
			}
		}
		if err := reached(ctx, tx, task, i, product); err != nil {
			return err
		}
		switch there, err := tx.HandedIn(ctx, task.ID); {
		case err != nil:
			return err
		case there:
			return tx.Complete(ctx, task)
		}
		p.log.InfoContext(ctx, "waiting for access data", "instance", i.InstanceID, "driver", product.Driver)
		return tx.Park(ctx, task, until)
	})
}
