package console

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const eventsPath = "/events"

// eventParams are the filters of the list of events.
var eventParams = []string{"status", "type", "receiver", "instance_id", "order_id", "q"}

func eventURL(id int64) string { return eventsPath + "/" + strconv.FormatInt(id, 10) }

func readEvents(u view.URL) store.EventFilter {
	f := store.EventFilter{Type: u.Get("type"), Receiver: u.Get("receiver"), InstanceID: u.Get("instance_id"), OrderID: u.Get("order_id"), Q: u.Get("q")}
	f.Status, f.Waiting = narrowedTo(u)
	return f
}

// Events is the list of what the seller's systems were told.
func (k *Console) Events(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomEvents)
	if err != nil {
		return err
	}
	u := address(c, eventsPath, eventParams...)
	receivers, err := k.byReceiver(c.UserContext(), u)
	if err != nil {
		return err
	}
	p := view.EventsPage{Shell: s, Targets: targetsPath, List: view.List{Filter: view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("events.search_hint"), Status: u.Get("status"),
		Selects: []view.Select{choose(u, "type", "events.type", "events.any_type", "event_type.", append(event.Types(), event.Test)...), receivers},
		Chips:   append(chip(u, "instance_id", "filter.instance"), chip(u, "order_id", "fact.order")...)}}}
	return k.answer(c, listed{name: view.PageEvents, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillEvents(ctx, &p, u) }})
}

// byReceiver is the filter by whom events are for.
func (k *Console) byReceiver(ctx context.Context, u view.URL) (view.Select, error) {
	s := choose(u, "receiver", "events.receiver", "events.any_receiver", "events.to_", store.ToProduct)
	targets, err := k.targets.get(ctx, k.o.Now(), choicesLast)
	for _, t := range targets {
		id := strconv.FormatInt(t.ID, 10)
		s.Options = append(s.Options, view.Option{Value: id, Label: view.Say("events.target_of", "name", t.Name, "channel", t.Channel), Selected: u.Get("receiver") == id})
	}
	return s, err
}

func (k *Console) fillEvents(ctx context.Context, p *view.EventsPage, u view.URL) error {
	f := readEvents(u)
	found, err := k.read.EventList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	f.Waiting = false // the tabs count beside each other
	counts, err := k.read.EventCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.EventRow, 0, len(found.Items))
	for _, e := range found.Items {
		rows = append(rows, eventRow(p.Shell, e, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.EventRow) view.Time { return r.Created })
	p.Pager, p.Tabs = pager(u, found), append(tabs("event", u, counts), waitingTab(u, "filter.waiting"))
	return nil
}

func eventRow(s view.Shell, e store.EventRow, list view.URL) view.EventRow {
	r := view.EventRow{ID: e.ID, URL: within(eventURL(e.ID), list), Status: e.Status, Type: e.Type, ToProduct: e.ToProduct, Target: e.Target,
		Address: e.Address, InstanceID: e.InstanceID, OrderID: e.OrderID, Attempts: e.Attempts, Question: e.Question, Fault: e.LastError,
		Next: s.Clock.Time(e.NextAt), Created: s.Clock.Time(e.CreatedAt),
		Resend: action(s, staff.EventsSend, within(eventURL(e.ID)+"/resend", list), whyNoEvent(e, s.Clock.Now))}
	if e.Status == string(outbox.Succeeded) {
		r.Fault = nil // of an earlier try
	}
	return r
}

// whyNoEvent is why an event cannot be sent again now.
func whyNoEvent(e store.EventRow, now time.Time) view.Text {
	switch {
	case e.Status == string(outbox.Running):
		return view.Say("why.event_running")
	case e.Question && (e.Status == string(outbox.Succeeded) || e.Status == string(outbox.Cancelled)):
		return view.Say("why.event_answered")
	case e.Status == string(outbox.Cancelled), !e.ToProduct && e.TargetID == 0:
		return view.Say("why.event_cancelled")
	case due(outbox.Status(e.Status), e.NextAt, now):
		return view.Say("fault.restart.under_way.what")
	case e.Overtaken:
		return view.Say("why.event_overtaken")
	}
	return view.Text{}
}

