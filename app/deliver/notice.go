package deliver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

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
	for _, queue := range []selection{(*store.Tx).QueueExpiryNotices, (*store.Tx).QueueEventNotices} {
		if err := d.queue(ctx, rules, queue); err != nil {
			return err
		}
	}
	return nil
}

// selection is one of the store's.
type selection func(*store.Tx, context.Context, store.NoticeRules) (picked, made int, err error)

// queue repeats a selection until nothing is left or the run is long enough.
// Instances whose address cannot be opened are passed over.
func (d *Deliverer) queue(ctx context.Context, rules store.NoticeRules, once selection) error {
	total := 0
	for range noticeRounds {
		var picked, made int
		var now time.Time
		err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
			now = tx.Now
			rules.PassOver = d.unopened.at(now)
			picked, made, err = once(tx, ctx, rules)
			return err
		})
		var unopened store.UnopenedError
		if errors.As(err, &unopened) {
			d.unopened.add(unopened, now.Add(laterUnopened))
			for _, id := range unopened {
				d.log.ErrorContext(ctx, "an instance gets no notices: its address cannot be opened", "instance", id)
			}
			continue
		}
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

// laterUnopened is for how long an instance is passed over whose address could not
// be opened.
const laterUnopened = time.Hour

// passedOver are such instances, until when each. They are known to this process
// alone: it begins anew with other keys, and then all that waits goes out.
type passedOver struct {
	mu    sync.Mutex
	until map[int64]time.Time
}

func (p *passedOver) at(now time.Time) []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.until, func(_ int64, until time.Time) bool { return !until.After(now) })
	return slices.Collect(maps.Keys(p.until))
}

func (p *passedOver) add(instances map[int64]string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil {
		p.until = map[int64]time.Time{}
	}
	for pk := range instances {
		p.until[pk] = until
	}
}

// replan has instances looked at again, a few at a time, so that nobody who changes
// one waits for all of them: those of products whose days have changed, and all that
// are open after the database's clock was set back.
func (d *Deliverer) replan(ctx context.Context) error {
	for _, some := range []func(*store.Tx, context.Context, int) (more bool, err error){(*store.Tx).ReplanAfterSetBack, (*store.Tx).ReplanNotices} {
		for range noticeRounds {
			more := false
			err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
				more, err = some(tx, ctx, noticeBatch)
				return err
			})
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	return nil
}
