package store

import (
	"context"

	"github.com/lib/pq"
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
	Errors     int `json:"errors"` // of messages and tasks, that had others' words
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
	c.Errors += o.Errors
}

// What an erasure begins with. Everything else hangs on one of these.
const (
	EraseInstances = "erase/instances" // released
	EraseOrders    = "erase/orders"    // that no instance in use comes from
	EraseCodes     = "erase/codes"     // authorization codes, released
	EraseCalls     = "erase/calls"     // interface messages that came to no instance
)

// erasing is how one of them is erased. lock locks those of the rows $1 that may be
// erased and gives them; each of the statements empties something of them and gives a
// row for each that it emptied; busy gives those of which something is under way,
// which is left as it is: whoever is at it still needs it.
type erasing struct {
	lock  string
	empty []emptying
	busy  string
}

type emptying struct {
	count func(*ErasedCounts) *int // nil: it is not told of
	query string
}

func erasings(kind string) erasing {
	switch kind {
	case EraseInstances:
		return ofInstances
	case EraseOrders:
		return ofOrders
	case EraseCodes:
		return ofCodes
	}
	return ofCalls
}

func countAttempts(c *ErasedCounts) *int { return &c.Attempts }
func countEvents(c *ErasedCounts) *int   { return &c.Events }
func countErrors(c *ErasedCounts) *int   { return &c.Errors }

var ofInstances = erasing{
	lock: `
SELECT id
  FROM instances
 WHERE id = ANY($1)
   AND released_at IS NOT NULL
 ORDER BY id
   FOR NO KEY UPDATE`,
	empty: []emptying{
		{func(c *ErasedCounts) *int { return &c.Deliveries }, `
WITH shut AS MATERIALIZED (
    SELECT id
      FROM deliveries
     WHERE instance_pk = ANY($1)
       AND status <> 'running'
), gone AS (
    UPDATE deliveries
       SET to_sealed = '',
           to_mask = '',
           content_sealed = NULL,
           emptied_at = COALESCE(emptied_at, now()),
           last_error = NULL,
           status = CASE WHEN status IN ('pending', 'failed') THEN 'cancelled' ELSE status END
     WHERE id = ANY(ARRAY(SELECT id FROM shut))
       AND status <> 'running'
       AND (to_sealed <> '' OR to_mask <> '' OR content_sealed IS NOT NULL OR last_error IS NOT NULL OR status IN ('pending', 'failed'))
    RETURNING id
), receipts AS (
    UPDATE delivery_receipts
       SET note = '',
           remark = ''
     WHERE delivery_id = ANY(ARRAY(SELECT id FROM shut))
       AND note || remark <> ''
), works AS (
    UPDATE tasks
       SET status = 'cancelled',
           enqueued_at = NULL,
           finished_at = COALESCE(finished_at, now())
     WHERE delivery_id = ANY(ARRAY(SELECT id FROM gone))
       AND status IN ('pending', 'failed')
)
SELECT id
  FROM gone`},
		{countErrors, wordlessCalls(callsOfInstances("= ANY($1)"))},
		{countAttempts, emptyCalls(callsOfInstances("= ANY($1)"))},
		{countEvents, emptyEvents(`e.instance_pk = ANY($1)`)},
		{countErrors, wordlessTasks(tasksOfInstances("= ANY($1)"))},
		{nil, wordlessTries(tasksOfInstances("= ANY($1)"))},
		{func(c *ErasedCounts) *int { return &c.Licenses }, `
WITH handed AS MATERIALIZED (
    SELECT id
      FROM licenses
     WHERE instance_pk = ANY($1)
), copies AS (
    UPDATE pooled_licenses
       SET content_sealed = '',
           file_name = ''
     WHERE license_id = ANY(ARRAY(SELECT id FROM handed))
       AND (content_sealed <> '' OR file_name <> '')
)
UPDATE licenses
   SET device_sealed = NULL,
       device_bidx = NULL,
       content_sealed = NULL,
       file_name = '',
       last_error = ` + wordless("last_error") + `
 WHERE id = ANY(ARRAY(SELECT id FROM handed))
   AND (device_sealed IS NOT NULL OR content_sealed IS NOT NULL OR file_name <> '' OR ` + wordy("last_error") + `)`},
		{nil, `
WITH accounts AS (
    UPDATE pool_accounts
       SET password_sealed = NULL,
           note = ''
     WHERE instance_pk = ANY($1)
       AND status = 'retired'
       AND (password_sealed IS NOT NULL OR note <> '')
), left_over AS (
    UPDATE leftovers
       SET error = ` + wordless("error") + `,
           note = ''
     WHERE instance_pk = ANY($1)
       AND (note <> '' OR ` + wordy("error") + `)
)
UPDATE reconcile_findings
   SET error = ` + wordless("error") + `
 WHERE instance_pk = ANY($1)
   AND ` + wordy("error")},
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
	},
	busy: `
SELECT r.id,
       (SELECT count(*) FROM deliveries d WHERE d.instance_pk = r.id AND d.status = 'running') AS deliveries,` + callsLeft(callsOfInstances("= r.id")) + `,
       (SELECT count(*) FROM events e WHERE e.instance_pk = r.id AND ` + unsent + `) AS events,` + tasksLeft(tasksOfInstances("= r.id")) + `
  FROM instances r
 WHERE r.id = ANY($1)`,
}

