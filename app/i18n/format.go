package i18n

import (
	"strconv"
	"time"
)

// DefaultZone is where operators are unless they say otherwise.
const DefaultZone = "Asia/Shanghai"

// Zone loads a time zone by name; an unknown one gives UTC+8, which needs no
// zone database.
func Zone(name string) *time.Location {
	if name == "" {
		name = DefaultZone
	}
	if z, err := time.LoadLocation(name); err == nil {
		return z
	}
	return time.FixedZone("UTC+8", 8*60*60)
}

// Number writes n in groups of three, as both languages do: 12,345.
func (z *Localizer) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a size: 512 B, 1.4 KB, 3.2 MB (powers of 1024).
func (z *Localizer) Bytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n)/1024, "KB"
	if f >= 1024 {
		f, unit = f/1024, "MB"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
}

// Exact is a moment to the second, in the zone of t: 2025-11-22 14:03:05. The
// form is the same in both languages: nobody reads it wrongly.
func Exact(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// UTC is a moment in UTC, as the marketplace's own documents count.
func UTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// Date is the day of t in its zone.
func Date(t time.Time) string { return t.Format("2006-01-02") }

// Clock is the time of day of t in its zone, to the second.
func Clock(t time.Time) string { return t.Format("15:04:05") }

// Day names the day of t as seen at now (both in the reader's zone): today,
// yesterday, else the date with its weekday; the year only when it is another.
func (z *Localizer) Day(t, now time.Time) string {
	day := z.T("time.date", "month", z.T("time.month."+strconv.Itoa(int(t.Month()))), "day", strconv.Itoa(t.Day()))
	if t.Year() != now.Year() {
		day = z.T("time.date_year", "date", day, "year", strconv.Itoa(t.Year()))
	}
	weekday := z.T("time.weekday." + strconv.Itoa(int(t.Weekday())))
	switch Date(t) {
	case Date(now):
		return z.T("time.day_named", "name", z.T("time.today"), "date", day)
	case Date(now.AddDate(0, 0, -1)):
		return z.T("time.day_named", "name", z.T("time.yesterday"), "date", day)
	}
	return z.T("time.day", "date", day, "weekday", weekday)
}

// Ago says how far t is from now, in one unit: "3 minutes ago", "in 2 hours".
func (z *Localizer) Ago(t, now time.Time) string {
	d, group := now.Sub(t), "time.ago."
	if d < 0 {
		d, group = -d, "time.in."
	}
	switch {
	case d < 10*time.Second:
		return z.T(group + "now")
	case d < time.Minute:
		return z.TN(group+"second", int(d/time.Second))
	case d < time.Hour:
		return z.TN(group+"minute", int(d/time.Minute))
	case d < 24*time.Hour:
		return z.TN(group+"hour", int(d/time.Hour))
	case d < 60*24*time.Hour:
		return z.TN(group+"day", int(d/(24*time.Hour)))
	case d < 2*365*24*time.Hour:
		return z.TN(group+"month", int(d/(30*24*time.Hour)))
	default:
		return z.TN(group+"year", int(d/(365*24*time.Hour)))
	}
}

// Duration writes how long something took or lasts: 12 ms, 1.4 s, 3 min 20 s,
// 2 h 5 min, 3 d 4 h.
func (z *Localizer) Duration(d time.Duration) string {
	unit := func(n int64, name string) string { return z.T("time.unit."+name, "n", n) }
	pair := func(big, small time.Duration, bigName, smallName string) string {
		s := unit(int64(d/big), bigName)
		if rest := int64(d % big / small); rest > 0 {
			s += z.T("time.unit.join") + unit(rest, smallName)
		}
		return s
	}
	switch {
	case d < time.Millisecond:
		return z.T("time.unit.less_than_ms")
	case d < time.Second:
		return unit(int64(d/time.Millisecond), "ms")
	case d < time.Minute:
		return z.T("time.unit.s", "n", strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', -1, 64))
	case d < time.Hour:
		return pair(time.Minute, time.Second, "min", "s")
	case d < 24*time.Hour:
		return pair(time.Hour, time.Minute, "h", "min")
	default:
		return pair(24*time.Hour, time.Hour, "d", "h")
	}
}
