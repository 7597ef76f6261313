package gallery

import (
	"time"

	"koodesk/app/web/view"
)

func (k look) deliveryChart(full bool, filters ...string) view.DeliveryChartPage {
	at := address("/deliveries/chart", filters...)
	tones := []string{"delivered", "handed_over", "kept", "waiting", "unknown", "bounced", "refused", "given_up"}
	p := view.DeliveryChartPage{Shell: k.shell(view.RoomDeliveries, at.String()), Zone: clock().ZoneLabel(), Tones: tones, Marks: view.Marks(),
		Filter: view.Filter{URL: at, NoSearch: true, Selects: []view.Select{
			{Name: "kind", Label: view.Say("filter.kind"), Options: options("filter.any_kind", at.Get("kind"), "delivery_kind.", "usage_info", "expiry_notice", "frozen")},
			{Name: "medium", Label: view.Say("filter.medium"), Options: options("filter.any_medium", at.Get("medium"), "medium.", "email", "sms")}}}}
	if !full {
		return p
	}
	p.Sampled = 5000
	var columns [][]int
	curves := map[string][]time.Duration{}
	for n := range 30 {
		d := view.DeliveryStat{Day: clock().Time(Now.AddDate(0, 0, n-29)), Total: (n*37)%90 + 12, Delivered: (n * 17) % 40, Refused: n % 9 / 7, Bounced: n % 11 / 9, Unknown: n % 13 / 12}
		if n == 12 || n == 13 {
			d = view.DeliveryStat{Day: d.Day}
		}
		if n == 29 {
			d.Waiting, d.More = 9, true
		}
		d.HandedTo = d.Total - d.Waiting
		if d.Total > 0 {
			d.HandedP50, d.HandedP95 = time.Duration(700+n*40)*time.Millisecond, time.Duration(3+n)*time.Second
			d.DeliveredP50, d.DeliveredP95 = time.Duration(20+n)*time.Second, time.Duration(5+n*3)*time.Minute
		}
		columns = append(columns, []int{d.Delivered, max(0, d.HandedTo-d.Delivered-d.Refused-d.Bounced-d.Unknown), 0, d.Waiting, d.Unknown, d.Bounced, d.Refused, 0})
		for name, v := range map[string]time.Duration{"handed_p50": d.HandedP50, "handed_p95": d.HandedP95, "delivered_p50": d.DeliveredP50, "delivered_p95": d.DeliveredP95} {
			curves[name] = append(curves[name], v)
		}
		p.Days = append(p.Days, d)
		p.All.Total, p.All.HandedTo, p.All.Delivered, p.All.Refused, p.All.Bounced = p.All.Total+d.Total, p.All.HandedTo+d.HandedTo, p.All.Delivered+d.Delivered, p.All.Refused+d.Refused, p.All.Bounced+d.Bounced
	}
	p.All.HandedP50, p.All.HandedP95, p.All.DeliveredP50, p.All.DeliveredP95 = 1100*time.Millisecond, 14*time.Second, 31*time.Second, 41*time.Minute
	p.Stacks, p.Most = view.Stacks(columns, tones)
	for n := range p.Stacks {
		p.Stacks[n].Title = view.Say("chart.of_day", "day", p.Days[n].Day.At.Format("2006-01-02"), "n", p.Days[n].Total)
	}
	for _, name := range []string{"handed_p95", "handed_p50", "delivered_p95", "delivered_p50"} {
		p.Lines = append(p.Lines, view.Curve(name, curves[name]))
	}
	for _, of := range [][2]string{{"email", "usage_info"}, {"email", "expiry_notice"}, {"sms", "expiry_notice"}} {
		d := p.All
		d.Medium, d.Kind, d.URL = of[0], of[1], "/deliveries?kind="+of[1]+"&medium="+of[0]
		p.Kinds = append(p.Kinds, d)
	}
	return p
}

func chartSamples(op look) []Sample {
	return []Sample{
		{"delivery-chart-full", view.PageDeliveryChart, op.deliveryChart(true)},
		{"delivery-chart-empty", view.PageDeliveryChart, op.deliveryChart(false)},
		{"delivery-chart-no-match", view.PageDeliveryChart, op.deliveryChart(false, "medium", "sms")},
	}
}
