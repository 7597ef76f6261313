package store

import "context"

// SettleEvents ends the events whose task was ended by somebody else, since the
// instance was released or a person was faster than the product: nobody sends
// them any more. Doing it twice does no harm.
func (s *Store) SettleEvents(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE events
   SET status = o.ended
  FROM (SELECT e.id, CASE WHEN k.status = 'failed' THEN 'failed' ELSE 'cancelled' END AS ended
          FROM events e
          JOIN tasks k ON k.id = e.task_id
         WHERE e.status IN ('pending', 'running')
           AND k.status IN ('succeeded', 'failed', 'cancelled')
            OR e.status = 'failed'
           AND k.status IN ('succeeded', 'cancelled')
         LIMIT 1000
           FOR UPDATE OF e SKIP LOCKED) o
 WHERE events.id = o.id`)
	return toFault(err)
}
