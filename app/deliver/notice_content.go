package deliver

import (
	"context"
	"strconv"
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
)

// content renders a delivery for its first try, as things are now.
func (d *Deliverer) content(ctx context.Context, tx *store.Tx, v *store.Delivery, i *store.Instance) (store.Content, error) {
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return store.Content{}, err
	}
	letter, err := d.letter(ctx, tx.Reader(), store.TemplateKey{Kind: v.Kind, Medium: v.Medium, Language: v.Language, ChannelID: i.ChannelID, ProductID: i.ProductID})
	if err != nil {
		return store.Content{}, err
	}
	zone := d.zoneOf(w)
	values := d.values(v.Kind, i, v.Language, zone, tx.Now)
	link, err := d.passwordLink(ctx, tx, v.Kind, i)
	if err != nil {
		return store.Content{}, err
	}
	if link != "" {
		behind(letter, values, link)
	}
	c, err := d.fill(v.Medium, v.Language, letter, values)
	c.ByLink = link != ""
	if v.Kind == market.ExpiryNotice {
		c.Countdown = countdown(i.ExpiresAt, tx.Now, zone)
	}
	return c, err
}

// expired is the countdown after the expiry.
const expired = "expired"

// countdown is what an expiry notice counts at a moment: the days that are left, or
// that none is.
func countdown(then, now time.Time, zone *time.Location) string {
	if !then.IsZero() && !now.Before(then) {
		return expired
	}
	return strconv.Itoa(daysUntil(then, now, zone))
}

// stale tells whether an expiry notice was rendered when there was another number
// of days to tell, and may be rendered anew: no try of this sending has left.
func (d *Deliverer) stale(ctx context.Context, tx *store.Tx, v *store.Delivery, i *store.Instance) (bool, error) {
	if v.Kind != market.ExpiryNotice || v.Content == nil || d.mayHaveArrived(v) {
		return false, nil
	}
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	return v.Content.Countdown != countdown(i.ExpiresAt, tx.Now, d.zoneOf(w)), err
}

// daysUntil counts the midnights between now and then, as people do.
func daysUntil(then, now time.Time, zone *time.Location) int {
	if then.IsZero() {
		return 0
	}
	day := func(t time.Time) time.Time {
		y, m, d := t.In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(then).Sub(day(now)) / (24 * time.Hour))
}

// zoneOf is the zone of a customer.
func (d *Deliverer) zoneOf(w store.Wishes) *time.Location {
	if w.Zone != "" {
		if zone, err := time.LoadLocation(w.Zone); err == nil {
			return zone
		}
	}
	return d.zone
}

// stillTrue tells whether a delivery may still be sent: what it says holds, and
// there is somebody to say it to.
func stillTrue(v *store.Delivery, i *store.Instance, now time.Time) bool {
	if i.Status == market.Released {
		return v.Kind == market.WasReleased
	}
	switch v.Kind {
	case market.WasReleased:
		return false
	case market.WasFrozen:
		return i.Status == market.Frozen
	case market.WasUnfrozen:
		return i.Status == market.Active
	case market.WasRenewed:
		return v.AboutExpiry.Equal(i.ExpiresAt)
	case market.ExpiryNotice:
		return i.Status == market.Active && v.AboutExpiry.Equal(i.ExpiresAt) && now.Before(i.ExpiresAt.Add(24*time.Hour))
	}
	return true
}
