package gallery

import (
	"time"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/web/view"
)

// found is a search for a number that one of each thing has.
func (k look) found(q, more string) view.FoundPage {
	p := view.FoundPage{Shell: k.shell(view.RoomMessages, "/search?q=12"), Q: q, More: more}
	for n, t := range []view.FoundRow{
		{Thing: "message", Kind: market.NewInstance, State: "failed", URL: "/messages/12", Test: true},
		{Thing: "task", Kind: string(outbox.OrderQuery), State: "failed", URL: "/tasks?q=%2312"},
		{Thing: "event", Kind: "instance.frozen", State: "succeeded", URL: "/events/12"},
		{Thing: "delivery", Kind: "usage_info", State: "bounced", URL: "/deliveries/12"},
		{Thing: "group", Kind: string(outbox.OrderQuery), State: "open", URL: "/failures/12", Fault: unreachable()},
		{Thing: "restart", Kind: "messages", State: "done", URL: "/restarts/12"},
		{Thing: "alert", Kind: "stuck", State: "open", URL: "/stuck?kind=lease"},
	} {
		t.Number, t.At = 12, ago(time.Duration(n*n)*7*time.Hour)
		p.Things = append(p.Things, t)
	}
	return p
}

func searchSamples(op look) []Sample {
	few := op.found("#12", "")
	few.Things = few.Things[:2]
	return []Sample{
		{"search-number", view.PageFound, op.found("12", "/orders?q=12")},
		{"search-number-few", view.PageFound, few},
	}
}
