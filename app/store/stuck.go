package store

import (
	"context"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
)

// Kinds of stuck work: what should go on by itself and does not.
const (
	StuckUnhanded = "unhanded" // a due task that nobody hands to Redis
	StuckLost     = "lost"     // a task that Redis was given and no worker begins
	StuckLease    = "lease"    // a running task whose lease is over
	StuckCreation = "creation" // an instance that is made for longer than promised
	StuckPoll     = "poll"     // a ready instance whose access data KooGallery has not seen, also once its poll was answered again
)

// StuckKinds lists them, the one that the others may follow from first.
func StuckKinds() []string {
	return []string{StuckUnhanded, StuckLost, StuckLease, StuckCreation, StuckPoll}
}

// stuckWhere says of each kind's rows when they are stuck. What puts such rows
// right by itself needs seconds (relay 200 ms, sweeper 10 s, Redis a minute), so
// that two minutes mean that it does not work. Half an hour is what the tries of
// a task take before it is given up. KooGallery's own interval of polling is
// published nowhere; an hour is the longest that is read of any interval.
var stuckWhere = map[string]string{
	StuckUnhanded: `t.status = 'pending'
   AND t.enqueued_at IS NULL
   AND t.run_at < now() - interval '2 minutes'
   AND (t.taken_back_at IS NULL OR t.taken_back_at < now() - interval '2 minutes')`,
	StuckLost: `t.status = 'pending'
   AND t.enqueued_at < now() - interval '2 minutes'`,
	StuckLease: `t.status = 'running'
   AND t.leased_until < now() - interval '1 minute'`,
	// What is given up is a failure, what waits for somebody's access data is work
	// for that person, and what is due or running is on its way. OFFSET 0 has each
	// instance's few tasks looked up, instead of joining the whole tables. Due is by the
	// statement's time: who waited for another repair's lock has begun before it did.
	StuckCreation: `i.status = 'provisioning'
   AND i.protocol IN ('v1', 'v2')
   AND i.created_at < now() - interval '30 minutes'
   AND NOT EXISTS (
       SELECT 1
         FROM tasks t
        WHERE t.instance_pk = i.id
          AND t.kind IN ('order_query', 'provision')
          AND (t.status IN ('running', 'failed')
               OR t.status = 'pending' AND t.run_at <= statement_timestamp()
               OR t.status = 'pending' AND t.parked_at IS NOT NULL AND NOT (` + promiseOver + `))
       OFFSET 0)`,
	StuckPoll: `m.lacked_at IS NOT NULL
   AND NOT m.test
   AND m.last_received_at < now() - interval '1 hour'`,
}

// surelyReady is from when on an answer has the access data of an instance i that is
// ready: what was made at that very moment may have been missed.
const surelyReady = `i.provisioned_at + interval '1 minute'`

// unseenOf joins to a poll m the first of its instances that have been ready for an
// hour and that the marketplace's last answer lacked, unless another poll has asked for
// it later or was answered when it was ready; whole is from when on an answer has the
// access data of all of them.
var unseenOf = `CROSS JOIN LATERAL (
       SELECT i.instance_id, i.order_id, i.product_name, i.provisioned_at, (count(*) OVER ())::int - 1 AS others,
              max(` + surelyReady + `) OVER () AS whole
         FROM instances i
        WHERE i.instance_id = ANY(` + instancesOf + `)
          AND i.channel_id = m.channel_id
          AND i.status IN ('active', 'frozen')
          AND i.provisioned_at < now() - interval '1 hour'
          AND i.url_seen_at IS NULL
          AND m.lacked_at < ` + surelyReady + `
          AND NOT EXISTS (
              SELECT 1
                FROM ` + messagesAbout("= i.instance_id") + ` l
               WHERE l.activity = m.activity
                 AND l.channel_id = m.channel_id
                 AND NOT l.test
                 AND (l.lacked_at IS NULL OR l.lacked_at >= ` + surelyReady + ` OR (l.last_received_at, l.id) > (m.last_received_at, m.id)))
        ORDER BY i.provisioned_at, i.id
        LIMIT 1) i`

// answeredAgain says of a poll m and its unseenOf i that it was answered again with all
// of the access data: only the marketplace can do more, by asking.
const answeredAgain = `m.answered_again_at >= i.whole`

// promiseOver says of a parked task t that the seller's own system, which has
// promised access data, has let KooGallery's deadline pass.
const promiseOver = `t.run_at < ` + untilPerson + ` AND EXISTS (
                   SELECT 1
                     FROM messages m
                    WHERE m.id = t.message_id
                      AND m.result_code <> '000000'
                      AND m.retry_until < now())`

// stuckFrom is where each kind's rows are, by the alias of stuckWhere.
var stuckFrom = map[string]string{
	StuckUnhanded: "tasks t",
	StuckLost:     "tasks t",
	StuckLease:    "tasks t",
	StuckCreation: "instances i",
	StuckPoll:     "messages m " + unseenOf,
}

// Stuck is a row that LockStuck has locked.
type Stuck struct {
	Kind       string
	ID         int64       // of tasks, instances or messages, by the kind
	Task       outbox.Kind // of the kinds that are tasks
	Mail       bool        // the task sends one
	InstanceID string      // of a creation
	Repaired   bool        // of a poll: nothing more can be done here until the marketplace asks
}

