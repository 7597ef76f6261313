package store

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// laterWork is the work, with a call's or by itself, that takes the place of a task t.
// A change is asked of the driver as the instance was when it was first asked, so that
// after a later one the old one would come back; so would the period or the freeze of
// which a product was told since, unless the old renewal says more than its period. An
// order query decides by when the order was placed, and a subscriber is to hear of
// everything, in whatever order it can be had.
var laterWork = strings.ReplaceAll(`(
           SELECT n.id, n.status, n.message_id, m.activity
             FROM tasks n
             LEFT JOIN messages m
                    ON m.id = n.message_id
            WHERE t.kind = 'provision'
              AND t.purpose = 'upgrade'
              AND n.instance_pk = t.instance_pk
              AND n.kind = 'provision'
              AND n.purpose = 'upgrade'
              AND n.id > t.id
              AND n.status <> 'cancelled'
            UNION ALL
           SELECT n.task_id, n.status, n.message_id, n.type
             FROM events e
             JOIN events n
               ON n.id > e.id
              AND (n.instance_pk = e.instance_pk OR n.license_code_id = e.license_code_id)
            WHERE t.kind = 'event'
              AND e.task_id = t.id
              AND e.to_product
              AND n.to_product
              AND n.product_pk IS NOT DISTINCT FROM e.product_pk
              AND n.status <> 'cancelled'
              AND ((e.type LIKE '%.renewed' AND n.type = e.type AND e.scene <> ALL ({lasting}))
                   OR (e.type LIKE '%frozen' AND n.type LIKE '%frozen')))`, "{lasting}", textArray(words(market.LastingScenes)))

// overtakenTask says of a task t that was given up that other work has taken its place:
// no restart takes it along.
var overtakenTask = `(t.status = 'failed' AND EXISTS (SELECT 1 FROM ` + laterWork + ` w))`

// TaskOvertaken refuses to begin a given-up task again, or (task 0) what is left of a
// message, whose place other work has taken: it would undo that. m is the message of
// either, if it has one; the subject is locked. Faults: conflict
// "restart.overtaken" and, of an event, which the marketplace's calling again would not
// send, "restart.event_overtaken"; they name the newest.
func (t *Tx) TaskOvertaken(ctx context.Context, m StoredMessage, task int64) error {
	message := m.ID
	if task != 0 {
		message = 0
	}
	var l LaterCall
	err := t.tx.QueryRowxContext(ctx, `
SELECT COALESCE(w.message_id, 0), COALESCE(w.activity, ''), t.kind = 'event'
  FROM tasks t
 CROSS JOIN LATERAL `+laterWork+` w
 WHERE (t.message_id = $1 OR t.id = $2)
   AND t.status = 'failed'
 ORDER BY w.id DESC
 LIMIT 1`, nullID(message), nullID(task)).Scan(&l.MessageID, &l.Activity, &l.Event)
	if err = toFault(err); fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if l.Event {
		return l.Refuses(m, "restart.event_overtaken")
	}
	return l.Refuses(m, "restart.overtaken")
}

