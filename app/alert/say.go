package alert

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// gap is how long a target is left in peace after a message: what comes meanwhile
// goes out together.
const gap = time.Minute

// say writes, for each target for which something waits, the message that says
// it, and the task that sends it. Each target is a transaction of its own.
func (d *Desk) say(ctx context.Context) error {
	targets, err := d.o.Store.Reader().AlertTargetsWaiting(ctx)
	if err != nil {
		return err
	}
	for _, id := range targets {
		if err := d.o.Store.Write(ctx, func(tx *store.Tx) error { return d.sayTo(ctx, tx, id) }); err != nil {
			return err
		}
	}
	return nil
}

// sayTo tells one target what waits for it, unless it has heard something just now.
// Where it has heard enough in this hour, or it is night, it is told only what is
// critical.
func (d *Desk) sayTo(ctx context.Context, tx *store.Tx, id int64) error {
	t, err := tx.LockAlertTarget(ctx, id)
	if fault.Is(err, fault.NotFound) { // removed just now
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.DropMoot(ctx, id); err != nil {
		return err
	}
	now := tx.Now
	n, last, err := tx.SaidLately(ctx, id, now.Add(-time.Hour), false)
	if err != nil || now.Sub(last) < gap {
		return err
	}
	severity := market.Warning
	if _, quiet := market.QuietUntil(t.QuietHours, now.In(d.o.Zone)); quiet || n >= t.PerHour {
		severity = market.Critical
	}
	news, kinds, err := tx.AlertNews(ctx, id, severity, maxItems)
	if err != nil || len(news) == 0 {
		return err
	}
	says := 0
	for _, n := range kinds {
		says += n
	}
	message, err := d.write(ctx, tx, id, says, d.compose(t, news, kinds))
	if err != nil {
		return err
	}
	return tx.MarkSaid(ctx, id, severity, message)
}

// write keeps a message with its task.
func (d *Desk) write(ctx context.Context, tx *store.Tx, target int64, says int, c Content) (int64, error) {
	content, err := c.stored()
	if err != nil {
		return 0, err
	}
	return tx.AddAlertMessage(ctx, store.NewAlertMessage{Target: target, Test: c.Test, Says: says, Title: c.Title, Content: content, Ref: newRef()})
}

// newRef names a message for its receiver, the same on every try.
func newRef() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "alert_" + hex.EncodeToString(b[:])
}
