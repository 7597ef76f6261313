package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// Due is a task row that Redis should have.
type Due struct {
	ID   int64       `db:"id"`
	Kind outbox.Kind `db:"kind"`
	Mail bool        `db:"mail"` // it sends a mail
}

// sendsMail tells whether task t sends a mail. It looks at what belongs to the
// task: EXISTS in a column may be planned as a hash of the whole table.
const sendsMail = `CASE
           WHEN t.kind IN ('deliver', 'notice') THEN COALESCE((SELECT d.medium = 'email' FROM deliveries d WHERE d.id = t.delivery_id), FALSE)
           WHEN t.kind = 'alert' THEN COALESCE((SELECT g.medium = 'email' FROM alert_messages s JOIN alert_targets g ON g.id = s.target_id WHERE s.task_id = t.id LIMIT 1), FALSE)
           ELSE FALSE END`

// Relay hands up to limit due tasks of these kinds to put, which says which of
// them the queue took; those are marked in the same transaction. Rows that another relay is
// working on are passed over.
func (s *Store) Relay(ctx context.Context, kinds []string, limit int, put func([]Due) (taken []int64, err error)) (int, error) {
	n := 0
	err := s.Write(ctx, func(t *Tx) error {
		var due []Due
		err := t.tx.SelectContext(ctx, &due, `
SELECT id, kind, `+sendsMail+` AS mail
  FROM tasks t
 WHERE status = 'pending'
   AND enqueued_at IS NULL
   AND run_at <= now()
   AND kind = ANY($2)
 ORDER BY run_at, id
 LIMIT $1
   FOR UPDATE SKIP LOCKED`, limit, pq.Array(kinds))
		if err != nil || len(due) == 0 {
			return toFault(err)
		}
		taken, putErr := put(due)
		if len(taken) > 0 {
			if err := t.MarkHanded(ctx, taken...); err != nil {
				return err
			}
		}
		n = len(taken)
		if n == 0 {
			return putErr
		}
		return nil
	})
	return n, err
}

// Forget takes back what was handed to Redis and not begun, so that the relay
// hands it over again: after Redis lost its data, or for rows that have waited
// longer than older (0: all of them). A time that is still to come was written
// before the clock was put back.
func (s *Store) Forget(ctx context.Context, older time.Duration) (int64, error) {
	r, err := s.db.ExecContext(ctx, `
UPDATE tasks
   SET enqueued_at = NULL,
       taken_back_at = now()
 WHERE status = 'pending'
   AND (enqueued_at <= now() - make_interval(secs => $1) OR enqueued_at > now() + interval '1 minute')`, older.Seconds())
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return n, toFault(err)
}

// Handed is a task that Redis was given and no worker has begun.
type Handed struct {
	Due
	At time.Time `db:"enqueued_at"`
}

const handedOver = `
SELECT id, kind, enqueued_at, ` + sendsMail + ` AS mail
  FROM tasks t
 WHERE status = 'pending'
   AND enqueued_at >= $1
   AND (enqueued_at, id) > ($1, $2)
   AND kind = ANY($3)
 ORDER BY enqueued_at, id
 LIMIT $4`

// HandedOver lists tasks of these kinds that Redis was given, in the order in
// which it was, behind the last one.
func (s *Store) HandedOver(ctx context.Context, kinds []string, last Handed, limit int) ([]Handed, error) {
	var out []Handed
	err := s.db.SelectContext(ctx, &out, handedOver, last.At, last.ID, pq.Array(kinds), limit)
	return out, toFault(err)
}

// TakeBack has tasks that Redis was given until then, and lost, handed over again.
func (s *Store) TakeBack(ctx context.Context, ids []int64, until time.Time) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE tasks
   SET enqueued_at = NULL,
       taken_back_at = now()
 WHERE id = ANY($1)
   AND status = 'pending'
   AND enqueued_at <= $2`, pq.Array(ids), until)
	return toFault(err)
}

// maxLost is how many workers a task may lose before it is given up: it may be
// the task that kills them.
const maxLost = 5

// Renew prolongs the lease of a claimed task; held is false when the claim is not
// valid any more.
func (s *Store) Renew(ctx context.Context, task outbox.Task, lease time.Duration) (held bool, err error) {
	res, err := s.db.ExecContext(ctx, `
