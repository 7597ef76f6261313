package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// ErasureLeft says how much an erasure left because it is under way, or was locked at
// that moment.
type ErasureLeft struct {
	Deliveries int `json:"deliveries" db:"deliveries"` // being handed over
	Messages   int `json:"messages" db:"messages"`     // that are answered with "processing"
	Events     int `json:"events" db:"events"`         // that no receiver has taken yet
	Tasks      int `json:"tasks" db:"tasks"`           // of other kinds
}

// Add sums up.
func (l *ErasureLeft) Add(o ErasureLeft) {
	l.Deliveries += o.Deliveries
	l.Messages += o.Messages
	l.Events += o.Events
	l.Tasks += o.Tasks
}

// unsent says of an event e that it is under way.
const unsent = `e.status IN ('pending', 'running')`

// noteLeft notes of which of the rows something is under way, and takes the notes of
// the others away. Those of the rows that are not erased at all (still in use) have none.
func (t *Tx) noteLeft(ctx context.Context, kind, busy string, ids, erased []int64) (sum ErasureLeft, err error) {
	var rows []struct {
		ID int64 `db:"id"`
		ErasureLeft
	}
	if err := t.tx.SelectContext(ctx, &rows, busy, pq.Array(erased)); err != nil {
		return sum, toFault(err)
	}
	stay := []int64{}
	for _, r := range rows {
		if r.ErasureLeft != (ErasureLeft{}) {
			stay = append(stay, r.ID)
			sum.Add(r.ErasureLeft)
		}
	}
	_, err = t.tx.ExecContext(ctx, `
WITH done AS (
    DELETE FROM retention_held
     WHERE kind = $1
       AND id = ANY($2)
       AND id <> ALL($3)
)
INSERT INTO retention_held (kind, id)
SELECT $1, unnest($3::bigint[])
ON CONFLICT DO NOTHING`, kind, pq.Array(ids), pq.Array(stay))
	return sum, toFault(err)
}

// LeftToErase are the next rows, at most limit, of which an erasure left something, or
// to which something has come since; fewer mean that it is round.
func (t *Tx) LeftToErase(ctx context.Context, kind string, limit int) (ids []int64, err error) {
	at, err := t.retention(ctx, kind)
	if err != nil {
		return nil, err
	}
	err = t.tx.SelectContext(ctx, &ids, `
SELECT id
  FROM retention_held
 WHERE kind = $1
   AND id > $2
 ORDER BY id
 LIMIT $3`, kind, at.HeldLast, limit)
	if err != nil {
		return nil, toFault(err)
	}
	last := int64(0)
	if len(ids) == limit {
		last = ids[limit-1]
	}
	return ids, t.retired(ctx, kind, at.LastID, last, 0)
}

// Erasable are the next rows, at most limit, that ended before a moment and still hold
// personal data; more tells whether there may be others.
func (t *Tx) Erasable(ctx context.Context, kind string, before time.Time, limit int) (ids []int64, more bool, err error) {
	if kind == EraseOrders {
		return t.erasableOrders(ctx, before)
	}
	err = t.tx.SelectContext(ctx, &ids, erasable[kind], before, limit)
	return ids, len(ids) == limit, toFault(err)
}

var erasable = map[string]string{
	EraseInstances: erasableOf("instances"),
	EraseCodes:     erasableOf("license_codes"),
}

func erasableOf(table string) string {
	return `
SELECT id
  FROM ` + table + `
 WHERE released_at < $1
   AND erased_at IS NULL
 ORDER BY released_at, id
 LIMIT $2
   FOR NO KEY UPDATE SKIP LOCKED`
}

// An order has ended when its term has, it was not told of any more, and its
// instances were released. Most that are not erased belong to instances in use, so
// they are walked through: the next from where the last walk stopped, and again from
// the first behind the last.
const ordersAtOnce = 500

var erasableOrders = `
SELECT o.id, GREATEST(o.created_at, o.expires_at, o.last_notified_at) < $1
             AND ` + orderIsFree("$1") + ` AS due
  FROM orders o
 WHERE o.id > $2
   AND o.erased_at IS NULL
   AND ` + aboutSomebody + `
 ORDER BY o.id
 LIMIT $3`

