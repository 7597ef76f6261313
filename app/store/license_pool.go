package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// SetLicensePool makes a pool, or changes from how many free Licenses on it
// counts as low; nil leaves that as it is.
func (t *Tx) SetLicensePool(ctx context.Context, name string, lowWater *int) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO license_pools (name, low_water)
VALUES ($1, COALESCE($2, 0))
ON CONFLICT (name) DO UPDATE
   SET low_water = COALESCE($2, license_pools.low_water)`, name, lowWater)
	return toFault(err)
}

// AddPooledLicense puts a License into a pool; false if it has been there before.
func (t *Tx) AddPooledLicense(ctx context.Context, pool string, c market.LicenseContent, actor string) (bool, error) {
	// Under every key, so that a rotation does not let the same License in again.
	var known bool
	indexes := t.keys.Indexes(string(c.Bytes()))
	err := t.tx.GetContext(ctx, &known, `
SELECT EXISTS (SELECT
                 FROM pooled_licenses
                WHERE pool = $1
                  AND content_bidx = ANY($2))`, pool, pq.ByteaArray(indexes))
	if err != nil || known {
		return false, toFault(err)
	}
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO pooled_licenses (pool, file_name, content_sealed, content_bidx, added_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (pool, content_bidx) DO NOTHING`, pool, c.FileName, t.keys.Seal(seal.License, c.Bytes()), indexes[0], actor)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
}

// TakePooledLicense hands a License of the pool out for a request, for ever; the
// same request gets the same one again. Faults: conflict "license.pool_empty"
// (pool; given up); unavailable "license.pool_busy" (pool: the last free ones are
// just being handed out to others, who may give them back).
func (t *Tx) TakePooledLicense(ctx context.Context, pool string, license int64) (market.LicenseContent, error) {
	var name string
	var sealed []byte
	err := t.tx.QueryRowxContext(ctx, `
SELECT file_name, content_sealed
  FROM pooled_licenses
 WHERE license_id = $1`, license).Scan(&name, &sealed)
	if fault.Is(toFault(err), fault.NotFound) {
		err = t.tx.QueryRowxContext(ctx, `
UPDATE pooled_licenses
   SET status = 'used',
       license_id = $2,
       used_at = now()
 WHERE id = (SELECT id
               FROM pooled_licenses
              WHERE pool = $1
                AND status = 'free'
              ORDER BY id
              LIMIT 1
                FOR UPDATE SKIP LOCKED)
RETURNING file_name, content_sealed`, pool, license).Scan(&name, &sealed)
	}
	if fault.Is(toFault(err), fault.NotFound) {
		return market.LicenseContent{}, t.noneFree(ctx, pool)
	}
	if err != nil {
		return market.LicenseContent{}, toFault(err)
	}
	return t.Reader().openLicense(name, sealed)
}

func (t *Tx) noneFree(ctx context.Context, pool string) error {
	var locked bool
	err := t.tx.GetContext(ctx, &locked, `
SELECT EXISTS (SELECT
                 FROM pooled_licenses
                WHERE pool = $1
                  AND status = 'free')`, pool)
	switch {
	case err != nil:
		return toFault(err)
	case locked:
		return fault.New(fault.Unavailable, "license.pool_busy", "pool", pool)
	}
	return fault.New(fault.Conflict, "license.pool_empty", "pool", pool).Final()
}

// PoolStillEmpty looks again, against refills that are under way, before a request
// is given up for an empty pool.
func (t *Tx) PoolStillEmpty(ctx context.Context, pool string) (bool, error) {
	var free bool
	err := t.tx.GetContext(ctx, &free, `
WITH p AS (
    SELECT name
      FROM license_pools
     WHERE name = $1
       FOR SHARE
)
SELECT EXISTS (SELECT
                 FROM p
                 JOIN pooled_licenses i
                   ON i.pool = p.name
                  AND i.status = 'free')`, pool)
	return !free, toFault(err)
}

// WaitingForPool lists the given-up supply tasks that a pool could serve now, the
// longest waiting first, at most limit.
func (t *Tx) WaitingForPool(ctx context.Context, pool string, limit int) ([]int64, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT t.id
  FROM licenses l
  JOIN tasks t
    ON t.license_id = l.id
   AND t.kind = 'license'
   AND t.status = 'failed'
 WHERE l.pool = $1
   AND l.status IN ('requested', 'failed')
 ORDER BY l.id
 LIMIT $2`, pool, limit)
	return ids, toFault(err)
}

// RetirePooledLicense takes a free License out of a pool. Faults: not_found
// "license.unknown"; conflict "license.pool_not_free".
func (t *Tx) RetirePooledLicense(ctx context.Context, pool string, id int64) error {
	var was string
	err := t.tx.GetContext(ctx, &was, `
SELECT status
  FROM pooled_licenses
 WHERE pool = $1
   AND id = $2
   FOR UPDATE`, pool, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return fault.New(fault.NotFound, "license.unknown")
	}
	if err != nil {
		return toFault(err)
	}
	if was != "free" {
		return fault.New(fault.Conflict, "license.pool_not_free")
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE pooled_licenses
   SET status = 'retired'
 WHERE id = $1`, id)
	return toFault(err)
}

// LicensePool is a pool with its numbers.
type LicensePool struct {
	Name     string `db:"name"`
	LowWater int    `db:"low_water"`
	Free     int    `db:"free"`
	Used     int    `db:"used"`
	Retired  int    `db:"retired"`
	Waiting  int    `db:"waiting"` // requests that found it empty
}

// Low tells whether somebody should refill the pool.
func (p LicensePool) Low() bool { return p.Free <= p.LowWater }

const poolColumns = `p.name, p.low_water,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'free') AS free,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'used') AS used,
       (SELECT count(*) FROM pooled_licenses i WHERE i.pool = p.name AND i.status = 'retired') AS retired,
       (SELECT count(*) FROM licenses l WHERE l.pool = p.name AND l.status IN ('requested', 'failed')) AS waiting`

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

// SettleMessagesOf settles the messages that tasks belong to.
func (t *Tx) SettleMessagesOf(ctx context.Context, tasks []int64) error {
	var messages []int64
	err := t.tx.SelectContext(ctx, &messages, `
SELECT DISTINCT message_id
  FROM tasks
 WHERE id = ANY($1)
   AND message_id IS NOT NULL`, pq.Array(tasks))
	if err != nil {
		return toFault(err)
	}
	for _, m := range messages {
		if err := t.SettleMessage(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
