package provision

import (
	"context"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// ClaimInstance notes that a person is setting an instance up that waits for
// access data, so that nobody else does. Claiming one's own again changes
// nothing; takeOver takes it from whoever has it, who will want to know why.
//
// Faults: not_found "instance.unknown"; conflict "claim.not_waiting" and
// "claim.held" (by: who has it); invalid "claim.reason_missing".
func (p *Provisioner) ClaimInstance(ctx context.Context, instanceID string, takeOver bool, actor staff.Actor) (store.Claim, error) {
	var out store.Claim
	err := p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		if waits, err := tx.WaitsForAccess(ctx, i.PK); err != nil || !waits {
			return orElse(err, fault.New(fault.Conflict, "claim.not_waiting"))
		}
		held, err := tx.ClaimOf(ctx, i.PK)
		if err != nil {
			return err
		}
		entry := staff.Audit{Action: staff.ActClaim}
		switch {
		case held.By == actor.Name:
			out = held
			return nil
		case held.By != "" && !takeOver:
			return fault.New(fault.Conflict, "claim.held", "by", staff.Name(held.By))
		case held.By != "" && strings.TrimSpace(actor.Reason) == "":
			return fault.New(fault.Invalid, "claim.reason_missing", "by", staff.Name(held.By))
		case held.By != "":
			entry = staff.Audit{Action: staff.ActTakeOver, Detail: map[string]string{"from": held.By}}
		}
		if err := tx.SetClaim(ctx, i.PK, actor.Name); err != nil {
			return err
		}
		out = store.Claim{By: actor.Name, At: tx.Now}
		entry.Actor, entry.Target, entry.Reason, entry.IP = actor.Name, "instance/"+i.InstanceID, actor.Reason, actor.IP
		return tx.Audit(ctx, entry)
	})
	return out, err
}

// ReleaseClaim lets somebody else set the instance up. Faults: not_found
// "instance.unknown"; conflict "claim.not_yours".
func (p *Provisioner) ReleaseClaim(ctx context.Context, instanceID string, actor staff.Actor) error {
	return p.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		held, err := tx.ClaimOf(ctx, i.PK)
		if err != nil {
			return err
		}
		if held.By != actor.Name {
			return fault.New(fault.Conflict, "claim.not_yours")
		}
		if _, err := tx.DropClaim(ctx, i.PK); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: staff.ActUnclaim, Target: "instance/" + i.InstanceID,
			Reason: actor.Reason, IP: actor.IP})
	})
}

// endClaim ends whatever claim an instance has that has come to its end. What
// somebody has claimed may be half made, whatever driver has the instance.
func endClaim(ctx context.Context, tx *store.Tx, instancePK int64) error {
	claimed, err := tx.DropClaim(ctx, instancePK)
	if err != nil || !claimed {
		return err
	}
	return tx.NoteLeftover(ctx, store.Leftover{InstancePK: instancePK, Driver: byHand, Reason: store.ByHand}, nil)
}

// notTheirs refuses a person's access data for an instance that somebody else is
// at. A system that hands it in by a token is not held up by people, and nobody is
// once the instance no longer waits: it was made otherwise meanwhile.
func notTheirs(ctx context.Context, tx *store.Tx, i *store.Instance, actor staff.Actor) error {
	held, err := tx.ClaimOf(ctx, i.PK)
	if err != nil || held.By == "" || held.By == actor.Name || actor.Source != "operator" {
		return err
	}
	if waits, err := tx.WaitsForAccess(ctx, i.PK); err != nil || !waits {
		return err
	}
	return fault.New(fault.Conflict, "claim.held", "by", staff.Name(held.By))
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
