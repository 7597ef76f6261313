package retention

import (
	"context"

	"koodesk/app/store"
)

// makeMonths sees to it that the logs have their partitions in good time.
func (k *Keeper) makeMonths(ctx context.Context) error {
	made, err := k.o.Store.MakeMonths(ctx, k.o.Now())
	if len(made) > 0 {
		k.o.Log.Info("partitions made ahead", "partitions", made)
	}
	return err
}

// dropMonths drops the months of the logs that nothing is left of, or nothing that
// must stay.
func (k *Keeper) dropMonths(ctx context.Context) error {
	for _, kind := range []string{store.KeepAttempts, store.KeepTries} {
		dropped, err := k.o.Store.DropMonths(ctx, kind, k.o.Now(), k.before(k.o.Days.Attempts))
		if len(dropped) > 0 {
			k.o.Log.Info("partitions dropped, since all that they held may go", "partitions", dropped)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patient passes over that a log was in use for too long to make or drop a
// partition: the next run tries again, and until then nothing is wrong.
func (k *Keeper) patient(err error) error {
	if err == nil || !store.Busy(err) {
		return err
	}
	k.o.Log.Info("a log was in use; its partitions are made or dropped next time", "error", err)
	return nil
}
