package store

import (
	"context"
	"time"

	"koodesk/app/fault"
)

// Reasons of a left-over.
const (
	UndoFailed    = "undo_failed"    // its driver could not undo it
	ByHand        = "by_hand"        // only a person can
	DriverUnknown = "driver_unknown" // this program does not have the driver
	DriverChanged = "driver_changed" // another driver makes the instance now
	OrderGivenUp  = "order_failed"   // the marketplace has given the purchase up
)

// Statuses of a left-over.
const (
	LeftoverOpen    = "open"
	LeftoverUndoing = "undoing"
	LeftoverGone    = "gone"
	LeftoverKept    = "kept"
)

// DriverWebhook is the driver that asks the seller's own product.
const DriverWebhook = "webhook"

// Leftover is something that may still be at a driver without an order.
type Leftover struct {
	ID         int64
	InstancePK int64
	Driver     string
	Reason     string
	Status     string
	TaskID     int64
	EventID    int64 // the last question to a product of the seller that it is about; 0 for none
}

// NoteLeftover shows something as left over, or shows it again.
func (t *Tx) NoteLeftover(ctx context.Context, l Leftover, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO leftovers (instance_pk, driver, reason, task_id, error, event_id)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (instance_pk, driver) DO UPDATE
   SET status = 'open',
       reason = EXCLUDED.reason,
       task_id = COALESCE(EXCLUDED.task_id, leftovers.task_id),
       event_id = GREATEST(EXCLUDED.event_id, leftovers.event_id),
       error = EXCLUDED.error,
       found_at = now(),
       decided_at = NULL,
       decided_by = '',
       note = ''`, l.InstancePK, l.Driver, l.Reason, nullID(l.TaskID), nullBytes(fault.ToRecord(cause).JSON()), l.EventID)
	return toFault(err)
}

// LockLeftover locks a left-over for a decision. Fault: not_found
// "leftover.unknown".
func (t *Tx) LockLeftover(ctx context.Context, id int64) (Leftover, error) {
	return scanLeftover(t.tx.QueryRowxContext(ctx, leftoverRow+`
 WHERE id = $1
   FOR NO KEY UPDATE`, id))
}

// LeftoverOfTask is the left-over that a task undoes; ok is false if it is none's.
func (r *Reader) LeftoverOfTask(ctx context.Context, task int64) (l Leftover, ok bool, err error) {
	l, err = scanLeftover(r.q.QueryRowxContext(ctx, leftoverRow+`
 WHERE task_id = $1
 LIMIT 1`, task))
	if fault.Is(err, fault.NotFound) {
		return l, false, nil
	}
	return l, err == nil, err
}

const leftoverRow = `
SELECT id, instance_pk, driver, reason, status, COALESCE(task_id, 0)
  FROM leftovers`

func scanLeftover(row scanner) (l Leftover, err error) {
	err = row.Scan(&l.ID, &l.InstancePK, &l.Driver, &l.Reason, &l.Status, &l.TaskID)
	if fault.Is(toFault(err), fault.NotFound) {
		return l, fault.New(fault.NotFound, "leftover.unknown")
	}
	return l, toFault(err)
}

// DecideLeftover writes what was decided about a left-over. task, if not 0, is
// the one that undoes it now.
func (t *Tx) DecideLeftover(ctx context.Context, id int64, status string, task int64, by, note string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE leftovers
   SET status = $2,
       task_id = COALESCE($3, task_id),
       decided_at = now(),
       decided_by = $4,
       note = $5
 WHERE id = $1`, id, status, nullID(task), by, note)
	return toFault(err)
}

