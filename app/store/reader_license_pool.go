package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// LicensePool is a pool with its numbers.
type LicensePool struct {
	Name     string `db:"name"`
	LowWater int    `db:"low_water"`
	Free     int    `db:"free"`
	Used     int    `db:"used"`
	Retired  int    `db:"retired"`
	Waiting  int    `db:"waiting"`  // requests that found it empty and go on when it is filled
	Products int    `db:"products"` // that take their Licenses from it
	Told     bool   `db:"told"`     // somebody has been told that it is low
}

// Low tells whether the pool is to be refilled, and somebody wants to know.
func (p LicensePool) Low() bool { return p.Free <= p.LowWater && (p.LowWater > 0 || p.Products > 0) }

const poolColumns = `p.name, p.low_water, p.low_since IS NOT NULL AS told,
       (SELECT count(*) FROM products d WHERE d.settings ->> 'license' = 'pool' AND d.settings ->> 'license_pool' = p.name) AS products,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'free') AS free,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'used') AS used,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'retired') AS retired,
       (SELECT count(*)
          FROM licenses l
          JOIN tasks t
            ON ` + waitsForLicense + `
         WHERE l.pool = p.name
           AND l.status IN ('requested', 'failed')) AS waiting`

// LicensePools lists the pools by name.
func (r *Reader) LicensePools(ctx context.Context) ([]LicensePool, error) {
	out := []LicensePool{}
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT `+poolColumns+`
  FROM license_pools p
 ORDER BY p.name
 LIMIT 200`)
	return out, toFault(err)
}

// LicensePool loads a pool. Fault: not_found "license.pool_unknown" (pool).
func (r *Reader) LicensePool(ctx context.Context, name string) (LicensePool, error) {
	var p LicensePool
	err := sqlx.GetContext(ctx, r.q, &p, `
SELECT `+poolColumns+`
  FROM license_pools p
 WHERE p.name = $1`, name)
	if !storable(name) || fault.Is(toFault(err), fault.NotFound) {
		return p, fault.New(fault.NotFound, "license.pool_unknown", "pool", name)
	}
	return p, toFault(err)
}

// PooledLicense is one License of a pool, without what it says.
type PooledLicense struct {
	ID        int64
	Status    string // free, used, retired
	FileName  string // "" for a text
	LicenseID int64  // the request that it was handed out for; 0 none
	AddedBy   string
	AddedAt   time.Time
	UsedAt    time.Time
}

// PooledRetired is the status of a License that was taken out of its pool.
const PooledRetired = "retired"

// PooledStatuses lists the statuses of a pool's Licenses.
func PooledStatuses() []string { return []string{"free", "used", PooledRetired} }

type pooledRow struct {
	ID        int64         `db:"id"`
	Status    string        `db:"status"`
	FileName  string        `db:"file_name"`
	LicenseID sql.NullInt64 `db:"license_id"`
	AddedBy   string        `db:"added_by"`
	Added     time.Time     `db:"added_at"`
	Used      sql.NullTime  `db:"used_at"`
}

var pooledList = source{
	list:    list{letter: 'k', id: "k.id"},
	columns: "k.id, k.status, k.file_name, k.license_id, k.added_by, k.added_at, k.used_at",
	table:   "pooled_licenses",
	alias:   "k",
}

func (p *pooledRow) show() (PooledLicense, error) {
	return PooledLicense{ID: p.ID, Status: p.Status, FileName: p.FileName, LicenseID: p.LicenseID.Int64, AddedBy: p.AddedBy,
		AddedAt: p.Added.UTC(), UsedAt: utc(p.Used)}, nil
}

// PooledLicenses reads a page of a pool's Licenses, the newest first; status ""
// means every one. Fault: invalid "cursor.invalid".
func (r *Reader) PooledLicenses(ctx context.Context, pool, status string, p Paging) (Page[PooledLicense], error) {
	c := &clause{}
	c.and("k.pool = ?", pool)
	c.equal("k.status", status)
	return page(ctx, r, pooledList, c, p, func(p *pooledRow) position { return position{id: p.ID} }, (*pooledRow).show)
}
