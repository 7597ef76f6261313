package store

import (
	"context"

	"github.com/lib/pq"

	"koodesk/app/seal"
)

// RedirectDelivery gives a delivery the address and the Message-ID of its next
// sending. Those of earlier ones stay findable: customers have them.
func (t *Tx) RedirectDelivery(ctx context.Context, id int64, to, mask, messageRef string) error {
	_, err := t.tx.ExecContext(ctx, `
WITH earlier AS (
    INSERT INTO delivery_refs (message_ref, delivery_id)
    SELECT message_ref, id
      FROM deliveries
     WHERE id = $1
       AND message_ref <> $4
       AND (attempts > 0 OR handing_since IS NOT NULL)
    ON CONFLICT DO NOTHING
)
UPDATE deliveries
   SET to_sealed = $2,
       to_mask = $3,
       message_ref = $4
 WHERE id = $1`, id, t.keys.SealString(seal.Customer, to), mask, messageRef)
	return toFault(err)
}

// deliveryBusy says of a delivery d that a task is handing it over at this moment.
const deliveryBusy = `EXISTS (SELECT 1 FROM tasks h WHERE h.delivery_id = d.id AND h.status = 'running' AND h.leased_until > now())`

// deliveryDue says of a delivery d that a task is about to hand it over: of what has
// ended, also by a report, it would hand over nothing.
const deliveryDue = `(d.status IN ('pending', 'running') AND EXISTS (SELECT 1 FROM tasks t WHERE t.delivery_id = d.id AND ` + taskDue + `))`

// DeliveryDue tells whether a task is about to hand the delivery over.
func (t *Tx) DeliveryDue(ctx context.Context, delivery int64) (due bool, err error) {
	err = t.tx.GetContext(ctx, &due, `
SELECT `+deliveryDue+`
  FROM deliveries d
 WHERE d.id = $1`, delivery)
	return due, toFault(err)
}

// DeliveryBusy tells whether a task other than except is handing the delivery
// over at this moment.
func (t *Tx) DeliveryBusy(ctx context.Context, delivery, except int64) (bool, error) {
	var busy bool
	err := t.tx.GetContext(ctx, &busy, `
SELECT EXISTS (
       SELECT 1
         FROM tasks
        WHERE delivery_id = $1
          AND id <> $2
          AND status = 'running'
          AND leased_until > now())`, delivery, except)
	return busy, toFault(err)
}

// WaitingDeliveryTasks lists the tasks that are going to hand the delivery over.
func (t *Tx) WaitingDeliveryTasks(ctx context.Context, delivery int64) ([]int64, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT id
  FROM tasks
 WHERE delivery_id = $1
   AND status = 'pending'
 ORDER BY id`, delivery)
	return ids, toFault(err)
}

// CancelDeliveryTasks ends the waiting and given-up tasks of deliveries, which
// something newer takes the place of.
func (t *Tx) CancelDeliveryTasks(ctx context.Context, deliveries []int64, actor string) error {
	_, err := t.tx.ExecContext(ctx, `
WITH c AS (
    UPDATE tasks
       SET status = 'cancelled',
           finished_at = now(),
           enqueued_at = NULL
     WHERE id IN (SELECT id
                    FROM tasks
                   WHERE delivery_id = ANY($1)
                     AND status IN ('pending', 'failed')
                   ORDER BY id
                     FOR NO KEY UPDATE)
    RETURNING id, round, attempts
)
INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
SELECT id, round, attempts, now(), 'cancelled', $2
  FROM c`, pq.Array(deliveries), actor)
	return toFault(err)
}

// ending cancels the deliveries d that a selection of their ids chooses, which ends with
// its conditions. Their tasks are locked before them: the count has them come first.
func ending(selection string) string {
	return `
WITH theirs AS MATERIALIZED (
    SELECT
      FROM tasks
     WHERE delivery_id IN (` + selection + `)
       AND status IN ('pending', 'running', 'failed')
     ORDER BY id
       FOR NO KEY UPDATE
)
UPDATE deliveries
   SET status = 'cancelled'
 WHERE id IN (` + selection + `
   AND (SELECT count(*) FROM theirs) >= 0
 ORDER BY d.id
   FOR NO KEY UPDATE OF d)
RETURNING id`
}

// endDeliveries runs such a statement, and ends the tasks.
func (t *Tx) endDeliveries(ctx context.Context, statement, actor string, args ...any) error {
	var ids []int64
	if err := t.tx.SelectContext(ctx, &ids, statement, args...); err != nil || len(ids) == 0 {
		return toFault(err)
	}
	return t.CancelDeliveryTasks(ctx, ids, actor)
}

var supersede = ending(`
SELECT d.id
  FROM deliveries d
 WHERE d.instance_pk = $1
   AND d.kind = $2
   AND d.id <> $3
   AND d.status IN ('pending', 'failed')`)

// SupersedeDeliveries cancels the deliveries of a kind that an instance's
// customer has not got, because a newer one says it all; keep is that newer one.
func (t *Tx) SupersedeDeliveries(ctx context.Context, instancePK int64, kind string, keep int64, actor string) error {
	return t.endDeliveries(ctx, supersede, actor, instancePK, kind, keep)
}
