package console

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const calendarPath = "/calendar"

// calendarParams are the filters of the calendar.
var calendarParams = []string{"channel", "product_id"}

const (
	monthForm = "2006-01"
	dateForm  = "2006-01-02"
)

// The years that a calendar has.
const (
	firstYear = 2000
	lastYear  = 2199
)

// calendarRules are what coming notices follow where a product says nothing else.
func (k *Console) calendarRules() store.CalendarRules {
	return store.CalendarRules{Days: market.ExpiryDays(), Zone: k.o.Deliver.Zone()}
}

func calendarFilter(u view.URL) store.CalendarFilter {
	return store.CalendarFilter{Channel: u.Get("channel"), ProductID: u.Get("product_id")}
}

// Calendar shows the present month.
func (k *Console) Calendar(c *fiber.Ctx) error {
	now := k.o.Now().In(k.o.Zone)
	return k.month(c, now.Year(), now.Month(), calendarPath)
}

// CalendarOf shows a month (2026-12) or a day (2026-12-05).
func (k *Console) CalendarOf(c *fiber.Ctx) error {
	text := c.Params("date")
	form := monthForm
	if len(text) == len(dateForm) {
		form = dateForm
	}
	t, err := time.Parse(form, text)
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		return fiber.ErrNotFound
	}
	if form == dateForm {
		return k.calendarDay(c, t)
	}
	return k.month(c, t.Year(), t.Month(), calendarPath+"/"+text)
}

func (k *Console) month(c *fiber.Ctx, year int, month time.Month, path string) error {
	s, err := k.shell(c, view.RoomCalendar)
	if err != nil {
		return err
	}
	u := address(c, path, calendarParams...)
	filter, _, err := k.calendarFilterBar(c.UserContext(), u)
	if err != nil {
		return err
	}
	p := view.CalendarPage{Shell: s, Filter: filter, Month: view.MonthName(year, month), Zone: s.Clock.ZoneLabel(),
		Prev: monthURL(u, year, month-1), Next: monthURL(u, year, month+1)}
	if now := s.Clock.Now.In(k.o.Zone); now.Year() != year || now.Month() != month {
		p.This = within(calendarPath, u)
	}
	days := store.MonthOf(year, month, k.o.Zone)
	counts, err := k.read.Calendar(c.UserContext(), calendarFilter(u), days, k.calendarRules())
	if err != nil {
		return err
	}
	fillMonth(&p, days, counts, u)
	if fragment(c, "results") {
		return k.block(c, fiber.StatusOK, s, view.PageCalendar, view.BlockResults, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageCalendar, p)
}

// calendarFilterBar is the filter by channel and product.
func (k *Console) calendarFilterBar(ctx context.Context, u view.URL) (view.Filter, bool, error) {
	channels, many, err := k.manyChannels(ctx)
	if err != nil {
		return view.Filter{}, false, err
	}
	products, err := k.products.get(ctx, k.o.Now(), choicesLast)
	if err != nil {
		return view.Filter{}, false, err
	}
	f := view.Filter{URL: u, NoSearch: true, Selects: byChannel(u, channels)}
	if len(products) > 0 || u.Get("product_id") != "" {
		f.Selects = append(f.Selects, byProduct(u, products))
	}
	if !many {
		f.Chips = chip(u, "channel", "filter.channel")
	}
	return f, many, nil
}

func monthURL(u view.URL, year int, month time.Month) string {
	return within(calendarPath+"/"+time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format(monthForm), u)
}

func dayURL(u view.URL, date string) string { return within(calendarPath+"/"+date, u) }

// fillMonth lays the days out in weeks that begin on Monday.
func fillMonth(p *view.CalendarPage, days []store.Span, counts []store.Counts, u view.URL) {
	for d := range 7 {
		p.Days = append(p.Days, view.Say("time.weekday."+strconv.Itoa((d+1)%7)))
	}
	today := p.Shell.Clock.Now.In(p.Shell.Clock.Zone).Format(dateForm)
	total := map[string]store.Count{}
	week := make([]view.CalendarCell, (int(days[0].Since.Weekday())+6)%7)
	for n, day := range days {
		date := day.Since.Format(dateForm)
		cell := view.CalendarCell{Day: n + 1, URL: dayURL(u, date), At: p.Shell.Clock.Time(day.Since), Today: date == today, Past: date < today}
		for _, what := range store.DayThings() {
			if count, ok := counts[n][what]; ok {
				cell.Counts = append(cell.Counts, view.CalendarCount{What: what, N: count.N, More: count.More, URL: dayURL(u.With("status", what), date)})
				total[what] = store.Count{N: total[what].N + count.N, More: total[what].More || count.More}
			}
		}
		if week = append(week, cell); len(week) == 7 {
			p.Weeks, week = append(p.Weeks, week), nil
		}
	}
	if len(week) > 0 {
		p.Weeks = append(p.Weeks, append(week, make([]view.CalendarCell, 7-len(week))...))
	}
	for _, what := range store.DayThings() {
		if t, ok := total[what]; ok {
			p.Totals = append(p.Totals, view.CalendarCount{What: what, N: t.N, More: t.More})
		}
	}
}

// calendarDay is the list of one sort of things of a day.
func (k *Console) calendarDay(c *fiber.Ctx, t time.Time) error {
	s, err := k.shell(c, view.RoomCalendar)
	if err != nil {
		return err
	}
	date := t.Format(dateForm)
	u := address(c, calendarPath+"/"+date, append([]string{"status"}, calendarParams...)...)
	if !slices.Contains(store.DayThings(), u.Get("status")) {
		u.Query.Del("status") // and not Without, which would go back to the top of the list
	}
	filter, many, err := k.calendarFilterBar(c.UserContext(), u)
	if err != nil {
		return err
	}
	day := store.DayOf(t.Year(), t.Month(), t.Day(), k.o.Zone)
	list := u.Without("status")
	p := view.CalendarDayPage{Shell: s, Day: s.Clock.Time(day.Since), Back: monthURL(list, t.Year(), t.Month()), What: u.Get("status"), Channels: many,
		Prev: dayURL(list, t.AddDate(0, 0, -1).Format(dateForm)), Next: dayURL(list, t.AddDate(0, 0, 1).Format(dateForm)), List: view.List{Filter: filter}}
	p.Filter.Status = p.What
	return k.answer(c, listed{name: view.PageCalendarDay, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillDay(ctx, &p, u, day) }})
}

