package console

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// silentAfter is after how long without a probe the page says so: two halves of a
// day and some.
const silentAfter = 30 * time.Hour

// ratesLast is for how long the sums of a day's calls are remembered.
const ratesLast = time.Minute

// Listing shows what puts the products' place on the marketplace at risk.
func (k *Console) Listing(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomListing)
	if err != nil {
		return err
	}
	_, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	p := view.ListingPage{Shell: s, Many: many, Limit: market.FailedOrderLimit}
	if err := k.fillListing(c.UserContext(), &p); err != nil {
		return err
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageListing, p)
}

func (k *Console) fillListing(ctx context.Context, p *view.ListingPage) error {
	now := k.o.Now()
	probes, err := k.read.Probes(ctx, now)
	if err != nil {
		return err
	}
	for d := range store.ProbeDays {
		p.Days = append(p.Days, market.ProbeDate(now).AddDate(0, 0, d+1-store.ProbeDays).Format("01-02"))
	}
	for _, of := range probes {
		if n := len(p.Channels); n == 0 || p.Channels[n-1].Slug != of.Slug {
			p.Channels = append(p.Channels, view.ProbedChannel{Slug: of.Slug})
		}
		ch := &p.Channels[len(p.Channels)-1]
		ch.Products = append(ch.Products, probed(p.Shell.Clock, of))
	}
	month := market.ProbeMonth(now)
	p.Month = p.Shell.Clock.Time(month)
	orders, err := k.read.FailedOrders(ctx, month, now)
	if err != nil {
		return err
	}
	for _, o := range orders {
		p.Orders = append(p.Orders, view.OrdersAtRisk{Channel: o.Channel, Product: o.ProductID, Lost: o.Lost, AtRisk: o.AtRisk,
			Over: o.Lost+o.AtRisk > market.FailedOrderLimit})
	}
	rates, err := k.rates.get(ctx, now, ratesLast)
	if err != nil {
		return err
	}
	for _, r := range rates {
		p.Rates = append(p.Rates, callRate(r))
	}
	waits, err := k.usable.get(ctx, now, ratesLast)
	if err != nil {
		return err
	}
	for _, w := range waits {
		p.Usable = append(p.Usable, view.UsableTime{Channel: w.Channel, Product: w.ProductID, Bought: w.Bought, Usable: w.Usable,
			P50: seconds(w.P50), P95: seconds(w.P95)})
	}
	return nil
}

func probed(clock view.Clock, of store.ProbedProduct) view.ProbedProduct {
	out := view.ProbedProduct{ID: of.Product, Failing: of.Failing, Limit: market.ProbeDayLimit}
	if of.Failing > 0 {
		out.Freeze = clock.Time(market.FreezeAt(clock.Now, of.Failing).Add(-time.Second)) // the day that it is the end of
	}
	if !of.Last.IsZero() && clock.Now.Sub(of.Last) > silentAfter {
		out.Silent = clock.Time(of.Last)
	}
	for _, r := range of.Rows {
		row := view.ProbeRow{Protocol: r.Protocol, Activity: r.Activity,
			URL: addressOf("/messages", "").With("channel", of.Slug, "protocol", r.Protocol, "activity", r.Activity, "test", "1").String()}
		for _, day := range r.Days {
			row.Halves = append(row.Halves, probeHalf(day.Morning, false), probeHalf(day.Afternoon, true))
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func probeHalf(p market.Probes, afternoon bool) view.ProbeHalf {
	return view.ProbeHalf{State: p.State(), Afternoon: afternoon, Passed: p.Passed, Failed: p.Failed, Refused: p.Refused}
}

func callRate(r store.CallRate) view.CallRate {
	ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) + " ms" }
	out := view.CallRate{Channel: r.Channel, Protocol: r.Protocol, Activity: r.Activity, Calls: r.Calls, P50: ms(r.P50), P95: ms(r.P95), Max: ms(r.Max)}
	if r.Calls > 0 {
		out.Well = r.Well * 10000 / r.Calls // rounded down: nothing is 100 % but all of it
		out.Rate = strconv.FormatFloat(float64(out.Well)/100, 'f', -1, 64) + " %"
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
