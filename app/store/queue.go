package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"koodesk/app/outbox"
)

// Due is a task row that Redis should have.
type Due struct {
	ID   int64       `db:"id"`
	Kind outbox.Kind `db:"kind"`
}

// Relay hands up to limit due tasks to put, which says which of them the queue
// took; those are marked in the same transaction. Rows that another relay is
// working on are passed over.
func (s *Store) Relay(ctx context.Context, limit int, put func([]Due) (taken []int64, err error)) (int, error) {
	n := 0
	err := s.Write(ctx, func(t *Tx) error {
		var due []Due
		err := t.tx.SelectContext(ctx, &due, `
SELECT id, kind
  FROM tasks
 WHERE status = 'pending'
   AND enqueued_at IS NULL
   AND run_at <= now()
 ORDER BY run_at, id
 LIMIT $1
   FOR UPDATE SKIP LOCKED`, limit)
		if err != nil || len(due) == 0 {
			return toFault(err)
		}
		taken, putErr := put(due)
		if len(taken) > 0 {
			_, err = t.tx.ExecContext(ctx, `
UPDATE tasks
   SET enqueued_at = now()
 WHERE id = ANY($1)`, pq.Array(taken))
			if err != nil {
				return toFault(err)
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
// longer than older (0: all of them).
func (s *Store) Forget(ctx context.Context, older time.Duration) (int64, error) {
	r, err := s.db.ExecContext(ctx, `
UPDATE tasks
   SET enqueued_at = NULL
 WHERE status = 'pending'
   AND enqueued_at <= now() - make_interval(secs => $1)`, older.Seconds())
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return n, toFault(err)
}

// Recover puts back running tasks whose lease is over: their worker died. The
// lost try leaves a row, but does not count against the task.
func (s *Store) Recover(ctx context.Context) (int64, error) {
	r, err := s.db.ExecContext(ctx, `
WITH lost AS (
    SELECT id, round, attempts AS number, started_at
      FROM tasks
     WHERE status = 'running'
       AND leased_until < now()
     ORDER BY id
     LIMIT 500
       FOR UPDATE SKIP LOCKED
), back AS (
    UPDATE tasks t
       SET status = 'pending',
           attempts = GREATEST(t.attempts - 1, 0),
           round = t.round + 1,
           run_at = now(),
           enqueued_at = NULL,
           leased_until = NULL
      FROM lost
     WHERE t.id = lost.id
)
INSERT INTO task_attempts (task_id, round, number, at, duration_us, outcome)
SELECT id, round, number, started_at, (extract(epoch FROM now() - started_at) * 1000000)::bigint, 'lost'
  FROM lost`)
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return n, toFault(err)
}

// NextDue is when the earliest waiting task wants to run; zero if none waits.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	var at *time.Time
	err := s.db.GetContext(ctx, &at, `
SELECT min(run_at)
  FROM tasks
 WHERE status = 'pending'
   AND enqueued_at IS NULL`)
	if err != nil || at == nil {
		return time.Time{}, toFault(err)
	}
	return at.UTC(), nil
}

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