func (t *Tx) erasableOrders(ctx context.Context, before time.Time) (ids []int64, more bool, err error) {
	at, err := t.retention(ctx, EraseOrders)
	if err != nil {
		return nil, false, err
	}
	var rows []struct {
		ID  int64 `db:"id"`
		Due bool  `db:"due"`
	}
	if err := t.tx.SelectContext(ctx, &rows, erasableOrders, before, at.LastID, ordersAtOnce); err != nil {
		return nil, false, toFault(err)
	}
	last := int64(0)
	if more = len(rows) == ordersAtOnce; more {
		last = rows[len(rows)-1].ID
	}
	for _, r := range rows {
		if r.Due {
			ids = append(ids, r.ID)
		}
	}
	return ids, more, t.retired(ctx, EraseOrders, last, at.HeldLast, 0)
}

// lateCalls notes of the messages that came behind $1 and $2, but before $3, whose
// instance, order or authorization code is erased, or of whose order calls were erased
// that came to nothing: what they brought has to be erased as well, unless the order is
// in use by now. OFFSET 0 keeps each to its index, however few are erased.
const lateCalls = `
WITH next AS MATERIALIZED (
    SELECT id, last_received_at, channel_id, instance_id, order_id
      FROM messages
     WHERE (last_received_at, id) > ($1, $2)
       AND last_received_at < $3
     ORDER BY last_received_at, id
     LIMIT $4
), noted AS (
    INSERT INTO retention_held (kind, id)
    SELECT '` + EraseInstances + `', i.id
      FROM next n
     CROSS JOIN LATERAL (SELECT n.instance_id UNION ALL SELECT s.instance_id FROM message_instances s WHERE s.message_id = n.id) a
     CROSS JOIN LATERAL (SELECT id FROM instances WHERE instance_id = a.instance_id AND channel_id = n.channel_id AND erased_at IS NOT NULL OFFSET 0) i
     WHERE n.instance_id <> ''
     UNION
    SELECT '` + EraseOrders + `', o.id
      FROM next n
     CROSS JOIN LATERAL (SELECT id FROM orders WHERE order_id = n.order_id AND channel_id = n.channel_id AND erased_at IS NOT NULL OFFSET 0) o
     WHERE n.instance_id = ''
       AND n.order_id <> ''
     UNION
    SELECT '` + EraseCodes + `', c.id
      FROM next n
     CROSS JOIN LATERAL (SELECT code_id FROM license_code_events WHERE message_id = n.id OFFSET 0) h
     CROSS JOIN LATERAL (SELECT id FROM license_codes WHERE id = h.code_id AND erased_at IS NOT NULL OFFSET 0) c
     UNION
    SELECT '` + EraseCalls + `', n.id
      FROM next n
     CROSS JOIN LATERAL (SELECT FROM messages WHERE order_id = n.order_id AND order_id <> '' AND channel_id = n.channel_id AND erased_at IS NOT NULL LIMIT 1) e
     WHERE n.order_id <> ''
       AND NOT EXISTS (SELECT 1 FROM instances WHERE order_id = n.order_id AND channel_id = n.channel_id AND released_at IS NULL OFFSET 0)
    ON CONFLICT DO NOTHING
)
SELECT count(*) OVER () AS passed, id, last_received_at
  FROM next
 ORDER BY last_received_at DESC, id DESC
 LIMIT 1`

// late is how far NoteLateCalls has come: the time of a message in microseconds, and
// its id.
const late = "erase/late"

// NoteLateCalls looks at the messages that came since the last time, until a moment,
// and notes what of the erased they brought something of. It tells how many it passed;
// fewer than limit mean that it has seen all.
func (t *Tx) NoteLateCalls(ctx context.Context, until time.Time, limit int) (passed int, err error) {
	at, err := t.retention(ctx, late)
	if err != nil {
		return 0, err
	}
	var rows []struct {
		Passed int       `db:"passed"`
		ID     int64     `db:"id"`
		At     time.Time `db:"last_received_at"`
	}
	err = t.tx.SelectContext(ctx, &rows, lateCalls, time.UnixMicro(at.LastID), at.HeldLast, until, limit)
	if err != nil || len(rows) == 0 {
		return 0, toFault(err)
	}
	return rows[0].Passed, t.retired(ctx, late, rows[0].At.UnixMicro(), rows[0].ID, 0)
}
