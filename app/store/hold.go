package store

import (
	"context"
	"strings"

	"github.com/lib/pq"
)

// holding locks the messages that a condition chooses, in the order of their ids. A
// transaction that is going to change messages behind what it locks before (instances,
// tasks, a failure group) begins with it: see Write.
func holding(condition string) string {
	return `
SELECT
  FROM messages
 WHERE id IN (` + condition + `)
 ORDER BY id
   FOR NO KEY UPDATE`
}

// holdOpen are the messages of what is still to be done for instances.
func holdOpen(instances string) string {
	return holding(`SELECT message_id FROM tasks WHERE instance_pk IN (` + instances + `) AND status IN ('pending', 'running', 'failed')`)
}

var (
	holdMessages = holding(`SELECT unnest($1::bigint[])`)
	holdOfTasks  = holding(`SELECT message_id FROM tasks WHERE id = ANY($1)`)
	holdWork     = holdOpen(`$1`)
	holdMaking   = holding(`SELECT message_id FROM tasks WHERE instance_pk = $1 AND status IN ('pending', 'running', 'failed')
 UNION ALL
SELECT COALESCE((SELECT message_id` + lastMaking + `), ` + purchaseOf + `) FROM instances i WHERE i.id = $1`)
	holdWorkID  = holdOpen(`SELECT id FROM instances WHERE instance_id = $1`)
	holdLost    = holding(`SELECT message_id FROM (` + lostLeases(`$2::int`, `$1`) + `) lost WHERE given_up`)
	holdMembers = holding(`SELECT id FROM messages WHERE failure_group = $1`)
	holdCode    = holding(`SELECT message_id FROM tasks WHERE license_code_id IN (SELECT id FROM license_codes WHERE channel_id = $1 AND code_bidx = ANY($2)) AND status IN ('pending', 'running', 'failed')`)
)

// HoldMessages locks messages.
func (t *Tx) HoldMessages(ctx context.Context, ids []int64) error {
	return t.hold(ctx, holdMessages, pq.Array(ids))
}

// HoldMessagesOf locks the messages that tasks belong to.
func (t *Tx) HoldMessagesOf(ctx context.Context, tasks []int64) error {
	return t.hold(ctx, holdOfTasks, pq.Array(tasks))
}

// HoldWork locks the messages of what is still to be done for an instance, for who is
// going to end it.
func (t *Tx) HoldWork(ctx context.Context, instancePK int64) error {
	return t.hold(ctx, holdWork, instancePK)
}

// HoldMaking locks the messages of what is still to be done for an instance, and the
// one of the task that MakeAgain gives it, for who is going to make it again.
func (t *Tx) HoldMaking(ctx context.Context, instancePK int64) error {
	return t.hold(ctx, holdMaking, instancePK)
}

// HoldWorkID is HoldWork by KooGallery's id.
func (t *Tx) HoldWorkID(ctx context.Context, instanceID string) error {
	return t.hold(ctx, holdWorkID, instanceID)
}

// HoldCode is HoldWork for an authorization code.
func (t *Tx) HoldCode(ctx context.Context, channel int64, code string) error {
	return t.hold(ctx, holdCode, channel, pq.ByteaArray(t.keys.Indexes(code)))
}

// HoldLeftover locks what is locked before a left-over: its instance, and the messages
// of what is still to be done for that.
func (t *Tx) HoldLeftover(ctx context.Context, id int64) error {
	var instance int64
	err := t.tx.GetContext(ctx, &instance, `
SELECT COALESCE((SELECT instance_pk FROM leftovers WHERE id = $1), 0)`, id)
	if err == nil {
		err = t.HoldWork(ctx, instance)
	}
	if err != nil {
		return toFault(err)
	}
	return t.hold(ctx, `
SELECT
  FROM instances
 WHERE id = $1
   FOR NO KEY UPDATE`, instance)
}

