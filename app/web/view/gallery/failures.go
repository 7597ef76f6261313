package gallery

import (
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) group(id int64, status, step, product string, f *fault.Record) view.GroupRow {
	g := view.GroupRow{ID: id, URL: "/failures/" + string(rune('0'+id)), Status: status, Step: step, OfTasks: true, Channel: "default", Product: product, Fault: f,
		First: ago(time.Duration(id) * 26 * time.Hour), Last: ago(time.Duration(id) * 3 * time.Minute), Opened: ago(time.Duration(id) * 2 * time.Hour),
		GivenUp: 38, Retrying: 4, Orders: 41, Most: 57}
	switch status {
	case "snoozed":
		g.Until, g.Assignee = ago(-20*time.Hour), "li.wei@example.com"
		g.Note = "等待邮件服务商恢复"
	case "resolved":
		g.Resolved, g.GivenUp, g.Retrying, g.Orders = ago(time.Hour), 0, 0, 0
	}
	return g
}

// closed is a group that a person has closed.
func closed(g view.GroupRow) view.GroupRow {
	g.ClosedBy, g.CloseReason = "ann.zhang@example.com", "实例已释放，续费无需再处理"
	return g
}

// overtaken is a group of which later calls have taken some members' place.
func overtaken(g view.GroupRow) view.GroupRow {
	g.Overtaken = 3
	return g
}

func (k look) groups() []view.GroupRow {
	urgent := k.group(1, "open", "order_query", "", &fault.Record{Code: fault.Refused, Key: "order_query.credentials_refused", Args: map[string]string{"code": "MKT.0101"}})
	urgent.Deadline = ago(-(time.Hour + 12*time.Minute))
	urgent.Assignee = "ann.zhang@example.com"
	return []view.GroupRow{urgent,
		k.group(2, "open", "provision", "智能客服云 企业版", &fault.Record{Code: fault.Refused, Key: "pool.empty", Args: map[string]string{"pool": "crm-accounts"}}),
		k.group(3, "snoozed", "deliver", "", &fault.Record{Code: fault.Unavailable, Key: "mail.unreachable", Args: map[string]string{"server": "smtp.example.com"}}),
		k.group(4, "resolved", "newInstance", "", &fault.Record{Code: fault.Internal, Key: "database.timeout"})}
}

func (k look) failures(state view.ListState, filters ...string) view.FailuresPage {
	at := address("/failures", filters...)
	p := view.FailuresPage{Shell: k.shell(view.RoomFailures, at.String()), Channels: true, List: view.List{State: state,
		Filter: view.Filter{URL: at, Status: at.Get("status"), NoSearch: true, Selects: []view.Select{{Name: "step", Label: view.Say("failures.step"),
			Options: options("failures.any_step", at.Get("step"), "task_kind.", "order_query", "provision", "deliver")}}},
		Tabs: tabs("group", at, at.Get("status"), map[string]int{"open": 2, "snoozed": 1, "resolved": 1})}}
	switch state {
	case view.ListRows:
		p.Groups, p.Pager = k.groups(), view.Pager{Rows: 50, Shown: 4}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal"}
	}
	return p
}

func (k look) failure(g view.GroupRow) view.FailurePage {
	p := view.FailurePage{Shell: k.shell(view.RoomFailures, g.URL), Group: g, Change: k.may(staff.FailuresWork, g.URL), Close: k.may(staff.FailuresWork, g.URL+"/close"), List: view.List{Filter: view.Filter{URL: address(g.URL)}},
		Facts: []view.Fact{{Label: view.Say("failures.product"), Value: g.Product}, {Label: view.Say("fact.channel"), Value: g.Channel},
			{Label: view.Say("failures.orders"), Text: view.Say("failures.orders_now", "n", g.Orders), Note: view.Say("failures.orders_most", "count", "57")},
			{Label: view.Say("failures.members"), Text: view.Say("failures.given_up_n", "count", strconv.Itoa(g.GivenUp)), Note: view.Say("failures.retrying_n", "count", "4")},
			{Label: view.Say("failures.first"), Time: g.First, Note: view.Say("failures.reopened", "n", 2)}, {Label: view.Say("failures.last"), Time: g.Last}},
		Snoozes: []view.Option{{Value: "1h", Label: view.Say("failures.snooze.1h")}, {Value: "24h", Label: view.Say("failures.snooze.24h")}},
		Assignee: []view.Option{{Label: view.Say("failures.nobody")}, {Value: "li.wei@example.com"},
			{Value: "ann.zhang@example.com", Label: view.Say("failures.me", "email", "ann.zhang@example.com"), Selected: true}}}
	p.Restart = k.may(staff.MessagesRestart, "/restarts/new?list=%2Fmessages%3Fgroup%3D1")
	if g.GivenUp == 0 {
		p.Close.Why = view.Say("fault.failure_group.still_tried.what")
	}
	if p.State = view.ListEmpty; g.Status == "resolved" {
		p.Restart = k.not(staff.MessagesRestart, "", "restarts.nothing")
		return p
	}
	p.State, p.Pager = view.ListRows, view.Pager{Rows: 50, Shown: 3}
	for n, status := range []string{"failed", "failed", "pending"} {
		if g.GivenUp == 0 {
			status = "pending"
		}
		m := view.Member{URL: "/messages/4711", Pill: "task", Status: status, ID: int64(9000 - n), OrderID: "CS2511221402QX7TP",
			InstanceID: "10e758d0-31ad-4c4b-8f1b-81d03469a10e", Fault: g.Fault, At: ago(time.Duration(n+1) * 4 * time.Minute), Attempts: 10 - 4*n}
		if status == "pending" {
			m.RunAt = ago(-90 * time.Second)
		}
		if own := *g.Fault; n == 1 {
			own.Args = map[string]string{"result_code": "000104", "message": "租户域名 acme 已被占用", "code": "MKT.0102", "server": "smtp2.example.com"}
			m.Fault = &own
		}
		p.Members = append(p.Members, m)
	}
	return p
}

