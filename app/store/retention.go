package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// Kinds of what is kept for a while.
const (
	KeepPayloads   = "payloads"   // requests and answers of attempts: emptied
	KeepAttempts   = "attempts"   // attempts of messages: deleted
	KeepTries      = "tries"      // tries of tasks: deleted
	KeepDeliveries = "deliveries" // texts to customers: emptied
	KeepEvents     = "events"     // payloads of events and what was answered: emptied
	KeepAlerts     = "alerts"     // alerts that are over: deleted
	KeepSayings    = "sayings"    // messages about alerts: deleted
)

// keep is how one kind goes: the table that is walked, its time, and the
// statement that deletes or empties those of the rows $1 that are older than $2
// and closed. It locks what decides about that, so that nothing is opened at the
// same moment, and gives each row that is done with, and whether it was changed.
type keep struct{ table, at, act string }

// closedMessages are the messages of attempts that nobody has anything to do
// with any more. A debugging call that failed is nobody's to settle.
const closedMessages = `
WITH shut AS (
    SELECT m.id
      FROM messages m
     WHERE m.id = ANY(ARRAY(SELECT message_id FROM attempts WHERE id = ANY($1)))
       AND m.status <> 'processing'
       AND (m.status <> 'failed' OR m.test)
       AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.message_id = m.id AND q.status = 'open')
     ORDER BY m.id
       FOR SHARE OF m
), gone AS (`

const doneAttempts = `
)
SELECT a.id, g.id IS NOT NULL AS changed
  FROM attempts a
  JOIN shut
    ON shut.id = a.message_id
  LEFT JOIN gone g
    ON g.id = a.id
 WHERE a.id = ANY($1)
   AND a.at < $2`

var keeps = map[string]keep{
	KeepPayloads: {"attempts", "at", closedMessages + `
    UPDATE attempts a
       SET request_sealed = NULL,
           response = NULL,
           response_sealed = NULL,
           emptied_at = now()
      FROM shut
     WHERE a.id = ANY($1)
       AND a.at < $2
       AND a.message_id = shut.id
       AND (a.request_sealed IS NOT NULL OR a.response IS NOT NULL OR a.response_sealed IS NOT NULL)
    RETURNING a.id` + doneAttempts},
	// What the marketplace was told last stays.
	KeepAttempts: {"attempts", "at", closedMessages + `
    DELETE FROM attempts a
     USING shut
     WHERE a.id = ANY($1)
       AND a.at < $2
       AND a.message_id = shut.id
       AND EXISTS (SELECT 1 FROM attempts n WHERE n.message_id = a.message_id AND n.id > a.id AND n.source = 'marketplace')
    RETURNING a.id` + doneAttempts},
	KeepTries: {"task_attempts", "at", `
WITH shut AS (
    SELECT k.id
      FROM tasks k
     WHERE k.id = ANY(ARRAY(SELECT task_id FROM task_attempts WHERE id = ANY($1)))
       AND k.status IN ('succeeded', 'cancelled')
     ORDER BY k.id
       FOR SHARE OF k
)
DELETE FROM task_attempts a
 USING shut
 WHERE a.id = ANY($1)
   AND a.at < $2
   AND a.task_id = shut.id
RETURNING a.id, true AS changed`},
	KeepDeliveries: {"deliveries", "created_at", `
WITH shut AS (
    SELECT id, content_sealed IS NOT NULL OR subject <> '' AS changed
      FROM deliveries
     WHERE id = ANY($1)
       AND created_at < $2
       AND status IN ('succeeded', 'cancelled')
     ORDER BY id
       FOR UPDATE
), gone AS (
    UPDATE deliveries d
       SET content_sealed = NULL,
           subject = '',
           emptied_at = now()
     WHERE d.id = ANY(ARRAY(SELECT id FROM shut WHERE changed))
)
SELECT id, changed
  FROM shut`},
	KeepEvents: {"events", "created_at", `
WITH shut AS (
    SELECT id, payload_sealed IS NOT NULL AS changed
      FROM events
     WHERE id = ANY($1)
       AND created_at < $2
       AND status IN ('succeeded', 'cancelled')
     ORDER BY id
       FOR UPDATE
), gone AS (
    UPDATE events e
       SET payload_sealed = NULL,
           emptied_at = now()
     WHERE e.id = ANY(ARRAY(SELECT id FROM shut WHERE changed))
), answers AS (
    UPDATE event_attempts a
       SET response_sealed = NULL
     WHERE a.event_id = ANY(ARRAY(SELECT id FROM shut))
       AND a.response_sealed IS NOT NULL
)
SELECT id, changed
  FROM shut`},
	KeepAlerts: {"alerts", "opened_at", `
DELETE FROM alerts
 WHERE id = ANY($1)
   AND cleared_at < $2
RETURNING id, true AS changed`},
	KeepSayings: {"alert_messages", "created_at", `
DELETE FROM alert_messages
 WHERE id = ANY($1)
   AND created_at < $2
   AND status NOT IN ('pending', 'running')
RETURNING id, true AS changed`},
}

// Kept lists the kinds that Retire and RetireHeld know.
func Kept() []string {
	return []string{KeepPayloads, KeepAttempts, KeepTries, KeepDeliveries, KeepEvents, KeepAlerts, KeepSayings}
}

