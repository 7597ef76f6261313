package view

import (
	"time"

	"koodesk/app/i18n"
)

// Clock is the reader's: the zone in which times are shown, and the moment from
// which "3 minutes ago" counts. A page has one, so that all its times agree.
type Clock struct {
	Zone *time.Location
	Now  time.Time
}

// Time is a moment as this reader sees it. The zero Time is shown as a dash.
type Time struct {
	At  time.Time // in the reader's zone
	Now time.Time // in the reader's zone
}

// Time puts a moment into the reader's zone. A zero moment stays none.
func (c Clock) Time(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{At: t.In(c.Zone), Now: c.Now.In(c.Zone)}
}

// Exact writes a moment to the second, as the reader's clock shows it; "" for none.
func (c Clock) Exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return i18n.Exact(t.In(c.Zone))
}

// ZoneLabel names the zone with its present offset: "Asia/Shanghai (UTC+08:00)".
func (c Clock) ZoneLabel() string {
	return c.Zone.String() + " (UTC" + c.Now.In(c.Zone).Format("-07:00") + ")"
}

// IsZero tells whether there is no moment to show.
func (t Time) IsZero() bool { return t.At.IsZero() }

// RFC3339 is the moment in UTC, for machines and for the script that keeps
// relative times fresh.
func (t Time) RFC3339() string { return t.At.UTC().Format(time.RFC3339) }

// Zone names the zone with its offset at that moment.
func (t Time) Zone() string {
	return t.At.Location().String() + " UTC" + t.At.Format("-07:00")
}

// Past tells whether the moment is over.
func (t Time) Past() bool { return !t.At.After(t.Now) }

// Within tells whether the moment is still to come, but sooner than d.
func (t Time) Within(d time.Duration) bool { return !t.Past() && t.At.Sub(t.Now) < d }

// Left is the time until the moment; nothing when it is over.
func (t Time) Left() time.Duration { return max(0, t.At.Sub(t.Now)) }

// Age is the time since the moment; nothing when it is still to come.
func (t Time) Age() time.Duration { return max(0, t.Now.Sub(t.At)) }

// Since is the time from another moment to this one.
func (t Time) Since(earlier Time) time.Duration { return t.At.Sub(earlier.At) }

// Day is one day's part of a list.
type Day[Row any] struct {
	First Time // any moment of the day
	Rows  []Row
}

// ByDay cuts a list that is in order of time into the reader's days. Rows
// without a time go with their neighbours.
func ByDay[Row any](rows []Row, at func(Row) Time) []Day[Row] {
	var days []Day[Row]
	for _, row := range rows {
		t := at(row)
		if n := len(days); n > 0 && (t.IsZero() || sameDay(days[n-1].First, t)) {
			days[n-1].Rows = append(days[n-1].Rows, row)
			continue
		}
		days = append(days, Day[Row]{First: t, Rows: []Row{row}})
	}
	return days
}

func sameDay(a, b Time) bool {
	ay, am, ad := a.At.Date()
	by, bm, bd := b.At.Date()
	return ay == by && am == bm && ad == bd
}
