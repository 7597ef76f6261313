package store

import (
	"context"
	"time"
)

// CalendarRow is an instance on a day of the calendar.
type CalendarRow struct {
	InstanceRow
	At       time.Time // when it happened, or is going to
	Old, New string    // of a renewal: the expiry before and after, in RFC 3339
	Told     int       // of a coming notice: how many days before the expiry
}

type calendarDayRow struct {
	instanceRow
	Key  int64     `db:"row_key"`
	At   time.Time `db:"at"`
	Old  string    `db:"old_value"`
	New  string    `db:"new_value"`
	Told int       `db:"told"`
}

func (r *Reader) showCalendar(row *calendarDayRow) (CalendarRow, error) {
	i, err := r.showInstance(&row.instanceRow)
	return CalendarRow{InstanceRow: i, At: row.At.UTC(), Old: row.Old, New: row.New, Told: row.Told}, err
}

// CalendarDay reads a page of what falls into a day, in order of time: what is
// DayExpiring, DayRenewed, DayFrozen, DayReleased or DayPlanned. Fault: invalid
// "cursor.invalid".
func (r *Reader) CalendarDay(ctx context.Context, f CalendarFilter, day Span, what string, rules CalendarRules, p Paging) (Page[CalendarRow], error) {
	c := &clause{}
	if err := r.calendarClause(ctx, c, f); err != nil {
		return Page[CalendarRow]{}, err
	}
	s := daySource(c, day, what, rules)
	key := func(row *calendarDayRow) position { return position{at: row.At, id: row.Key} }
	return page(ctx, r, s, c, p, key, r.showCalendar)
}

// daySource is where the rows of a day are read from; what it needs of the clause
// is added to it.
func daySource(c *clause, day Span, what string, rules CalendarRules) source {
	const event = ", '' AS old_value, '' AS new_value"
	switch what {
	case DayRenewed, DayFrozen, DayReleased:
		c.and(dayChanges[what])
		c.and("e.at >= ? AND e.at < ?", day.Since, day.Until)
		return source{list: list{letter: 'Y', at: "e.at", id: "e.id", asc: true},
			columns: instanceList.columns + ", e.id AS row_key, e.at, e.old_value, e.new_value, 0 AS told",
			table:   "instance_events e JOIN instances", alias: "i ON i.id = e.instance_pk"}
	case DayPlanned:
		a := c.planArgs(rules)
		since, until := c.arg(day.Since)+"::timestamptz", c.arg(day.Until)+"::timestamptz"
		rows := `(WITH ` + toldDays(a) + `
       SELECT i.*, m.at
         FROM (` + plannedRows(since, until, c.also()) + `) i` + noticeFacts + `
        CROSS JOIN LATERAL (SELECT i.told AS days) d
        CROSS JOIN LATERAL (SELECT ` + noticeMoment("i", "COALESCE(NULLIF(w.zone, ''), "+a.zone+")") + ` AS at) m
        WHERE ` + plannedWanted(since, until, a) + `)`
		c.conds = nil // they are within
		// Two notices of one instance at one moment cannot be: each has a day of its own.
		return source{list: list{letter: 'Z', at: "i.at", id: "i.id", asc: true},
			columns: instanceList.columns + ", i.id AS row_key, i.at" + event + ", i.told", table: rows, alias: "i"}
	}
	c.and("i.expires_at >= ? AND i.expires_at < ?", day.Since, day.Until)
	return source{list: list{letter: 'X', at: "i.expires_at", id: "i.id", asc: true},
		columns: instanceList.columns + ", i.id AS row_key, i.expires_at AS at" + event + ", 0 AS told", table: "instances", alias: "i"}
}

// CalendarNotices reads a page of the notices of a day, in order of time; state
// is DaySent, DayWaiting, DayHeld or DayFailed. Fault: invalid "cursor.invalid".
func (r *Reader) CalendarNotices(ctx context.Context, f CalendarFilter, day Span, state string, p Paging) (Page[DeliveryRow], error) {
	c := &clause{}
	if err := r.calendarClause(ctx, c, f); err != nil {
		return Page[DeliveryRow]{}, err
	}
	c.and("d.kind <> 'usage_info'")
	c.and(dayNotice+" >= ? AND "+dayNotice+" < ?", day.Since, day.Until)
	c.and(noticeState+" = ?", state)
	s := source{list: list{letter: 'W', at: dayNotice, id: "d.id", asc: true}, columns: deliveryList.columns + ", " + dayNotice + " AS day_at",
		table: "deliveries d JOIN instances", alias: "i ON i.id = d.instance_pk"}
	key := func(row *dayDeliveryRow) position { return position{at: row.At, id: row.ID} }
	return page(ctx, r, s, c, p, key, func(row *dayDeliveryRow) (DeliveryRow, error) { return row.show() })
}

type dayDeliveryRow struct {
	deliveryRow
	At time.Time `db:"day_at"`
}
