package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
)

type calendarMonth struct {
	Month string        `json:"month"`
	Zone  string        `json:"zone"`
	Days  []calendarDay `json:"days"`
}

type calendarDay struct {
	Date     string          `json:"date"`
	Since    moment          `json:"since"`
	Until    moment          `json:"until"`
	Expiring int             `json:"expiring"`
	Renewed  int             `json:"renewed"`
	Frozen   int             `json:"frozen"`
	Released int             `json:"released"`
	Notices  calendarNotices `json:"notices"`
	AtLeast  []string        `json:"at_least"` // of which there may be more
}

type calendarNotices struct {
	Sent    int `json:"sent"`
	Waiting int `json:"waiting"`
	Held    int `json:"held"`
	Failed  int `json:"failed"`
	Planned int `json:"planned"`
}

// The years that a calendar has.
const (
	firstYear = 2000
	lastYear  = 2199
)

// Calendar answers GET /calendar.
func (a *API) Calendar(c *fiber.Ctx) error {
	q := queryOf(c)
	zone := a.zone()
	year, month := q.month("month", time.Now().In(zone))
	f := store.CalendarFilter{Channel: q.text("channel"), ProductID: q.text("product_id")}
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	days := store.MonthOf(year, month, zone)
	counts, err := a.store.Reader().Calendar(c.UserContext(), f, days, store.CalendarRules{Days: market.ExpiryDays(), Zone: a.o.Teller.Zone()})
	if err != nil {
		return a.Problem(c, err)
	}
	out := calendarMonth{Month: time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"), Zone: zone.String(), Days: []calendarDay{}}
	for n, d := range days {
		out.Days = append(out.Days, showDay(d, counts[n]))
	}
	return answer(c, fiber.StatusOK, out)
}

func showDay(d store.Span, c store.Counts) calendarDay {
	out := calendarDay{Date: d.Since.Format(time.DateOnly), Since: moment(d.Since.UTC()), Until: moment(d.Until.UTC()), Expiring: c[store.DayExpiring].N, Renewed: c[store.DayRenewed].N,
		Frozen: c[store.DayFrozen].N, Released: c[store.DayReleased].N, AtLeast: []string{},
		Notices: calendarNotices{Sent: c[store.DaySent].N, Waiting: c[store.DayWaiting].N, Held: c[store.DayHeld].N, Failed: c[store.DayFailed].N, Planned: c[store.DayPlanned].N}}
	for _, what := range store.DayThings() {
		if c[what].More {
			out.AtLeast = append(out.AtLeast, what)
		}
	}
	return out
}

// month is a month such as 2026-12; without it, that of now.
func (q *query) month(name string, now time.Time) (int, time.Month) {
	v := q.text(name)
	if v == "" {
		return now.Year(), now.Month()
	}
	t, err := time.Parse("2006-01", v)
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		q.fail(name, "month")
	}
	return t.Year(), t.Month()
}
