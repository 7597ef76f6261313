package license

import (
	"context"
	"strconv"

	"koodesk/app/staff"
	"koodesk/app/store"
)

// Watch looks at every pool: it says once when one becomes low and when it no
// longer is, and lets requests go on that wait although there are Licenses,
// because they found the pool empty while it was being filled. Doing it twice
// does no harm.
func (d *Desk) Watch(ctx context.Context) error {
	pools, err := d.store.Reader().LicensePools(ctx)
	if err != nil {
		return err
	}
	for _, p := range pools {
		if p.Low() != p.Told {
			if err := d.turn(ctx, p); err != nil {
				return err
			}
		}
		if p.Free == 0 || p.Waiting == 0 {
			continue
		}
		woken := 0
		if err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
			woken, err = tx.WakeLicensePool(ctx, p.Name, "system")
			return err
		}); err != nil {
			return err
		}
		if woken > 0 {
			d.wake()
		}
	}
	return nil
}

// turn tells, in the audit trail and the log, that a pool has become low or has
// been filled.
func (d *Desk) turn(ctx context.Context, p store.LicensePool) error {
	low, turned, action := p.Low(), false, "license_pool.filled"
	if low {
		action = "license_pool.low"
	}
	err := d.store.Write(ctx, func(tx *store.Tx) (err error) {
		if turned, err = tx.TurnLicensePool(ctx, p.Name, low); err != nil || !turned {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: "system", Action: action, Target: "license_pool/" + p.Name,
			Detail: map[string]string{"free": strconv.Itoa(p.Free), "low_water": strconv.Itoa(p.LowWater)}})
	})
	switch {
	case err != nil || !turned:
	case low:
		d.log.WarnContext(ctx, "a pool of Licenses is low: add Licenses", "pool", p.Name, "free", p.Free, "low_water", p.LowWater, "waiting", p.Waiting)
	default:
		d.log.InfoContext(ctx, "a pool of Licenses is no longer low", "pool", p.Name, "free", p.Free)
	}
	return err
}
