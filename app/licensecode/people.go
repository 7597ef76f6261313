package licensecode

import (
	"context"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// AskActivate writes the task that activates a code, as a person's act. Faults:
// not_found "license_code.unknown"; conflict "license_code.released_now",
// "license_code.active_now", "restart.running" or "restart.under_way".
func (k *Codes) AskActivate(ctx context.Context, id int64, by staff.Actor) error {
	return k.act(ctx, id, staff.ActActivateCode, by, func(tx *store.Tx, c *store.LicenseCode) error {
		if !c.ActivatedAt.IsZero() {
			return fault.New(fault.Conflict, "license_code.active_now")
		}
		r, err := k.wanted(ctx, tx, c, false, c.RealEffectTime, by)
		if err == nil && r.Touched() == 0 {
			err = r.Refused()
		}
		return err
	})
}

// AskQuery writes the task that asks for a code's status and expiry, or hurries
// the one that waits. Faults as of AskActivate, without "license_code.active_now".
func (k *Codes) AskQuery(ctx context.Context, id int64, by staff.Actor) error {
	return k.act(ctx, id, staff.ActQueryCode, by, func(tx *store.Tx, c *store.LicenseCode) error {
		open, err := tx.LicenseCodeTasks(ctx, c.ID, string(outbox.LicenseQuery))
		if err != nil {
			return err
		}
		if len(open) > 0 {
			r, err := tx.RestartTasks(ctx, open, by.Name)
			if err == nil && r.Touched() == 0 {
				err = r.Refused()
			}
			return err
		}
		_, err = tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseQuery, Purpose: outbox.OnDemand, LicenseCode: c.ID,
			OrderID: c.OrderID, OrderLineID: c.OrderLineID,
			UniqueKey: outbox.Key(outbox.LicenseQuery, outbox.OnDemand, c.ID, tx.Now.UnixMicro())})
		return err
	})
}

func (k *Codes) act(ctx context.Context, id int64, action string, by staff.Actor, do func(*store.Tx, *store.LicenseCode) error) error {
	err := k.store.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.LockLicenseCode(ctx, id)
		if err != nil {
			return err
		}
		if c.Status == market.CodeReleased {
			return fault.New(fault.Conflict, "license_code.released_now")
		}
		if err := do(tx, c); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(c.ID, action, by))
	})
	if err == nil {
		k.wake()
	}
	return err
}

// Reveal gives a code to a person, and writes who looked, and why, into the
// audit trail in the same transaction. Faults: invalid "access.reason_missing";
// not_found "license_code.unknown".
func (k *Codes) Reveal(ctx context.Context, id int64, by staff.Actor) (code string, err error) {
	if strings.TrimSpace(by.Reason) == "" {
		return "", fault.New(fault.Invalid, "access.reason_missing")
	}
	err = k.store.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.LockLicenseCode(ctx, id)
		if err != nil {
			return err
		}
		code = c.Code
		return tx.Audit(ctx, entry(c.ID, staff.ActRevealCode, by))
	})
	if err != nil {
		return "", err
	}
	k.log.InfoContext(ctx, "authorization code revealed", "code", id, "actor", by.Name)
	return code, nil
}
