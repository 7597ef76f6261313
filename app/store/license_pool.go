package store

import (
	"context"
	"slices"

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

// importPart is how many Licenses one statement takes: 64 MiB of them in one would
// be held several times over.
const importPart = 1000

// AddPooledLicenses puts Licenses into a pool, in their order, and tells how many
// the pool has not had before. The caller has locked the pool by SetLicensePool.
func (t *Tx) AddPooledLicenses(ctx context.Context, pool string, list []market.LicenseContent, actor string) (added int, err error) {
	for part := range slices.Chunk(list, importPart) {
		n, err := t.addPooledLicenses(ctx, pool, part, actor)
		if err != nil {
			return 0, err
		}
		added += n
	}
	return added, nil
}

func (t *Tx) addPooledLicenses(ctx context.Context, pool string, list []market.LicenseContent, actor string) (int, error) {
	known, err := t.knownLicenses(ctx, pool, list)
	if err != nil {
		return 0, err
	}
	var names []string
	var sealed, indexes [][]byte
	for n, c := range list {
		if !known[n] {
			names = append(names, c.FileName)
			sealed, indexes = append(sealed, t.keys.Seal(seal.License, c.Bytes())), append(indexes, t.keys.Index(string(c.Bytes())))
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO pooled_licenses (pool, file_name, content_sealed, content_bidx, added_by)
SELECT $1, file_name, content, bidx, $5
  FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS given (file_name, content, bidx, at)
 ORDER BY at
ON CONFLICT (pool, content_bidx) DO NOTHING`, pool, pq.Array(names), pq.ByteaArray(sealed), pq.ByteaArray(indexes), actor)
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return int(n), toFault(err)
}

// knownLicenses tells, by place, which Licenses the pool has had before; it asks
// under every key, so that a rotation does not let the same License in again.
func (t *Tx) knownLicenses(ctx context.Context, pool string, list []market.LicenseContent) (map[int]bool, error) {
	var at []int64
	var keys [][]byte
	for n, c := range list {
		for _, k := range t.keys.Indexes(string(c.Bytes())) {
			at, keys = append(at, int64(n)), append(keys, k)
		}
	}
	var places []int
	err := t.tx.SelectContext(ctx, &places, `
SELECT given.at
  FROM unnest($2::bigint[], $3::bytea[]) AS given (at, bidx)
  JOIN pooled_licenses l
    ON l.pool = $1
   AND l.content_bidx = given.bidx`, pool, pq.Array(at), pq.ByteaArray(keys))
	known := make(map[int]bool, len(places))
	for _, n := range places {
		known[n] = true
	}
	return known, toFault(err)
}

// TakePooledLicense hands a License of the pool out for a request, for ever; the
// same request gets the same one again. Files are passed over where the request
// can only be answered with a text. Faults: conflict "license.pool_empty"
// (pool; given up); unavailable "license.pool_busy" (pool: the last free ones are
// just being handed out to others, who may give them back).
func (t *Tx) TakePooledLicense(ctx context.Context, pool string, license int64, textOnly bool) (market.LicenseContent, error) {
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
                AND (file_name = '' OR NOT $3)
              ORDER BY id
              LIMIT 1
                FOR NO KEY UPDATE SKIP LOCKED)
RETURNING file_name, content_sealed`, pool, license, textOnly).Scan(&name, &sealed)
	}
	if fault.Is(toFault(err), fault.NotFound) {
		return market.LicenseContent{}, t.noneFree(ctx, pool, textOnly)
	}
	if err != nil {
		return market.LicenseContent{}, toFault(err)
	}
	return t.Reader().openLicense(name, sealed)
}

func (t *Tx) noneFree(ctx context.Context, pool string, textOnly bool) error {
	var locked bool
	err := t.tx.GetContext(ctx, &locked, `
SELECT EXISTS (SELECT
                 FROM pooled_licenses
                WHERE pool = $1
                  AND status = 'free'
                  AND (file_name = '' OR NOT $2))`, pool, textOnly)
	switch {
	case err != nil:
		return toFault(err)
	case locked:
		return fault.New(fault.Unavailable, "license.pool_busy", "pool", pool)
	}
	return fault.New(fault.Conflict, "license.pool_empty", "pool", pool).Final()
}

// waitsForLicense says of tasks t that they wait for a pool of Licenses, the
// License's own, to be filled.
const waitsForLicense = `t.license_id = l.id
   AND t.kind = 'license'
   AND t.status = 'failed'
   AND t.last_error ->> 'key' = 'license.pool_empty'`

// WakeLicensePool begins the supply anew that found a pool empty, the longest
// waiting first and no more than the pool has free Licenses, and gives how many
// that are.
func (t *Tx) WakeLicensePool(ctx context.Context, pool, actor string) (int, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT t.id
  FROM licenses l
  JOIN tasks t
    ON `+waitsForLicense+`
 WHERE l.pool = $1
   AND l.status IN ('requested', 'failed')
 ORDER BY l.id
 LIMIT (SELECT count(*)
          FROM pooled_licenses
         WHERE pool = $1
           AND status = 'free')`, pool)
	if err != nil || len(ids) == 0 {
		return 0, toFault(err)
	}
	r, err := t.RestartTasks(ctx, ids, actor)
	if err != nil {
		return 0, err
	}
	return r.Touched(), t.SettleMessagesOf(ctx, ids)
}

// TurnLicensePool notes that a pool has become low, or has stopped to be; turned
// is false when that is known already.
func (t *Tx) TurnLicensePool(ctx context.Context, pool string, low bool) (turned bool, err error) {
	r, err := t.tx.ExecContext(ctx, `
UPDATE license_pools
   SET low_since = CASE WHEN $2 THEN now() END
 WHERE name = $1
   AND (low_since IS NOT NULL) <> $2`, pool, low)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
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
   FOR NO KEY UPDATE`, pool, id)
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
