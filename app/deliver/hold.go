package deliver

import (
	"context"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// What is asked of a notice where a product says nothing else.
const (
	DefaultQuietHours = market.DefaultQuietHours // in the customer's zone, SMS only
	DefaultDailyCap   = 5                        // notices that a customer gets in a day
)

// Why a notice is held.
const (
	HeldQuiet = "quiet_hours"
	HeldCap   = "daily_cap"
)

// hold puts a notice back that must not go out now, and says on it until when and
// why; one whose kind has been switched off since it was written is cancelled.
// Usage information always goes, and so does what a person sends again to one
// customer.
func (d *Deliverer) hold(ctx context.Context, tx *store.Tx, task outbox.Task) (held bool, err error) {
	v, err := tx.LockDelivery(ctx, task.DeliveryID)
	if err != nil || v.Kind == UsageInfo {
		return false, err
	}
	if neverLeft := v.Status == pending || v.Status == running && !v.Handing; !neverLeft { // or a worker died before
		return false, nil
	}
	if v.Asked() {
		return false, tx.CountNotice(ctx, v.ID)
	}
	i, err := tx.Reader().InstancePK(ctx, v.InstancePK)
	if err != nil || !stillTrue(v, i, tx.Now) {
		return false, err // begin sees to it
	}
	s, err := tx.Reader().SettingsOf(ctx, i)
	if err != nil {
		return false, err
	}
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return false, err
	}
	if off, err := d.switchedOff(ctx, tx, v, s, w); off || err != nil {
		if err == nil {
			err = tx.SetDeliveryStatus(ctx, v.ID, cancelled)
		}
		return false, err // begin sees that there is nothing to send
	}
	until, why, err := d.heldUntil(ctx, tx, v, s, d.zoneOf(w))
	if err != nil {
		return false, err
	}
	if why == "" {
		return false, tx.CountNotice(ctx, v.ID)
	}
	if err := tx.HoldDelivery(ctx, v.ID, until, why); err != nil {
		return false, err
	}
	cause := fault.New(fault.Conflict, "delivery.held_quiet_hours")
	if why == HeldCap {
		cause = fault.New(fault.Conflict, "delivery.held_daily_cap")
	}
	return true, tx.Postpone(ctx, task, cause, until)
}

// switchedOff tells whether a notice is of a kind that its product or its customer
// has switched off, and no person has asked for it. One whose hand-over has begun
// already may be with the customer: it is seen to the end.
func (d *Deliverer) switchedOff(ctx context.Context, tx *store.Tx, v *store.Delivery, s store.ProductSettings, w store.Wishes) (bool, error) {
	off := slices.Contains(s.NoticesOff, v.Kind) || slices.Contains(w.Off, v.Kind)
	if !off || v.Kind == UsageInfo || v.Handing {
		return false, nil
	}
	asked, err := askedFor(ctx, tx, v)
	return !asked, err
}

// overtaken tells whether a notice of an expiry is late: the customer has been told,
// or is going to be, that it is nearer, and no person has asked for this one.
func overtaken(ctx context.Context, tx *store.Tx, v *store.Delivery) (bool, error) {
	if v.Kind != market.ExpiryNotice {
		return false, nil
	}
	if asked, err := askedFor(ctx, tx, v); asked || err != nil {
		return false, err
	}
	return tx.Reader().NearerNotice(ctx, v)
}

// askedFor tells whether a person has asked for a message. What goes out instead of
// another one is asked for by whoever asked for that one.
func askedFor(ctx context.Context, tx *store.Tx, v *store.Delivery) (bool, error) {
	if v.Asked() || v.FallbackOf == 0 {
		return v.Asked(), nil
	}
	first, err := tx.Reader().Delivery(ctx, v.FallbackOf)
	return err == nil && first.Asked(), err
}

// heldUntil decides. An SMS that has to wait for tomorrow because of the number
// of notices waits for the end of tomorrow's quiet hours. A fall-back is no
// notice more: the one that it takes the place of was counted.
func (d *Deliverer) heldUntil(ctx context.Context, tx *store.Tx, v *store.Delivery, s store.ProductSettings, zone *time.Location) (time.Time, string, error) {
	quiet := func(t time.Time) (time.Time, bool) {
		if v.Medium != SMS {
			return t, false
		}
		return market.QuietUntil(s.QuietHours, t.In(zone))
	}
	if until, yes := quiet(tx.Now); yes {
		return until, HeldQuiet, nil
	}
	limit := s.DailyCap
	if limit == 0 {
		limit = DefaultDailyCap
	}
	if limit < 0 || !v.CountedAt.IsZero() || v.FallbackOf != 0 {
		return time.Time{}, "", nil
	}
	local := tx.Now.In(zone)
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	n, err := tx.CountedNotices(ctx, v.ChannelID, v.Customer, today)
	if err != nil || n < limit {
		return time.Time{}, "", err
	}
	until := today.AddDate(0, 0, 1)
	if later, yes := quiet(until); yes {
		until = later
	}
	return until, HeldCap, nil
}
