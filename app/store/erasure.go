package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// ErasedCounts says how many rows of each kind were emptied.
type ErasedCounts struct {
	Instances  int `json:"instances"`
	Orders     int `json:"orders"`
	Deliveries int `json:"deliveries"`
	Attempts   int `json:"attempts"` // of interface messages
	Events     int `json:"events"`
	Licenses   int `json:"licenses"`
	Codes      int `json:"license_codes"`
}

// Add sums up.
func (c *ErasedCounts) Add(o ErasedCounts) {
	c.Instances += o.Instances
	c.Orders += o.Orders
	c.Deliveries += o.Deliveries
	c.Attempts += o.Attempts
	c.Events += o.Events
	c.Licenses += o.Licenses
	c.Codes += o.Codes
}

// Erasable locks up to limit released instances of before that still hold
// personal data, the longest released first.
func (t *Tx) Erasable(ctx context.Context, before time.Time, limit int) (pks []int64, err error) {
	err = t.tx.SelectContext(ctx, &pks, `
SELECT id
  FROM instances
 WHERE released_at < $1
   AND erased_at IS NULL
 ORDER BY released_at, id
 LIMIT $2
   FOR UPDATE SKIP LOCKED`, before, limit)
	return pks, toFault(err)
}

// ofInstances is what is emptied with released instances ($1, their row ids),
// each statement giving what it emptied. What is being worked on at this moment
// is left: it was locked by whoever is at it, and has nothing to do any more.
var ofInstances = []struct {
	count func(*ErasedCounts) *int
	query string
}{
	{func(c *ErasedCounts) *int { return &c.Orders }, `
UPDATE orders o
   SET ` + emptyOrder + `
 WHERE o.erased_at IS NULL
   AND o.known_at IS NOT NULL -- else it holds nobody's data
   AND o.id = ANY(ARRAY(
       SELECT l.order_pk
         FROM instance_orders l
        WHERE l.instance_pk = ANY($1)
        UNION
       SELECT p.id
         FROM instances i
         JOIN orders p ON p.order_id = i.order_id AND p.channel_id = i.channel_id
        WHERE i.id = ANY($1)
          AND i.order_id <> ''))
   AND ` + orderIsFree},
	{func(c *ErasedCounts) *int { return &c.Deliveries }, `
WITH gone AS (
    UPDATE deliveries
       SET to_sealed = '',
           to_mask = '',
           content_sealed = NULL,
           emptied_at = COALESCE(emptied_at, now()),
           last_error = NULL,
           status = CASE WHEN status IN ('pending', 'failed') THEN 'cancelled' ELSE status END
     WHERE instance_pk = ANY($1)
       AND status <> 'running'
    RETURNING id
), receipts AS (
    UPDATE delivery_receipts
       SET note = ''
     WHERE delivery_id IN (SELECT id FROM gone)
), works AS (
    UPDATE tasks
       SET last_error = NULL,
           status = CASE WHEN status IN ('pending', 'failed') THEN 'cancelled' ELSE status END,
           enqueued_at = CASE WHEN status IN ('pending', 'failed') THEN NULL ELSE enqueued_at END,
           finished_at = COALESCE(finished_at, now())
     WHERE delivery_id IN (SELECT id FROM gone)
       AND status <> 'running'
    RETURNING id
), tries AS (
    UPDATE task_attempts
       SET error = NULL
     WHERE task_id IN (SELECT id FROM works)
)
SELECT id
  FROM gone`},
	{func(c *ErasedCounts) *int { return &c.Attempts }, `
UPDATE attempts a
   SET request_sealed = NULL,
       response = NULL,
       response_sealed = NULL,
       error = NULL,
       emptied_at = now()
  FROM (SELECT m.id, m.status
          FROM instances i
         CROSS JOIN LATERAL ` + messagesAbout("= i.instance_id") + ` m
         WHERE i.id = ANY($1)
           AND m.channel_id = i.channel_id
         UNION
        SELECT m.id, m.status
          FROM instances i
          JOIN messages m ON m.order_id = i.order_id AND m.channel_id = i.channel_id
         WHERE i.id = ANY($1)
           AND m.order_id <> ''
           AND m.instance_id = '' -- refused, not understood, an order notice
           AND NOT EXISTS (SELECT 1 FROM instances u WHERE u.order_id = i.order_id AND u.channel_id = i.channel_id AND u.released_at IS NULL)) m
 WHERE m.status <> 'processing'
   AND a.message_id = m.id
   AND (a.request_sealed IS NOT NULL OR a.response IS NOT NULL OR a.response_sealed IS NOT NULL)`},
	{func(c *ErasedCounts) *int { return &c.Events }, `
WITH gone AS (
    UPDATE events
       SET payload_sealed = NULL,
           emptied_at = now()
     WHERE instance_pk = ANY($1)
       AND status NOT IN ('pending', 'running')
       AND payload_sealed IS NOT NULL
    RETURNING id
), answers AS (
    UPDATE event_attempts
       SET response_sealed = NULL
     WHERE event_id IN (SELECT id FROM gone)
)
SELECT id
  FROM gone`},
	{func(c *ErasedCounts) *int { return &c.Licenses }, `
UPDATE licenses
   SET device_sealed = NULL,
       device_bidx = NULL,
       content_sealed = NULL
 WHERE instance_pk = ANY($1)
   AND (device_sealed IS NOT NULL OR content_sealed IS NOT NULL)`},
	{func(c *ErasedCounts) *int { return new(int) }, `
UPDATE pool_accounts
   SET password_sealed = NULL
 WHERE instance_pk = ANY($1)
   AND status = 'retired'`},
	{func(c *ErasedCounts) *int { return &c.Instances }, `
UPDATE instances
   SET customer_name = '',
       real_name_sealed = NULL,
       email_sealed = NULL,
       email_bidx = NULL,
       phone_sealed = NULL,
       phone_bidx = NULL,
       order_sealed = NULL,
       params_sealed = NULL,
       front_end_url = '',
       admin_url = '',
       user_name = '',
       password_sealed = NULL,
       memo = '',
       access_sealed = NULL,
       usage_sealed = NULL,
       wipe_password_at = NULL,
       erased_at = now(),
       updated_at = now()
 WHERE id = ANY($1)
   AND released_at IS NOT NULL
   AND erased_at IS NULL`},
}