// LeftoverGone notes that what an instance had left at a driver is gone; without
// one that is shown it does nothing.
func (t *Tx) LeftoverGone(ctx context.Context, instancePK int64, driver, by string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE leftovers
   SET status = 'gone',
       error = NULL,
       decided_at = now(),
       decided_by = CASE WHEN decided_by = '' THEN $3 ELSE decided_by END
 WHERE instance_pk = $1
   AND driver = $2
   AND status IN ('open', 'undoing')`, instancePK, driver, by)
	return toFault(err)
}

// asking are the types of events by which a product is asked to make an instance,
// or to change it.
const asking = `('instance.provision', 'instance.upgraded')`

// mayHaveMade tells of an event e by which a product was asked whether that one may
// have made something: unless it was never reached or said no. A call that it took,
// or whose answer was lost, counts.
const mayHaveMade = `(e.status = 'running'
                   OR EXISTS (SELECT 1
                                FROM event_attempts t
                               WHERE t.event_id = e.id
                                 AND (t.http_status BETWEEN 200 AND 299
                                      OR t.http_status >= 500
                                      OR t.error ->> 'key' IN ('webhook.timeout', 'webhook.connection_lost', 'webhook.interrupted'))))`

// NoteFormerProduct shows as left over what the seller's products that were asked to
// make or change an instance may hold of it, but for the one of the entry that counts
// now, if that has a webhook. What was shown of their questions is not shown again.
func (t *Tx) NoteFormerProduct(ctx context.Context, instancePK int64, now *Product) error {
	address := ""
	if now.Driver == DriverWebhook {
		address = now.Settings.WebhookURL
	}
	l := Leftover{InstancePK: instancePK, Driver: DriverWebhook, Reason: DriverChanged}
	err := t.tx.GetContext(ctx, &l.EventID, `
SELECT COALESCE(max(e.id), 0)
  FROM events e
  LEFT JOIN products p ON p.id = e.product_pk
 WHERE e.instance_pk = $1
   AND e.to_product
   AND e.type IN `+asking+`
   AND ($2 = '' OR p.settings->>'webhook_url' IS DISTINCT FROM $2)
   AND e.id > COALESCE((SELECT l.event_id FROM leftovers l WHERE l.instance_pk = $1 AND l.driver = $3), 0)
   AND `+mayHaveMade, instancePK, address, DriverWebhook)
	if err != nil || l.EventID == 0 {
		return toFault(err)
	}
	return t.NoteLeftover(ctx, l, nil)
}

// EndHeard notes that an instance has left nothing at the seller's products, once
// each that was asked to make or change it has taken the event of its end.
func (t *Tx) EndHeard(ctx context.Context, instancePK int64) error {
	// Of two that take it at the same moment, the later has to see the other's.
	_, err := t.tx.ExecContext(ctx, `
SELECT 1
  FROM leftovers
 WHERE instance_pk = $1
   AND driver = $2
   FOR NO KEY UPDATE`, instancePK, DriverWebhook)
	if err != nil {
		return toFault(err)
	}
	var waits bool
	err = t.tx.GetContext(ctx, &waits, `
SELECT EXISTS (
       SELECT 1
         FROM events a
         LEFT JOIN products p ON p.id = a.product_pk
        WHERE a.instance_pk = $1
          AND a.to_product
          AND a.type IN `+asking+`
          AND NOT EXISTS (
              SELECT 1
                FROM events e
                JOIN products q ON q.id = e.product_pk
               WHERE e.instance_pk = $1
                 AND e.to_product
                 AND e.type = 'instance.released'
                 AND e.status = 'succeeded'
                 AND q.settings->>'webhook_url' = p.settings->>'webhook_url'))`, instancePK)
	if err != nil || waits {
		return toFault(err)
	}
	return t.LeftoverGone(ctx, instancePK, DriverWebhook, "system")
}

// TakeBack takes back what was shown of an instance that a driver has made after
// all: that the marketplace has given its purchase up, and what this driver held
// while another one was at work. Of the seller's products one may have made it and
// another have something left.
func (t *Tx) TakeBack(ctx context.Context, instancePK int64, driver string) error {
	_, err := t.tx.ExecContext(ctx, `
DELETE FROM leftovers
 WHERE instance_pk = $1
   AND (reason = 'order_failed'
        OR reason = 'driver_changed' AND driver = $2 AND driver <> $3)
   AND status IN ('open', 'kept')`, instancePK, driver, DriverWebhook)
	return toFault(err)
}

// Making tells whether a worker is making or changing an instance just now.
func (r *Reader) Making(ctx context.Context, instancePK int64) (making bool, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT EXISTS (
    SELECT 1
      FROM tasks
     WHERE instance_pk = $1
       AND kind = 'provision'
       AND purpose <> 'release'
       AND status = 'running')`, instancePK).Scan(&making)
	return making, toFault(err)
}

// UndoWaits tells whether an undoing of an instance is still to be begun.
func (t *Tx) UndoWaits(ctx context.Context, instancePK int64) (waits bool, err error) {
	err = t.tx.GetContext(ctx, &waits, `
SELECT EXISTS (
    SELECT 1
      FROM tasks
     WHERE instance_pk = $1
       AND kind = 'provision'
       AND purpose = 'release'
       AND status = 'pending')`, instancePK)
	return waits, toFault(err)
}

// NoteFailedOrders shows what drivers may hold of purchases that failed and that
// the marketplace has ended its retries of, which it cancels by itself. after is
// how long ago the retries must have ended. A pool holds what its accounts say.
func (s *Store) NoteFailedOrders(ctx context.Context, after time.Duration) (int64, error) {
	r, err := s.db.ExecContext(ctx, `
INSERT INTO leftovers (instance_pk, driver, reason, error)
SELECT i.id, held.driver, 'order_failed', m.last_error
  FROM messages m
  JOIN instances i
    ON i.instance_id = m.instance_id
   AND i.channel_id = m.channel_id
  JOIN LATERAL (
       SELECT i.driver
        WHERE i.driver NOT IN ('', 'pool')
           OR i.driver = 'pool' AND `+holdsAccount("i.id")+`
       UNION
       SELECT 'webhook'
        WHERE EXISTS (
              SELECT 1
                FROM events e
                WHERE e.instance_pk = i.id
                 AND e.to_product
                 AND e.type = 'instance.provision'
                 AND `+mayHaveMade+`)) AS held ON true
 WHERE m.status = 'failed'
   AND m.activity = 'newInstance'
   AND NOT m.test
   AND m.retry_until < now() - make_interval(secs => $1)
   AND i.provisioned_at IS NULL
   AND i.released_at IS NULL
ON CONFLICT DO NOTHING`, after.Seconds())
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return n, toFault(err)
}
