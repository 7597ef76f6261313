package gallery

import (
	"fmt"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

const letter = `尊敬的客户：

您购买的「智能客服云 · 企业版（50 坐席）」已经开通，可以使用了。

访问地址：https://app.example.com/t/10e758d0-31ad-4c4b-8f1b-81d03469a10e
管理地址：https://app.example.com/admin
管理员账号：admin@10e758d0
初始密码：••••••••

首次登录请修改密码。
订单：CS2511221402QX7TP`

func (k look) delivery(id int64, status, kind, medium, to string, age time.Duration) view.DeliveryRow {
	d := view.DeliveryRow{
		ID: id, URL: fmt.Sprintf("/deliveries/%d", id), Status: status, Kind: kind, Medium: medium, To: to,
		InstanceID: "10e758d0-31ad-4c4b-8f1b-81d03469a10e", InstanceURL: "/instances/10e758d0-31ad-4c4b-8f1b-81d03469a10e",
		Attempts: 1, Created: ago(age), Resend: k.may(staff.DeliveriesSend, fmt.Sprintf("/deliveries/%d/resend", id)),
	}
	switch status {
	case "succeeded":
		d.Sent = ago(age - 2*time.Second)
	case "failed":
		d.Fault, d.Attempts = refusedMail(), 5
	case "running":
		d.Resend = k.not(staff.DeliveriesSend, "", "why.delivery_running")
	}
	return d
}

func (k look) deliveryRows() []view.DeliveryRow {
	kept := k.delivery(73, "succeeded", "usage_info", "sms", "138••••0000", 27*time.Hour)
	kept.Kept = true
	held := k.delivery(74, "pending", "expiry_notice", "sms", "139••••0000", 6*time.Hour)
	held.HeldWhy, held.Held = "quiet_hours", ago(-9*time.Hour)
	return []view.DeliveryRow{
		k.delivery(78, "failed", "usage_info", "email", "b•••@example.com", 12*time.Minute),
		k.delivery(77, "succeeded", "usage_info", "email", "p•••••••g@very-long-company-name.example.com.cn", 3*time.Hour),
		k.delivery(76, "running", "renewed", "email", "s•••@example.org", 4*time.Hour),
		k.delivery(75, "pending", "expiry_notice", "sms", "+65•••••12", 5*time.Hour),
		held, kept, k.delivery(72, "cancelled", "frozen", "email", "x•••@example.net", 30*time.Hour),
	}
}

func (k look) deliveries(state view.ListState, filters ...string) view.DeliveriesPage {
	at := address("/deliveries", filters...)
	p := view.DeliveriesPage{
		Shell: k.shell(view.RoomDeliveries, at.String()),
		List: view.List{
			Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.deliveries_hint"), Status: at.Get("status"),
				Selects: []view.Select{
					{Name: "kind", Label: view.Say("filter.kind"), Options: options("filter.any_kind", "", "delivery_kind.", "usage_info", "expiry_notice", "frozen", "unfrozen", "renewed", "released", "license_ready")},
					{Name: "medium", Label: view.Say("filter.medium"), Options: options("filter.any_medium", "", "medium.", "email", "sms")}},
				Range: &view.Range{Preset: at.Get("range")}},
			Tabs: tabs("delivery", at, at.Get("status"), map[string]int{"failed": 1, "pending": 1, "running": 1}), State: state,
		},
	}
	switch state {
	case view.ListRows:
		p.Days = view.ByDay(k.deliveryRows(), func(r view.DeliveryRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 6}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal", Detail: "scan: unexpected column"}
	}
	return p
}

func (k look) deliveryPage(state string) view.DeliveryPage {
	d := k.deliveryRows()[map[string]int{"failed": 0, "sent": 1, "wiped": 1, "running": 2, "pending": 3, "waiting": 3, "kept": 4, "erased": 1, "refused": 4, "bounced": 1, "unknown": 4}[state]]
	p := view.DeliveryPage{
		Shell: k.shell(view.RoomDeliveries, d.URL), Delivery: d, Back: "/deliveries", Prev: "/deliveries/79", Next: "/deliveries/71",
		Facts: []view.Fact{
			{Label: view.Say("fact.to"), Value: d.To}, {Label: view.Say("fact.instance"), Value: d.InstanceID, URL: d.InstanceURL, Mono: true, Copy: true},
			{Label: view.Say("fact.language"), Text: view.Say("locale.zh-CN")}, {Label: view.Say("fact.transport"), Value: "smtp"},
			{Label: view.Say("fact.created"), Time: d.Created}, {Label: view.Say("fact.sent"), Time: d.Sent},
			{Label: view.Say("fact.message_id"), Value: "<delivery-77.5f0c1c2e9a55@koodesk.example.com>", Mono: true, Copy: true},
			{Label: view.Say("fact.caused_by"), Text: view.Say("activity.newInstance")},
		},
		Subject: "您购买的「智能客服云 · 企业版（50 坐席）」已开通", Text: letter,
		Tries: []view.Try{{N: 1, At: d.Created, Duration: 640 * time.Millisecond, Status: "succeeded", Answer: "250 2.0.0 Ok: queued as 4fXk2b1Zq9z3"}},
		To:    view.Field{Name: "to"},
		Effects: []view.Effect{{Will: true, Text: view.Say("effect.resend_second")}, {Will: true, Text: view.Say("effect.resend_same")},
			{Will: true, Text: view.Say("effect.resend_logged")}, {Text: view.Say("effect.resend_no_access")}},
	}
	switch state {
	case "failed":
		p.Tries = []view.Try{{N: 2, At: ago(2 * time.Minute), Duration: 1400 * time.Millisecond, Status: "failed", Fault: refusedMail()},
			{N: 1, At: ago(12 * time.Minute), Duration: 900 * time.Millisecond, Status: "failed", Fault: unreachable(), By: "ann.zhang@example.com"}}
	case "refused":
		p.Delivery.Status, p.Delivery.Outcome, p.Delivery.Kept = "failed", "refused", false
		p.Delivery.Fault = &fault.Record{Code: fault.Refused, Key: "delivery.refused", Args: map[string]string{"code": "UNDELIV"}}
		p.Facts = append(p.Facts, view.Fact{Label: view.Say("fact.outcome"), Text: view.Say("outcome.refused")}, view.Fact{Label: view.Say("fact.fallback.failed"), Value: "#80", URL: "/deliveries/80"})
		p.Receipts = []view.Receipt{{At: ago(time.Minute), Outcome: "refused", Code: "UNDELIV", Note: "Number not in service", Source: "huawei", Part: 2, Parts: 2},
			{At: ago(2 * time.Minute), Outcome: "delivered", Code: "DELIVRD", Source: "huawei", Part: 1, Parts: 2}, {At: ago(time.Hour), Outcome: "handed_over", Code: "ACCEPTD", Source: "huawei", Part: 1, Parts: 1, Old: true}}
	case "bounced":
		p.Delivery.Status, p.Delivery.Outcome = "failed", "bounced"
		p.Delivery.Fault = &fault.Record{Code: fault.Refused, Key: "delivery.bounced", Args: map[string]string{"code": "5.1.1"}}
		p.Facts = append(p.Facts, view.Fact{Label: view.Say("fact.outcome"), Text: view.Say("outcome.bounced")})
		p.Receipts = []view.Receipt{{At: ago(time.Minute), Outcome: "bounced", Code: "5.1.1", Source: "smtp", Part: 1, Parts: 1,
			Note: "550 5.1.1 <***@very-long-company-name.example.com.cn>: Recipient address rejected: User unknown in virtual mailbox table"},
			{At: ago(time.Hour), Outcome: "handed_over", Code: "4.2.0", Remark: "delayed", Note: "450 4.2.0 greylisted", Source: "smtp", Part: 1, Parts: 1}}
	case "unknown":
		filled(&p)
		p.Left = true
		p.Delivery.Status, p.Delivery.Outcome, p.Delivery.Kept = "failed", "unknown", false
		p.Delivery.Fault = &fault.Record{Code: fault.Unavailable, Key: "delivery.outcome_unknown", Args: map[string]string{"transport": "huawei"}}
		p.Facts = append(p.Facts, view.Fact{Label: view.Say("fact.outcome"), Text: view.Say("outcome.unknown")})
	case "pending":
		p.Tries, p.Text, p.Subject, p.Live = nil, "", "", true
	case "waiting":
		filled(&p)
		p.Tries = []view.Try{{N: 1, At: ago(2 * time.Minute), Duration: 1400 * time.Millisecond, Status: "failed", Fault: &fault.Record{Code: fault.Unavailable, Key: "sms.deferred", Args: map[string]string{"code": "503"}}}}
	case "kept":
		p.Tries, p.Subject = nil, ""
	case "wiped":
		p.Wiped = ago(48 * time.Hour)
	case "erased":
		p.Kept, p.Subject, p.Text = 365, "", ""
		p.Erased, p.Delivery.Resend = true, k.not(staff.DeliveriesSend, "", "why.delivery_erased")
	}
	return p
}

// filled is what a service with texts of its own is given.
func filled(p *view.DeliveryPage) {
	p.Subject, p.Template, p.Values = "", "8ff55eac1d0b478ab3c06c3c6a492300", []string{"智能客服云 · 企业版（50 坐席）", "admin", "••••••••", " "}
}

func deliverySamples(op, ro look) []Sample {
	return []Sample{
		{"deliveries-full", view.PageDeliveries, op.deliveries(view.ListRows)},
		{"deliveries-waiting", view.PageDeliveries, op.deliveries(view.ListRows, "status", "waiting")},
		{"deliveries-empty", view.PageDeliveries, op.deliveries(view.ListEmpty)},
		{"deliveries-no-match", view.PageDeliveries, op.deliveries(view.ListNoMatch, "q", "x", "status", "failed", "range", "1h")},
		{"deliveries-error", view.PageDeliveries, op.deliveries(view.ListError)},
		{"delivery-sent", view.PageDelivery, op.deliveryPage("sent")},
		{"delivery-failed", view.PageDelivery, op.deliveryPage("failed")},
		{"delivery-bounced", view.PageDelivery, op.deliveryPage("bounced")},
		{"delivery-pending", view.PageDelivery, op.deliveryPage("pending")},
		{"delivery-waiting", view.PageDelivery, op.deliveryPage("waiting")},
		{"delivery-kept", view.PageDelivery, op.deliveryPage("kept")},
		{"delivery-refused", view.PageDelivery, op.deliveryPage("refused")},
		{"delivery-unknown", view.PageDelivery, op.deliveryPage("unknown")},
		{"delivery-wiped", view.PageDelivery, op.deliveryPage("wiped")},
		{"delivery-erased", view.PageDelivery, op.deliveryPage("erased")},
		{"delivery-read-only", view.PageDelivery, ro.deliveryPage("failed")},
	}
}

func (k look) tasks(state view.ListState, filters ...string) view.TasksPage {
	at := address("/tasks", filters...)
	p := view.TasksPage{
		Shell:      k.shell(view.RoomTasks, at.String()),
		RestartAll: k.may(staff.TasksRestart, "/restarts/new?list=%2Ftasks"),
		List: view.List{Bulk: k.may(staff.TasksRestart, "/restarts/new"),
			Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.tasks_hint"), Status: at.Get("status"),
				Selects: []view.Select{{Name: "kind", Label: view.Say("filter.kind"), Options: options("filter.any_kind", "", "task_kind.", "order_query", "provision", "deliver")}}},
			Tabs: tabs("task", at, at.Get("status"), map[string]int{"failed": 1, "pending": 2, "running": 1}), State: state,
		},
	}
	switch state {
	case view.ListRows:
		waiting := k.task(13, "provision", "purchase", "pending")
		waiting.Waiting, waiting.Restart = true, k.not(staff.TasksRestart, "", "why.message_waiting")
		rows := []view.TaskRow{k.task(21, "order_query", "purchase", "failed"), k.task(20, "deliver", "usage_info", "pending"),
			k.task(19, "provision", "upgrade", "running"), waiting, k.task(17, "order_query", "renewal", "succeeded"), k.task(16, "provision", "release", "cancelled")}
		p.Days = view.ByDay(rows, func(r view.TaskRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 6, Older: "/tasks?before=16"}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable"}
	}
	return p
}

func taskSamples(op, ro look) []Sample {
	return []Sample{
		{"tasks-full", view.PageTasks, op.tasks(view.ListRows)},
		{"tasks-empty", view.PageTasks, op.tasks(view.ListEmpty)},
		{"tasks-no-match", view.PageTasks, op.tasks(view.ListNoMatch, "status", "failed", "q", "zzz")},
		{"tasks-error", view.PageTasks, op.tasks(view.ListError)},
		{"tasks-read-only", view.PageTasks, ro.tasks(view.ListRows)},
	}
}
