package console

import (
	"time"
	"unicode/utf8"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// orderTimeline tells the life of an order, newest first: from the call of its
// purchase until what it bought is released.
func orderTimeline(clock view.Clock, d *store.OrderDetail) []view.Event {
	l := life{clock: clock, deliveries: d.Deliveries, restarts: map[time.Time]bool{}}
	several := map[string]bool{}
	for _, i := range d.Instances {
		several[i.InstanceID] = true
	}
	for _, e := range d.Timeline {
		if e.Sort == store.EventRestart {
			l.restarts[e.At] = true
		}
	}
	var out []view.Event
	for _, e := range d.Timeline {
		shown, ok := l.ofOrder(e)
		if !ok {
			continue
		}
		shown.At = clock.Time(e.At)
		if shown.By == "" {
			shown.By = by(e.Actor)
		}
		if len(several) > 1 {
			shown.About = tail(e.InstanceID)
		}
		out = append(out, shown)
	}
	return ordered(out)
}

// tail tells the ids of a few things apart.
func tail(id string) string {
	const enough = 8
	if len(id) > 2*enough && utf8.ValidString(id[len(id)-enough:]) {
		return "…" + id[len(id)-enough:]
	}
	return id
}

// ofOrder turns a moment of an order into what its page says of it; false for one
// that another entry tells already.
func (l life) ofOrder(e store.TimelineEvent) (view.Event, bool) {
	switch e.Sort {
	case store.EventTask:
		return l.step(e)
	case store.EventChange:
		if e.Kind == string(market.OrderLearned) {
			return view.Event{}, false // as the order query's success
		}
	}
	return l.event(e)
}

// polled is a run of polls with the same answer.
func (l life) polled(e store.TimelineEvent) view.Event {
	out := view.Event{Kind: "polled_refused", URL: messageURL(e.MessageID), Args: []any{"code", e.ResultCode}, Aside: shared(e)}
	switch market.ResultCode(e.ResultCode) {
	case market.Success:
		out.Kind, out.Args = "polled_well", nil
	case market.Processing:
		out.Kind, out.Args = "polled_waiting", nil
	}
	if e.Count > 1 {
		last := e.At
		if !e.LastAt.IsZero() {
			last = e.LastAt
		}
		every := (last.Sub(e.At) / time.Duration(e.Count-1)).Round(time.Second)
		out.Kind += "_more"
		if e.Counted > 0 {
			out.Kind += "_counted"
			out.Args = append(out.Args, "counted", e.Counted)
		}
		out.Args = append(out.Args, "n", e.Count, "every", max(every, time.Second), "last", l.clock.Exact(last))
	}
	return out
}

// receipt is what a service said of a delivery; that it has taken it, is said
// already.
func (l life) receipt(e store.TimelineEvent) (view.Event, bool) {
	for _, d := range l.deliveries {
		if d.ID == e.DeliveryID && e.Status != "handed_over" {
			return view.Event{Kind: "receipt_" + e.Status, Args: []any{"what", deliveryKind(d.Kind), "to", d.To}, URL: deliveryURL(d.ID), Note: e.New}, true
		}
	}
	return view.Event{}, false
}

// step is a try of the work for an order. Sending is told by what was sent.
func (l life) step(e store.TimelineEvent) (view.Event, bool) {
	if e.Status != "succeeded" {
		return l.try(e)
	}
	switch outbox.Kind(e.Kind) {
	case outbox.Deliver:
		return view.Event{}, false
	case outbox.OrderQuery:
		return view.Event{Kind: "queried"}, true
	case outbox.Provision:
		if outbox.Purpose(e.Purpose) == outbox.Purchase {
			return view.Event{Kind: "provisioned"}, true
		}
	}
	return view.Event{Kind: "task_done", Args: []any{"what", view.Say("task_kind." + e.Kind)}}, true
}

// usable is how long the customer had to wait for what the order bought; false for
// an order that bought no instance.
func usable(clock view.Clock, d *store.OrderDetail) (view.Fact, bool) {
	f := view.Fact{Label: view.Say("orders.usable")}
	for _, i := range d.Instances {
		if i.InstanceID != d.InstanceID || i.Purpose != string(outbox.Purchase) {
			continue
		}
		switch {
		case d.Usable:
			f.Text, f.Note = view.Say("orders.usable_after", "after", d.TimeToUsable), view.Say("orders.usable_since", "at", clock.Exact(i.URLSeenAt))
		default:
			f.Text = view.Say("orders.not_usable")
		}
		return f, true
	}
	return f, false
}