// LockStuck locks a row and looks whether it is stuck in this way; stuck is
// false when it is not, or not any more. Fault: not_found "stuck.unknown".
func (t *Tx) LockStuck(ctx context.Context, kind string, id int64) (s Stuck, stuck bool, err error) {
	s = Stuck{Kind: kind, ID: id}
	list, ok := stuckLists[kind]
	if !ok {
		return s, false, fault.New(fault.NotFound, "stuck.unknown")
	}
	switch list.table { // what the repair changes behind the row
	case "tasks":
		err = t.HoldMessagesOf(ctx, []int64{id})
	case "instances":
		err = t.HoldMaking(ctx, id)
	}
	if err != nil {
		return s, false, err
	}
	var known int64
	err = t.tx.GetContext(ctx, &known, `
SELECT id
  FROM `+list.table+`
 WHERE id = $1
   FOR NO KEY UPDATE`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return s, false, fault.New(fault.NotFound, "stuck.unknown")
	}
	if err != nil {
		return s, false, toFault(err)
	}
	names := map[string]string{"tasks": "t.kind, '', " + sendsMail + ", FALSE", "instances": "'', i.instance_id, FALSE, FALSE",
		"messages": "'', '', FALSE, COALESCE(" + answeredAgain + ", FALSE)"}[list.table]
	err = t.tx.QueryRowxContext(ctx, `
SELECT `+names+`
  FROM `+stuckFrom[kind]+`
 WHERE `+list.id+` = $1
   AND `+stuckWhere[kind], id).Scan(&s.Task, &s.InstanceID, &s.Mail, &s.Repaired)
	if fault.Is(toFault(err), fault.NotFound) {
		return s, false, nil
	}
	return s, err == nil, toFault(err)
}

// MarkHanded notes that Redis has these tasks.
func (t *Tx) MarkHanded(ctx context.Context, ids ...int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE tasks
   SET enqueued_at = now()
 WHERE id = ANY($1)`, pq.Array(ids))
	return toFault(err)
}

// WaitingTask is the task that makes an instance and waits for its next try, 0
// if none does.
func (t *Tx) WaitingTask(ctx context.Context, instancePK int64) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
SELECT COALESCE(max(id), 0)
  FROM tasks
 WHERE instance_pk = $1
   AND kind IN ('order_query', 'provision')
   AND status = 'pending'`, instancePK)
	return id, toFault(err)
}

// lastMaking is from where the task is taken that makes instance $1 once more: the last
// that its purchase has had.
const lastMaking = `
                   FROM tasks
                  WHERE instance_pk = $1
                    AND kind IN ('order_query', 'provision')
                    AND purpose = 'purchase'
                  ORDER BY kind = 'provision' DESC, id DESC
                  LIMIT 1`

// purchaseOf is the message by which an instance i was bought.
const purchaseOf = `(SELECT min(m.id)
                   FROM messages m
                  WHERE m.instance_id = i.instance_id
                    AND m.channel_id = i.channel_id
                    AND m.activity = 'newInstance')`

// MakeAgain gives an instance whose making nothing stands for any more its last
// task again, in a new round, or a first one. message is the task's, which the caller
// settles; 0 if it has none.
func (t *Tx) MakeAgain(ctx context.Context, instancePK int64, actor string) (message, task int64, err error) {
	err = t.tx.QueryRowxContext(ctx, `
WITH last AS (
    UPDATE tasks
       SET status = 'pending',
           round = round + 1,
           attempts = 0,
           run_at = now(),
           enqueued_at = NULL,
           parked_at = NULL,
           finished_at = NULL,
           last_error = NULL
     WHERE id = (SELECT id`+lastMaking+`)
    RETURNING id, round, message_id
), noted AS (
    INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
    SELECT id, round, 0, now(), 'restarted', $2
      FROM last
)
SELECT COALESCE(message_id, 0), id
  FROM last`, instancePK, actor).Scan(&message, &task)
	if fault.Is(toFault(err), fault.NotFound) {
		return t.makeFirst(ctx, instancePK)
	}
	return message, task, toFault(err)
}

// makeFirst writes what the purchase itself would have written. V1.0 has told
// what was bought.
func (t *Tx) makeFirst(ctx context.Context, instancePK int64) (message, task int64, err error) {
	var i struct {
		Channel  int64           `db:"channel_id"`
		Protocol market.Protocol `db:"protocol"`
		Order    string          `db:"order_id"`
		Line     string          `db:"order_line_id"`
		Message  int64           `db:"message"`
	}
	err = t.tx.GetContext(ctx, &i, `
SELECT channel_id, protocol, order_id, order_line_id,
       COALESCE(`+purchaseOf+`, 0) AS message
  FROM instances i
 WHERE id = $1`, instancePK)
	if err != nil {
		return 0, 0, toFault(err)
	}
	n := outbox.New{Purpose: outbox.Purchase, MessageID: i.Message, InstancePK: instancePK, OrderID: i.Order,
		OrderLineID: i.Line, UniqueKey: outbox.Key(outbox.OrderQuery, outbox.Purchase, i.Message, instancePK)}
	if i.Protocol == market.V1 {
		n.Kind, n.UniqueKey = outbox.Provision, outbox.Key(outbox.Provision, outbox.Purchase, instancePK)
		task, err = t.Enqueue(ctx, n)
	} else {
		task, err = t.AskOrder(ctx, i.Channel, n)
	}
	return i.Message, task, err
}

// RecoverTask is Recover for one task.
func (t *Tx) RecoverTask(ctx context.Context, id int64) error {
	_, err := t.recover(ctx, id)
	return err
}
