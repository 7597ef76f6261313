package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
)

type listing struct {
	Probes       []probed       `json:"probes"`
	FailedOrders []failedOrders `json:"failed_orders"`
	Calls        []callRate     `json:"calls"`
	Usable       []usableTime   `json:"usable"`
}

type probed struct {
	Channel     string     `json:"channel"`
	Product     string     `json:"product_id"`
	FailingDays int        `json:"failing_days"`
	FreezeAt    moment     `json:"freeze_at"`
	LastBefore  moment     `json:"last_before"`
	Interfaces  []probeRow `json:"interfaces"`
}

type probeRow struct {
	Protocol string      `json:"protocol"`
	Activity string      `json:"activity"`
	Product  string      `json:"product_id"` // as the entry's
	Halves   []probeHalf `json:"halves"`
}

type probeHalf struct {
	Day     string `json:"day"`
	Half    string `json:"half"`
	State   string `json:"state"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
	Refused int    `json:"refused"`
}

type failedOrders struct {
	Channel   string `json:"channel"`
	ProductID string `json:"product_id"`
	Lost      int    `json:"lost"`
	AtRisk    int    `json:"at_risk"`
	Limit     int    `json:"limit"`
}

type callRate struct {
	Channel  string  `json:"channel"`
	Protocol string  `json:"protocol"`
	Activity string  `json:"activity"`
	Calls    int     `json:"calls"`
	Well     int     `json:"well"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	Max      float64 `json:"max_ms"`
}

type usableTime struct {
	Channel   string  `json:"channel"`
	ProductID string  `json:"product_id"`
	Bought    int     `json:"bought"`
	Usable    int     `json:"usable"`
	P50       float64 `json:"p50_seconds"`
	P95       float64 `json:"p95_seconds"`
}

// Listing answers GET /listing.
func (a *API) Listing(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	ctx, r, now := c.UserContext(), a.store.Reader(), time.Now()
	probes, err := r.Probes(ctx, now)
	if err != nil {
		return a.Problem(c, err)
	}
	orders, err := r.FailedOrders(ctx, market.ProbeMonth(now), now)
	if err != nil {
		return a.Problem(c, err)
	}
	rates, err := r.CallRates(ctx, now.Add(-24*time.Hour))
	if err != nil {
		return a.Problem(c, err)
	}
	waits, err := r.UsableTimes(ctx, now)
	if err != nil {
		return a.Problem(c, err)
	}
	out := listing{Probes: []probed{}, FailedOrders: []failedOrders{}, Calls: []callRate{}, Usable: []usableTime{}}
	for _, p := range probes {
		out.Probes = append(out.Probes, showProbed(p, now))
	}
	for _, o := range orders {
		out.FailedOrders = append(out.FailedOrders, failedOrders{Channel: o.Channel, ProductID: o.ProductID, Lost: o.Lost, AtRisk: o.AtRisk, Limit: market.FailedOrderLimit})
	}
	for _, r := range rates {
		out.Calls = append(out.Calls, callRate(r))
	}
	for _, w := range waits {
		out.Usable = append(out.Usable, usableTime(w))
	}
	return answer(c, fiber.StatusOK, out)
}

// showProbed leaves half days without a call out.
func showProbed(p store.ProbedProduct, now time.Time) probed {
	out := probed{Channel: p.Slug, Product: p.Product, FailingDays: p.Failing, LastBefore: moment(p.Last), Interfaces: make([]probeRow, 0, len(p.Rows))}
	if p.Failing > 0 {
		out.FreezeAt = moment(market.FreezeAt(now, p.Failing))
	}
	today := market.ProbeDate(now)
	for _, r := range p.Rows {
		row := probeRow{Protocol: r.Protocol, Activity: r.Activity, Product: p.Product, Halves: []probeHalf{}}
		for n, d := range r.Days {
			day := today.AddDate(0, 0, n+1-store.ProbeDays).Format(time.DateOnly)
			for _, h := range []struct {
				name string
				p    market.Probes
			}{{"morning", d.Morning}, {"afternoon", d.Afternoon}} {
				if h.p.State() != market.ProbeNone {
					row.Halves = append(row.Halves, probeHalf{day, h.name, h.p.State(), h.p.Passed, h.p.Failed, h.p.Refused})
				}
			}
		}
		out.Interfaces = append(out.Interfaces, row)
	}
	return out
}