func (k *Console) fillDay(ctx context.Context, p *view.CalendarDayPage, u view.URL, day store.Span) error {
	counts, err := k.read.Calendar(ctx, calendarFilter(u), []store.Span{day}, k.calendarRules())
	if err != nil {
		return err
	}
	if p.What == "" {
		p.What = firstThing(counts[0])
	}
	for _, what := range store.DayThings() {
		count, some := counts[0][what]
		if some || what == p.What {
			p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("calendar.what." + what), Value: what, URL: u.With("status", what), Count: count.N, Active: what == p.What})
		}
	}
	switch p.What {
	case store.DaySent, store.DayWaiting, store.DayHeld, store.DayFailed:
		return k.fillDayNotices(ctx, p, u, day)
	}
	found, err := k.read.CalendarDay(ctx, calendarFilter(u), day, p.What, k.calendarRules(), paging(u))
	if err != nil {
		return err
	}
	for _, i := range found.Items {
		p.Instances = append(p.Instances, calendarRow(p.Shell.Clock, i, view.URL{}))
	}
	p.State, p.Pager = view.StateOf(len(found.Items), filtered(u.Without("status"))), pager(u, found)
	return nil
}

func (k *Console) fillDayNotices(ctx context.Context, p *view.CalendarDayPage, u view.URL, day store.Span) error {
	found, err := k.read.CalendarNotices(ctx, calendarFilter(u), day, p.What, paging(u))
	if err != nil {
		return err
	}
	for _, d := range found.Items {
		p.Notices = append(p.Notices, deliveryRow(p.Shell, d, view.URL{}))
	}
	p.State, p.Pager = view.StateOf(len(found.Items), filtered(u.Without("status"))), pager(u, found)
	return nil
}

// firstThing is what a day is opened with: the first that there is.
func firstThing(c store.Counts) string {
	for _, what := range store.DayThings() {
		if _, ok := c[what]; ok {
			return what
		}
	}
	return store.DayExpiring
}

func calendarRow(clock view.Clock, i store.CalendarRow, list view.URL) view.CalendarRow {
	r := view.CalendarRow{InstanceRow: instanceRow(clock, i.InstanceRow, list), At: clock.Time(i.At), Told: i.Told}
	before, err1 := time.Parse(time.RFC3339, i.Old)
	after, err2 := time.Parse(time.RFC3339, i.New)
	if err1 == nil && err2 == nil {
		r.Before, r.After = clock.Time(before), clock.Time(after)
	}
	return r
}