// Retire goes on with the walk through a kind: of the next rows, at most limit,
// those from before a moment are deleted or emptied, or noted if they are still
// open. It tells how many it passed; fewer than limit mean that the walk is at its
// end for now.
func (s *Store) Retire(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error) {
	err = s.Write(ctx, func(t *Tx) error {
		passed = 0
		at, err := t.retention(ctx, kind)
		if err != nil {
			return err
		}
		ids, err := t.retiring(ctx, kind, at.LastID, before, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		passed = len(ids)
		done, changed, err := t.retire(ctx, kind, ids, before)
		if err != nil {
			return err
		}
		_, err = t.tx.ExecContext(ctx, `
INSERT INTO retention_held (kind, id)
SELECT $1, id
  FROM unnest($2::bigint[]) AS id
 WHERE id <> ALL($3)
ON CONFLICT DO NOTHING`, kind, pq.Array(ids), pq.Array(done))
		if err != nil {
			return toFault(err)
		}
		return t.retired(ctx, kind, ids[len(ids)-1], at.HeldLast, changed)
	})
	return passed, err
}

// RetireHeld looks again at what was still open when the walk came by, at most
// limit rows at a time; fewer mean that it is round.
func (s *Store) RetireHeld(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error) {
	err = s.Write(ctx, func(t *Tx) error {
		passed = 0
		at, err := t.retention(ctx, kind)
		if err != nil {
			return err
		}
		var ids []int64
		err = t.tx.SelectContext(ctx, &ids, `
SELECT id
  FROM retention_held
 WHERE kind = $1
   AND id > $2
 ORDER BY id
 LIMIT $3`, kind, at.HeldLast, limit)
		if err != nil {
			return toFault(err)
		}
		passed = len(ids)
		if passed == 0 {
			return t.retired(ctx, kind, at.LastID, 0, 0)
		}
		done, changed, err := t.retire(ctx, kind, ids, before)
		if err != nil {
			return err
		}
		_, err = t.tx.ExecContext(ctx, `
DELETE FROM retention_held h
 WHERE h.kind = $1
   AND h.id = ANY($2)
   AND (h.id = ANY($3) OR NOT EXISTS (SELECT 1 FROM `+keeps[kind].table+` t WHERE t.id = h.id))`, kind, pq.Array(ids), pq.Array(done))
		if err != nil {
			return toFault(err)
		}
		last := ids[passed-1]
		if passed < limit {
			last = 0
		}
		return t.retired(ctx, kind, at.LastID, last, changed)
	})
	return passed, err
}

type retentionAt struct {
	LastID   int64 `db:"last_id"`
	HeldLast int64 `db:"held_last"`
}

// retention locks how far a kind's walk has come.
func (t *Tx) retention(ctx context.Context, kind string) (at retentionAt, err error) {
	if _, ok := keeps[kind]; !ok {
		return at, fault.New(fault.Internal, "internal")
	}
	if _, err = t.tx.ExecContext(ctx, `INSERT INTO retention (kind) VALUES ($1) ON CONFLICT DO NOTHING`, kind); err != nil {
		return at, toFault(err)
	}
	err = t.tx.GetContext(ctx, &at, `
SELECT last_id, held_last
  FROM retention
 WHERE kind = $1
   FOR UPDATE`, kind)
	return at, toFault(err)
}

func (t *Tx) retired(ctx context.Context, kind string, last, held int64, changed int) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE retention
   SET last_id = $2,
       held_last = $3,
       done = done + $4,
       ran_at = now()
 WHERE kind = $1`, kind, last, held, changed)
	return toFault(err)
}

// retiring are the next rows of a walk, up to the first that is young enough to
// stay: ids are given out in the order of time, but for moments.
func (t *Tx) retiring(ctx context.Context, kind string, after int64, before time.Time, limit int) ([]int64, error) {
	k := keeps[kind]
	var rows []struct {
		ID  int64 `db:"id"`
		Old bool  `db:"old"`
	}
	err := t.tx.SelectContext(ctx, &rows, retiringQuery(k), after, before, limit)
	if err != nil {
		return nil, toFault(err)
	}
	ids := make([]int64, 0, len(rows))
	for _, r := range rows {
		if !r.Old {
			break
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

func retiringQuery(k keep) string {
	return `
SELECT id, ` + k.at + ` < $2 AS old
  FROM ` + k.table + `
 WHERE id > $1
 ORDER BY id
 LIMIT $3`
}

// retire deletes or empties what of the rows is closed; done are those that need
// not be looked at again.
func (t *Tx) retire(ctx context.Context, kind string, ids []int64, before time.Time) (done []int64, changed int, err error) {
	var rows []struct {
		ID      int64 `db:"id"`
		Changed bool  `db:"changed"`
	}
	if err := t.tx.SelectContext(ctx, &rows, keeps[kind].act, pq.Array(ids), before); err != nil {
		return nil, 0, toFault(err)
	}
	done = []int64{}
	for _, r := range rows {
		done = append(done, r.ID)
		if r.Changed {
			changed++
		}
	}
	slices.Sort(done)
	return done, changed, nil
}

const retireRejected = `
DELETE FROM messages
 WHERE id = ANY(ARRAY(
       SELECT id
         FROM messages
        WHERE status = 'rejected'
          AND last_received_at < $1
        ORDER BY last_received_at, id
        LIMIT $2
          FOR UPDATE SKIP LOCKED))`

// RetireRejected deletes claims that could not be proved, with their attempts, and
// tells how many.
func (s *Store) RetireRejected(ctx context.Context, before time.Time, limit int) (n int, err error) {
	r, err := s.db.ExecContext(ctx, retireRejected, before, limit)
	if err != nil {
		return 0, toFault(err)
	}
	gone, err := r.RowsAffected()
	return int(gone), toFault(err)
}

// keptDays is after how many days something was emptied, at least one; 0 if it
// was not.
func keptDays(at time.Time, emptied sql.NullTime) int {
	if !emptied.Valid {
		return 0
	}
	return max(1, int(emptied.Time.Sub(at)/(24*time.Hour)))
}
