package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/lib/pq"
)

var batchOf = `
WITH batch AS (
    SELECT i.id, COALESCE((p.settings->>'wipe_password_days')::int, 0) AS wipe
      FROM instances i` + productOf

// replanned is what the instances of "batch" go by from now on, as their product
// says: when the clock looks at their notices, and at their password.
const replanned = `
    UPDATE instances i
       SET notice_at = CASE WHEN i.released_at IS NULL AND i.expires_at > now() - interval '1 day' THEN LEAST(i.notice_at, now()) ELSE i.notice_at END,
           wipe_password_at = CASE WHEN i.password_sealed IS NOT NULL AND batch.wipe > 0 THEN i.password_given_at + batch.wipe * interval '1 day' END
      FROM batch
     WHERE i.id = batch.id
       AND (i.released_at IS NULL AND i.expires_at > now() - interval '1 day' OR i.password_given_at IS NOT NULL)`

// replanNext ends a selection of instances that are looked at again, so many ($2)
// behind a row ($1), and gives their ids. They are locked in their order before any is
// changed: the change itself comes to them in whatever order it is planned.
const replanNext = `
       AND i.id > $1
     ORDER BY i.id
     LIMIT $2
       FOR NO KEY UPDATE OF i
), looked AS (` + replanned + `
)
SELECT id
  FROM batch
 ORDER BY id`

// replan has an instance that became another product looked at again.
func (t *Tx) replan(ctx context.Context, pk int64) error {
	_, err := t.tx.ExecContext(ctx, batchOf+`
     WHERE i.id = $1
)`+replanned, pk)
	return toFault(err)
}

// replanSome does so with some of many; last is behind which one to go on, NULL if
// these were the last.
func (t *Tx) replanSome(ctx context.Context, selection string, after int64, limit int, args ...any) (ids []int64, last sql.NullInt64, err error) {
	err = t.tx.SelectContext(ctx, &ids, selection+replanNext, slices.Concat([]any{after, limit}, args)...)
	if len(ids) == limit {
		last = sql.NullInt64{Int64: ids[limit-1], Valid: true}
	}
	return ids, last, toFault(err)
}

// ReplanNotices has up to limit instances of one product whose days have changed
// looked at again; more tells whether there is more to do. The product is locked so that
// events for it may be written meanwhile, by who has its instances locked.
func (t *Tx) ReplanNotices(ctx context.Context, limit int) (more bool, err error) {
	var p struct {
		ID        int64  `db:"id"`
		ChannelID int64  `db:"channel_id"`
		ProductID string `db:"product_id"`
		SkuCode   string `db:"sku_code"`
		After     int64  `db:"replan_after"`
	}
	err = t.tx.GetContext(ctx, &p, `
SELECT id, channel_id, product_id, sku_code, replan_after
  FROM products
 WHERE replan_after IS NOT NULL
 ORDER BY id
 LIMIT 1
   FOR NO KEY UPDATE SKIP LOCKED`)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, toFault(err)
	}
	// The channel's default and a skuCode are for whatever has no entry that counts
	// more; to look at the others as well does no harm.
	_, last, err := t.replanSome(ctx, batchOf+`
     WHERE i.channel_id = $3
       AND ($4 = '*' OR i.product_id = $4 AND $4 <> '' OR i.sku_code = $5 AND $5 <> '')`, p.After, limit, p.ChannelID, p.ProductID, p.SkuCode)
	if err != nil {
		return false, err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE products
   SET replan_after = $2
 WHERE id = $1`, p.ID, last)
	return true, toFault(err)
}

// seeTime notes the database's time, and begins to look at everything again when it is
// earlier than what was seen last. What is put right by seconds passes nothing over.
const seeTime = `
INSERT INTO notice_clock AS c (seen)
VALUES (now())
ON CONFLICT (one) DO UPDATE
   SET seen = now(),
       replan_after = CASE WHEN now() < c.seen - interval '30 seconds' THEN 0 ELSE c.replan_after END
RETURNING replan_after`

// openInstances are those of which a notice may be due some day.
var openInstances = batchOf + `
     WHERE i.released_at IS NULL`

// tooEarly are the notices of expiries, about those instances, that a clock which was
// ahead has written and that have not gone out. OFFSET 0 is as in toldOf.
var tooEarly = ending(`
SELECT d.id
  FROM unnest($1::bigint[]) AS batch (id)
 CROSS JOIN LATERAL (
       SELECT id, kind, created_at, resends
         FROM deliveries
        WHERE instance_pk = batch.id
       OFFSET 0) o
  JOIN deliveries d
    ON d.id = o.id
 WHERE o.kind = 'expiry_notice'
   AND o.created_at > now()
   AND o.resends = 0
   AND ` + neverLeft)

// putOff are the tasks that a clock which was ahead made, or tried, and put off until
// its own time.
const putOff = `
UPDATE tasks
   SET run_at = now()
 WHERE id IN (
       SELECT id
         FROM tasks
        WHERE status = 'pending'
          AND enqueued_at IS NULL
          AND run_at > now()
          AND (created_at > now() OR started_at > now())
        ORDER BY id
          FOR NO KEY UPDATE)`

// ReplanAfterSetBack has up to limit instances looked at again when the database's
// clock, having been ahead, was set right: what the planner has passed over, or written
// too early, is told at its time. More tells whether there is more to do.
func (t *Tx) ReplanAfterSetBack(ctx context.Context, limit int) (more bool, err error) {
	var after sql.NullInt64
	if err := t.tx.GetContext(ctx, &after, seeTime); err != nil || !after.Valid {
		return false, toFault(err)
	}
	ids, last, err := t.replanSome(ctx, openInstances, after.Int64, limit)
	if err != nil {
		return false, err
	}
	if after.Int64 == 0 {
		if _, err := t.tx.ExecContext(ctx, putOff); err != nil {
			return false, toFault(err)
		}
	}
	if err := t.endDeliveries(ctx, tooEarly, "system", pq.Array(ids)); err != nil {
		return false, err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE notice_clock
   SET replan_after = $1`, last)
	return true, toFault(err)
}
