package store

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// SettleRestarts notes how restarted items have ended, up to limit of them, and
// says how many.
func (t *Tx) SettleRestarts(ctx context.Context, limit int) (int, error) {
	var rows []struct {
		Batch   int64  `db:"batch_id"`
		Item    int64  `db:"item_id"`
		Outcome string `db:"outcome"`
	}
	if err := sqlx.SelectContext(ctx, t.tx, &rows, endedRestarts, limit); err != nil {
		return 0, toFault(err)
	}
	done := 0
	for len(rows) > 0 {
		batch, n := rows[0].Batch, 0
		ended := map[string][]int64{}
		for ; n < len(rows) && rows[n].Batch == batch; n++ {
			ended[rows[n].Outcome] = append(ended[rows[n].Outcome], rows[n].Item)
		}
		if err := t.itemsEnded(ctx, batch, ended[ItemPassed], ended[ItemFailed]); err != nil {
			return 0, err
		}
		rows, done = rows[n:], done+n
	}
	return done, nil
}

func (t *Tx) itemsEnded(ctx context.Context, batch int64, passed, failed []int64) error {
	for outcome, items := range map[string][]int64{ItemPassed: passed, ItemFailed: failed} {
		_, err := t.tx.ExecContext(ctx, `
UPDATE restart_items
   SET outcome = $3
 WHERE batch_id = $1
   AND item_id = ANY($2)`, batch, pq.Array(items), outcome)
		if err != nil {
			return toFault(err)
		}
	}
	return t.CountItems(ctx, batch, Tally{Passed: len(passed), Failed: len(failed)})
}

// Only what has ended is locked, and only what nobody else is at. Which items of
// a batch are open, its own index tells: OFFSET 0 keeps it so, for the planner
// takes every item without an outcome for one that was restarted. An item has ended
// with the message or task, if anything of it was done again but telling customers, and
// with whatever it tells them: one of the two alone may fail. Who is told again has been
// told once what was sent to him, or the fall-back of it, has arrived; what was cancelled
// instead (a release, a newer mail) has not been sent.
var endedRestarts = `
SELECT e.batch_id, e.item_id, e.outcome
  FROM (SELECT b.id AS batch_id, i.item_id, s.outcome
          FROM restart_batches b
         CROSS JOIN LATERAL (
               SELECT item_id, ran OR b.mode <> 'delivery' AND given + hurried > cardinality(deliveries) AS works, deliveries
                 FROM restart_items
                WHERE batch_id = b.id
                  AND state = 'restarted'
                  AND outcome = ''
               OFFSET 0) i
         CROSS JOIN LATERAL (
               SELECT CASE
                      WHEN NOT i.works THEN 'passed'
                      WHEN b.thing = 'tasks' THEN
                           (SELECT CASE t.status WHEN 'succeeded' THEN 'passed' WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'failed' END
                              FROM tasks t WHERE t.id = i.item_id)
                      ELSE (SELECT CASE m.status WHEN 'succeeded' THEN 'passed' WHEN 'failed' THEN 'failed' END
                              FROM messages m WHERE m.id = i.item_id) END AS done,
                      (SELECT CASE WHEN bool_or(d.status IN ('pending', 'running')) THEN NULL
                                   WHEN bool_or(d.status IN ('failed', 'cancelled') AND NOT ` + replaced + `) THEN 'failed' ELSE 'passed' END
                         FROM deliveries d WHERE d.id = ANY(i.deliveries) OR d.fallback_of = ANY(i.deliveries) AND d.status <> 'cancelled') AS told
               OFFSET 0) o
         CROSS JOIN LATERAL (
               SELECT CASE WHEN o.done IS NULL OR o.told IS NULL THEN NULL WHEN 'failed' IN (o.done, o.told) THEN 'failed' ELSE 'passed' END AS outcome) s
         WHERE b.restarted > b.passed + b.failed
           AND s.outcome IS NOT NULL
         ORDER BY b.id, i.item_id
         LIMIT $1) e
 CROSS JOIN LATERAL (
       SELECT 1
         FROM restart_items l
        WHERE l.batch_id = e.batch_id
          AND l.item_id = e.item_id
          AND l.outcome = ''
          FOR UPDATE SKIP LOCKED) l
 ORDER BY e.batch_id, e.item_id`
