package provision

import (
	"context"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// RevealPassword gives the password of an instance to a person, and writes who
// looked, and why, into the audit trail in the same transaction: without the
// entry there is no password. Faults: invalid "access.reason_missing"; not_found
// "instance.unknown"; conflict "access.no_password", "access.password_wiped".
func (p *Provisioner) RevealPassword(ctx context.Context, instanceID string, actor staff.Actor) (password string, err error) {
	if strings.TrimSpace(actor.Reason) == "" {
		return "", fault.New(fault.Invalid, "access.reason_missing")
	}
	err = p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		if password, err = tx.Reader().RevealPassword(ctx, i.PK); err != nil {
			return err
		}
		if password == "" && !i.PasswordWipedAt.IsZero() {
			return fault.New(fault.Conflict, "access.password_wiped", "when", i.PasswordWipedAt.Format(time.DateOnly))
		}
		if password == "" {
			return fault.New(fault.Conflict, "access.no_password")
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: staff.ActReveal, Target: "instance/" + i.InstanceID,
			Reason: actor.Reason, IP: actor.IP})
	})
	if err != nil {
		return "", err
	}
	p.log.InfoContext(ctx, "password revealed", "instance", instanceID, "actor", actor.Name)
	return password, nil
}
