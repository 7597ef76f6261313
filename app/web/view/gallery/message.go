package gallery

import (
	"maps"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

const newInstanceBody = `{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2511221402QX7TP","orderLineId":"CS2511221402QX7TP-000001","testFlag":"0"}`

const orderBody = `{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8","appInfo":{"frontEndUrl":"https://app.example.com/t/87b94795","adminUrl":"https://app.example.com/admin","userName":"admin@9223372036854775807","password":"••••••••","memo":"首次登录请修改密码"},"seats":9223372036854775807,"ok":true,"none":null,"empty":[],"deep":{"a":{"b":{"c":{"d":[1,2.50,3]}}}}}]}`

func request(body string) view.Payload {
	return view.Payload{Line: "POST /koogallery/default", Body: body, Headers: []view.Pair{
		{Name: "timestamp", Value: "1763791105066"}, {Name: "nonce", Value: "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA"},
		{Name: "signature", Value: "11C4••••••••7A48"}, {Name: "Remote", Value: "49.4.112.7"}}}
}

func answer(body string) view.Payload { return view.Payload{Line: "HTTP 200", Body: body} }

func tries(age time.Duration) []view.Try {
	return []view.Try{
		{N: 3, At: ago(age), Duration: 10 * time.Second, Status: "failed", Fault: unreachable()},
		{N: 2, At: ago(age + 2*time.Minute), Duration: 10*time.Second + 4*time.Millisecond, Status: "failed", Fault: unreachable()},
		{N: 1, At: ago(age + 3*time.Minute), Duration: 812 * time.Millisecond, Status: "lost"},
	}
}

func (k look) task(id int64, kind, purpose, status string) view.TaskRow {
	t := view.TaskRow{
		ID: id, Kind: kind, Purpose: purpose, Status: status, Attempts: 1, Max: 8, Created: ago(8 * time.Minute),
		URL: "/messages/1042", InstanceID: "87b94795-0603-4e24-8ae5-69420d60e3c8", InstanceURL: "/instances/87b94795-0603-4e24-8ae5-69420d60e3c8",
		OrderID: "CS2511221402QX7TP", Restart: k.not(staff.TasksRestart, "", "why.task_done"),
		Tries: []view.Try{{N: 1, At: ago(8 * time.Minute), Duration: 420 * time.Millisecond, Status: "succeeded"}},
	}
	switch status {
	case "failed":
		t.Fault, t.Attempts, t.Tries, t.Finished = unreachable(), 3, tries(4*time.Minute), ago(4*time.Minute)
		t.Restart = k.may(staff.TasksRestart, "/tasks/1/restart")
		t.Effects = append(counted(0, 0, 0, 1), view.Effect{Will: true, Text: view.Say("restarts.effect.customers", "n", 1)})
	case "pending":
		t.RunAt, t.Tries, t.Attempts = ago(-90*time.Second), nil, 0
		t.Restart = k.may(staff.TasksRestart, "/tasks/2/restart")
		t.Effects = append(counted(1, 0, 0, 0), view.Effect{Will: true, Text: view.Say("restarts.effect.hurried", "n", 1)})
	case "running":
		t.Restart = k.not(staff.TasksRestart, "", "why.task_running")
	case "succeeded":
		t.Finished = ago(7 * time.Minute)
	}
	return t
}

func (k look) message(state string) view.MessagePage {
	p := view.MessagePage{
		Shell: k.shell(view.RoomMessages, "/messages/1042"), Message: rows()[0], Back: "/messages?status=failed",
		Prev: "/messages/1043", Next: "/messages/1041", Restart: k.may(staff.MessagesRestart, "/messages/1042/restart"), Effects: append(counted(0, 1, 0, 1), effects()...),
		Tasks: []view.TaskRow{k.task(1, "order_query", "purchase", "failed")},
	}
	switch state {
	case "over":
		p.Message.RetryUntil = ago(35 * time.Minute)
	case "overtaken":
		p.Restart = k.not(staff.MessagesRestart, "", "why.message_overtaken")
		p.Overtaken = view.Fact{Text: view.Say("activity.refreshInstance"), Value: "#1040", URL: "/messages/1040"}
		p.Tasks[0].Overtaken, p.Tasks[0].Restart = 31, p.Restart
	case "missed":
		p.Message, p.Effects = rows()[2], answeredAgain()
	case "processing":
		p.Message, p.Live = rows()[1], true
		p.Restart = k.not(staff.MessagesRestart, "", "why.message_running")
		waiting := k.task(3, "provision", "purchase", "pending")
		waiting.Waiting = true
		p.Tasks = []view.TaskRow{k.task(2, "order_query", "purchase", "running"), waiting, k.task(4, "provision", "purchase", "pending")}
	case "succeeded":
		p.Message = rows()[9]
		p.Effects = answeredAgain()
		p.Tasks = []view.TaskRow{k.task(5, "order_query", "purchase", "succeeded"), k.task(6, "provision", "purchase", "succeeded"), k.task(7, "deliver", "usage_info", "succeeded")}
		p.Tasks[2].DeliveryURL = "/deliveries/77"
		p.Hidden, p.All = 37, "/messages/1042?attempts=all"
	case "gone":
		p.Message, p.Gone = rows()[9], true
		p.Effects = answeredAgain()
	case "rejected":
		p.Message, p.Tasks, p.Next = rows()[4], nil, ""
		p.Restart = k.not(staff.MessagesRestart, "", "why.message_rejected")
		p.Diagnosis = diagnosed()
	}
	if state == "succeeded" {
		p.Quarantine = k.quarantine()
	}
	p.Facts, p.Retry = messageFacts(p.Message), retry(state)
	p.Attempts, p.Timeline = attempts(state), messageTimeline(state)
	if state != "rejected" {
		p.Restarts = ownRestarts(state)
	}
	return p
}

// answeredAgain are the effects of restarting what has succeeded.
func answeredAgain() []view.Effect {
	return slices.Concat(counted(0, 0, 0, 0), []view.Effect{{Will: true, Text: view.Say("restarts.effect.reruns", "n", 1)},
		{Will: true, Text: view.Say("effect.answers_again")}, {Text: view.Say("effect.not_twice")}}, effects()[1:])
}

// ownRestarts are restarts of a message and of its tasks; where the attempts are gone
// they have ended.
func ownRestarts(state string) []view.OwnRestart {
	one := view.OwnRestart{Batch: 18, BatchURL: "/restarts/18", At: ago(4 * time.Minute), By: "ann.zhang@example.com", Reason: "客户来电催办，网络已恢复", Mode: "all",
		BatchItem: view.BatchItem{ID: 1042, State: "restarted", Given: 1, Hurried: 1}}
	task := view.OwnRestart{Batch: 16, BatchURL: "/restarts/16", At: ago(26 * time.Hour), By: "li.wei@example.com", Mode: "all", Task: view.Say("task_kind.order_query"),
		BatchItem: view.BatchItem{ID: 1, State: "failed", Given: 1}}
	refused := view.OwnRestart{Batch: 15, BatchURL: "/restarts/15", At: ago(31 * time.Hour), By: "ann.zhang@example.com", Reason: "云商店接口已恢复", Mode: "all",
		BatchItem: view.BatchItem{ID: 1042, State: "refused", Fault: &fault.Record{Code: fault.Conflict, Key: "restart.running"}}}
	told := view.OwnRestart{Batch: 9, BatchURL: "/restarts/9", At: ago(3 * 365 * 24 * time.Hour), By: "token:erp", Mode: "delivery", BatchItem: view.BatchItem{ID: 1042, State: "passed", Given: 2}}
	if state == "gone" {
		one.State, one.Hurried = "passed", 0
		return []view.OwnRestart{one, told}
	}
	return []view.OwnRestart{one, task, refused, told}
}

// pollOfSeveral names six instances, of which one is unknown.
func (k look) pollOfSeveral() view.MessagePage {
	p := k.message("gone")
	p.Message, p.Tasks, p.Timeline = rows()[3], nil, nil
	p.Facts = messageFacts(p.Message)
	p.Facts[1].Label = view.Say("fact.instances", "n", 6)
	for _, id := range []string{"87b94795-0603-4e24-8ae5-69420d60e3c8", "5f0c1c2e-9a55-4f0b-8d0a-2e3c7a1b9d44", "03pf80c2bae96vc49b80b917bea776d7",
		"c0a8012e-7d1f-4b0c-9a63-f2b0c1d8e977", "b7d6a3f0-2c41-4d7e-9f55-0a8e6c1d2b34"} {
		f := view.Fact{Value: id, URL: "/instances/" + id, Mono: true}
		if len(p.Facts[1].More) == 4 {
			f.URL = ""
		}
		p.Facts[1].More = append(p.Facts[1].More, f)
	}
	return p
}

func messageFacts(m view.MessageRow) []view.Fact {
	return []view.Fact{
		{Label: view.Say("fact.order_line"), Value: m.LineID, Mono: true, Copy: true},
		{Label: view.Say("fact.instance"), Value: m.InstanceID, URL: "/instances/" + m.InstanceID, Mono: true, Copy: true},
		{Label: view.Say("fact.business"), Value: "87b94795-0603-4e24-8ae5-69420d60e3c8", Mono: true, Copy: true},
		{Label: view.Say("fact.channel"), Value: m.Channel, Note: view.Say("fact.protocol_v2")},
		{Label: view.Say("fact.result"), Value: m.ResultCode, Mono: true},
		{Label: view.Say("fact.attempts"), Text: view.Say("fact.times", "n", m.Attempts), Note: view.Say("fact.conflicts", "n", 1), Tone: "warn"},
		{Label: view.Say("fact.first"), Time: m.First},
		{Label: view.Say("fact.last"), Time: m.Last},
	}
}

func attempts(state string) []view.Attempt {
	first := view.Attempt{N: 1, At: ago(8*time.Minute + 40*time.Second), Source: "marketplace", Disposition: "new", ResultCode: string(market.Processing),
		Duration: 6 * time.Millisecond, Request: request(newInstanceBody), Response: answer(`{"resultCode":"000004","resultMsg":"request is processing","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}`)}
	again := first
	again.N, again.At, again.Disposition, again.Duration = 2, ago(6*time.Minute), "repeat", 900*time.Microsecond
	again.Why = view.Say("quarantine.why.purchase", "order", "CS2511221402QX7TP-000001", "instance", "87b94795-0603-4e24-8ae5-69420d60e3c8")
	manual := view.Attempt{N: 3, At: ago(4 * time.Minute), Source: "operator", Disposition: "restart", By: "ann.zhang@example.com",
		Reason: "客户来电催办，网络已恢复", Duration: 3 * time.Millisecond, Open: true, Restart: &ownRestarts(state)[0]}
	task := view.Attempt{N: 4, At: ago(3 * time.Minute), Source: "operator", Disposition: "restart", By: "li.wei@example.com", Duration: 2 * time.Millisecond, Open: true,
		Restart: &ownRestarts("")[1]}
	switch state {
	case "rejected":
		bad := first
		bad.Disposition, bad.ResultCode, bad.Fault, bad.Open = "rejected", "000001", skewed(), true
		bad.Diagnosis = diagnosed()
		bad.Response = answer(`{"resultCode":"000001","resultMsg":"Authentication failed."}`)
		return []view.Attempt{bad}
	case "gone":
		old := again
		old.Open, old.Request, old.Response = true, view.Payload{Line: "POST", Kept: 180}, view.Payload{Kept: 180}
		return []view.Attempt{old}
	case "succeeded":
		info := again
		info.Open, info.Response = true, answer(orderBody)
		raw := first
		raw.Request = view.Payload{Line: "POST /koogallery/default", Body: "activity=newInstance&orderId=…", Cut: true}
		raw.Response = view.Payload{}
		return []view.Attempt{info, raw}
	}
	again.Open = true
	return []view.Attempt{task, manual, again, first}
}

func messageTimeline(state string) []view.Event {
	events := []view.Event{
		{At: ago(4 * time.Minute), Kind: "task_failed", Args: []any{"what", view.Say("task_kind.order_query")}, Fault: unreachable(), Gap: 10 * time.Second},
		{At: ago(4*time.Minute + 10*time.Second), Kind: "restarted", By: "ann.zhang@example.com", Note: "客户来电催办，网络已恢复", Gap: 110 * time.Second},
		{At: ago(6 * time.Minute), Kind: "repeated", Gap: 160 * time.Second},
		{At: ago(8*time.Minute + 40*time.Second), Kind: "received", Args: []any{"what", view.Say("activity.newInstance")}},
	}
	switch state {
	case "rejected":
		return []view.Event{{At: ago(3 * time.Hour), Kind: "rejected", Fault: skewed()}}
	case "succeeded":
		return append([]view.Event{
			{At: ago(3 * time.Minute), Kind: "sent", Args: []any{"what", view.Say("delivery_kind.usage_info"), "to", "b•••@example.com"}, URL: "/deliveries/77", Gap: time.Second},
			{At: ago(3*time.Minute + time.Second), Kind: "provisioned", Gap: 40 * time.Millisecond},
			{At: ago(3*time.Minute + time.Second), Kind: "queried", Gap: 320 * time.Millisecond},
		}, events[2:]...)
	}
	return events
}

func refusedMail() *fault.Record {
	return &fault.Record{Code: fault.Refused, Key: "mail.recipient_refused", Args: map[string]string{"server": "smtp.example.com:587", "stage": "rcpt_to", "code": "550"},
		Detail: "550 5.1.1 <b•••@example.com>: Recipient address rejected: User unknown in virtual mailbox table"}
}

// diagnosed is a refusal with more than one cause.
func diagnosed() *view.Diagnosis {
	return &view.Diagnosis{Clock: clock(), Found: &market.Diagnosis{
		Checks: []market.Check{
			{Name: "method", State: market.CheckPassed}, {Name: "query", State: market.CheckPassed}, {Name: "proof", State: market.CheckPassed},
			{Name: "timestamp", State: market.CheckPassed}, {Name: "nonce", State: market.CheckPassed},
			{Name: "key", State: market.CheckPassed, Args: map[string]string{"class": "basic"}},
			{Name: "clock", State: market.CheckFailed, Args: map[string]string{"seconds": "412.0", "limit": "60"}},
			{Name: "signature", State: market.CheckFailed}, {Name: "replay", State: market.CheckNotReached}, {Name: "content_type", State: market.CheckPassed}},
		Findings: []market.Finding{
			{Code: market.FoundKeyRetired, Args: map[string]string{"class": "basic", "when": "2025-11-20T02:00:00Z"}},
			{Code: market.FoundClock, Args: map[string]string{"seconds": "412.0", "limit": "60"}}},
	}}
}

func (k look) allFindings(d *view.Diagnosis) view.MessagePage {
	p := k.message("rejected")
	p.Diagnosis, p.Attempts[0].Diagnosis = d, d
	return p
}

// everyFinding shows all findings on one page, to be read.
func everyFinding() *view.Diagnosis {
	d := diagnosed()
	args := map[string]string{"class": "kit", "want": "basic", "channel": "other", "when": "2025-11-20T02:00:00Z", "seconds": "-28805.2", "limit": "60",
		"hours": "-8", "minutes": "480", "unit": "us", "field": "traceId", "method": "PUT", "version": "v2", "signature": "right", "value": "1", "tried": "7"}
	how := map[string]string{market.FoundBody: "line_ends", market.FoundQuery: "plus", market.FoundFormula: "inner_upper", market.FoundOrder: "as_sent"}
	d.Found.Findings = nil
	for _, code := range market.FindingCodes() {
		mine := maps.Clone(args)
		mine["how"] = how[code]
		d.Found.Findings = append(d.Found.Findings, market.Finding{Code: code, Args: mine})
	}
	d.Found.Cut, d.Found.Checks = true, nil
	for _, name := range market.CheckNames() {
		d.Found.Checks = append(d.Found.Checks, market.Check{Name: name, State: market.CheckFailed, Args: args})
	}
	return d
}
