package deliver

import (
	"context"

	"koodesk/app/market"
	"koodesk/app/store"
)

// A run of the clock looks at so many instances with one statement, and goes on
// with the next statement so often: 20,000 notices a run.
const (
	noticeBatch  = 500
	noticeRounds = 40
)

// Schedule writes the notices that are due: of expiries, and of what has
// happened to instances. Called twice, or by two processes at once, it does no
// harm: a row is looked at by one, and a notice exists once.
func (d *Deliverer) Schedule(ctx context.Context) error {
	rules := store.NoticeRules{Days: market.ExpiryDays(), Zone: d.zone.String(), Domain: d.domain, Limit: noticeBatch,
		Reach: func(email, phone string) (medium, to, masked string) {
			medium, to = reachBy(email, phone)
			return medium, to, mask(medium, to)
		}}
	if err := d.replan(ctx); err != nil {
		return err
	}
	for _, queue := range []func(*store.Tx) (picked, made int, err error){
		func(tx *store.Tx) (int, int, error) { return tx.QueueExpiryNotices(ctx, rules) },
		func(tx *store.Tx) (int, int, error) { return tx.QueueEventNotices(ctx, rules) },
	} {
		if err := d.queue(ctx, queue); err != nil {
			return err
		}
	}
	return nil
}

// queue repeats a selection until nothing is left or the run is long enough.
func (d *Deliverer) queue(ctx context.Context, once func(*store.Tx) (picked, made int, err error)) error {
	total := 0
	for range noticeRounds {
		var picked, made int
		err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
			picked, made, err = once(tx)
			return err
		})
		if err != nil {
			return err
		}
		total += made
		if made > 0 {
			d.wake()
		}
		if picked < noticeBatch {
			break
		}
	}
	if total > 0 {
		d.log.InfoContext(ctx, "notices are due", "notices", total)
	}
	return nil
}

// replan has the instances of products whose days have changed looked at again,
// a few at a time: nobody who changes an instance waits for all of them.
func (d *Deliverer) replan(ctx context.Context) error {
	for range noticeRounds {
		more := false
		err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
			more, err = tx.ReplanNotices(ctx, noticeBatch)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}
