package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/market"
)

// CalendarFilter says whose expiries the calendar holds. Zero fields do not
// filter.
type CalendarFilter struct {
	Channel   string // slug
	ProductID string
}

// Span is a stretch of time: from Since on, before Until.
type Span struct{ Since, Until time.Time }

// DayOf is the stretch of a day in a zone: 23, 24 or 25 hours.
func DayOf(year int, month time.Month, day int, zone *time.Location) Span {
	return Span{Since: midnight(year, month, day, zone), Until: midnight(year, month, day+1, zone)}
}

// MonthOf are the days of a month in a zone.
func MonthOf(year int, month time.Month, zone *time.Location) []Span {
	var out []Span
	for day := 1; day <= time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day(); day++ {
		out = append(out, DayOf(year, month, day, zone))
	}
	return out
}

// LastDays are the last n days until the one of now, in a zone.
func LastDays(n int, now time.Time, zone *time.Location) []Span {
	y, m, d := now.In(zone).Date()
	out := make([]Span, n)
	for k := range out {
		day := time.Date(y, m, d-n+1+k, 0, 0, 0, 0, time.UTC)
		out[k] = DayOf(day.Year(), day.Month(), day.Day(), zone)
	}
	return out
}

// midnight is when a day begins. Where clocks go forward at midnight it begins
// later, and time.Date may give a moment of the day before.
func midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if want := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day(); t.Day() != want {
		t = t.Add(time.Hour)
	}
	return t
}

// What a day of the calendar holds.
const (
	DayExpiring = "expiring" // the term ends, or has ended, on that day
	DayRenewed  = "renewed"
	DayFrozen   = "frozen"
	DayReleased = "released"
	DaySent     = "sent"    // notices that went out, or were kept on the machine
	DayWaiting  = "waiting" // notices that are written and go out at any moment
	DayHeld     = "held"    // notices that wait for the end of quiet hours, or for the next day
	DayFailed   = "failed"  // notices that nobody took
	DayPlanned  = "planned" // expiry notices that are still to be written
)

// DayThings lists them, in the order shown.
func DayThings() []string {
	return []string{DayExpiring, DayRenewed, DayFrozen, DayReleased, DaySent, DayWaiting, DayHeld, DayFailed, DayPlanned}
}

// CalendarRules are what telling coming notices needs to know; see NoticeRules.
type CalendarRules struct {
	Days []int
	Zone string
}

// A day is counted up to maxCount. With a filter, what cannot be found by it is
// looked through up to twice as far.
const calendarReach = 2 * maxCount

type calendarRow struct {
	N       int    `db:"day"`
	What    string `db:"what"`
	Count   int    `db:"n"`
	Scanned int    `db:"scanned"`
}

