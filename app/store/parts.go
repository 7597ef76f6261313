package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// What of a log by month is not one month's. A month is written "2006-01"; with
// lean behind it stand its rows whose request and answer are gone.
const (
	partKept   = "kept"
	partBefore = "before"
	partLean   = " lean"
)

// monthsAhead is how many months besides the present one have their partition.
const monthsAhead = 2

// mostMoved bounds how many rows move, while reads wait, from the default
// partition to that of their month when it is made late. More of them stay there
// and go one by one.
const mostMoved = 20000

// writtenLately holds for an attempt of moments ago: without it each month would be
// looked through for an id. It says so of days, for clocks and midnights.
const writtenLately = `part >= month_of(now() - interval '2 days')`

// lockWait is how long partitions are waited for. Behind who waits for a whole log
// every call waits too, so it is given up soon and tried again with the next run.
const lockWait = `SET LOCAL lock_timeout = '2s'`

// part is a partition of a log.
type part struct {
	Name  string `db:"name"`
	Value string `db:"value"` // of the column part; "" of the default partition
}

func (p part) lean() bool { return strings.HasSuffix(p.Value, partLean) }

// ends is when its month is over; false: it is none of a month.
func (p part) ends() (time.Time, bool) {
	at, err := time.Parse("2006-01", strings.TrimSuffix(p.Value, partLean))
	return at.AddDate(0, 1, 0), err == nil
}

// rowwise tells whether its rows are deleted one by one: those of any month stand in it.
func (p part) rowwise() bool { return p.Value == "" || p.Value == partBefore }

// due tells whether rows of it may be older than before, of a month whether all are.
func (p part) due(before time.Time) bool {
	end, month := p.ends()
	return p.rowwise() || month && !end.After(before)
}

// closed tells whether nothing is written to it any more.
func (p part) closed(now time.Time) bool {
	end, month := p.ends()
	return p.Value == partBefore || month && end.AddDate(0, 0, 1).Before(now)
}

// Busy tells whether an error says that partitions could not be made or dropped
// because the log was in use for too long.
func Busy(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == "55P03"
}

func (s *Store) parts(ctx context.Context, log string) (out []part, err error) {
	err = s.db.SelectContext(ctx, &out, `
SELECT c.relname AS name, COALESCE(substring(pg_get_expr(c.relpartbound, c.oid) FROM '''(.*)'''), '') AS value
  FROM pg_inherits i
  JOIN pg_class c
    ON c.oid = i.inhrelid
 WHERE i.inhparent = $1::regclass
 ORDER BY value`, log)
	return out, toFault(err)
}

// MakeMonths makes the partitions of this month and the next ones, where they are
// missing, and tells which it made. It may be called as often as one likes, by
// several at once.
func (s *Store) MakeMonths(ctx context.Context, now time.Time) (made []string, err error) {
	now = now.UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for _, m := range monthly {
		have, err := s.parts(ctx, m.table)
		if err != nil {
			return made, err
		}
		values := map[string]bool{}
		for _, p := range have {
			values[p.Value] = true
		}
		for n := range monthsAhead + 1 {
			month := first.AddDate(0, n, 0).Format("2006-01")
			if values[month] {
				continue
			}
			ok, err := s.addPart(ctx, m.table, month)
			if err != nil {
				return made, err
			}
			if ok {
				made = append(made, m.table+" "+month)
			}
		}
	}
	return made, nil
}

func (s *Store) addPart(ctx context.Context, log, value string) (made bool, err error) {
	err = s.Write(ctx, func(t *Tx) error {
		if _, err := t.tx.ExecContext(ctx, lockWait); err != nil {
			return err
		}
		return t.tx.GetContext(ctx, &made, `SELECT add_part($1, $2, $3)`, log, value, mostMoved)
	})
	return made, err
}

// DropMonths drops the partitions of a kind's log of which every row has gone or
// may go, and tells which. A month's own partition can go as soon as the walk of
// the payloads has moved its rows away; else, as for what that walk left, it goes
// when RetireMonths has been through it.
func (s *Store) DropMonths(ctx context.Context, kind string, now, before time.Time) (dropped []string, err error) {
	m, ok := monthly[kind]
	if !ok {
		return nil, fault.New(fault.Internal, "internal")
	}
	parts, err := s.parts(ctx, m.table)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if !p.closed(now) || p.lean() && !p.due(before) {
			continue
		}
		ok, err := s.dropPart(ctx, kind, p)
		if err != nil {
			return dropped, err
		}
		if ok {
			dropped = append(dropped, p.Name)
		}
	}
	return dropped, nil
}

// dropPart drops a partition unless it holds a row that no walk has passed yet. It
// looks for that before it locks anything, and again when nobody can write.
func (s *Store) dropPart(ctx context.Context, kind string, p part) (dropped bool, err error) {
	walks := []string{walkOf(kind, p)}
	if kind == KeepAttempts && !p.lean() {
		walks = append(walks, KeepPayloads)
	}
	var passed int64
	err = s.db.GetContext(ctx, &passed, `
SELECT COALESCE(max(last_id), 0)
  FROM retention
 WHERE kind = ANY($1)`, pq.Array(walks))
	if err != nil {
		return false, toFault(err)
	}
	var more bool
	err = s.db.GetContext(ctx, &more, `
SELECT EXISTS (SELECT FROM `+pq.QuoteIdentifier(p.Name)+` WHERE id > $1)`, passed)
	if gone(err) || more {
		return false, nil
	}
	if err != nil {
		return false, toFault(err)
	}
	err = s.Write(ctx, func(t *Tx) error {
		if _, err := t.tx.ExecContext(ctx, lockWait); err != nil {
			return err
		}
		if err := t.tx.GetContext(ctx, &dropped, `SELECT drop_part($1, $2, $3)`, monthly[kind].table, p.Name, passed); err != nil || !dropped {
			return err
		}
		_, err := t.tx.ExecContext(ctx, `
DELETE FROM retention
 WHERE kind = $1`, walks[0])
		return err
	})
	return dropped, err
}

// walkOf names the walk through one partition.
func walkOf(kind string, p part) string { return kind + "/" + p.Name }

// gone tells whether a statement failed because another process has dropped the
// partition.
func gone(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == "42P01"
}
