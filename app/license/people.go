package license

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// HandIn takes a License that a person, or the seller's system by the API, gives
// for a request; whatever waited for it or was given up is done by that. One that
// is there already is replaced, and uploaded again. In License 1.0 an answer that
// was given stays for ever.
//
// Faults: those of market.LicenseContent's Check; invalid "license.v1_needs_text";
// not_found "license.unknown"; conflict "license.instance_released" and
// "license.answered".
func (d *Desk) HandIn(ctx context.Context, id int64, c market.LicenseContent, by staff.Actor) error {
	c = c.Tidy()
	if err := c.Check(); err != nil {
		return err
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error { return d.handIn(ctx, tx, id, c, by) })
	if err != nil {
		return err
	}
	d.wake()
	d.log.InfoContext(ctx, "a License was handed in", "license", id, "actor", by.Name)
	return nil
}

func (d *Desk) handIn(ctx context.Context, tx *store.Tx, id int64, c market.LicenseContent, by staff.Actor) error {
	i, l, err := lockWithMessage(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case i.Status == market.Released || l.Status == market.LicenseCancelled:
		return fault.New(fault.Conflict, "license.instance_released", "instance", i.InstanceID)
	case l.Status == market.LicenseAnswered:
		return fault.New(fault.Conflict, "license.answered")
	}
	if err := fits(l, c); err != nil {
		return err
	}
	if l.Supplier == "" {
		l.Supplier = byHand
	}
	l.SuppliedBy = by.Name
	if err := tx.EndLicenseTasks(ctx, id, string(outbox.LicenseUpload), string(outbox.Cancelled), by.Name); err != nil {
		return err
	}
	if err := d.keep(ctx, tx, l, i, c, store.Origin{MessageID: l.MessageID, Actor: by.Name}); err != nil {
		return err
	}
	if err := tx.EndLicenseTasks(ctx, id, string(outbox.License), string(outbox.Succeeded), by.Name); err != nil {
		return err
	}
	if err := tx.SettleMessage(ctx, l.MessageID); err != nil {
		return err
	}
	form := "text"
	if c.IsFile() {
		form = "file"
	}
	return tx.Audit(ctx, d.audit(by, "license.hand_in", id, map[string]string{"form": form, "instance": i.InstanceID}))
}

// byHand is the supplier of what a person handed in for a product without one.
const byHand = "manual"

// UploadAgain uploads a License once more: at once what waits, in a new round what
// was given up, and a second time what the marketplace has. Faults: not_found
// "license.unknown"; conflict "license.not_there", "license.not_uploadable"
// (License 1.0), "license.instance_released", "restart.running" or "restart.under_way".
func (d *Desk) UploadAgain(ctx context.Context, id int64, by staff.Actor) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error { return d.uploadAgain(ctx, tx, id, by) })
	if err == nil {
		d.wake()
	}
	return err
}

func (d *Desk) uploadAgain(ctx context.Context, tx *store.Tx, id int64, by staff.Actor) error {
	i, l, err := lockWithMessage(ctx, tx, id)
	switch {
	case err != nil:
		return err
	case l.Protocol == market.LicenseV1:
		return fault.New(fault.Conflict, "license.not_uploadable")
	case !l.There():
		return fault.New(fault.Conflict, "license.not_there")
	case i.Status == market.Released || l.Status == market.LicenseCancelled:
		return fault.New(fault.Conflict, "license.instance_released", "instance", i.InstanceID)
	}
	task, status, err := tx.NewestUpload(ctx, id)
	if err != nil {
		return err
	}
	switch outbox.Status(status) {
	case outbox.Running:
		return fault.New(fault.Conflict, "restart.running")
	case outbox.Pending, outbox.Failed:
		r, err := tx.RestartTasks(ctx, []int64{task}, by.Name)
		if err = cmp.Or(err, r.Refused()); err != nil {
			return err
		}
	default: // done, or never written: the same content as a new version
		if err := d.keep(ctx, tx, l, i, l.Content, store.Origin{MessageID: l.MessageID, Actor: by.Name}); err != nil {
			return err
		}
	}
	if err := tx.SettleMessage(ctx, l.MessageID); err != nil {
		return err
	}
	return tx.Audit(ctx, d.audit(by, "license.upload", id, nil))
}

// lockWithMessage is lock for an act that ends tasks: the message that these settle is
// locked before all else.
func lockWithMessage(ctx context.Context, tx *store.Tx, id int64) (*store.Instance, *store.License, error) {
	l, err := tx.Reader().License(ctx, id)
	if err == nil {
		err = tx.HoldMessages(ctx, []int64{l.MessageID})
	}
	if err != nil {
		return nil, nil, err
	}
	return lock(ctx, tx, id)
}

// Reveal gives a License to a person, and writes who looked, and why, into the
// audit trail in the same transaction. Faults: invalid "access.reason_missing";
// not_found "license.unknown"; conflict "license.not_there".
func (d *Desk) Reveal(ctx context.Context, id int64, by staff.Actor) (c market.LicenseContent, err error) {
	if strings.TrimSpace(by.Reason) == "" {
		return c, fault.New(fault.Invalid, "access.reason_missing")
	}
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		l, err := tx.LockLicense(ctx, id)
		if err != nil {
			return err
		}
		if !l.There() {
			return fault.New(fault.Conflict, "license.not_there")
		}
		c = l.Content
		return tx.Audit(ctx, d.audit(by, "license.reveal", id, nil))
	})
	if err != nil {
		return market.LicenseContent{}, err
	}
	d.log.InfoContext(ctx, "License revealed", "license", id, "actor", by.Name)
	return c, nil
}

func (*Desk) audit(by staff.Actor, action string, id int64, detail map[string]string) staff.Audit {
	return staff.Audit{Actor: by.Name, Action: action, Target: "license/" + strconv.FormatInt(id, 10), Reason: by.Reason, IP: by.IP, Detail: detail}
}