// callsOfInstances are the messages of instances whose ids are so, and those of their
// orders that name none: refused, not understood, order notices.
func callsOfInstances(is string) string {
	return `
        SELECT m.id, m.status
          FROM instances i
         CROSS JOIN LATERAL ` + messagesAbout("= i.instance_id") + ` m
         WHERE i.id ` + is + `
           AND m.channel_id = i.channel_id
         UNION
        SELECT m.id, m.status
          FROM instances i
          JOIN messages m ON m.order_id = i.order_id AND m.channel_id = i.channel_id
         WHERE i.id ` + is + `
           AND m.order_id <> ''
           AND m.instance_id = ''
           AND NOT EXISTS (SELECT 1 FROM instances u WHERE u.order_id = i.order_id AND u.channel_id = i.channel_id AND u.released_at IS NULL)`
}

// tasksOfInstances are the tasks of instances whose ids are so, and of what hangs on
// them.
func tasksOfInstances(is string) string {
	return `
        SELECT id
          FROM tasks
         WHERE instance_pk ` + is + `
         UNION
        SELECT id
          FROM tasks
         WHERE license_id = ANY(ARRAY(SELECT id FROM licenses WHERE instance_pk ` + is + `))
         UNION
        SELECT id
          FROM tasks
         WHERE delivery_id = ANY(ARRAY(SELECT id FROM deliveries WHERE instance_pk ` + is + `))
         UNION
        SELECT task_id
          FROM events
         WHERE instance_pk ` + is + `
           AND task_id IS NOT NULL`
}

// ordersOfInstances are the orders that released instances $1 come from.
const ordersOfInstances = `
SELECT l.order_pk
  FROM instance_orders l
 WHERE l.instance_pk = ANY($1)
 UNION
SELECT p.id
  FROM instances i
  JOIN orders p ON p.order_id = i.order_id AND p.channel_id = i.channel_id
 WHERE i.id = ANY($1)
   AND i.order_id <> ''`

// Erase takes the personal data and the access data out of those of the rows that are
// not in use, and out of all that hangs on them. What is under way is left, and noted:
// LeftToErase gives it again until nothing is. It may be done again.
func (t *Tx) Erase(ctx context.Context, kind string, ids []int64) (out ErasedCounts, left ErasureLeft, err error) {
	of := erasings(kind)
	var pks []int64
	if err := t.tx.SelectContext(ctx, &pks, of.lock, pq.Array(ids)); err != nil {
		return out, left, toFault(err)
	}
	if kind == EraseInstances {
		var orders []int64
		if err := t.tx.SelectContext(ctx, &orders, ordersOfInstances, pq.Array(pks)); err != nil {
			return out, left, toFault(err)
		}
		if out, left, err = t.Erase(ctx, EraseOrders, orders); err != nil {
			return out, left, err
		}
	}
	for _, s := range of.empty {
		r, err := t.tx.ExecContext(ctx, s.query, pq.Array(pks))
		if err != nil {
			return out, left, toFault(err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			return out, left, toFault(err)
		}
		if s.count != nil {
			*s.count(&out) += int(n)
		}
	}
	more, err := t.noteLeft(ctx, kind, of.busy, ids, pks)
	left.Add(more)
	return out, left, err
}