// HoldMembers locks the members of a failure group, which are locked before it.
func (t *Tx) HoldMembers(ctx context.Context, group int64) error {
	if err := t.hold(ctx, holdMembers, group); err != nil {
		return err
	}
	return t.hold(ctx, `
SELECT
  FROM tasks
 WHERE failure_group = $1
 ORDER BY id
   FOR NO KEY UPDATE`, group)
}

// LockMessageOfTask locks the message of a task, which is zero where it has none.
// Fault: not_found "task.unknown".
func (t *Tx) LockMessageOfTask(ctx context.Context, task int64) (m StoredMessage, err error) {
	message, err := t.messageOfTask(ctx, task)
	if err == nil && message != 0 {
		m, err = t.LockMessage(ctx, message)
	}
	return m, err
}

// LockForMessages locks messages and then what they are about: each goes on to its tasks.
func (t *Tx) LockForMessages(ctx context.Context, ids ...int64) error {
	if err := t.HoldMessages(ctx, ids); err != nil {
		return err
	}
	return t.LockSubjects(ctx, ids, nil)
}

// LockForTasks locks what is locked before tasks: the messages that they belong to,
// and then what they are about.
func (t *Tx) LockForTasks(ctx context.Context, ids ...int64) error {
	if err := t.HoldMessagesOf(ctx, ids); err != nil {
		return err
	}
	return t.LockSubjects(ctx, nil, ids)
}

// LockForDelivery locks what is locked before a delivery that a person has sent again, or
// of which somebody reports: the instance of one that tells access data, and its tasks.
func (t *Tx) LockForDelivery(ctx context.Context, id int64) error {
	return t.lockForDeliveries(ctx, `$1`, id)
}

// LockForTelling is LockForDelivery for all that messages, which are locked, have told
// their customers.
func (t *Tx) LockForTelling(ctx context.Context, messages ...int64) error {
	return t.lockForDeliveries(ctx, `SELECT id FROM deliveries WHERE message_id = ANY($1)`, pq.Array(messages))
}

func (t *Tx) lockForDeliveries(ctx context.Context, deliveries string, arg any) error {
	err := t.hold(ctx, `
SELECT
  FROM instances
 WHERE id IN (SELECT instance_pk FROM deliveries WHERE id IN (`+deliveries+`) AND kind = 'usage_info')
 ORDER BY id
   FOR NO KEY UPDATE`, arg)
	if err != nil {
		return err
	}
	return t.hold(ctx, `
SELECT
  FROM tasks
 WHERE delivery_id IN (`+deliveries+`)
   AND status IN ('pending', 'running', 'failed')
 ORDER BY id
   FOR NO KEY UPDATE`, arg)
}

// LockSubjects locks what the calls of messages, or tasks, are about: instances and
// authorization codes, before any of their tasks.
func (t *Tx) LockSubjects(ctx context.Context, messages, tasks []int64) error {
	for _, statement := range []string{`
SELECT
  FROM instances
 WHERE id IN (SELECT i.id
                FROM messages m
                JOIN instances i
                  ON i.instance_id = m.instance_id
                 AND i.channel_id = m.channel_id
               WHERE m.id = ANY($1)
                 AND m.instance_id <> ''
                 AND NOT m.test
               UNION
              SELECT k.instance_pk
                FROM tasks k
               WHERE k.id = ANY($2))
 ORDER BY id
   FOR NO KEY UPDATE`, `
SELECT
  FROM license_codes
 WHERE id IN (SELECT k.id
                FROM messages m
                JOIN license_codes k
                  ON k.channel_id = m.channel_id
                 AND k.code_bidx = ` + strings.ReplaceAll(codeIndex, "{x}", "m") + `
               WHERE m.id = ANY($1)
                 AND NOT m.test
               UNION
              SELECT k.license_code_id
                FROM tasks k
               WHERE k.id = ANY($2))
 ORDER BY id
   FOR NO KEY UPDATE`} {
		if err := t.hold(ctx, statement, pq.Array(messages), pq.Array(tasks)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) hold(ctx context.Context, statement string, args ...any) error {
	_, err := t.tx.ExecContext(ctx, statement, args...)
	return toFault(err)
}
