package alert

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// pauses are how long a target is left in peace after a message, after the second and
// after each further one of a run: what comes meanwhile goes out together. A message
// is of a run with the one before if it came within calm after it.
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}

const calm = 15 * time.Minute

// inPeace tells whether a target that got messages, given the newest first, is to be
// left in peace now.
func inPeace(said []store.Said, now time.Time) bool {
	if len(said) == 0 {
		return false
	}
	run, before := 0, now
	for _, s := range said {
		if run == len(pauses) || before.Sub(s.At) > calm {
			break
		}
		run, before = run+1, s.At
	}
	return run > 0 && now.Sub(said[0].At) < pauses[run-1]
}

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

// sayTo tells one target what waits for it, unless it is to be left in peace. For what
// is critical that goes by the messages that told of something critical, but a minute
// passes after any.
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
	said, err := tx.SaidLately(ctx, id, tx.Now.Add(-time.Hour), false)
	if err != nil {
		return err
	}
	critical := slices.DeleteFunc(slices.Clone(said), func(s store.Said) bool { return !s.Critical })
	if inPeace(critical, tx.Now) || len(said) > 0 && tx.Now.Sub(said[0].At) < pauses[0] {
		return nil
	}
	severity := market.Warning
	if _, quiet := market.QuietUntil(t.QuietHours, tx.Now.In(d.o.Zone)); quiet || len(said) >= t.PerHour || inPeace(said, tx.Now) {
		severity = market.Critical
	}
	return d.tell(ctx, tx, t, severity)
}

// tell writes the message that says what waits for a target, from that severity on.
func (d *Desk) tell(ctx context.Context, tx *store.Tx, t store.AlertTarget, severity int) error {
	news, kinds, err := tx.AlertNews(ctx, t.ID, severity, maxItems)
	if err != nil || len(news) == 0 {
		return err
	}
	says := 0
	for _, n := range kinds {
		says += n
	}
	message, err := d.write(ctx, tx, t.ID, says, d.compose(t, news, kinds))
	if err != nil {
		return err
	}
	return tx.MarkSaid(ctx, t.ID, severity, message)
}

// write keeps a message with its task.
func (d *Desk) write(ctx context.Context, tx *store.Tx, target int64, says int, c Content) (int64, error) {
	content, err := c.stored()
	if err != nil {
		return 0, err
	}
	return tx.AddAlertMessage(ctx, store.NewAlertMessage{Target: target, Test: c.Test, Critical: slices.ContainsFunc(c.Items, Item.Critical), Says: says,
		Title: c.Title, Content: content, Ref: newRef()})
}

// newRef names a message for its receiver, the same on every try.
func newRef() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "alert_" + hex.EncodeToString(b[:])
}
