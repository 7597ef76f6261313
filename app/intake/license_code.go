package intake

import (
	"context"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// effectCode decides by the activities of authorization codes (pages CN
// 0070649167, 0070649168, 0070649169).
func (in *Intake) effectCode(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c := a.Call
	if c.Test {
		return in.sandbox(c), nil
	}
	if applied := !m.Fresh && m.ResultCode.OK(); applied && c.Activity == market.RefreshLicenseCode {
		if m.Conflict {
			return effect{answer: market.Answer{Code: m.ResultCode}, differs: true}, nil
		}
		return in.again(ctx, tx, m)
	}
	var e effect
	var err error
	switch c.Activity {
	case market.RefreshLicenseCode:
		e, err = in.renewCode(ctx, tx, a, m)
	case market.UpdateLicenseCodeStatus:
		e, err = in.codeStatus(ctx, tx, a, m)
	case market.ReleaseLicenseCode:
		e, err = in.releaseCode(ctx, tx, a, m)
	default:
		return effect{}, fault.New(fault.Internal, "call.activity_unhandled", "activity", c.Activity)
	}
	if err != nil || m.Fresh || m.Status != store.MessageFailed || e.err != nil {
		return e, err
	}
	// The marketplace repeats what failed: so does what follows from it.
	r, err := restartGivenUp(ctx, tx, m.ID, "marketplace")
	e.changed, e.tasks = e.changed || r.Given > 0, e.tasks || r.Touched() > 0
	return e, err
}

// code finds the call's code. One that nobody has heard of is taken over: the
// call is authentic, and the marketplace makes codes without telling the seller.
// Whether it is one is then asked by a task, so there must be AK/SK to ask with;
// without them the refusal is 000003, and the repeats of the next two hours find
// the code once AK/SK are set.
func (in *Intake) code(ctx context.Context, tx *store.Tx, a Arrived) (*store.LicenseCode, bool, effect, error) {
	if a.Channel.AK == "" || a.Channel.SK == "" {
		_, err := tx.Reader().LicenseCode(ctx, a.Channel.ID, a.Call.License)
		if fault.Is(err, fault.NotFound) {
			return nil, false, refused(market.NoSuchInstance, "license_code.unknown_unasked", "code", market.MaskCode(a.Call.License)), nil
		}
		if err != nil {
			return nil, false, effect{}, err
		}
	}
	c, created, err := tx.TakeLicenseCode(ctx, a.Channel.ID, a.Call.License)
	return c, created, effect{}, err
}

// takenOver is the first entry of a code's history.
func takenOver(created bool) []market.Change {
	if !created {
		return nil
	}
	return []market.Change{{Kind: market.CodeTakenOver}}
}

// keepCode writes what an attempt did to a code, and asks the marketplace about
// one that it has not confirmed yet.
func (in *Intake) keepCode(ctx context.Context, tx *store.Tx, c *store.LicenseCode, a Arrived, m store.OpenMessage, changes []market.Change) (effect, error) {
	e := effect{answer: market.Answer{Code: market.Success}, changed: len(changes) > 0}
	if err := tx.SaveLicenseCode(ctx, c, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	if err := event.OfCode(ctx, tx, a.Channel, c, changes, event.CodeCall{MessageID: m.ID, OrderID: a.Call.OrderID, Line: a.Call.OrderLineID}); err != nil {
		return effect{}, err
	}
	if c.Said != "" || c.Status == market.CodeReleased || a.Channel.AK == "" {
		return e, nil
	}
	id, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.LicenseQuery, Purpose: outbox.Verify, MessageID: m.ID, LicenseCode: c.ID,
		OrderID: a.Call.OrderID, OrderLineID: a.Call.OrderLineID, UniqueKey: outbox.Key(outbox.LicenseQuery, outbox.Verify, m.ID)})
	e.tasks = id != 0
	return e, err
}

// renewCode sets the expiry; it never adds to it.
func (in *Intake) renewCode(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c, created, e, err := in.code(ctx, tx, a)
	if c == nil || err != nil {
		return e, err
	}
	changes, code := c.Renew(a.Call.ExpireTime, tx.Now)
	if code != market.Success {
		return in.refuseCode(ctx, tx, c, a, m, code)
	}
	if p := a.Call.ProductID; p != "" && p != c.ProductID {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: c.ProductID, New: p})
		c.ProductID = p
	}
	renewed := market.Change{Kind: market.CodeRenewed, Old: string(a.Call.Scene), New: a.Call.OrderID}
	return in.keepCode(ctx, tx, c, a, m, append(append(takenOver(created), renewed), changes...))
}

// refuseCode notes a call that came after the code's release, once.
func (in *Intake) refuseCode(ctx context.Context, tx *store.Tx, c *store.LicenseCode, a Arrived, m store.OpenMessage, code market.ResultCode) (effect, error) {
	e := refused(code, "license_code.released", "code", market.MaskCode(c.Code))
	if !m.Fresh {
		return e, nil
	}
	change := market.Change{Kind: market.CodeRefused, New: a.Call.Activity}
	return e, tx.SaveLicenseCode(ctx, c, []market.Change{change}, store.Origin{MessageID: m.ID})
}

// codeStatus freezes or unfreezes. The target is the key, so a later freeze is
// the same message as an earlier one, and applies by the code's state.
func (in *Intake) codeStatus(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c, created, e, err := in.code(ctx, tx, a)
	if c == nil || err != nil {
		return e, err
	}
	var changes []market.Change
	code := market.Success
	if a.Call.Target == market.Freeze {
		changes = c.Freeze(tx.Now)
	} else {
		changes, code = c.Unfreeze()
	}
	if code != market.Success {
		return in.refuseCode(ctx, tx, c, a, m, code)
	}
	return in.keepCode(ctx, tx, c, a, m, append(takenOver(created), changes...))
}

// releaseCode ends the code. One that nobody has heard of is noted as released
// all the same, and needs no question: a call that comes late must not bring it
// to life.
func (in *Intake) releaseCode(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	if err := tx.HoldCode(ctx, a.Channel.ID, a.Call.License); err != nil {
		return effect{}, err
	}
	c, created, err := tx.TakeLicenseCode(ctx, a.Channel.ID, a.Call.License)
	if err != nil {
		return effect{}, err
	}
	changes := append(takenOver(created), c.Release(tx.Now)...)
	if err := tx.CancelLicenseCodeTasks(ctx, c.ID, "releaseLicenseCode"); err != nil {
		return effect{}, err
	}
	return in.keepCode(ctx, tx, c, a, m, changes)
}
