package console

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// chartDays is how many days the charts show.
const chartDays = 30

// chartTones are the parts of a day's column, from the bottom up.
var chartTones = []string{"delivered", "handed_over", "kept", "waiting", "unknown", "bounced", "refused", "given_up"}

// DeliveryChart shows what became of the messages of the last 30 days, and how
// long it took.
func (k *Console) DeliveryChart(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomDeliveries)
	if err != nil {
		return err
	}
	u := address(c, "/deliveries/chart", "medium", "kind")
	p := view.DeliveryChartPage{Shell: s, Zone: s.Clock.ZoneLabel(), Tones: chartTones, Marks: view.Marks(), Filter: view.Filter{URL: u, NoSearch: true,
		Selects: []view.Select{choose(u, "kind", "filter.kind", "filter.any_kind", "delivery_kind.", deliveryKinds...),
			choose(u, "medium", "filter.medium", "filter.any_medium", "medium.", deliver.Email, deliver.SMS)}}}
	if err := k.fillChart(c.UserContext(), &p, u); err != nil {
		return err
	}
	if fragment(c, "results") {
		return k.block(c, fiber.StatusOK, s, view.PageDeliveryChart, view.BlockResults, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageDeliveryChart, p)
}

func (k *Console) fillChart(ctx context.Context, p *view.DeliveryChartPage, u view.URL) error {
	days := store.LastDays(chartDays, k.o.Now(), k.o.Zone)
	stats, err := k.read.DeliveryStats(ctx, store.DeliveryFilter{Medium: u.Get("medium"), Kind: u.Get("kind")}, days)
	if err != nil {
		return err
	}
	for n, d := range stats.Days {
		line := deliveryStat(d)
		line.Day = p.Shell.Clock.Time(days[n].Since)
		p.Days = append(p.Days, line)
		if d.More {
			p.Sampled = store.StatsPerDay
		}
	}
	for _, d := range stats.Kinds {
		line := deliveryStat(d)
		line.URL = view.URL{Path: "/deliveries"}.With("kind", d.Kind, "medium", d.Medium).String()
		p.Kinds = append(p.Kinds, line)
	}
	p.All = deliveryStat(stats.All)
	drawChart(p, stats.Days)
	return nil
}

// drawChart lays the figures out.
func drawChart(p *view.DeliveryChartPage, days []store.DeliveryStat) {
	var columns [][]int
	durations := map[string][]time.Duration{}
	for _, d := range days {
		columns = append(columns, []int{d.Delivered, d.OnlyHanded(), d.Kept, d.Waiting, d.Unknown, d.Bounced, d.Refused, d.GivenUp})
		for name, v := range map[string]time.Duration{"handed_p50": d.HandedP50, "handed_p95": d.HandedP95, "delivered_p50": d.DeliveredP50, "delivered_p95": d.DeliveredP95} {
			durations[name] = append(durations[name], v)
		}
	}
	p.Stacks, p.Most = view.Stacks(columns, chartTones)
	for n := range p.Stacks {
		p.Stacks[n].Title = view.Say("chart.of_day", "day", p.Days[n].Day.At.Format(dateForm), "n", p.Days[n].Total)
	}
	for _, name := range []string{"handed_p95", "handed_p50", "delivered_p95", "delivered_p50"} {
		p.Lines = append(p.Lines, view.Curve(name, durations[name]))
	}
}

func deliveryStat(d store.DeliveryStat) view.DeliveryStat {
	return view.DeliveryStat{Medium: d.Medium, Kind: d.Kind, More: d.More, Total: d.Total, HandedTo: d.HandedTo, Delivered: d.Delivered, Refused: d.Refused, Bounced: d.Bounced,
		Unknown: d.Unknown, Kept: d.Kept, GivenUp: d.GivenUp, Waiting: d.Waiting, HandedP50: d.HandedP50, HandedP95: d.HandedP95,
		DeliveredP50: d.DeliveredP50, DeliveredP95: d.DeliveredP95}
}
