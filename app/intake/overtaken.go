package intake

import (
	"context"
	"errors"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// overtaken refuses, as a conflict of this key, a call that a person wants done
// and that would undo a later one which has been applied since; in the life of an
// instance or an authorization code the marketplace's newer word counts. Its own
// repeats never come here. What the call is about is locked before, so that of two
// that are done at the same time the older one sees the newer.
func overtaken(ctx context.Context, tx *store.Tx, m store.StoredMessage, since time.Time, key string) error {
	if m.Test || !market.Undoes(m.Activity) {
		return nil
	}
	later, err := tx.LaterCalls(ctx, m.ID, since)
	if err != nil || len(later) == 0 {
		return err
	}
	return later[0].Refuses(m, key)
}

// atOnce is how many messages one run judges: each costs a transaction, and whatever
// else the clock has to do waits.
const atOnce = 300

// SettleOvertaken takes out of the failure groups the messages whose call failed and
// of which a later call, that has been done with all that follows, leaves nothing to
// decide. It may run at any time and any number of times; one that cannot be judged
// comes again, after all others, in its turn.
func (in *Intake) SettleOvertaken(ctx context.Context) error {
	ids, at, err := in.store.Reader().MaybeOvertaken(ctx, atOnce)
	if err != nil || len(ids) == 0 {
		return err
	}
	var failed error
	var unable []int64
	for _, id := range ids {
		if err := in.store.Write(ctx, func(tx *store.Tx) error { return in.settleOvertaken(ctx, tx, id) }); err != nil {
			failed, unable = errors.Join(failed, err), append(unable, id)
		}
	}
	return errors.Join(failed, in.store.Write(ctx, func(tx *store.Tx) error { return tx.Judged(ctx, ids, unable, at) }))
}

func (in *Intake) settleOvertaken(ctx context.Context, tx *store.Tx, id int64) error {
	m, err := tx.LockMessage(ctx, id)
	if err != nil || m.Status != store.MessageFailed || m.ResultCode.OK() {
		return err
	}
	call, err := in.storedCall(m, m.Request)
	if err != nil { // it is not kept, or cannot be read: a person decides
		return nil
	}
	now, err := inForce(ctx, tx, m, call)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	later, err := tx.LaterCalls(ctx, id, m.CameAt)
	if err != nil {
		return err
	}
	later = slices.DeleteFunc(later, func(l store.LaterCall) bool { return !l.Done })
	kinds := make([]market.CallKind, len(later))
	for n, l := range later {
		kinds[n] = l.Kind
	}
	if len(later) == 0 || !market.Covered(market.KindOf(m.Activity, m.Key), call, kinds, now) {
		return nil
	}
	return tx.LetGoOvertaken(ctx, id, later[0].MessageID)
}

// inForce locks what a call is about and tells what is so of it now.
func inForce(ctx context.Context, tx *store.Tx, m store.StoredMessage, call market.Call) (market.InForce, error) {
	if call.License != "" {
		c, err := tx.Reader().LicenseCode(ctx, m.ChannelID, call.License)
		if err == nil {
			c, err = tx.LockLicenseCode(ctx, c.ID)
		}
		if err != nil {
			return market.InForce{}, err
		}
		return market.InForce{ExpiresAt: c.ExpiresAt, ProductID: c.ProductID}, nil
	}
	i, err := tx.LockInstance(ctx, m.ChannelID, m.InstanceID)
	if err != nil {
		return market.InForce{}, err
	}
	now := market.InForce{ExpiresAt: i.Told.ExpiresAt, ProductID: i.ProductID, Size: i.Size}
	if now.ExpiresAt.IsZero() {
		now.ExpiresAt = i.ExpiresAt
	}
	return now, nil
}
