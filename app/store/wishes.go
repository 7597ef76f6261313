package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/lib/pq"
)

// Wishes are what a customer has asked for: kinds of messages that he does not
// want, and how he is written to. Empty texts leave it to the product and to
// TZ_CUSTOMERS.
type Wishes struct {
	Off      []string
	Language string
	Zone     string
}

// Customer is how an instance's customer is known within the channel.
func (i *Instance) Customer() string {
	if i.CustomerID != "" {
		return i.CustomerID
	}
	return "#" + i.InstanceID
}

// Wishes gives a customer's; who has never asked for anything has none.
func (r *Reader) Wishes(ctx context.Context, channel int64, customer string) (Wishes, error) {
	var w Wishes
	err := r.q.QueryRowxContext(ctx, `
SELECT off, language, zone
  FROM customer_wishes
 WHERE channel_id = $1
   AND customer = $2`, channel, customer).Scan(pq.Array(&w.Off), &w.Language, &w.Zone)
	if errors.Is(err, sql.ErrNoRows) {
		return Wishes{}, nil
	}
	return w, toFault(err)
}

// LockWishes gives a customer's and keeps others from changing them meanwhile.
func (t *Tx) LockWishes(ctx context.Context, channel int64, customer string) (Wishes, error) {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO customer_wishes (channel_id, customer)
VALUES ($1, $2)
ON CONFLICT (channel_id, customer) DO UPDATE
   SET channel_id = EXCLUDED.channel_id`, channel, customer) // no change, but a lock on a row that was there
	if err != nil {
		return Wishes{}, toFault(err)
	}
	return t.Reader().Wishes(ctx, channel, customer)
}

// ZoneKnown tells whether the database knows a zone by this name.
func (r *Reader) ZoneKnown(ctx context.Context, name string) (known bool, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT EXISTS (
       SELECT 1
         FROM pg_timezone_names
        WHERE name = $1)`, name).Scan(&known)
	return known, toFault(err)
}

// SetWishes replaces a customer's wishes, cancels what he has not got and does
// not want, and has his instances looked at again.
func (t *Tx) SetWishes(ctx context.Context, channel int64, customer string, w Wishes) error {
	off := slices.Compact(slices.Sorted(slices.Values(w.Off)))
	if off == nil {
		off = []string{}
	}
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO customer_wishes (channel_id, customer, off, language, zone)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (channel_id, customer) DO UPDATE
   SET off = EXCLUDED.off,
       language = EXCLUDED.language,
       zone = EXCLUDED.zone,
       updated_at = now()`, channel, customer, pq.Array(off), w.Language, w.Zone)
	if err != nil {
		return toFault(err)
	}
	var pks []int64
	err = t.tx.SelectContext(ctx, &pks, `
UPDATE instances
   SET notice_at = CASE WHEN expires_at IS NOT NULL AND released_at IS NULL THEN '-infinity'::timestamptz END
 WHERE id IN (SELECT id
                FROM instances
               WHERE channel_id = $1
                 AND (customer_id = $2 OR customer_id = '' AND instance_id = substr($2, 2) AND starts_with($2, '#'))
               ORDER BY id
                 FOR NO KEY UPDATE)
RETURNING id`, channel, customer)
	if err != nil || len(off) == 0 || len(pks) == 0 {
		return toFault(err)
	}
	return t.endDeliveries(ctx, notWanted, "system", pq.Array(pks), pq.Array(off))
}

// notWanted are the deliveries of kinds that customers of instances have not got.
var notWanted = ending(`
SELECT d.id
  FROM deliveries d
 WHERE d.instance_pk = ANY($1)
   AND d.kind = ANY($2)
   AND d.status IN ('pending', 'failed')`)

// HoldDelivery says on a delivery until when it is held, and why.
func (t *Tx) HoldDelivery(ctx context.Context, id int64, until time.Time, why string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = 'pending',
       held_until = $2,
       held_why = $3,
       was_held = $3
 WHERE id = $1`, id, until, why)
	return toFault(err)
}

// CountNotice lets a notice go, and counts it among its customer's.
func (t *Tx) CountNotice(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET counted_at = COALESCE(counted_at, now()),
       held_until = NULL,
       held_why = ''
 WHERE id = $1`, id)
	return toFault(err)
}

// CountedNotices is how many notices a customer has got since a moment, a
// notice and its fall-back being one, and none that a clock which was far ahead has
// counted. Whoever
// asks holds the customer until the end of the transaction, so that two notices
// at once cannot both be the last one.
func (t *Tx) CountedNotices(ctx context.Context, channel int64, customer string, since time.Time) (n int, err error) {
	if _, err := t.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('notices/' || $1::text || '/' || $2, 0))`, channel, customer); err != nil {
		return 0, toFault(err)
	}
	err = t.tx.GetContext(ctx, &n, `
SELECT count(*)
  FROM deliveries
 WHERE channel_id = $1
   AND customer = $2
   AND counted_at >= $3
   AND counted_at < now() + interval '1 day'
   AND fallback_of IS NULL`, channel, customer, since)
	return n, toFault(err)
}

// DeliveryCount is how many deliveries of a kind an instance has.
func (r *Reader) DeliveryCount(ctx context.Context, instancePK int64, kind string) (n int, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT count(*)
  FROM deliveries
 WHERE instance_pk = $1
   AND kind = $2`, instancePK, kind).Scan(&n)
	return n, toFault(err)
}
