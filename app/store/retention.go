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
	KeepAttempts   = "attempts"   // attempts of messages: dropped by month
	KeepTries      = "tries"      // tries of tasks: dropped by month
	KeepDeliveries = "deliveries" // texts to customers: emptied
	KeepEvents     = "events"     // payloads of events and what was answered: emptied
	KeepAlerts     = "alerts"     // alerts that are over: deleted
	KeepSayings    = "sayings"    // messages about alerts: deleted
)

// Retire goes on with the walk through a kind: of the next rows, at most limit,
// those from before a moment are deleted or emptied, or noted if they are still
// open. It tells how many it passed; fewer than limit mean that the walk is at its
// end for now.
func (s *Store) Retire(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error) {
	k, ok := keeps[kind]
	if _, byMonth := monthly[kind]; !ok || byMonth {
		return 0, fault.New(fault.Internal, "internal")
	}
	for {
		var missing []string
		err = s.Write(ctx, func(t *Tx) (err error) {
			passed, missing, err = t.retireNext(ctx, kind, k, before, limit)
			return err
		})
		if err != nil || len(missing) == 0 {
			return passed, err
		}
		for _, lean := range missing {
			if _, err := s.addPart(ctx, k.table, lean); err != nil {
				return 0, err
			}
		}
	}
}

// retireNext is a step of Retire. When emptied rows have no partition to go to yet,
// it does nothing but say which are missing.
func (t *Tx) retireNext(ctx context.Context, kind string, k keep, before time.Time, limit int) (passed int, missing []string, err error) {
	at, err := t.retention(ctx, kind)
	if err != nil {
		return 0, nil, err
	}
	next, err := t.retiring(ctx, retiringQuery(k), at.LastID, before, limit)
	if err != nil || len(next.ids) == 0 {
		return 0, nil, err
	}
	if k.part != "" {
		if missing, err = t.leanMissing(ctx, next.months); err != nil || len(missing) > 0 {
			return 0, missing, err
		}
	}
	done, changed, err := t.retire(ctx, k, next.ids, next.parts, before)
	if err != nil {
		return 0, nil, err
	}
	_, err = t.tx.ExecContext(ctx, `
INSERT INTO retention_held (kind, id)
SELECT $1, id
  FROM unnest($2::bigint[]) AS id
 WHERE id <> ALL($3)
ON CONFLICT DO NOTHING`, kind, pq.Array(next.ids), pq.Array(done))
	if err != nil {
		return 0, nil, toFault(err)
	}
	return len(next.ids), nil, t.retired(ctx, kind, next.ids[len(next.ids)-1], at.HeldLast, changed)
}

// RetireHeld looks again at what was still open when the walk came by, at most
// limit rows at a time; fewer mean that it is round.
func (s *Store) RetireHeld(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error) {
	k, ok := keeps[kind]
	if !ok {
		return 0, fault.New(fault.Internal, "internal")
	}
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
		done, changed, err := t.retire(ctx, k, ids, []string{partKept}, before)
		if err != nil {
			return err
		}
		_, err = t.tx.ExecContext(ctx, `
DELETE FROM retention_held h
 WHERE h.kind = $1
   AND h.id = ANY($2)
   AND (h.id = ANY($3) OR NOT EXISTS (SELECT 1 FROM `+k.table+` t WHERE t.id = h.id`+k.keptOnly()+`))`, kind, pq.Array(ids), pq.Array(done))
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

// retention locks how far a walk has come.
func (t *Tx) retention(ctx context.Context, kind string) (at retentionAt, err error) {
	// In one statement: another process may take the row away with its partition.
	err = t.tx.GetContext(ctx, &at, `
INSERT INTO retention (kind)
VALUES ($1)
ON CONFLICT (kind) DO UPDATE
   SET kind = EXCLUDED.kind
RETURNING last_id, held_last`, kind)
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

// retiring are the next rows of a walk: their ids and, in a log by month, the parts
// that they stand in and the months of those that may move.
type retiring struct {
	ids           []int64
	parts, months []string
}

// retiring reads them up to the first that is young enough to stay: ids are given
// out in the order of time, but for moments.
func (t *Tx) retiring(ctx context.Context, query string, after int64, before time.Time, limit int) (out retiring, err error) {
	var rows []struct {
		ID    int64  `db:"id"`
		Old   bool   `db:"old"`
		Part  string `db:"part"`
		Month string `db:"month"`
	}
	if err := t.tx.SelectContext(ctx, &rows, query, after, before, limit); err != nil {
		return out, toFault(err)
	}
	for _, r := range rows {
		if !r.Old {
			break
		}
		out.ids = append(out.ids, r.ID)
		if !slices.Contains(out.parts, r.Part) {
			out.parts = append(out.parts, r.Part)
		}
		if r.Part != partKept && !slices.Contains(out.months, r.Month) {
			out.months = append(out.months, r.Month)
		}
	}
	return out, nil
}

func retiringQuery(k keep) string {
	columns := `id, ` + k.at + ` < $2 AS old`
	if k.part != "" {
		columns += `, ` + k.part + `, month_of(` + k.at + `) AS month`
	}
	return `
SELECT ` + columns + `
  FROM ` + k.table + `
 WHERE id > $1
 ORDER BY id
 LIMIT $3`
}

// retire deletes or empties what of the rows is closed; done are those that need
// not be looked at again.
func (t *Tx) retire(ctx context.Context, k keep, ids []int64, parts []string, before time.Time) (done []int64, changed int, err error) {
	var rows []struct {
		ID      int64 `db:"id"`
		Changed bool  `db:"changed"`
	}
	args := []any{pq.Array(ids), before}
	if k.part != "" {
		args = append(args, pq.Array(parts))
	}
	if err := t.tx.SelectContext(ctx, &rows, k.act, args...); err != nil {
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
