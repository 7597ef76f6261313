package store

import (
	"context"
	"database/sql"

	"koodesk/app/fault"
)

// settleBatch bounds how much one transaction of SettleFailures takes in.
const settleBatch = 200

// SettleFailures brings the groups in line with what belongs to them: it takes
// in what failed without finding its group, lets go of calls that could not be
// understood and came again understandable, of what a fall-back told or is not so any more, and of tasks whose
// place later ones have taken, resolves groups that are empty and opens those that are not. It may run at any time and any
// number of times.
func (s *Store) SettleFailures(ctx context.Context) error {
	for _, stray := range []func(context.Context, *Tx) (int, error){strayTasks, strayMessages, letGoOfOvertaken} {
		for {
			n := 0
			err := s.Write(ctx, func(t *Tx) (err error) {
				n, err = stray(ctx, t)
				return err
			})
			if err != nil {
				return err
			}
			if n < settleBatch {
				break
			}
		}
	}
	for _, statement := range []string{letGoOfRepaired, letGoOfUntrue, resolveEmpty, openFull, noteMembers} {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return toFault(err)
		}
	}
	return nil
}

type stray struct {
	ID    int64          `db:"id"`
	Error sql.NullString `db:"last_error"`
}

func strayTasks(ctx context.Context, t *Tx) (int, error) {
	var rows []stray
	err := t.tx.SelectContext(ctx, &rows, `
SELECT id, last_error
  FROM tasks
 WHERE status = 'failed'
   AND failure_group IS NULL
 ORDER BY id
 LIMIT $1
   FOR UPDATE SKIP LOCKED`, settleBatch)
	if err != nil {
		return 0, toFault(err)
	}
	for _, r := range rows {
		rec, err := recordOf(r.Error)
		if err != nil {
			return 0, err
		}
		if rec == nil { // else it would leave its group at once
			rec = fault.ToRecord(fault.New(fault.Internal, "internal"))
			if _, err := t.tx.ExecContext(ctx, `UPDATE tasks SET last_error = $2 WHERE id = $1`, r.ID, rec.JSON()); err != nil {
				return 0, toFault(err)
			}
		}
		if err := t.joinGroup(ctx, r.ID, rec); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// strayMessages gives failed messages the group of the task that failed them;
// without such a task they fail by themselves.
func strayMessages(ctx context.Context, t *Tx) (int, error) {
	var rows []struct {
		stray
		Group int64 `db:"task_group"`
	}
	err := t.tx.SelectContext(ctx, &rows, `
SELECT m.id, m.last_error,
       COALESCE((SELECT min(k.failure_group)
                   FROM tasks k
                  WHERE k.message_id = m.id
                    AND k.status = 'failed'
                    AND k.`+settles+`), 0) AS task_group
  FROM messages m
 WHERE m.status = 'failed'
   AND m.failure_group IS NULL
   AND NOT m.test
 ORDER BY m.id
 LIMIT $1
   FOR UPDATE OF m SKIP LOCKED`, settleBatch)
	if err != nil {
		return 0, toFault(err)
	}
	for _, r := range rows {
		rec, err := recordOf(r.Error)
		if err == nil && r.Group == 0 {
			err = t.groupMessage(ctx, r.ID, rec)
		} else if err == nil {
			_, err = t.tx.ExecContext(ctx, `UPDATE messages SET failure_group = $2 WHERE id = $1`, r.ID, r.Group)
		}
		if err != nil {
			return 0, toFault(err)
		}
	}
	return len(rows), nil
}

// A call that was not understood is a message of its own; the one that came
// after it about the same order line, and went well, is its repair. It stays
// failed, in no group (0), so that it is not taken in again.
const letGoOfRepaired = `
UPDATE messages m
   SET failure_group = 0
  FROM failure_groups g
 WHERE g.resolved_at IS NULL
   AND NOT g.of_tasks
   AND m.failure_group = g.id
   AND m.order_id <> ''
   AND m.idem_key LIKE 'invalid/%'
   AND EXISTS (SELECT 1
                 FROM messages later
                WHERE later.order_id = m.order_id
                  AND later.order_id <> ''
                  AND later.order_line_id = m.order_line_id
                  AND later.channel_id = m.channel_id
                  AND later.activity = m.activity
                  AND NOT later.test
                  AND later.status = 'succeeded'
                  AND later.last_received_at > m.last_received_at)`

// What the other medium was to tell in its place needs nobody, for that has a task of
// its own; nor does what is not so any more. It stays failed, in no group (0).
const letGoOfUntrue = `
UPDATE tasks t
   SET failure_group = 0
  FROM failure_groups g, deliveries d
 WHERE g.resolved_at IS NULL
   AND g.step IN ('deliver', 'notice')
   AND t.failure_group = g.id
   AND t.status = 'failed'
   AND d.id = t.delivery_id
   AND NOT (` + untold + `)`

const resolveEmpty = `
UPDATE failure_groups
   SET resolved_at = now()
 WHERE id IN (SELECT g.id
                FROM failure_groups g
               WHERE g.resolved_at IS NULL
                 AND` + withoutMembers + `
                 FOR UPDATE SKIP LOCKED)`

const openFull = `
UPDATE failure_groups
   SET resolved_at = NULL,
       opened_at = now(),
       reopened = reopened + 1,
       closed_by = '',
       close_reason = '',
       overtaken = 0,
       snoozed_until = NULL
 WHERE id IN (SELECT g.id
                FROM failure_groups g
               WHERE g.resolved_at IS NOT NULL
                 AND NOT (` + withoutMembers + `)
                 FOR UPDATE SKIP LOCKED)`

// noteMembers keeps how many members the open groups have; one that somebody is
// changing is counted the next time.
var noteMembers = `
UPDATE failure_groups
   SET given_up = counted.given_up,
       retrying = counted.retrying,
       orders = counted.orders,
       most_orders = GREATEST(most_orders, counted.orders)
  FROM (SELECT g.id, c.given_up, c.retrying, c.orders
          FROM failure_groups g
         CROSS JOIN LATERAL (` + groupMembers + `) c
         WHERE g.resolved_at IS NULL
           AND (g.given_up, g.retrying, g.orders) IS DISTINCT FROM (c.given_up, c.retrying, c.orders)
           FOR NO KEY UPDATE OF g SKIP LOCKED) counted
 WHERE failure_groups.id = counted.id`