// letGoOfOvertaken takes out of their groups the given-up tasks whose place other work
// has taken that was done, up to a batch of them. They stay failed, in no group (0).
func letGoOfOvertaken(ctx context.Context, t *Tx) (int, error) {
	var found []struct {
		ID      int64 `db:"id"`
		Message int64 `db:"message_id"`
		Group   int64 `db:"failure_group"`
		By      int64 `db:"by"`
	}
	err := t.tx.SelectContext(ctx, &found, `
SELECT t.id, COALESCE(t.message_id, 0) AS message_id, t.failure_group, w.by
  FROM failure_groups g
  JOIN tasks t
    ON t.failure_group = g.id
 CROSS JOIN LATERAL (
       SELECT max(w.id) AS by
         FROM `+laterWork+` w
        WHERE w.status = 'succeeded') w
 WHERE g.resolved_at IS NULL
   AND g.step IN ('provision', 'event')
   AND t.status = 'failed'
   AND w.by IS NOT NULL
 ORDER BY t.id
 LIMIT $1`, settleBatch)
	if err != nil || len(found) == 0 {
		return 0, toFault(err)
	}
	messages := make([]int64, len(found))
	for n, f := range found {
		messages[n] = f.Message
	}
	_, err = t.tx.ExecContext(ctx, `
SELECT id
  FROM messages
 WHERE id = ANY($1)
 ORDER BY id
   FOR NO KEY UPDATE`, pq.Array(messages)) // before their tasks
	if err != nil {
		return 0, toFault(err)
	}
	for _, f := range found {
		r, err := t.tx.ExecContext(ctx, `
UPDATE tasks
   SET failure_group = 0,
       overtaken_by = $3
 WHERE id = $1
   AND failure_group = $2
   AND status = 'failed'`, f.ID, f.Group, f.By)
		if err != nil {
			return 0, toFault(err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			continue // restarted meanwhile
		}
		if err := t.countOvertaken(ctx, f.Group); err != nil {
			return 0, err
		}
		if err := t.SettleMessage(ctx, f.Message); err != nil {
			return 0, err
		}
	}
	return len(found), nil
}

func (t *Tx) countOvertaken(ctx context.Context, group int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE failure_groups
   SET overtaken = overtaken + 1
 WHERE id = $1`, group)
	return toFault(err)
}

// LetGoOvertaken takes a failed message, which is locked, out of its group because
// another has taken its place. It stays failed, in no group (0).
func (t *Tx) LetGoOvertaken(ctx context.Context, message, by int64) error {
	var group int64
	err := t.tx.GetContext(ctx, &group, `
WITH was AS (
    SELECT failure_group
      FROM messages
     WHERE id = $1
)
UPDATE messages
   SET failure_group = 0,
       overtaken_by = $2
 WHERE id = $1
RETURNING COALESCE((SELECT failure_group FROM was), 0)`, message, by)
	if err != nil {
		return toFault(err)
	}
	return t.countOvertaken(ctx, group)
}

// unseen is how long a transaction may take to become visible: what it wrote is dated
// from its beginning.
const unseen = time.Minute

// MaybeOvertaken lists messages of open groups whose call failed by itself and would
// undo a later one that has been done, if that may leave nothing to decide about them.
// One that was judged is listed again when itself, what it is about or a later call has
// changed since. Those that could not be judged come last, so that they take nobody's
// turn, and take turns among themselves. at is for Judged.
func (r *Reader) MaybeOvertaken(ctx context.Context, limit int) (ids []int64, at time.Time, err error) {
	if err := sqlx.GetContext(ctx, r.q, &at, `SELECT now() - make_interval(secs => $1)`, unseen.Seconds()); err != nil {
		return nil, at, toFault(err)
	}
	err = sqlx.SelectContext(ctx, r.q, &ids, maybeOvertaken, limit)
	return ids, at, toFault(err)
}

var maybeOvertaken = strings.NewReplacer("{kind}", callKind("x"), "{coverable}", textArray(words(market.Coverable)), "{later}", laterCalls("x", "x.last_received_at"),
	"{code}", strings.ReplaceAll(codeIndex, "{x}", "x")).Replace(`
SELECT x.id
  FROM failure_groups g
  JOIN messages x
    ON x.failure_group = g.id
 WHERE g.resolved_at IS NULL
   AND NOT g.of_tasks
   AND {kind} = ANY({coverable})
   AND x.idem_key NOT LIKE 'invalid/%'
   AND x.status = 'failed'
   AND x.result_code NOT IN ('000000', '000004')
   AND EXISTS (SELECT 1
                 FROM {later} l
                WHERE l.status = 'succeeded'
                  AND (x.judged_at IS NULL
                       OR x.unjudged_at IS NOT NULL
                       OR x.updated_at >= x.judged_at
                       OR l.updated_at >= x.judged_at
                       OR EXISTS (SELECT 1
                                    FROM instances i
                                   WHERE i.channel_id = x.channel_id
                                     AND i.instance_id = x.instance_id
                                     AND i.updated_at >= x.judged_at)
                       OR EXISTS (SELECT 1
                                    FROM license_codes k
                                   WHERE k.channel_id = x.channel_id
                                     AND k.code_bidx = {code}
                                     AND k.updated_at >= x.judged_at)))
 ORDER BY x.unjudged_at NULLS FIRST, x.judged_at NULLS FIRST, x.id
 LIMIT $1`)

// Judged notes that messages were judged by all that had happened until a moment, save
// those that could not be: whatever happened to them is still to be looked at, when it is
// their turn again.
func (t *Tx) Judged(ctx context.Context, ids, unable []int64, at time.Time) error {
	if err := t.HoldMessages(ctx, ids); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE messages
   SET judged_at = CASE WHEN id = ANY($2) THEN judged_at ELSE $3 END,
       unjudged_at = CASE WHEN id = ANY($2) THEN $3 END
 WHERE id = ANY($1)`, pq.Array(ids), pq.Array(unable), at)
	return toFault(err)
}

func words[W ~string](of []W) (out []string) {
	for _, w := range of {
		out = append(out, string(w))
	}
	return out
}
