package gallery

import (
	"time"

	"koodesk/app/web/view"
)

func (k look) listing(state string) view.ListingPage {
	p := view.ListingPage{Shell: k.shell(view.RoomListing, "/listing"), Month: ago(21 * 24 * time.Hour), Limit: 5, Many: state != "well",
		Days: []string{"11-13", "11-14", "11-15", "11-16", "11-17", "11-18", "11-19", "11-20", "11-21", "11-22"}}
	if state == "empty" {
		return p
	}
	row := func(activity, states string) view.ProbeRow {
		r := view.ProbeRow{Protocol: "v2", Activity: activity, URL: "/messages?test=1&activity=" + activity}
		for i, c := range states {
			half := map[rune]view.ProbeHalf{'p': {State: "passed", Passed: 1}, 'f': {State: "failed", Failed: 2}, 'm': {State: "mended", Failed: 1, Passed: 2},
				'r': {State: "refused", Refused: 1}, '-': {State: "none"}}[c]
			half.Afternoon = i%2 == 1
			r.Halves = append(r.Halves, half)
		}
		return r
	}
	rows := []view.ProbeRow{row("newInstance", "pppppppppppppppppp--"), row("queryInstance", "ppppppp--ppppppppp--"), row("refreshInstance", "pppppppppppppppppp--")}
	const crm = "OFFI846204237451911168"
	well := view.ProbedChannel{Slug: "default", Products: []view.ProbedProduct{{Limit: 5, Rows: rows[:2]}, {ID: crm, Limit: 5, Rows: rows[2:]}}}
	p.Rates = []view.CallRate{
		{Channel: "default", Protocol: "v2", Activity: "newInstance", Calls: 1284, Well: 10000, Rate: "100 %", P50: "3.1 ms", P95: "9.8 ms", Max: "41.0 ms"},
		{Channel: "default", Protocol: "v2", Activity: "queryInstance", Calls: 90412, Well: 9991, Rate: "99.91 %", P50: "1.2 ms", P95: "3.4 ms", Max: "212.7 ms"},
	}
	p.Usable = []view.UsableTime{
		{Channel: "default", Product: crm, Bought: 812, Usable: 811, P50: 4 * time.Second, P95: 131 * time.Second},
		{Channel: "default", Bought: 1},
	}
	if state == "well" {
		p.Channels = []view.ProbedChannel{well}
		return p
	}
	bad := view.ProbedChannel{Slug: "acme-intl", Products: []view.ProbedProduct{
		{Limit: 5, Rows: []view.ProbeRow{row("releaseInstance", "pppppppppppppppppppp")}},
		{ID: crm, Limit: 5, Failing: 2, Freeze: ago(-4 * 24 * time.Hour), Rows: []view.ProbeRow{row("newInstance", "ppppmpppppppppppfmfr"), row("refreshInstance", "pppppppppppppppppppp")}},
		{ID: "OFFI461867333479178240", Limit: 5, Failing: 1, Freeze: ago(-5 * 24 * time.Hour), Rows: []view.ProbeRow{row("newInstance", "ppppppppppppppppppf-")}}}}
	silent := view.ProbedChannel{Slug: "old", Products: []view.ProbedProduct{
		{Limit: 5, Silent: ago(3 * 24 * time.Hour), Rows: []view.ProbeRow{row("newInstance", "pppppppppppp--------")}},
		{ID: crm, Limit: 5, Silent: ago(2 * 24 * time.Hour), Rows: []view.ProbeRow{row("refreshInstance", "pppppppppppppp------")}}}}
	p.Channels = []view.ProbedChannel{bad, well, silent}
	p.Orders = []view.OrdersAtRisk{{Channel: "default", Product: crm, Lost: 4, AtRisk: 2, Over: true}, {Channel: "acme-intl", AtRisk: 1}}
	p.Rates = append(p.Rates, view.CallRate{Channel: "acme-intl", Protocol: "v1", Activity: "newInstance", Calls: 12, Well: 8333, Rate: "83.33 %", P50: "38.0 ms", P95: "3012.4 ms", Max: "3012.4 ms"})
	return p
}

func listingSamples(op look) []Sample {
	return []Sample{
		{"listing-risk", view.PageListing, op.listing("risk")},
		{"listing-well", view.PageListing, op.listing("well")},
		{"listing-empty", view.PageListing, op.listing("empty")},
	}
}
