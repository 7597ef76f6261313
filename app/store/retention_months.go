package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// month is how a log by month goes: the statement that looks which of the rows $1,
// which stand in the parts $2, must stay longer than their month: stay, with
// whether that is because they are open.
type month struct{ table, stay string }

var monthly = map[string]month{
	// What the marketplace was told last stays.
	KeepAttempts: {"attempts", closedMessages(`part = ANY($2)`) + `), stay AS (
    SELECT a.id, shut.id IS NULL AS open
      FROM attempts a
      LEFT JOIN shut
        ON shut.id = a.message_id
     WHERE a.id = ANY($1)
       AND a.part = ANY($2)
       AND (SELECT true FROM messages m WHERE m.id = a.message_id)
       AND (shut.id IS NULL OR NOT ` + toldLater + `)
)`},
	KeepTries: {"task_attempts", closedTasks(`part = ANY($2)`) + `), stay AS (
    SELECT a.id, true AS open
      FROM task_attempts a
      LEFT JOIN shut
        ON shut.id = a.task_id
     WHERE a.id = ANY($1)
       AND a.part = ANY($2)
       AND (SELECT true FROM tasks k WHERE k.id = a.task_id)
       AND shut.id IS NULL
)`},
}

// stayQuery moves what must stay, and notes of it what is open; rowwise, the rest
// is deleted, else it goes with its month.
func stayQuery(m month, rowwise bool) string {
	query := m.stay + `, moved AS (
    UPDATE ` + m.table + ` a
       SET part = 'kept'
      FROM stay
     WHERE a.id = stay.id
       AND a.id = ANY($1)
       AND a.part = ANY($2)
), noted AS (
    INSERT INTO retention_held (kind, id)
    SELECT $3, id
      FROM stay
     WHERE open
    ON CONFLICT DO NOTHING
)`
	if rowwise {
		query += `, gone AS (
    DELETE FROM ` + m.table + ` a
     WHERE a.id = ANY($1)
       AND a.part = ANY($2)
       AND NOT EXISTS (SELECT 1 FROM stay WHERE stay.id = a.id)
)`
	}
	return query + `
SELECT count(*)
  FROM stay`
}

// RetireMonths goes on with the walk through those months of a log that are from
// before a moment as a whole: of at most limit rows what must stay is moved away,
// so that DropMonths can drop the rest. What stands in no month goes row by row. It
// tells how many it passed; fewer than limit mean that it is at its end for now.
func (s *Store) RetireMonths(ctx context.Context, kind string, before time.Time, limit int) (passed int, err error) {
	m, ok := monthly[kind]
	if !ok {
		return 0, fault.New(fault.Internal, "internal")
	}
	parts, err := s.parts(ctx, m.table)
	if err != nil {
		return 0, err
	}
	for _, p := range parts {
		if passed == limit {
			break
		}
		if !p.due(before) {
			continue
		}
		n, err := s.retirePart(ctx, kind, p, before, limit-passed)
		if err != nil && !gone(err) {
			return passed, err
		}
		passed += n
	}
	return passed, nil
}

func (s *Store) retirePart(ctx context.Context, kind string, p part, before time.Time, limit int) (passed int, err error) {
	walk, m := walkOf(kind, p), monthly[kind]
	err = s.Write(ctx, func(t *Tx) error {
		passed = 0
		at, err := t.retention(ctx, walk)
		if err != nil {
			return err
		}
		old, err := t.retiring(ctx, retiringQuery(keep{table: pq.QuoteIdentifier(p.Name), at: "at", part: "part"}), at.LastID, before, limit)
		if err != nil || len(old.ids) == 0 {
			return err
		}
		var stay int
		err = t.tx.GetContext(ctx, &stay, stayQuery(m, p.rowwise()), pq.Array(old.ids), pq.Array(old.parts), kind)
		if err != nil {
			return toFault(err)
		}
		passed = len(old.ids)
		return t.retired(ctx, walk, old.ids[passed-1], 0, passed-stay)
	})
	return passed, err
}

// leanMissing tells which partitions are missing for the emptied rows of these
// months. The transaction has read the log, so that none is dropped before its end.
func (t *Tx) leanMissing(ctx context.Context, months []string) (missing []string, err error) {
	err = t.tx.SelectContext(ctx, &missing, `
SELECT month || $2
  FROM unnest($1::text[]) AS month
 WHERE to_regclass('attempts_' || translate(month || $2, '- ', '__')) IS NULL`, pq.Array(months), partLean)
	return missing, toFault(err)
}