const emptyOrder = `customer_name = '',
       real_name_sealed = NULL,
       email_sealed = NULL,
       email_bidx = NULL,
       phone_sealed = NULL,
       phone_bidx = NULL,
       facts_sealed = NULL,
       answer_sealed = NULL,
       erased_at = now(),
       updated_at = now()`

// orderIsFree: no instance that is still in use comes from the order.
const orderIsFree = `NOT EXISTS (
       SELECT 1
         FROM instance_orders l
         JOIN instances i ON i.id = l.instance_pk
        WHERE l.order_pk = o.id
          AND i.released_at IS NULL)
   AND NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.order_id = o.order_id
          AND i.channel_id = o.channel_id
          AND i.released_at IS NULL)`

// EraseInstances takes the personal data and the access data out of released
// instances, which the caller has locked, and out of all that hangs on them.
func (t *Tx) EraseInstances(ctx context.Context, pks []int64) (out ErasedCounts, err error) {
	for _, s := range ofInstances {
		r, err := t.tx.ExecContext(ctx, s.query, pq.Array(pks))
		if err != nil {
			return out, toFault(err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			return out, toFault(err)
		}
		*s.count(&out) += int(n)
	}
	return out, nil
}

// CustomerRows is what is held of a customer in a channel, as far as it is not
// erased yet.
type CustomerRows struct {
	Known    bool    // there is, or was, something of his
	InUse    int     // instances that are not released
	Released []int64 // instances that are, by row id
	Orders   []int64 // orders that no instance in use comes from
	Codes    []int64 // License codes that are released
}

// Empty tells whether there is nothing to erase.
func (c CustomerRows) Empty() bool { return len(c.Released)+len(c.Orders)+len(c.Codes) == 0 }

// OfCustomer locks what is held of a customer.
func (t *Tx) OfCustomer(ctx context.Context, channel int64, customer string) (out CustomerRows, err error) {
	var rows []struct {
		ID       int64        `db:"id"`
		Released sql.NullTime `db:"released_at"`
		Erased   sql.NullTime `db:"erased_at"`
	}
	err = t.tx.SelectContext(ctx, &rows, `
SELECT id, released_at, erased_at
  FROM instances
 WHERE customer_id = $2
   AND channel_id = $1
 ORDER BY id
   FOR UPDATE`, channel, customer)
	if err != nil {
		return out, toFault(err)
	}
	out.Known = len(rows) > 0
	for _, r := range rows {
		switch {
		case !r.Released.Valid:
			out.InUse++
		case !r.Erased.Valid:
			out.Released = append(out.Released, r.ID)
		}
	}
	err = t.tx.SelectContext(ctx, &out.Orders, `
SELECT o.id
  FROM orders o
 WHERE o.customer_id = $2
   AND o.customer_id <> ''
   AND o.channel_id = $1
   AND o.erased_at IS NULL
   AND `+orderIsFree+`
 ORDER BY o.id
   FOR UPDATE OF o`, channel, customer)
	if err != nil {
		return out, toFault(err)
	}
	err = t.tx.SelectContext(ctx, &out.Codes, `
SELECT l.id
  FROM license_codes l
 WHERE l.customer_id = $2
   AND l.customer_id <> ''
   AND l.channel_id = $1
   AND l.released_at IS NOT NULL
   AND (l.answer_sealed IS NOT NULL
        OR EXISTS (SELECT 1 FROM license_usage u WHERE u.code_id = l.id AND u.account_sealed IS NOT NULL))
 ORDER BY l.id
   FOR UPDATE OF l`, channel, customer)
	if err != nil {
		return out, toFault(err)
	}
	if !out.Known {
		err = t.tx.GetContext(ctx, &out.Known, `
SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = $2 AND customer_id <> '' AND channel_id = $1)
    OR EXISTS (SELECT 1 FROM license_codes WHERE customer_id = $2 AND customer_id <> '' AND channel_id = $1)`, channel, customer)
	}
	return out, toFault(err)
}

// EraseCustomer empties what OfCustomer has locked.
func (t *Tx) EraseCustomer(ctx context.Context, c CustomerRows) (out ErasedCounts, err error) {
	for pks := range slices.Chunk(c.Released, 100) {
		n, err := t.EraseInstances(ctx, pks)
		if err != nil {
			return out, err
		}
		out.Add(n)
	}
	r, err := t.tx.ExecContext(ctx, `
UPDATE orders o
   SET `+emptyOrder+`
 WHERE o.id = ANY($1)
   AND o.erased_at IS NULL`, pq.Array(c.Orders))
	if err != nil {
		return out, toFault(err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return out, toFault(err)
	}
	out.Orders += int(n)
	_, err = t.tx.ExecContext(ctx, `
WITH usage AS (
    DELETE FROM license_usage
     WHERE code_id = ANY($1)
       AND account_sealed IS NOT NULL
)
UPDATE license_codes
   SET answer_sealed = NULL,
       updated_at = now()
 WHERE id = ANY($1)`, pq.Array(c.Codes))
	out.Codes = len(c.Codes)
	return out, toFault(err)
}

// Erasure is the record of a customer's erasure. It names nobody.
type Erasure struct {
	ID     int64
	At     time.Time
	Actor  string
	Reason string
	Forced bool
	Counts ErasedCounts
}

func erasedKey(customer string) string { return "customer/" + customer }

// RecordErasure writes the record.
func (t *Tx) RecordErasure(ctx context.Context, channel int64, customer string, e Erasure) (id int64, err error) {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "internal")
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO erasures (channel_id, customer_bidx, actor, reason, forced, counts)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id`, channel, t.keys.Index(erasedKey(customer)), e.Actor, e.Reason, e.Forced, string(counts))
	return id, toFault(err)
}

// LastErasure is the newest record of a customer's erasures. Fault: not_found.
func (r *Reader) LastErasure(ctx context.Context, channel int64, customer string) (e Erasure, err error) {
	var counts []byte
	err = r.q.QueryRowxContext(ctx, `
SELECT id, created_at, actor, reason, forced, counts
  FROM erasures
 WHERE channel_id = $1
   AND customer_bidx = ANY($2)
 ORDER BY id DESC
 LIMIT 1`, channel, pq.ByteaArray(r.keys.Indexes(erasedKey(customer)))).Scan(&e.ID, &e.At, &e.Actor, &e.Reason, &e.Forced, &counts)
	if err != nil {
		return e, toFault(err)
	}
	e.At = e.At.UTC()
	return e, toFault(json.Unmarshal(counts, &e.Counts))
}
