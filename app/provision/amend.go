package provision

import (
	"context"
	"time"

	"koodesk/app/event"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Amend stores what a person has decided of a locked instance's life, and tells
// the seller's systems as a call of the marketplace would have; before is the
// expiry that there was.
func (p *Provisioner) Amend(ctx context.Context, tx *store.Tx, i *store.Instance, changes []market.Change, before time.Time, by staff.Actor) error {
	if err := tx.SaveState(ctx, i, changes, store.Origin{Actor: by.Name}); err != nil {
		return err
	}
	ch, err := tx.Reader().ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	return event.Changed(ctx, tx, ch.Slug, i, changes, event.Cause{}, "", before)
}

// End releases a locked instance as a person has decided, with all that a
// releaseInstance brings about.
func (p *Provisioner) End(ctx context.Context, tx *store.Tx, i *store.Instance, by staff.Actor) error {
	if err := p.end(ctx, tx, i, by); err != nil {
		return err
	}
	return p.Release(ctx, tx, i, 0)
}

// end is End without the undoing at the driver.
func (p *Provisioner) end(ctx context.Context, tx *store.Tx, i *store.Instance, by staff.Actor) error {
	if err := tx.EndWork(ctx, i.PK, by.Name); err != nil {
		return err
	}
	return p.Amend(ctx, tx, i, i.Release(tx.Now), i.ExpiresAt, by)
}
