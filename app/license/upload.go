package license

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Upload does a license_upload task: it hands the License over by the open API.
// Whether an event's License may be uploaded twice is not published; a repeat
// after an answer that was lost sends the same again, and any refusal is shown.
//
// Faults: invalid "license_upload.no_credentials" (channel; given up); those of
// marketapi; conflict "task.lease_lost".
func (d *Desk) Upload(ctx context.Context, task outbox.Task) error {
	r := d.store.Reader()
	l, err := r.License(ctx, task.LicenseID)
	if err != nil {
		return err
	}
	if !l.There() || l.Version == l.Uploaded || l.Status == market.LicenseCancelled {
		return d.complete(ctx, task)
	}
	ch, err := r.ChannelByID(ctx, l.ChannelID)
	if err != nil {
		return err
	}
	if ch.AK == "" || ch.SK == "" {
		return fault.New(fault.Invalid, "license_upload.no_credentials", "channel", ch.Slug)
	}
	if err := d.market.UploadLicense(ctx, ch.BaseURL(), marketapi.Credentials{AK: ch.AK, SK: ch.SK}, l.EventID, l.Content); err != nil {
		return err
	}
	return d.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		i, now, err := lock(ctx, tx, l.ID)
		if err != nil {
			return err
		}
		if err := tx.SetLicenseUploaded(ctx, l.ID, l.Version); err != nil {
			return err
		}
		change := market.Change{Kind: market.LicenseChanged, Old: string(now.Status), New: string(market.LicenseUploaded)}
		if err := d.delivered(ctx, tx, i, l, change, origin(task)); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

// delivered is where a License has come within the customer's reach: whoever
// tells customers of it (license_ready) belongs here, in the same transaction.
func (d *Desk) delivered(ctx context.Context, tx *store.Tx, i *store.Instance, l *store.License, change market.Change, o store.Origin) error {
	d.log.InfoContext(ctx, "a License was uploaded", "license", l.ID, "instance", i.InstanceID, "event", l.EventID)
	return tx.Record(ctx, i.PK, []market.Change{change}, o)
}
