package license

import (
	"context"
	"regexp"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// MaxImport is how many Licenses one import may have.
const MaxImport = 10000

var poolName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// maxLowWater bounds what people write.
const maxLowWater = 1_000_000

// CheckPoolName tells whether a pool can have this name. Fault: invalid
// "license.pool_name".
func CheckPoolName(name string) error {
	if !poolName.MatchString(name) {
		return fault.New(fault.Invalid, "license.pool_name")
	}
	return nil
}

// Imported says what an import did.
type Imported struct {
	Added     int
	Known     int // were in the pool before, used ones included
	Restarted int // requests that had found the pool empty and go on now
}

// Refill puts Licenses into a pool, which it makes if there is none, and lets go
// on what had found it empty. All or nothing: a wrong one is named by its place,
// beginning with 1. lowWater nil leaves that number as it is.
//
// Faults: invalid "license.pool_name", "license.import_empty", "pool.low_water",
// "license.import_too_many" (limit), "license.import_wrong" (place); and those of
// market.LicenseContent's Check as its cause.
func (d *Desk) Refill(ctx context.Context, pool string, list []market.LicenseContent, lowWater *int, by staff.Actor) (Imported, error) {
	var out Imported
	if err := CheckPoolName(pool); err != nil {
		return out, err
	}
	if len(list) == 0 && lowWater == nil {
		return out, fault.New(fault.Invalid, "license.import_empty")
	}
	if lowWater != nil && (*lowWater < 0 || *lowWater > maxLowWater) {
		return out, fault.New(fault.Invalid, "pool.low_water", "max", strconv.Itoa(maxLowWater))
	}
	if len(list) > MaxImport {
		return out, fault.New(fault.Invalid, "license.import_too_many", "limit", strconv.Itoa(MaxImport))
	}
	for n := range list {
		list[n] = list[n].Tidy()
		if err := list[n].Check(); err != nil {
			return out, fault.Wrap(err, fault.Invalid, "license.import_wrong", "place", strconv.Itoa(n+1))
		}
	}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		out = Imported{}
		return d.refill(ctx, tx, pool, list, lowWater, by, &out)
	})
	if err != nil {
		return Imported{}, err
	}
	d.wake()
	d.log.InfoContext(ctx, "Licenses were put into a pool", "pool", pool, "added", out.Added, "known", out.Known,
		"go_on", out.Restarted, "actor", by.Name)
	return out, nil
}

func (d *Desk) refill(ctx context.Context, tx *store.Tx, pool string, list []market.LicenseContent, lowWater *int, by staff.Actor, out *Imported) error {
	if err := tx.SetLicensePool(ctx, pool, lowWater); err != nil {
		return err
	}
	var err error
	if out.Added, err = tx.AddPooledLicenses(ctx, pool, list, by.Name); err != nil {
		return err
	}
	out.Known = len(list) - out.Added
	if out.Restarted, err = tx.WakeLicensePool(ctx, pool, by.Name); err != nil {
		return err
	}
	return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "license_pool.refill", Target: "license_pool/" + pool, Reason: by.Reason, IP: by.IP,
		Detail: map[string]string{"added": strconv.Itoa(out.Added), "known": strconv.Itoa(out.Known)}})
}

// Retire takes a free License out of a pool for good. Faults: not_found
// "license.unknown"; conflict "license.pool_not_free".
func (d *Desk) Retire(ctx context.Context, pool string, id int64, by staff.Actor) error {
	return d.store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.RetirePooledLicense(ctx, pool, id); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "license_pool.retire", Target: "license_pool/" + pool, Reason: by.Reason,
			IP: by.IP, Detail: map[string]string{"license": strconv.FormatInt(id, 10)}})
	})
}