// Event is what one receiver was told once, and what came of it.
func (k *Console) Event(c *fiber.Ctx) error {
	id, err := number(c, "event.unknown")
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomEvents)
	if err != nil {
		return err
	}
	e, err := k.read.EventDetail(c.UserContext(), id)
	if err != nil {
		return err
	}
	list := address(c, eventsPath, eventParams...)
	s.Here = within(eventURL(id), list)
	p := eventPage(s, e, list)
	if fragment(c, "live") {
		return k.block(c, fiber.StatusOK, s, view.PageEvent, view.BlockLive, p)
	}
	newer, older, err := k.read.EventNeighbours(c.UserContext(), readEvents(list), id)
	if err != nil {
		return err
	}
	p.Prev, p.Next = neighbour(eventURL, newer, list), neighbour(eventURL, older, list)
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, p.Shell, view.PageEvent, p)
}

func eventPage(s view.Shell, e *store.EventDetail, list view.URL) view.EventPage {
	p := view.EventPage{Shell: s, Event: eventRow(s, e.EventRow, list), Back: list.String(), Facts: eventFacts(s.Clock, e),
		Payload: view.Payload{Line: "POST " + e.Address, Body: e.Payload, Kept: e.KeptDays}, More: e.More,
		Live: e.Status == string(outbox.Pending) && !e.NextAt.IsZero() || e.Status == string(outbox.Running), Effects: []view.Effect{
			{Will: true, Text: view.Say("events.effect_same")}, {Will: true, Text: view.Say("events.effect_logged")},
			{Text: view.Say("events.effect_nothing_else")}}}
	if e.Question {
		p.Effects = []view.Effect{{Will: true, Text: view.Say("events.effect_task")}, {Will: true, Text: view.Say("events.effect_same")},
			{Will: true, Text: view.Say("events.effect_logged")}}
	}
	if e.KeptDays > 0 && p.Event.Resend.Why.None() {
		p.Event.Resend.Why = view.Say("why.event_not_kept")
	}
	for _, t := range e.Tries {
		one := view.EventTry{At: s.Clock.Time(t.At), Duration: t.Duration, Status: "succeeded", HTTP: t.HTTPStatus, Address: t.Address,
			Answer: t.Response, Fault: t.Error, By: by(t.Actor)}
		switch {
		case t.Actor != "":
			one.Status = "restarted"
		case t.Error != nil:
			one.Status = "failed"
		}
		p.Tries = append(p.Tries, one)
	}
	return p
}

func eventFacts(clock view.Clock, e *store.EventDetail) []view.Fact {
	to := view.Fact{Label: view.Say("events.receiver"), Value: e.Target}
	switch {
	case e.ToProduct:
		to.Text = view.Say("events.to_product")
	case e.TargetID != 0:
		to.URL = targetURL(e.TargetID)
	default:
		to.Text = view.Say("events.to_nobody")
	}
	facts := []view.Fact{
		{Label: view.Say("fact.channel"), Value: e.Channel},
		to,
		{Label: view.Say("events.address"), Value: e.Address, Mono: true, Copy: true},
		{Label: view.Say("events.webhook_id"), Value: e.WebhookID, Mono: true, Copy: true},
		{Label: view.Say("fact.created"), Time: clock.Time(e.CreatedAt)},
		{Label: view.Say("events.taken"), Time: clock.Time(e.SentAt)},
	}
	if !e.NextAt.IsZero() {
		facts = append(facts, view.Fact{Label: view.Say("events.next"), Time: clock.Time(e.NextAt)})
	}
	if e.InstanceID != "" {
		facts = append(facts, view.Fact{Label: view.Say("fact.instance"), Value: e.InstanceID, URL: instanceURL(e.InstanceID), Mono: true, Copy: true})
	}
	if e.CodeID != 0 {
		facts = append(facts, view.Fact{Label: view.Say("events.code"), Value: "#" + strconv.FormatInt(e.CodeID, 10), URL: codeURL(e.CodeID)})
	}
	if e.OrderID != "" {
		facts = append(facts, view.Fact{Label: view.Say("fact.order"), Value: orElse(e.LineID, e.OrderID), Mono: true, Copy: true})
	}
	if e.Resends > 0 {
		facts = append(facts, view.Fact{Label: view.Say("fact.resends"), Text: view.Say("fact.times", "n", e.Resends)})
	}
	if e.MessageID != 0 {
		facts = append(facts, view.Fact{Label: view.Say("fact.caused_by"), Value: "#" + strconv.FormatInt(e.MessageID, 10), URL: messageURL(e.MessageID)})
	}
	return facts
}

// ResendEvent sends an event again.
func (k *Console) ResendEvent(c *fiber.Ctx) error {
	id, err := number(c, "event.unknown")
	if err != nil {
		return err
	}
	err = k.o.Events.Resend(c.UserContext(), id, actor(c))
	if err := k.done(c, err, view.Say("events.flash.resent"), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, within(eventURL(id), address(c, eventsPath, eventParams...)))
}
