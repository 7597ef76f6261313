package gallery

import (
	"fmt"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

const eventPayload = `{"type":"instance.renewed","timestamp":"2025-11-22T05:51:05.120511Z","data":{"instance_id":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","channel":"default","status":"active","product":{"product_id":"OFFI846204237451911168","sku_code":"sku-50","product_name":"智能客服云 · 企业版","linear_value":50},"order":{"order_id":"CS2511221402QX7TP","order_line_id":"CS2511221402QX7TP-000001"},"expires_at":"2026-11-22T15:59:59Z","customer":{"customer_id":"cust-77","customer_name":"hw_shanghai_trading"},"scene":"RENEWAL","previous_expires_at":"2025-11-22T15:59:59Z"}}`

func badAnswer() *fault.Record {
	return &fault.Record{Code: fault.Unavailable, Key: "webhook.status", Args: map[string]string{"host": "crm.example.com", "status": "503"}}
}

func (k look) eventRow(id int64, status, eventType, target string, age time.Duration) view.EventRow {
	e := view.EventRow{ID: id, URL: fmt.Sprintf("/events/%d", id), Status: status, Type: eventType, Target: target, ToProduct: target == "",
		Address: "https://crm.example.com/koodesk/hook?…", InstanceID: "10e758d0-31ad-4c4b-8f1b-81d03469a10e",
		Attempts: 1, Created: ago(age), Resend: k.may(staff.EventsSend, fmt.Sprintf("/events/%d/resend", id))}
	if target == "" {
		e.Address = "https://app.example.com/koodesk"
	}
	switch status {
	case "failed":
		e.Fault, e.Attempts = badAnswer(), 18
	case "pending":
		e.Fault, e.Attempts, e.Next = badAnswer(), 4, ago(-3*time.Minute)
	case "running":
		e.Resend = k.not(staff.EventsSend, "", "why.event_running")
	case "cancelled":
		e.Attempts, e.Resend = 0, k.not(staff.EventsSend, "", "why.event_cancelled")
	}
	return e
}

func (k look) eventRows() []view.EventRow {
	order := k.eventRow(311, "succeeded", "order.notified", "billing-and-reporting-of-the-whole-group", 5*time.Hour)
	order.InstanceID, order.OrderID = "", "CS2511221402QX7TP"
	later := k.eventRow(310, "succeeded", "licence.of_a_later_release", "crm", 26*time.Hour)
	asked := k.eventRow(309, "succeeded", "license.requested", "", 27*time.Hour)
	asked.Question, asked.Resend = true, k.not(staff.EventsSend, "", "why.event_answered")
	return []view.EventRow{k.eventRow(315, "failed", "instance.renewed", "crm", 12*time.Minute), k.eventRow(314, "pending", "instance.frozen", "crm", 20*time.Minute),
		k.eventRow(313, "running", "instance.provision", "", 21*time.Minute), k.eventRow(312, "succeeded", "license_code.released", "crm", 3*time.Hour), order, later, asked,
		k.eventRow(308, "cancelled", "instance.released", "crm", 30*time.Hour)}
}

func (k look) events(state view.ListState, filters ...string) view.EventsPage {
	at := address("/events", filters...)
	p := view.EventsPage{Shell: k.shell(view.RoomEvents, at.String()), Targets: "/event-targets", List: view.List{State: state,
		Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("events.search_hint"), Status: at.Get("status"), Selects: []view.Select{
			{Name: "type", Label: view.Say("events.type"), Options: options("events.any_type", "", "event_type.", "instance.provision", "instance.renewed", "license.requested")},
			{Name: "receiver", Label: view.Say("events.receiver"), Options: append(options("events.any_receiver", "", "events.to_", "product"),
				view.Option{Value: "1", Label: view.Say("events.target_of", "name", "crm", "channel", "default")})}}},
		Tabs: tabs("event", at, at.Get("status"), map[string]int{"failed": 1, "pending": 1, "running": 1})}}
	switch state {
	case view.ListRows:
		p.Days = view.ByDay(k.eventRows(), func(r view.EventRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 8, Older: "/events?before=308"}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable"}
	}
	return p
}

func (k look) eventPage(n int) view.EventPage {
	e := k.eventRows()[n]
	p := view.EventPage{Shell: k.shell(view.RoomEvents, e.URL), Event: e, Back: "/events", Prev: "/events/316", Next: "/events/307",
		Payload: view.Payload{Line: "POST " + e.Address, Body: eventPayload},
		Facts: []view.Fact{{Label: view.Say("fact.channel"), Value: "default"}, {Label: view.Say("events.receiver"), Value: "crm", URL: "/event-targets/1"},
			{Label: view.Say("events.address"), Value: e.Address, Mono: true, Copy: true}, {Label: view.Say("events.webhook_id"), Value: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", Mono: true, Copy: true},
			{Label: view.Say("fact.created"), Time: e.Created}, {Label: view.Say("events.taken")},
			{Label: view.Say("fact.instance"), Value: e.InstanceID, URL: "/instances/" + e.InstanceID, Mono: true, Copy: true}, {Label: view.Say("fact.caused_by"), Value: "#4711", URL: "/messages/4711"}},
		Effects: []view.Effect{{Will: true, Text: view.Say("events.effect_same")}, {Will: true, Text: view.Say("events.effect_logged")}, {Text: view.Say("events.effect_nothing_else")}}}
	if e.Status == "cancelled" {
		p.Payload.Body, p.Payload.Kept = "", 180
	}
	switch e.Status {
	case "failed", "pending":
		p.Live = e.Status == "pending"
		p.Tries = []view.EventTry{{At: ago(time.Minute), Duration: 412 * time.Millisecond, Status: "failed", HTTP: 503, Address: e.Address, Fault: badAnswer(), Answer: `{"error":"maintenance","password":"••••••"}`},
			{At: ago(2 * time.Minute), Status: "restarted", By: "ann.zhang@example.com"},
			{At: ago(12 * time.Minute), Duration: 10 * time.Second, Status: "failed", Address: e.Address, Fault: &fault.Record{Code: fault.Unavailable, Key: "webhook.timeout", Args: map[string]string{"host": "crm.example.com"}}}}
		p.More = e.Status == "failed"
	case "succeeded":
		p.Tries = []view.EventTry{{At: e.Created, Duration: 86 * time.Millisecond, Status: "succeeded", HTTP: 200, Address: e.Address, Answer: `{"license":"••••••"}`}}
	}
	return p
}

func targets() []view.TargetRow {
	row := func(id int64, name, state string) view.TargetRow {
		return view.TargetRow{ID: id, URL: fmt.Sprintf("/event-targets/%d", id), Events: fmt.Sprintf("/events?receiver=%d", id), FailedAt: fmt.Sprintf("/events?receiver=%d&status=failed", id),
			Name: name, Channel: "default", Address: "https://crm.example.com/koodesk/hook?…", State: state, LastOK: ago(3 * time.Hour)}
	}
	crm, billing, off, fresh, paused := row(1, "crm", "failing"), row(2, "billing-and-reporting-of-the-whole-group", "ok"), row(3, "old-crm", "off"), row(4, "audit", "unused"), row(5, "mirror", "paused")
	crm.Types, crm.Waiting, crm.Failed, crm.Fault, crm.LastFail = []string{"instance.renewed", "instance.frozen", "instance.released"}, 2, 1, badAnswer(), ago(time.Minute)
	fresh.LastOK = view.Time{}
	paused.LastFail, paused.Fault, paused.Waiting = ago(10*time.Second), &fault.Record{Code: fault.Unavailable, Key: "webhook.breaker_open", Args: map[string]string{"host": "mirror.example.com", "seconds": "20"}}, 40
	return []view.TargetRow{crm, billing, off, fresh, paused}
}

func (k look) targetForm(action view.Action) view.TargetForm {
	f := view.TargetForm{Action: action, Channels: []string{"default", "intl"}, Channel: "default", Name: view.Field{Name: "name"}, Address: view.Field{Name: "url"},
		Secret: view.Field{Name: "secret"}, Enabled: true}
	for _, t := range []string{"instance.provision", "instance.provisioned", "instance.renewed", "instance.frozen", "instance.unfrozen", "instance.upgraded", "instance.released",
		"instance.check_change", "license.requested", "license_code.renewed", "license_code.frozen", "license_code.unfrozen", "license_code.released", "order.notified"} {
		f.Types = append(f.Types, view.TypeChoice{Type: t, On: t == "instance.renewed" || t == "instance.frozen" || t == "instance.released"})
	}
	return f
}

func (k look) targets(empty, wrong bool) view.EventTargetsPage {
	p := view.EventTargetsPage{Shell: k.shell(view.RoomEvents, "/event-targets"), Targets: targets(), Form: k.targetForm(k.may(staff.EventTargetsWrite, "/event-targets"))}
	if empty {
		p.Targets = nil
	}
	if wrong {
		p.Form.Name.Value, p.Form.Name.Wrong = "crm", view.Say("fault.event_target.exists.what", "name", "crm")
		p.Form.Address.Value, p.Form.Address.Wrong = "http://10.0.0.7/", view.Say("fault.webhook.plain_http.what", "host", "10.0.0.7")
		p.Form.Fault = &fault.Record{Code: fault.Invalid, Key: "event_target.unknown_type", Args: map[string]string{"type": "x", "known": "instance.renewed"}}
	}
	return p
}

func (k look) target(n int, made string) view.EventTargetPage {
	r := targets()[n]
	p := view.EventTargetPage{Shell: k.shell(view.RoomEvents, r.URL), Target: r, Form: k.targetForm(k.may(staff.EventTargetsWrite, r.URL)), Made: made,
		Test: k.may(staff.EventsSend, r.URL+"/test"), Renew: k.may(staff.EventTargetsWrite, r.URL+"/secret"), Remove: k.may(staff.EventTargetsWrite, r.URL+"/remove"),
		Facts: []view.Fact{{Label: view.Say("fact.channel"), Value: "default"}, {Label: view.Say("events.address"), Value: r.Address, Mono: true, Copy: true},
			{Label: view.Say("events.last_ok"), Time: r.LastOK}, {Label: view.Say("events.last_fail"), Time: r.LastFail}, {Label: view.Say("events.waiting"), Value: fmt.Sprint(r.Waiting)},
			{Label: view.Say("events.failed"), Value: fmt.Sprint(r.Failed), URL: r.FailedAt, Tone: "bad"}, {Label: view.Say("fact.created"), Time: ago(700 * time.Hour)}}}
	p.Form.Address.Value = "https://crm.example.com/koodesk/hook?token=4711"
	if made != "" {
		p.Old, p.EndOld = ago(-24*time.Hour), k.may(staff.EventTargetsWrite, r.URL+"/end-old")
	}
	if r.State == "off" {
		p.Form.Enabled, p.Test = false, k.not(staff.EventsSend, "", "why.target_off")
	}
	return p
}

func eventSamples(op, ro, admin look) []Sample {
	return []Sample{
		{"events-full", view.PageEvents, op.events(view.ListRows)},
		{"events-empty", view.PageEvents, op.events(view.ListEmpty)},
		{"events-no-match", view.PageEvents, op.events(view.ListNoMatch, "q", "x", "status", "failed")},
		{"events-error", view.PageEvents, op.events(view.ListError)},
		{"event-failed", view.PageEvent, op.eventPage(0)},
		{"event-pending", view.PageEvent, op.eventPage(1)},
		{"event-running", view.PageEvent, op.eventPage(2)},
		{"event-question", view.PageEvent, op.eventPage(6)},
		{"event-cancelled", view.PageEvent, op.eventPage(7)},
		{"event-read-only", view.PageEvent, ro.eventPage(0)},
		{"event-targets", view.PageEventTargets, admin.targets(false, false)},
		{"event-targets-empty", view.PageEventTargets, admin.targets(true, false)},
		{"event-targets-wrong", view.PageEventTargets, admin.targets(false, true)},
		{"event-targets-read-only", view.PageEventTargets, op.targets(false, false)},
		{"event-target", view.PageEventTarget, admin.target(0, "")},
		{"event-target-made", view.PageEventTarget, admin.target(1, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
		{"event-target-off", view.PageEventTarget, admin.target(2, "")},
		{"event-target-read-only", view.PageEventTarget, op.target(4, "")},
	}
}