func (k look) needs(full bool) view.NeedsPage {
	p := view.NeedsPage{Shell: k.shell(view.RoomHome, "/")}
	if !full {
		p.Counts = nil
		return p
	}
	p.Needs = []view.Need{
		{Name: "failures", Icon: "failed", Count: 2, URL: "/failures?status=waiting", First: "/failures/1", Label: view.Say("task_kind.order_query"),
			Fault: &fault.Record{Code: fault.Refused, Key: "order_query.credentials_refused", Args: map[string]string{"code": "MKT.0101"}}, Since: ago(2 * time.Hour), Until: ago(-12 * time.Minute)},
		{Name: "access", Icon: "edit", Count: 3, URL: "/instances?status=waiting", First: "/instances/10e758d0", Raw: "智能客服云 企业版", Since: ago(40 * time.Minute), Until: ago(-140 * time.Minute)},
		{Name: "stuck", Icon: "pending", Count: 4, URL: "/stuck", First: "/stuck?kind=lease", Label: view.Say("stuck.kind.lease"), Since: ago(6 * time.Minute)},
		{Name: "conflicts", Icon: "alert", Count: 1, URL: "/messages?quarantined=1", First: "/messages/4711", Label: view.Say("activity.newInstance"), Since: ago(3 * time.Hour)},
		{Name: "keys", Icon: "lock", Count: 1, URL: "/messages?status=rejected", First: "/messages?status=rejected&channel=default", Label: view.Say("need.keys_of", "channel", "default", "class", "saas"), Since: ago(25 * time.Minute)},
		{Name: "licenses", Icon: "upgrade", Count: 2, URL: "/licenses?status=waiting", First: "/licenses/3", Raw: "CAD 专业版", Since: ago(30 * time.Minute), Until: ago(-25 * time.Minute)},
		{Name: "license_pools", Icon: "order", Count: 1, URL: "/license-pools?status=low", First: "/license-pools?pool=cad", Label: view.Say("need.pool_left", "pool", "cad", "left", "0"), Since: ago(time.Hour)},
		{Name: "pools", Icon: "order", Count: 1, URL: "/pools?status=low", First: "/pools/crm-accounts", Label: view.Say("need.pool_left", "pool", "crm-accounts", "left", "2"), Since: ago(26 * time.Hour)},
		{Name: "deliveries", Icon: "mail", Count: 1, URL: "/deliveries?status=waiting", First: "/deliveries/77", Label: view.Say("delivery_kind.usage_info"),
			Fault: &fault.Record{Code: fault.Refused, Key: "mail.recipient_refused"}, Since: ago(5 * time.Hour)},
		{Name: "findings", Icon: "reconcile", Count: 999, URL: "/reconcile?status=open", First: "/reconcile?status=open", Label: view.Say("reconcile.kind.missing"), Since: ago(9 * time.Hour)},
		{Name: "leftovers", Icon: "released", Count: 1, First: "/instances/10e758d0", Raw: "智能客服云 企业版", Since: ago(72 * time.Hour)},
	}
	return p
}

func failureSamples(op, ro look) []Sample {
	groups := op.groups()
	refused := op.group(5, "open", "provision", "智能客服云 企业版", &fault.Record{Code: fault.Refused, Key: "webhook.refused", Args: map[string]string{"result_code": "000104", "message": "租户域名 wayne 已被占用"}})
	retried := groups[0]
	retried.GivenUp = 0
	return []Sample{
		{"home-full", view.PageHome, op.needs(true)},
		{"home-empty", view.PageHome, op.needs(false)},
		{"home-read-only", view.PageHome, ro.needs(true)},
		{"failures-full", view.PageFailures, op.failures(view.ListRows)},
		{"failures-empty", view.PageFailures, op.failures(view.ListEmpty)},
		{"failures-no-match", view.PageFailures, op.failures(view.ListNoMatch, "step", "deliver")},
		{"failures-error", view.PageFailures, op.failures(view.ListError)},
		{"failure-open", view.PageFailure, op.failure(groups[0])},
		{"failure-refused", view.PageFailure, op.failure(refused)},
		{"failure-retried", view.PageFailure, op.failure(retried)},
		{"failure-snoozed", view.PageFailure, op.failure(groups[2])},
		{"failure-resolved", view.PageFailure, op.failure(groups[3])},
		{"failure-overtaken", view.PageFailure, op.failure(overtaken(groups[3]))},
		{"failure-closed", view.PageFailure, op.failure(closed(groups[3]))},
		{"failure-read-only", view.PageFailure, ro.failure(groups[2])},
	}
}
