package provision

import (
	"context"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// byHand is the driver that access data counts as made by when somebody handed
// it in.
const byHand = "manual"

// maker is whose access data counts as after somebody handed it in: the driver's
// that waited for it or still holds something, or that of the seller's product
// whose instance it is and stays; else nobody's but that person's, so that no
// template overwrites it later.
func (p *Provisioner) maker(i *store.Instance, now *store.Product) string {
	_, holds := p.drivers[i.Driver].(Releaser)
	theirs := i.Driver == store.DriverWebhook && now.Driver == store.DriverWebhook
	if i.Driver != "" && (holds || theirs || i.AccessVersion == 0) {
		return i.Driver
	}
	return byHand
}

// SetAccess takes access data from a person or through the API. The first time
// it completes the provisioning; later it replaces the data. An empty password
// keeps the stored one. When anything that the customer needs has changed, the
// usage information goes out (again).
//
// Faults: invalid "access.field_*" naming the field; not_found
// "instance.unknown"; conflict "access.instance_released", or "claim.held" when
// another person is setting the instance up.
func (p *Provisioner) SetAccess(ctx context.Context, instanceID string, a Access, actor staff.Actor) error {
	a.FrontEndURL, a.AdminURL = strings.TrimSpace(a.FrontEndURL), strings.TrimSpace(a.AdminURL)
	a.UserName, a.Memo = strings.TrimSpace(a.UserName), strings.TrimSpace(a.Memo)
	if err := a.Check(); err != nil {
		return err
	}
	err := p.store.Write(ctx, func(tx *store.Tx) error { return p.setAccess(ctx, tx, instanceID, a, actor) })
	if err != nil {
		return err
	}
	p.wake()
	p.log.InfoContext(ctx, "access data handed in", "instance", instanceID, "actor", actor.Name)
	return nil
}

// untouched puts back what the person left as the screen showed it: the
// password, which is never shown, and what is shown masked.
func untouched(a Access, i *store.Instance) Access {
	if a.Password == "" {
		a.Password = i.App.Password
	}
	shown := i.Shown()
	for _, f := range []struct {
		given       *string
		mask, whole string
	}{{&a.FrontEndURL, shown.FrontEndURL, i.App.FrontEndURL}, {&a.AdminURL, shown.AdminURL, i.App.AdminURL},
		{&a.UserName, shown.UserName, i.App.UserName}, {&a.Memo, shown.Memo, i.App.Memo}} {
		if *f.given == f.mask {
			*f.given = f.whole
		}
	}
	return a
}

func (p *Provisioner) setAccess(ctx context.Context, tx *store.Tx, instanceID string, a Access, actor staff.Actor) error {
	if err := tx.HoldWorkID(ctx, instanceID); err != nil {
		return err
	}
	i, err := tx.LockInstanceID(ctx, instanceID)
	if err != nil {
		return err
	}
	if i.Status == market.Released {
		return fault.New(fault.Conflict, "access.instance_released", "instance", i.InstanceID)
	}
	if err := notTheirs(ctx, tx, i, actor); err != nil {
		return err
	}
	a = untouched(a, i)
	if err := a.CheckFor(i.Protocol); err != nil {
		return err
	}
	changed := i.App.Changed(a)
	if len(changed) > 0 {
		message, err := tx.ProvisionMessage(ctx, i.PK)
		if err != nil {
			return err
		}
		product, err := productOrDefault(ctx, tx.Reader(), i)
		if err != nil {
			return err
		}
		maker := p.maker(i, product)
		if i.Driver == store.DriverWebhook && maker != i.Driver {
			if err := tx.NoteFormerProduct(ctx, i.PK, product); err != nil {
				return err
			}
		}
		if err := p.writeAccess(ctx, tx, i, a, maker, store.Origin{MessageID: message, Actor: actor.Name}); err != nil {
			return err
		}
		if err := p.deliver.UsageInfo(ctx, tx, i, product, message); err != nil {
			return err
		}
	}
	if err := tx.CompleteParked(ctx, i.PK, actor.Name); err != nil {
		return err
	}
	if _, err := tx.DropClaim(ctx, i.PK); err != nil {
		return err
	}
	return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: "instance.access", Target: "instance/" + i.InstanceID, IP: actor.IP,
		Detail: map[string]string{"fields": strings.Join(changed, ", ")}})
}