// Calendar counts what falls into each of the days, which follow each other. A
// count that is not exact says so. What is not there is not in the map.
func (r *Reader) Calendar(ctx context.Context, f CalendarFilter, days []Span, rules CalendarRules) ([]Counts, error) {
	c := &clause{}
	since, until := make([]time.Time, len(days)), make([]time.Time, len(days))
	for n, d := range days {
		since[n], until[n] = d.Since, d.Until
	}
	c.arg(pq.Array(since))
	c.arg(pq.Array(until))
	planned := c.planArgs(rules)
	own := len(c.args)
	if err := r.calendarClause(ctx, c, f); err != nil {
		return nil, err
	}
	reach := maxCount + 1
	if len(c.args) > own || len(c.conds) > 0 {
		reach = calendarReach + 1
	}
	limit := strconv.Itoa(reach)
	var rows []calendarRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
WITH c AS MATERIALIZED (
    SELECT since, until, day
      FROM unnest($1::timestamptz[], $2::timestamptz[]) WITH ORDINALITY AS d (since, until, day)
), `+toldDays(planned)+`
SELECT c.day, x.what, x.n, x.scanned
  FROM c
 CROSS JOIN LATERAL (`+strings.Join(calendarParts(c, limit, planned), `
       UNION ALL`)+`
       ) x
 WHERE x.n > 0`, c.args...)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]Counts, len(days))
	for n := range out {
		out[n] = Counts{}
	}
	for _, row := range rows {
		n := countOf(row.Count)
		n.More = n.More || row.Scanned >= reach
		out[row.N-1][row.What] = n
	}
	return out, nil
}

// calendarClause keeps what the filter names of instances i.
func (r *Reader) calendarClause(ctx context.Context, c *clause, f CalendarFilter) error {
	if err := r.channelIs(ctx, c, "i.channel_id", f.Channel); err != nil {
		return err
	}
	c.equal("i.product_id", f.ProductID)
	return nil
}

// also writes the conditions of a clause after others.
func (c *clause) also() string {
	if len(c.conds) == 0 {
		return ""
	}
	return "\n           AND " + strings.Join(c.conds, "\n           AND ")
}

// changes are the conditions under which a change of an instance is shown; each
// has an index of its own.
var dayChanges = map[string]string{
	DayRenewed:  "e.kind = 'expiry' AND e.old_value <> '' AND e.new_value > e.old_value",
	DayFrozen:   "e.kind = 'status' AND e.new_value = 'frozen'",
	DayReleased: "e.kind = 'status' AND e.new_value = 'released'",
}

// dayNotice is the day on which a notice stands, as its index has it.
const dayNotice = "COALESCE(d.counted_at, d.held_until, d.created_at)"

// noticeState is where a notice d stands; NULL for one that was called off.
const noticeState = `CASE WHEN d.status = 'succeeded' THEN 'sent'
                   WHEN d.status = 'failed' THEN 'failed'
                   WHEN d.status = 'pending' AND d.held_until > now() THEN 'held'
                   WHEN d.status IN ('pending', 'running') THEN 'waiting' END`

// calendarParts counts the sorts of things of one day c, each along its index.
func calendarParts(c *clause, limit string, planned planArgs) []string {
	parts := []string{`
       SELECT 'expiring' AS what, count(*) AS n, count(*) AS scanned
         FROM (SELECT 1
                 FROM instances i
                WHERE i.expires_at >= c.since
                  AND i.expires_at < c.until` + c.also() + `
                LIMIT ` + limit + `) found`}
	for _, what := range []string{DayRenewed, DayFrozen, DayReleased} {
		parts = append(parts, `
       SELECT '`+what+`', count(*) FILTER (WHERE TRUE`+c.also()+`), count(*)
         FROM (SELECT e.instance_pk
                 FROM instance_events e
                WHERE `+dayChanges[what]+`
                  AND e.at >= c.since
                  AND e.at < c.until
                LIMIT `+limit+`) found
         JOIN instances i ON i.id = found.instance_pk`)
	}
	parts = append(parts, `
       SELECT state, count(*), max(scanned)
         FROM (SELECT state, count(*) OVER () AS scanned, i.*
                 FROM (SELECT d.instance_pk, `+noticeState+` AS state
                         FROM deliveries d
                        WHERE d.kind <> 'usage_info'
                          AND `+dayNotice+` >= c.since
                          AND `+dayNotice+` < c.until
                        LIMIT `+limit+`) found
                 JOIN instances i ON i.id = found.instance_pk) i
        WHERE state IS NOT NULL`+c.also()+`
        GROUP BY state`)
	// Half of what is looked through belongs to the next day: see plannedRows.
	return append(parts, `
       SELECT 'planned', count(*) FILTER (WHERE wanted), count(*) / 2
         FROM (SELECT `+plannedWanted("c.since", "c.until", planned)+` AS wanted
                 FROM (`+plannedRows("c.since", "c.until", c.also())+`
                        LIMIT 2 * `+limit+`) i`+noticeFacts+`
                 CROSS JOIN LATERAL (SELECT i.told AS days) d
                 CROSS JOIN LATERAL (SELECT `+noticeMoment("i", "COALESCE(NULLIF(w.zone, ''), "+planned.zone+")")+` AS at) m) found`)
}

// planArgs are the placeholders of what telling coming notices needs to know.
type planArgs struct{ days, zone string }

func (c *clause) planArgs(rules CalendarRules) planArgs {
	return planArgs{days: c.arg(pq.Array(rules.Days)), zone: c.arg(rules.Zone)}
}

// toldDays are the numbers of days that any product tells.
func toldDays(a planArgs) string {
	return `told AS MATERIALIZED (
    SELECT unnest(` + a.days + `::int[]) AS days
     UNION
    SELECT v::int
      FROM products, jsonb_array_elements_text(settings->'expiry_days') v
)`
}

// plannedRows are the instances of which one of the told days may fall into a
// day, once for each. What counts from a midnight of the customer's zone may be a
// whole day further from the expiry, and clocks may have changed between.
func plannedRows(since, until, also string) string {
	return `
               SELECT i.*, told.days AS told
                 FROM told
                 JOIN instances i ON i.expires_at >= ` + since + ` + told.days * interval '24 hours'
                  AND i.expires_at < ` + until + ` + told.days * interval '24 hours' + interval '26 hours'
                WHERE ` + until + ` > now()
                  AND i.status = 'active'
                  AND ` + reachable + also
}

// plannedWanted tells whether a notice is going to be written on that day if
// nothing changes: the rules are those of dueExpiries.
func plannedWanted(since, until string, a planArgs) string {
	return `m.at >= ` + since + ` AND m.at < ` + until + ` AND m.at > now()
                       AND d.days IN (SELECT v::int FROM jsonb_array_elements_text(COALESCE(p.settings->'expiry_days', to_jsonb(` + a.days + `::int[]))) v)
                       AND NOT COALESCE(p.settings->'notices_off' ? '` + market.ExpiryNotice + `', false)
                       AND NOT COALESCE('` + market.ExpiryNotice + `' = ANY(w.off), false)`
}
