package intake

import (
	"context"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// overtaken refuses, as a conflict of this key, a call that a person wants done
// and that would undo a later one which has been applied since; in the life of an
// instance or an authorization code the marketplace's newer word counts. Its own
// repeats never come here. What the call is about is locked, so that of two that
// are done at the same time the older one sees the newer.
func overtaken(ctx context.Context, tx *store.Tx, a Arrived, m store.StoredMessage, since time.Time, key string) error {
	if m.Test || !market.Undoes(a.Call.Activity) {
		return nil
	}
	err := lockSubject(ctx, tx, a, m)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	later, ok, err := tx.Overtaken(ctx, m.ID, since)
	if err != nil || !ok {
		return err
	}
	return fault.New(fault.Conflict, key, "activity", later.Activity, "message", strconv.FormatInt(later.MessageID, 10), "restart", m.RestartThere())
}

func lockSubject(ctx context.Context, tx *store.Tx, a Arrived, m store.StoredMessage) error {
	if a.Call.License == "" {
		_, err := tx.LockInstance(ctx, m.ChannelID, m.InstanceID)
		return err
	}
	c, err := tx.Reader().LicenseCode(ctx, m.ChannelID, a.Call.License)
	if err == nil {
		_, err = tx.LockLicenseCode(ctx, c.ID)
	}
	return err
}
