package gallery

import (
	"fmt"
	"time"

	"koodesk/app/fault"
	"koodesk/app/web/view"
)

// cells are the counts of a day of the sample month, by its number.
var cells = map[int][]view.CalendarCount{
	3:  {{What: "expiring", N: 2}, {What: "renewed", N: 14}, {What: "sent", N: 21}},
	5:  {{What: "frozen", N: 1}, {What: "failed", N: 2}},
	10: {{What: "expiring", N: 1000, More: true}, {What: "renewed", N: 640}, {What: "frozen", N: 12}, {What: "released", N: 3}, {What: "sent", N: 1000, More: true}, {What: "held", N: 8}, {What: "failed", N: 1}},
	22: {{What: "expiring", N: 7}, {What: "sent", N: 19}, {What: "waiting", N: 1}, {What: "held", N: 4}},
	23: {{What: "expiring", N: 3}, {What: "planned", N: 12}},
	29: {{What: "expiring", N: 31}, {What: "planned", N: 96}},
}

func (k look) calendar(full bool, filters ...string) view.CalendarPage {
	at := address("/calendar/2025-11", filters...)
	p := view.CalendarPage{Shell: k.shell(view.RoomCalendar, at.String()), Month: view.MonthName(2025, time.November), Prev: "/calendar/2025-10", Next: "/calendar/2025-12",
		Zone: clock().ZoneLabel(), Filter: calendarFilter(at)}
	for d := range 7 {
		p.Days = append(p.Days, view.Say(fmt.Sprintf("time.weekday.%d", (d+1)%7)))
	}
	week := make([]view.CalendarCell, 5) // the first is a Saturday
	total := map[string]int{}
	for day := 1; day <= 30; day++ {
		begins := time.Date(2025, 11, day, 0, 0, 0, 0, shanghai)
		cell := view.CalendarCell{Day: day, URL: "/calendar/" + begins.Format("2006-01-02"), At: clock().Time(begins), Today: day == 22, Past: day < 22}
		if full {
			for _, c := range cells[day] {
				c.URL = cell.URL + "?status=" + c.What
				cell.Counts = append(cell.Counts, c)
				total[c.What] += c.N
			}
		}
		if week = append(week, cell); len(week) == 7 {
			p.Weeks, week = append(p.Weeks, week), nil
		}
	}
	for _, what := range []string{"expiring", "renewed", "frozen", "released", "sent", "waiting", "held", "failed", "planned"} {
		if total[what] > 0 {
			p.Totals = append(p.Totals, view.CalendarCount{What: what, N: total[what], More: total[what] > 1000})
		}
	}
	return p
}

func calendarFilter(at view.URL) view.Filter {
	return view.Filter{URL: at, NoSearch: true, Selects: []view.Select{
		{Name: "channel", Label: view.Say("filter.channel"), Options: []view.Option{{Label: view.Say("filter.any_channel"), Selected: true}, {Value: "default"}, {Value: "intl"}}},
		{Name: "product_id", Label: view.Say("filter.product"), Options: []view.Option{{Label: view.Say("filter.any_product"), Selected: true},
			{Value: "OFFI1", Label: view.Say("filter.product_named", "name", "智能客服云", "id", "OFFI1")}}}}}
}

func (k look) calendarDay(what string, state view.ListState) view.CalendarDayPage {
	at := address("/calendar/2025-11-22", "status", what)
	p := view.CalendarDayPage{Shell: k.shell(view.RoomCalendar, at.String()), Day: clock().Time(Now), Back: "/calendar/2025-11", Prev: "/calendar/2025-11-21", Next: "/calendar/2025-11-23",
		What: what, Channels: true, List: view.List{Filter: calendarFilter(at), State: state}}
	for _, c := range []view.CalendarCount{{What: "expiring", N: 7}, {What: "renewed", N: 2}, {What: "sent", N: 4}, {What: "planned", N: 1}} {
		p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("calendar.what." + c.What), Value: c.What, URL: at.With("status", c.What), Count: c.N, Active: c.What == what})
	}
	switch {
	case state == view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable"}
	case state != view.ListRows:
	case what == "sent":
		p.Notices = k.deliveryRows()[1:5]
		p.Notices[0].WasHeld = "quiet_hours"
		p.Pager = view.Pager{Rows: 50, Shown: 4}
	default:
		for n, i := range instances()[2:5] {
			i.Expires = clock().Time(Now.Add(time.Duration(n*5+1) * time.Hour))
			p.Instances = append(p.Instances, view.CalendarRow{InstanceRow: i, At: i.Expires, Before: ago(time.Hour), After: ago(-365 * 24 * time.Hour), Told: n})
		}
		p.Pager = view.Pager{Rows: 50, Shown: 3, Older: "/calendar/2025-11-22?before=x"}
	}
	return p
}

func calendarSamples(op, ro look) []Sample {
	next := op.calendar(true)
	next.This = "/calendar"
	return []Sample{
		{"calendar-full", view.PageCalendar, op.calendar(true)},
		{"calendar-next", view.PageCalendar, next},
		{"calendar-empty", view.PageCalendar, op.calendar(false)},
		{"calendar-no-match", view.PageCalendar, op.calendar(false, "product_id", "OFFI1")},
		{"calendar-read-only", view.PageCalendar, ro.calendar(true)},
		{"calendar-day-expiring", view.PageCalendarDay, op.calendarDay("expiring", view.ListRows)},
		{"calendar-day-renewed", view.PageCalendarDay, op.calendarDay("renewed", view.ListRows)},
		{"calendar-day-planned", view.PageCalendarDay, op.calendarDay("planned", view.ListRows)},
		{"calendar-day-sent", view.PageCalendarDay, op.calendarDay("sent", view.ListRows)},
		{"calendar-day-empty", view.PageCalendarDay, op.calendarDay("expiring", view.ListEmpty)},
		{"calendar-day-no-match", view.PageCalendarDay, op.calendarDay("expiring", view.ListNoMatch)},
		{"calendar-day-error", view.PageCalendarDay, op.calendarDay("expiring", view.ListError)},
	}
}
