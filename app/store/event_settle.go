package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// settleEvents ends what waits and its task has ended, and of what was given up
// some behind $1, since they may be very many: it gives the last of those, 0 where
// there are no more.
const settleEvents = `
WITH given_up AS MATERIALIZED (
    SELECT id, task_id, status
      FROM events
     WHERE status = 'failed'
       AND id > $1
     ORDER BY id
     LIMIT 500
), settled AS (
    UPDATE events
       SET status = o.ended
      FROM (SELECT locked.id, due.ended
              FROM (SELECT open.id, open.status, CASE WHEN k.status = 'failed' THEN 'failed' ELSE 'cancelled' END AS ended
                      FROM (SELECT id, task_id, status FROM events WHERE status IN ('pending', 'running') UNION ALL SELECT * FROM given_up) open
                     CROSS JOIN LATERAL (SELECT status FROM tasks WHERE id = open.task_id OFFSET 0) k
                     WHERE k.status IN ('succeeded', 'cancelled')
                        OR k.status = 'failed'
                       AND open.status <> 'failed'
                     LIMIT 1000) due
             CROSS JOIN LATERAL (
                   SELECT id
                     FROM events
                    WHERE id = due.id
                      AND status = due.status
                      FOR UPDATE SKIP LOCKED) locked) o
     WHERE events.id = o.id
)
SELECT CASE WHEN count(*) = 500 THEN max(id) ELSE 0 END
  FROM given_up`

// SettleEvents ends the events whose task was ended by somebody else, since the
// instance was released or a person was faster than the product: nobody sends
// them any more. Those that were given up are looked through a few at a time, from
// one call to the next. Doing it twice does no harm.
func (s *Store) SettleEvents(ctx context.Context) error {
	var last int64
	if err := sqlx.GetContext(ctx, s.db, &last, settleEvents, s.settled.Load()); err != nil {
		return toFault(err)
	}
	s.settled.Store(last)
	return nil
}
