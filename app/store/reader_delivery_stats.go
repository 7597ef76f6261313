package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// DeliveryStat is what became of the messages of a day, or of one medium and
// kind. Durations are zero where there is nothing to measure.
type DeliveryStat struct {
	Medium string // "" in a day's sum
	Kind   string

	Total     int // without what was called off
	HandedTo  int // a service took it, whatever came later
	Delivered int
	Refused   int
	Bounced   int
	Unknown   int
	Kept      int // never left the machine
	GivenUp   int // nobody took it
	Waiting   int
	More      bool // the day has more: these are its last StatsPerDay

	HandedP50, HandedP95       time.Duration // from written to handed over
	DeliveredP50, DeliveredP95 time.Duration // from written to delivered
}

// OnlyHanded is what a service took, and of which no more is known.
func (s DeliveryStat) OnlyHanded() int {
	return max(0, s.Total-s.Delivered-s.Refused-s.Bounced-s.Unknown-s.Kept-s.GivenUp-s.Waiting)
}

// StatsPerDay bounds what is looked at of each day.
const StatsPerDay = 5000

// DeliveryStats are the sums by day, and over all days by medium and kind.
type DeliveryStats struct {
	Days  []DeliveryStat // as the days were given
	Kinds []DeliveryStat // in order of medium and kind
	All   DeliveryStat
}

type statRow struct {
	Day       sql.NullInt64   `db:"day"`
	Medium    sql.NullString  `db:"medium"`
	Kind      sql.NullString  `db:"kind"`
	All       bool            `db:"is_all"`
	Total     int             `db:"total"`
	Rows      int             `db:"n"`
	Handed    int             `db:"handed"`
	Delivered int             `db:"delivered"`
	Refused   int             `db:"refused"`
	Bounced   int             `db:"bounced"`
	Unknown   int             `db:"unknown"`
	Kept      int             `db:"kept"`
	GivenUp   int             `db:"given_up"`
	Waiting   int             `db:"waiting"`
	Handed50  sql.NullFloat64 `db:"handed_p50"`
	Handed95  sql.NullFloat64 `db:"handed_p95"`
	Deliver50 sql.NullFloat64 `db:"delivered_p50"`
	Deliver95 sql.NullFloat64 `db:"delivered_p95"`
}

// DeliveryStats sums up the messages that were written in each of the days.
// Durations are of messages that were sent once and were not held: what waits
// for a morning says nothing of a service.
func (r *Reader) DeliveryStats(ctx context.Context, f DeliveryFilter, days []Span) (DeliveryStats, error) {
	c := &clause{}
	since, until := make([]time.Time, len(days)), make([]time.Time, len(days))
	for n, d := range days {
		since[n], until[n] = d.Since, d.Until
	}
	c.arg(pq.Array(since))
	c.arg(pq.Array(until))
	c.equal("d.medium", f.Medium)
	c.equal("d.kind", f.Kind)
	const fresh = "d.resends = 0 AND d.was_held = ''"
	var rows []statRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT c.day, d.medium, d.kind, grouping(c.day, d.medium) = 3 AS is_all, count(*) AS n,
       count(*) FILTER (WHERE d.status <> 'cancelled') AS total,
       count(d.sent_at) FILTER (WHERE d.status <> 'cancelled') AS handed,
       count(*) FILTER (WHERE d.status <> 'cancelled' AND d.outcome = 'delivered') AS delivered,
       count(*) FILTER (WHERE d.status <> 'cancelled' AND d.outcome = 'refused') AS refused,
       count(*) FILTER (WHERE d.status <> 'cancelled' AND d.outcome = 'bounced') AS bounced,
       count(*) FILTER (WHERE d.status <> 'cancelled' AND d.outcome = 'unknown') AS unknown,
       count(*) FILTER (WHERE d.status <> 'cancelled' AND d.outcome = 'kept') AS kept,
       count(*) FILTER (WHERE d.status = 'failed' AND d.outcome = 'queued') AS given_up,
       count(*) FILTER (WHERE d.status IN ('pending', 'running') AND d.outcome = 'queued') AS waiting,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.sent_at - d.created_at)) FILTER (WHERE d.sent_at IS NOT NULL AND `+fresh+`) AS handed_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.sent_at - d.created_at)) FILTER (WHERE d.sent_at IS NOT NULL AND `+fresh+`) AS handed_p95,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.outcome_at - d.created_at)) FILTER (WHERE d.outcome = 'delivered' AND `+fresh+`) AS delivered_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.outcome_at - d.created_at)) FILTER (WHERE d.outcome = 'delivered' AND `+fresh+`) AS delivered_p95
  FROM unnest($1::timestamptz[], $2::timestamptz[]) WITH ORDINALITY AS c (since, until, day)
 CROSS JOIN LATERAL (
       SELECT d.medium, d.kind, d.status, d.outcome, d.created_at, d.sent_at, d.outcome_at, d.resends, d.was_held
         FROM deliveries d
        WHERE d.created_at >= c.since
          AND d.created_at < c.until`+c.also()+`
        ORDER BY d.created_at DESC, d.id DESC
        LIMIT `+strconv.Itoa(StatsPerDay)+`) d
 GROUP BY GROUPING SETS ((c.day), (d.medium, d.kind), ())
 ORDER BY d.medium, d.kind`, c.args...)
	if err != nil {
		return DeliveryStats{}, toFault(err)
	}
	out := DeliveryStats{Days: make([]DeliveryStat, len(days))}
	for _, row := range rows {
		out.take(row)
	}
	return out, nil
}

func (s *DeliveryStats) take(row statRow) {
	stat := row.stat()
	switch {
	case row.Day.Valid:
		stat.More = row.Rows >= StatsPerDay
		s.Days[row.Day.Int64-1] = stat
	case row.All:
		s.All = stat
	default:
		s.Kinds = append(s.Kinds, stat)
	}
}

func (row statRow) stat() DeliveryStat {
	took := func(f sql.NullFloat64) time.Duration { return max(0, time.Duration(f.Float64*float64(time.Second))) }
	return DeliveryStat{Medium: row.Medium.String, Kind: row.Kind.String, Total: row.Total, HandedTo: row.Handed, Delivered: row.Delivered, Refused: row.Refused,
		Bounced: row.Bounced, Unknown: row.Unknown, Kept: row.Kept, GivenUp: row.GivenUp, Waiting: row.Waiting,
		HandedP50: took(row.Handed50), HandedP95: took(row.Handed95), DeliveredP50: took(row.Deliver50), DeliveredP95: took(row.Deliver95)}
}
