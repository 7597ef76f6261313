package store

import (
	"context"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

func jsonText(m map[string]string) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	return string(b), nil
}

// Enqueue writes a task beside the fact that causes it. A task with the same
// unique key is left as it is; id is then 0.
func (t *Tx) Enqueue(ctx context.Context, n outbox.New) (id int64, err error) {
	runAt := n.RunAt
	if runAt.IsZero() {
		runAt = t.Now
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, order_id, order_line_id, unique_key, run_at,
                   license_code_id, order_pk, channel_id, license_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (unique_key) DO NOTHING
RETURNING id`,
		string(n.Kind), string(n.Purpose), nullID(n.MessageID), nullID(n.InstancePK), nullID(n.DeliveryID),
		n.OrderID, n.OrderLineID, n.UniqueKey, runAt,
		nullID(n.LicenseCode), nullID(n.OrderPK), nullID(n.ChannelID), nullID(n.LicenseID))
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, nil
	}
	return id, toFault(err)
}

// Claim takes a pending task for the length of the lease and counts the try. ok
// is false when there is nothing to do: done, cancelled, claimed by another
// worker, or not due yet.
func (s *Store) Claim(ctx context.Context, id int64, lease time.Duration) (task outbox.Task, ok bool, err error) {
	err = s.db.QueryRowxContext(ctx, `
UPDATE tasks
   SET status = 'running',
       attempts = attempts + 1,
       started_at = now(),
       parked_at = NULL,
       handed_in = NULL,
       leased_until = now() + make_interval(secs => $2)
 WHERE id = $1
   AND status = 'pending'
   AND run_at <= now() + interval '1 second'
RETURNING id, kind, purpose, COALESCE(message_id, 0), COALESCE(instance_pk, 0), COALESCE(delivery_id, 0),
          order_id, order_line_id, round, attempts, created_at, started_at,
          COALESCE(license_code_id, 0), COALESCE(order_pk, 0), COALESCE(channel_id, 0), COALESCE(license_id, 0)`, id, lease.Seconds()).
		Scan(&task.ID, &task.Kind, &task.Purpose, &task.MessageID, &task.InstancePK, &task.DeliveryID,
			&task.OrderID, &task.OrderLineID, &task.Round, &task.Attempt, &task.CreatedAt, &task.StartedAt,
			&task.LicenseCode, &task.OrderPK, &task.ChannelID, &task.LicenseID)
	if fault.Is(toFault(err), fault.NotFound) {
		return task, false, nil
	}
	return task, err == nil, toFault(err)
}

// claimed is a task ($1 to $3: id, round, attempt) that is still in the hands of who
// claimed it.
const claimed = `id = $1 AND round = $2 AND attempts = $3 AND status = 'running'`

// claimHolds tells whether such a task is there, and keeps it so until the
// transaction ends.
const claimHolds = `EXISTS (SELECT FROM tasks WHERE ` + claimed + ` FOR SHARE)`

func lostLease(err error) error {
	if fault.Is(toFault(err), fault.NotFound) {
		return fault.New(fault.Conflict, "task.lease_lost")
	}
	return toFault(err)
}

// Complete ends a claimed task well, inside the transaction that writes its
// result. Fault: conflict "task.lease_lost" when the claim is not valid any
// more, so that the result of a worker that was given up is not written twice.
func (t *Tx) Complete(ctx context.Context, task outbox.Task) error {
	group, err := t.endTry(ctx, task, "succeeded", "succeeded", time.Time{}, nil)
	if err != nil {
		return err
	}
	if err := t.SettleMessage(ctx, task.Settles()); err != nil || group == 0 {
		return err
	}
	return t.resolveGroup(ctx, group)
}

// Fail ends a claimed task's try badly. With a retryAt it waits for the next
// try; without, it is given up and its message fails.
func (t *Tx) Fail(ctx context.Context, task outbox.Task, cause error, retryAt time.Time) error {
	status := "failed"
	if !retryAt.IsZero() {
		status = "pending"
	}
	if _, err := t.endTry(ctx, task, status, "failed", retryAt, cause); err != nil {
		return err
	}
	if err := t.joinGroup(ctx, task.ID, fault.ToRecord(cause)); err != nil {
		return err
	}
	return t.SettleMessage(ctx, task.Settles())
}

// endTry writes how a claimed task's try ended; group is the one that it belonged
// to until then, 0 for none.
func (t *Tx) endTry(ctx context.Context, task outbox.Task, status, outcome string, runAt time.Time, cause error) (group int64, err error) {
	rec := fault.ToRecord(cause).JSON()
	err = t.tx.GetContext(ctx, &group, `
WITH was AS (
    SELECT failure_group
      FROM tasks
     WHERE id = $1
)
UPDATE tasks
   SET status = $4,
       last_error = $5,
       run_at = COALESCE($6, run_at),
       enqueued_at = NULL,
       leased_until = NULL,
       finished_at = CASE WHEN $4 <> 'pending' THEN now() END
 WHERE `+claimed+`
RETURNING COALESCE((SELECT failure_group FROM was), 0)`, task.ID, task.Round, task.Attempt, status, nullBytes(rec), nullTime(runAt))
	if err != nil {
		return 0, lostLease(err)
	}
	_, err = t.tx.ExecContext(ctx, `
INSERT INTO task_attempts (task_id, round, number, at, duration_us, outcome, error)
VALUES ($1, $2, $3, $4, (extract(epoch FROM clock_timestamp() - $4) * 1000000)::bigint, $5, $6)`,
		task.ID, task.Round, task.Attempt, task.StartedAt, outcome, nullBytes(rec))
	return group, toFault(err)
}

// messageOfTask is the message that a task belongs to, 0 if none. Fault:
// not_found "task.unknown".
func (t *Tx) messageOfTask(ctx context.Context, task int64) (int64, error) {
	var id int64
	err := t.tx.GetContext(ctx, &id, `
SELECT COALESCE(message_id, 0)
  FROM tasks
 WHERE id = $1`, task)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, fault.New(fault.NotFound, "task.unknown")
	}
	return id, toFault(err)
}

// EndWork ends whatever was still to be done for an instance that is released:
// its waiting tasks, mails and Licenses.
func (t *Tx) EndWork(ctx context.Context, instancePK int64, actor string) error {
	if _, err := t.cancelTasks(ctx, instancePK, actor); err != nil {
		return err
	}
	if err := t.cancelDeliveries(ctx, instancePK); err != nil {
		return err
	}
	return t.cancelLicenses(ctx, instancePK)
}

// cancelTasks ends the waiting tasks of an instance. A running one finishes by
// itself and finds the instance released; what was given up stays so: somebody
// must still hear of it. Events stay: the seller's systems must hear what
// happened to the end. Orders that were still to be asked for are not any more.
func (t *Tx) cancelTasks(ctx context.Context, instancePK int64, actor string) (int, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
WITH c AS (
    UPDATE tasks
       SET status = 'cancelled',
           finished_at = now(),
           enqueued_at = NULL
     WHERE id IN (SELECT id
                    FROM tasks
                   WHERE instance_pk = $1
                     AND status = 'pending'
                     AND kind <> 'event'
                   ORDER BY id
                     FOR NO KEY UPDATE)
    RETURNING id, round, attempts, message_id, order_pk
), o AS (
    UPDATE orders
       SET state = 'failed',
           last_error = $3,
           updated_at = now()
      FROM c
     WHERE orders.id = c.order_pk
       AND orders.state = 'pending'
), e AS (
    UPDATE events
       SET status = 'cancelled'
      FROM c
     WHERE events.task_id = c.id
       AND events.status IN ('pending', 'running')
), a AS (
    INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
    SELECT id, round, attempts, now(), 'cancelled', $2
      FROM c
)
SELECT DISTINCT COALESCE(message_id, 0)
  FROM c
 ORDER BY 1`, instancePK, actor, fault.ToRecord(notAsked).JSON())
	if err != nil {
		return 0, toFault(err)
	}
	for _, m := range ids {
		if err := t.SettleMessage(ctx, m); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// Park ends a claimed task's try without an outcome: it waits for somebody to
// hand something in. Without until it waits for ever: its run_at is at the end of
// the calendar and no relay picks it up. The message stays processing.
func (t *Tx) Park(ctx context.Context, task outbox.Task, until time.Time) error {
	return lostLease(t.tx.GetContext(ctx, &task.ID, `
UPDATE tasks
   SET status = 'pending',
       attempts = 0,
       run_at = COALESCE($4::timestamptz, '9999-12-31 00:00:00+00'),
       parked_at = now(),
       enqueued_at = NULL,
       leased_until = NULL,
       last_error = NULL
 WHERE `+claimed+`
RETURNING id`, task.ID, task.Round, task.Attempt, nullTime(until)))
}

// Postpone puts a claimed task back that could not be tried at all: the try does
// not count, and leaves no row.
func (t *Tx) Postpone(ctx context.Context, task outbox.Task, why error, until time.Time) error {
	return lostLease(t.tx.GetContext(ctx, &task.ID, `
UPDATE tasks
   SET status = 'pending',
       attempts = attempts - 1,
       run_at = $4,
       enqueued_at = NULL,
       leased_until = NULL,
       last_error = $5
 WHERE `+claimed+`
RETURNING id`, task.ID, task.Round, task.Attempt, until, nullBytes(fault.ToRecord(why).JSON())))
}

// CompleteParked ends whatever provisioning of the instance is waiting for a
// person or was given up, because a person has done it, and settles the messages
// behind it. A change that a driver is still going to make by itself is left to it;
// one that is just being asked for need not wait, should the driver want to.
func (t *Tx) CompleteParked(ctx context.Context, instancePK int64, actor string) error {
	var messages []int64
	err := t.tx.SelectContext(ctx, &messages, `
WITH c AS (
    UPDATE tasks
       SET status = 'succeeded',
           finished_at = now(),
           enqueued_at = NULL,
           last_error = NULL
     WHERE instance_pk = $1
       AND kind = 'provision'
       AND (status = 'failed' OR status = 'pending' AND (purpose = 'purchase' OR parked_at IS NOT NULL))
    RETURNING id, round, attempts, message_id
), e AS (
    UPDATE events
       SET status = 'cancelled'
      FROM c
     WHERE events.task_id = c.id
       AND events.status IN ('pending', 'running', 'failed')
), h AS (
    UPDATE tasks
       SET handed_in = true
     WHERE instance_pk = $1
       AND kind = 'provision'
       AND status = 'running'
), a AS (
    INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
    SELECT id, round, attempts, now(), 'succeeded', $2
      FROM c
)
SELECT DISTINCT COALESCE(message_id, 0)
  FROM c
 ORDER BY 1`, instancePK, actor)
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

// ProvisionMessage is the interface message whose provisioning of the instance
// is still open, the oldest if there are several; 0 if none is.
func (t *Tx) ProvisionMessage(ctx context.Context, instancePK int64) (int64, error) {
	var id int64
	err := t.tx.GetContext(ctx, &id, `
SELECT COALESCE(min(message_id), 0)
  FROM tasks
 WHERE instance_pk = $1
   AND kind = 'provision'
   AND status IN ('pending', 'running', 'failed')`, instancePK)
	return id, toFault(err)
}
