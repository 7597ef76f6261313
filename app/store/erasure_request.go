package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// Whose says whose data an erasure on request is about: a customer's, or what hangs on
// one order. One of the two is empty.
type Whose struct {
	Customer string // KooGallery's customerId
	Order    string // KooGallery's orderId
}

// key is by what the record is found again.
func (w Whose) key() string {
	if w.Order != "" {
		return "order/" + w.Order
	}
	return "customer/" + w.Customer
}

// HeldRows is what is held of somebody in a channel, whether it was erased before or
// not: something may have come since.
type HeldRows struct {
	Known bool // there is, or was, something
	InUse int  // instances, also behind their orders, and authorization codes that are not released
	begin map[string][]int64
}

// heldBy selects the rows of a table that have $2 in a column, of channel $1.
func heldBy(table, column, over string) string {
	return `
SELECT m.id, ` + over + ` AS over
  FROM ` + table + ` m
 WHERE m.` + column + ` = $2
   AND m.` + column + ` <> ''
   AND m.channel_id = $1
 ORDER BY m.id`
}

const (
	released  = `m.released_at IS NOT NULL`
	noneInUse = `NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.order_id = m.order_id
          AND i.channel_id = m.channel_id
          AND i.released_at IS NULL)`
)

// heldOf selects what there is, by kind; $1 is the channel, $2 whose it is.
var heldOf = []struct{ kind, ofCustomer, ofOrder string }{
	{EraseInstances, heldBy("instances", "customer_id", released), heldBy("instances", "order_id", released)},
	{EraseOrders, heldBy("orders", "customer_id", "true"), heldBy("orders", "order_id", "true")},
	{EraseCodes, heldBy("license_codes", "customer_id", released), heldBy("license_codes", "order_id", released)},
	{EraseCalls, "", heldBy("messages", "order_id", noneInUse)},
}

// HeldOf finds what is held of somebody.
func (t *Tx) HeldOf(ctx context.Context, channel int64, w Whose) (out HeldRows, err error) {
	out.begin = map[string][]int64{}
	used := []int64{}
	for _, h := range heldOf {
		query, arg := h.ofCustomer, w.Customer
		if w.Order != "" {
			query, arg = h.ofOrder, w.Order
		}
		if query == "" {
			continue
		}
		var rows []struct {
			ID   int64 `db:"id"`
			Over bool  `db:"over"`
		}
		if err := t.tx.SelectContext(ctx, &rows, query, channel, arg); err != nil {
			return out, toFault(err)
		}
		out.Known = out.Known || len(rows) > 0
		for _, r := range rows {
			switch {
			case r.Over:
				out.begin[h.kind] = append(out.begin[h.kind], r.ID)
			case h.kind == EraseInstances:
				used = append(used, r.ID)
			case h.kind == EraseCodes:
				out.InUse++
			}
		}
	}
	var n int
	err = t.tx.GetContext(ctx, &n, inUse, pq.Array(out.begin[EraseOrders]), pq.Array(used))
	out.InUse += n
	return out, toFault(err)
}

// inUse counts the instances in use: those that orders $1 belong to, as a purchase or
// since (see orderIsFree), and $2.
const inUse = `
SELECT count(*)
  FROM (SELECT i.id
          FROM instance_orders l
          JOIN instances i ON i.id = l.instance_pk
         WHERE l.order_pk = ANY($1)
           AND i.released_at IS NULL
         UNION
        SELECT i.id
          FROM orders o
          JOIN instances i ON i.order_id = o.order_id AND i.channel_id = o.channel_id
         WHERE o.id = ANY($1)
           AND i.released_at IS NULL
         UNION
        SELECT unnest($2::bigint[])) used`

// EraseHeld erases what HeldOf has found, calls first (see Write), and tells what it
// left because it is under way.
func (t *Tx) EraseHeld(ctx context.Context, held HeldRows) (out ErasedCounts, left ErasureLeft, err error) {
	for _, kind := range []string{EraseCalls, EraseInstances, EraseOrders, EraseCodes} {
		for ids := range slices.Chunk(held.begin[kind], 100) {
			n, more, err := t.Erase(ctx, kind, ids)
			if err != nil {
				return out, left, err
			}
			out.Add(n)
			left.Add(more)
		}
	}
	return out, left, nil
}

// Erasure is the record of an erasure on request. It names nobody.
type Erasure struct {
	ID     int64
	At     time.Time
	Actor  string
	Reason string
	Forced bool
	Counts ErasedCounts
}

// RecordErasure writes the record.
func (t *Tx) RecordErasure(ctx context.Context, channel int64, w Whose, e Erasure) (id int64, err error) {
	counts, err := json.Marshal(e.Counts)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "internal")
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO erasures (channel_id, customer_bidx, actor, reason, forced, counts)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id`, channel, t.keys.Index(w.key()), e.Actor, e.Reason, e.Forced, string(counts))
	return id, toFault(err)
}

// LastErasure is the newest record of somebody's erasures. Fault: not_found.
func (r *Reader) LastErasure(ctx context.Context, channel int64, w Whose) (e Erasure, err error) {
	var counts []byte
	err = r.q.QueryRowxContext(ctx, `
SELECT id, created_at, actor, reason, forced, counts
  FROM erasures
 WHERE channel_id = $1
   AND customer_bidx = ANY($2)
 ORDER BY id DESC
 LIMIT 1`, channel, pq.ByteaArray(r.keys.Indexes(w.key()))).Scan(&e.ID, &e.At, &e.Actor, &e.Reason, &e.Forced, &counts)
	if err != nil {
		return e, toFault(err)
	}
	e.At = e.At.UTC()
	return e, toFault(json.Unmarshal(counts, &e.Counts))
}