UPDATE tasks
   SET leased_until = now() + make_interval(secs => $4)
 WHERE `+claimed, task.ID, task.Round, task.Attempt, lease.Seconds())
	if err != nil {
		return false, toFault(err)
	}
	n, err := res.RowsAffected()
	return n == 1, toFault(err)
}

// Recover puts back running tasks whose lease is over: their worker died. The
// lost try leaves a row, but does not count against the task, unless it is the
// fifth in a row: then the task is given up.
func (s *Store) Recover(ctx context.Context) (n int, err error) {
	err = s.Write(ctx, func(t *Tx) error {
		n, err = t.recover(ctx, 0)
		return err
	})
	return n, err
}

// recover puts back one task of a lost worker, or (only 0) all that there are.
func (t *Tx) recover(ctx context.Context, only int64) (n int, err error) {
	var lost []struct {
		Message int64 `db:"message"`
		GivenUp bool  `db:"given_up"`
	}
	if err := t.hold(ctx, holdLost, only, maxLost); err != nil {
		return 0, err
	}
	err = t.tx.SelectContext(ctx, &lost, recoverLost, fault.ToRecord(fault.New(fault.Internal, "task.kills_workers")).JSON(), maxLost, only)
	if err != nil {
		return 0, toFault(err)
	}
	var settle []int64
	for _, l := range lost {
		if l.GivenUp {
			settle = append(settle, l.Message)
		}
	}
	if len(settle) == 0 {
		return len(lost), nil
	}
	for _, end := range endOfGivenUp {
		if _, err := t.tx.ExecContext(ctx, end); err != nil {
			return 0, toFault(err)
		}
	}
	for _, m := range settle {
		if err := t.SettleMessage(ctx, m); err != nil {
			return 0, err
		}
	}
	return len(lost), nil
}

// endOfGivenUp ends what the tasks that were given up stood for, locked in the order of
// its ids. What was leaving when its worker was lost may have arrived.
var endOfGivenUp = []string{`
UPDATE deliveries d
   SET status = 'failed',
       outcome = CASE WHEN d.handing_since IS NULL THEN d.outcome ELSE 'unknown' END,
       outcome_at = CASE WHEN d.handing_since IS NULL THEN d.outcome_at ELSE now() END,
       handing_since = NULL,
       last_error = given_up.last_error
  FROM (SELECT x.id, t.last_error
          FROM deliveries x
          JOIN tasks t ON t.delivery_id = x.id
         WHERE t.status = 'failed'
           AND x.status = 'running'
         ORDER BY x.id
           FOR NO KEY UPDATE OF x) given_up
 WHERE d.id = given_up.id`, endOf(`events`), endOf(`alert_messages`)}

// endOf ends the rows of a table that name their task, also those that nothing was
// sent of yet.
func endOf(table string) string {
	return `
UPDATE ` + table + `
   SET status = 'failed',
       last_error = given_up.last_error
  FROM (SELECT x.id, t.last_error
          FROM ` + table + ` x
          JOIN tasks t ON t.id = x.task_id
         WHERE t.status = 'failed'
           AND x.status IN ('pending', 'running')
         ORDER BY x.id
           FOR NO KEY UPDATE OF x) given_up
 WHERE ` + table + `.id = given_up.id`
}

// lostLeases selects the running tasks whose lease is over, all of them or only one:
// those of whom most workers were lost on end are given up.
func lostLeases(most, only string) string {
	return `
    SELECT id, message_id, round, attempts AS number, started_at,
           (SELECT count(*)
              FROM (SELECT outcome
                      FROM task_attempts a
                     WHERE a.task_id = tasks.id
                     ORDER BY a.id DESC
                     LIMIT ` + most + ` - 1) recent
             WHERE outcome = 'lost') >= ` + most + ` - 1 AS given_up
      FROM tasks
     WHERE status = 'running'
       AND leased_until < now()
       AND (` + only + `::bigint = 0 OR id = ` + only + `)
     ORDER BY id
     LIMIT 500`
}

var recoverLost = `
WITH lost AS (` + lostLeases(`$2`, `$3`) + `
       FOR UPDATE SKIP LOCKED
), noted AS (
    INSERT INTO task_attempts (task_id, round, number, at, duration_us, outcome)
    SELECT id, round, number, started_at, (extract(epoch FROM now() - started_at) * 1000000)::bigint, 'lost'
      FROM lost
)
UPDATE tasks t
   SET status = CASE WHEN lost.given_up THEN 'failed' ELSE 'pending' END,
       last_error = CASE WHEN lost.given_up THEN $1::jsonb ELSE t.last_error END,
       finished_at = CASE WHEN lost.given_up THEN now() END,
       attempts = GREATEST(t.attempts - 1, 0),
       round = t.round + 1,
       run_at = now(),
       enqueued_at = NULL,
       leased_until = NULL
  FROM lost
 WHERE t.id = lost.id
RETURNING COALESCE(t.message_id, 0) AS message, lost.given_up`

// TaskCounts counts the tasks that are not done, by status.
func (s *Store) TaskCounts(ctx context.Context) (map[string]int, error) {
	out := map[string]int{"pending": 0, "running": 0, "failed": 0}
	rows, err := s.db.QueryxContext(ctx, `
SELECT status, count(*)
  FROM tasks
 WHERE status IN ('pending', 'running', 'failed')
 GROUP BY status`)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	for rows.Next() {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			return nil, toFault(err)
		}
		out[status] = n
	}
	return out, toFault(rows.Err())
}
