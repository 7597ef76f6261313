package view

import (
	"strconv"
	"time"
)

// The calendar's pages.
const (
	PageCalendar    = "calendar/month" // CalendarPage
	PageCalendarDay = "calendar/day"   // CalendarDayPage
)

// CalendarCount is how much of one sort falls into a day.
type CalendarCount struct {
	What string // expiring, renewed, frozen, released, sent, waiting, held, failed, planned
	N    int
	More bool // at least so much
	URL  string
}

// Tone is how the sort is drawn.
func (c CalendarCount) Tone() string {
	switch c.What {
	case "expiring", "held":
		return "warn"
	case "failed":
		return "bad"
	case "frozen":
		return "cold"
	case "renewed", "sent":
		return "ok"
	}
	return "off"
}

// Icon is the icon beside it.
func (c CalendarCount) Icon() string {
	return map[string]string{"expiring": "clock", "renewed": "renew", "frozen": "frozen", "released": "released", "sent": "check",
		"waiting": "pending", "held": "moon", "failed": "failed", "planned": "mail"}[c.What]
}

// CalendarCell is a day of the month view.
type CalendarCell struct {
	Day    int // of the month; 0 stands for a day of another month
	URL    string
	At     Time // its beginning
	Today  bool
	Past   bool
	Counts []CalendarCount
}

// CalendarPage is a month of expiries and notices.
type CalendarPage struct {
	Shell
	Filter Filter
	Month  Text
	Prev   string
	Next   string
	This   string // the present month; "" when it is shown
	Days   []Text // of the week
	Weeks  [][]CalendarCell
	Totals []CalendarCount
	Zone   string
}

// CalendarRow is an instance on a day.
type CalendarRow struct {
	InstanceRow
	At     Time
	Before Time // of a renewal: the expiry before
	After  Time // and since
	Told   int  // of a coming notice: how many days before the expiry
}

// CalendarDayPage is what falls into one day.
type CalendarDayPage struct {
	Shell
	List
	Day       Time
	Back      string
	Prev      string
	Next      string
	What      string
	Instances []CalendarRow
	Notices   []DeliveryRow
	Channels  bool
}

// MonthName names a month with its year.
func MonthName(year int, month time.Month) Text {
	return Say("calendar.month", "month", Say("calendar.months."+strconv.Itoa(int(month))), "year", strconv.Itoa(year))
}
