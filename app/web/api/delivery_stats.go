package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/store"
)

type deliveryStats struct {
	Zone  string         `json:"zone"`
	Days  []deliveryDay  `json:"days"`
	Kinds []deliveryKind `json:"kinds"`
}

type deliveryDay struct {
	Date string `json:"date"`
	More bool   `json:"more"`
	deliveryStat
}

type deliveryKind struct {
	Medium string `json:"medium"`
	Kind   string `json:"kind"`
	deliveryStat
}

type deliveryStat struct {
	Total        int      `json:"total"`
	HandedOver   int      `json:"handed_over"`
	Delivered    int      `json:"delivered"`
	Refused      int      `json:"refused"`
	Bounced      int      `json:"bounced"`
	Unknown      int      `json:"unknown"`
	Kept         int      `json:"kept"`
	GivenUp      int      `json:"given_up"`
	Waiting      int      `json:"waiting"`
	HandedP50    *float64 `json:"handed_over_p50_ms"`
	HandedP95    *float64 `json:"handed_over_p95_ms"`
	DeliveredP50 *float64 `json:"delivered_p50_ms"`
	DeliveredP95 *float64 `json:"delivered_p95_ms"`
}

// statDays is how many days the sums go back.
const statDays = 30

// DeliveryStats answers GET /deliveries/stats.
func (a *API) DeliveryStats(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.DeliveryFilter{Medium: q.one("medium", media), Kind: q.one("kind", deliveryKinds)}
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	zone := a.zone()
	days := store.LastDays(statDays, time.Now(), zone)
	stats, err := a.store.Reader().DeliveryStats(c.UserContext(), f, days)
	if err != nil {
		return a.Problem(c, err)
	}
	out := deliveryStats{Zone: zone.String(), Days: []deliveryDay{}, Kinds: []deliveryKind{}}
	for n, d := range stats.Days {
		out.Days = append(out.Days, deliveryDay{Date: days[n].Since.Format(time.DateOnly), More: d.More, deliveryStat: showStat(d)})
	}
	for _, d := range stats.Kinds {
		out.Kinds = append(out.Kinds, deliveryKind{Medium: d.Medium, Kind: d.Kind, deliveryStat: showStat(d)})
	}
	return answer(c, fiber.StatusOK, out)
}

// zone is whose days are counted.
func (a *API) zone() *time.Location {
	if a.o.Zone == nil {
		return time.UTC
	}
	return a.o.Zone
}

func showStat(d store.DeliveryStat) deliveryStat {
	ms := func(d time.Duration) *float64 {
		if d == 0 {
			return nil
		}
		v := float64(d.Microseconds()) / 1000
		return &v
	}
	return deliveryStat{Total: d.Total, HandedOver: d.HandedTo, Delivered: d.Delivered, Refused: d.Refused, Bounced: d.Bounced, Unknown: d.Unknown, Kept: d.Kept,
		GivenUp: d.GivenUp, Waiting: d.Waiting, HandedP50: ms(d.HandedP50), HandedP95: ms(d.HandedP95), DeliveredP50: ms(d.DeliveredP50), DeliveredP95: ms(d.DeliveredP95)}
}
