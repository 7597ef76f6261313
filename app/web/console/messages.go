package console

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// messageParams are the filters of the list of messages.
var messageParams = []string{"channel", "protocol", "activity", "status", "order_id", "instance_id", "test", "group", "q", "quarantined", "range", "since", "until"}

// messageQuery is an address read as a filter.
type messageQuery struct {
	url    view.URL
	filter store.MessageFilter
	span   *view.Range
	ok     bool // the time range makes sense
}

func readMessages(u view.URL, clock view.Clock) messageQuery {
	q := messageQuery{url: u, filter: store.MessageFilter{
		Channel: u.Get("channel"), Protocol: u.Get("protocol"), Activity: u.Get("activity"), Status: u.Get("status"),
		OrderID: u.Get("order_id"), InstanceID: u.Get("instance_id"), Q: u.Get("q"), Group: groupOf(u),
		Quarantined: u.Get("quarantined") == "1",
	}}
	switch u.Get("test") {
	case "0", "1":
		test := u.Get("test") == "1"
		q.filter.Test = &test
	}
	q.span, q.filter.Since, q.filter.Until, q.ok = span(u, clock)
	return q
}

// Messages is the list of interface messages. A script that asks for the list
// alone gets it without the page around it.
func (k *Console) Messages(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomMessages)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	q := readMessages(address(c, "/messages", messageParams...), s.Clock)
	p := view.MessagesPage{Shell: s, Channels: many, RestartAll: action(s, staff.MessagesRestart, newRestartURL(q.url).String(), view.Text{}), FirstStep: k.firstStep(channels), List: view.List{
		Filter: messageFilter(q, channels), Bulk: action(s, staff.MessagesRestart, newRestartPath, view.Text{})}}
	return k.answer(c, listed{name: view.PageMessages, shell: &p.Shell, list: &p.List, page: &p, bad: !q.ok,
		rows: func(ctx context.Context) error { return k.fillMessages(ctx, &p, q) }})
}

func (k *Console) fillMessages(ctx context.Context, p *view.MessagesPage, q messageQuery) error {
	if !q.ok {
		p.State, p.Tabs = view.ListNoMatch, tabs("message", q.url, nil)
		return nil
	}
	found, err := k.read.MessageList(ctx, q.filter, paging(q.url))
	if err != nil {
		return err
	}
	counts, err := k.read.MessageCounts(ctx, q.filter)
	if err != nil {
		return err
	}
	rows := make([]view.MessageRow, 0, len(found.Items))
	for _, m := range found.Items {
		rows = append(rows, messageRow(p.Shell.Clock, m, q.url))
	}
	p.State = view.StateOf(len(rows), filtered(q.url))
	p.Days = view.ByDay(rows, func(r view.MessageRow) view.Time { return r.Last })
	p.Pager = pager(q.url, found)
	p.Tabs = tabs("message", q.url, counts)
	return nil
}

func messageFilter(q messageQuery, channels []store.ChannelRow) view.Filter {
	u := q.url
	f := view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.messages_hint"), Status: u.Get("status"), Range: q.span}
	f.Selects = append(byChannel(u, channels),
		choose(u, "activity", "filter.activity", "filter.any_activity", "activity.", market.Activities()...),
		view.Select{Name: "test", Label: view.Say("filter.test"), Options: []view.Option{
			{Label: view.Say("filter.any_test"), Selected: q.filter.Test == nil},
			{Value: "0", Label: view.Say("filter.test_no"), Selected: q.filter.Test != nil && !*q.filter.Test},
			{Value: "1", Label: view.Say("filter.test_yes"), Selected: q.filter.Test != nil && *q.filter.Test}}},
		view.Select{Name: "quarantined", Label: view.Say("filter.quarantined"), Options: []view.Option{
			{Label: view.Say("filter.any_content"), Selected: !q.filter.Quarantined},
			{Value: "1", Label: view.Say("filter.quarantined_only"), Selected: q.filter.Quarantined}}})
	f.Chips = append(f.Chips, chip(u, "instance_id", "filter.instance")...)
	f.Chips = append(f.Chips, chip(u, "group", "filter.group")...)
	f.Chips = append(f.Chips, chip(u, "order_id", "filter.order")...)
	f.Chips = append(f.Chips, chip(u, "protocol", "fact.protocol")...)
	if len(channels) < 2 {
		f.Chips = append(f.Chips, chip(u, "channel", "filter.channel")...)
	}
	return f
}

// messageRow is a message as a list shows it; list is where it is opened from.
func messageRow(clock view.Clock, m store.MessageRow, list view.URL) view.MessageRow {
	r := view.MessageRow{
		ID: m.ID, URL: within(messageURL(m.ID), list), Status: m.Status, Activity: m.Activity, Scene: m.Scene, Test: m.Test,
		Channel: m.Channel, Protocol: m.Protocol, OrderID: m.OrderID, LineID: m.OrderLineID, InstanceID: m.InstanceID, Others: max(0, len(m.InstanceIDs)-1),
		ResultCode: m.ResultCode, Fault: m.LastError, Attempts: m.Attempts,
		First: clock.Time(m.FirstReceivedAt), Last: clock.Time(m.LastReceivedAt), Tick: m.Status == store.MessageFailed,
	}
	if m.Status == store.MessageFailed && !m.Test {
		r.RetryUntil = clock.Time(m.RetryUntil)
	}
	return r
}

// restartOf fills in what restarting the page's message will do and what not, or
// why it would be refused.
func (k *Console) restartOf(ctx context.Context, z *i18n.Localizer, p *view.MessagePage) error {
	id := p.Message.ID
	if !p.Restart.On() {
		return nil
	}
	found, err := k.read.RestartEffects(ctx, store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{id}})
	if why := found[id].Why; why != "" {
		p.Restart.Why = what(z, fault.New(fault.Conflict, why))
		return err
	}
	p.Effects = countedEffects(found[id].SideEffects)
	if p.Message.Status == store.MessageSucceeded && found[id].Hurried == 0 {
		p.Effects = append(p.Effects, view.Effect{Will: true, Text: view.Say("effect.answers_again")}, view.Effect{Text: view.Say("effect.not_twice")})
		p.Effects = append(p.Effects, restartEffects()[1:]...)
		return err
	}
	p.Effects = append(p.Effects, restartEffects()...)
	return err
}

// restartEffects are what a restart does and does not.
func restartEffects() []view.Effect {
	return []view.Effect{
		{Will: true, Text: view.Say("effect.restart_tasks")},
		{Will: true, Text: view.Say("effect.restart_logged")},
		{Text: view.Say("effect.no_second_instance")},
		{Text: view.Say("effect.no_second_mail")},
		{Text: view.Say("effect.marketplace_retries")},
	}
}

// firstStep is a command that sends the first message, shown while there is none.
func (k *Console) firstStep(channels []store.ChannelRow) string {
	slug := "default"
	if len(channels) > 0 {
		slug = channels[0].Slug
	}
	return "bin/koodesk simulate --url " + k.o.PublicURL + "/koogallery/" + slug + ` --protocol v2 --key "$BASIC_KEY" newInstance`
}

// broken turns a list that could not be read into one that says so, and tells
// the status.
func (k *Console) broken(c *fiber.Ctx, l *view.List, err error) int {
	if fault.CodeOf(err) == fault.Internal {
		k.o.Log.ErrorContext(c.UserContext(), "a list could not be read", "path", c.Path(), "error", err)
	}
	return broken(l, err)
}
