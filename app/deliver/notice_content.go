package deliver

import (
	"context"
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
	return c, err
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
