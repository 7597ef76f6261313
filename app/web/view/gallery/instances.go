package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func instance(id, status, product string, age, left time.Duration) view.InstanceRow {
	i := view.InstanceRow{
		ID: id, URL: "/instances/" + id, Status: status, Channel: "default", ProductName: product, ProductID: "OFFI461867333479178240",
		SkuCode: "d0abcd12-1234-5678-ab90-11ab012aaaa1", OrderID: "CS2511221402QX7TP", Customer: "杭•••司", Created: ago(age),
	}
	if left != 0 {
		i.Expires = ago(-left)
		i.ExpiringSoon = left > 0 && left < 7*24*time.Hour
	}
	return i
}

func instances() []view.InstanceRow {
	due := instance("03pf80c2bae96vc49b80b917bea776d7", "provisioning", "", 9*time.Minute, 365*24*time.Hour)
	due.NeedsAccess, due.Customer = true, "s•••n (Singapore) Pte Ltd"
	broken := instance("87b94795-0603-4e24-8ae5-69420d60e3c8", "provisioning", "", 8*time.Minute, 0)
	broken.Fault, broken.ProductID, broken.SkuCode, broken.Customer = unreachable(), "", "", ""
	test := instance("c0a8012e-7d1f-4b0c-9a63-f2b0c1d8e977", "released", "数据中台 · 试用版", 50*24*time.Hour, -time.Hour)
	test.Test = true
	return []view.InstanceRow{due, broken,
		instance("10e758d0-31ad-4c4b-8f1b-81d03469a10e", "active", "智能客服云 · 企业版（50 坐席）", 20*24*time.Hour, 5*24*time.Hour),
		instance("5f0c1c2e-9a55-4f0b-8d0a-2e3c7a1b9d44", "frozen", "Data Pipeline Cloud, Professional Edition", 40*24*time.Hour, -3*24*time.Hour),
		instance("a1b2c3d4-0000-4000-8000-9223372036854", "active", "按需短信", 41*24*time.Hour, 0), test}
}

func (k look) instances(state view.ListState, filters ...string) view.InstancesPage {
	at := address("/instances", filters...)
	p := view.InstancesPage{
		Shell: k.shell(view.RoomInstances, at.String()), Channels: true,
		List: view.List{
			Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.instances_hint"), Status: at.Get("status"),
				Selects: []view.Select{
					{Name: "product_id", Label: view.Say("filter.product"), Options: []view.Option{{Label: view.Say("filter.any_product"), Selected: true}, {Value: "OFFI461867333479178240"}}},
					{Name: "expires", Label: view.Say("filter.expiry"), Options: options("filter.any_expiry", "", "filter.expires_", "7d", "30d")}}},
			Tabs: tabs("instance", at, at.Get("status"), map[string]int{"provisioning": 2}), State: state,
		},
	}
	switch state {
	case view.ListRows:
		p.Days = view.ByDay(instances(), func(r view.InstanceRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 6}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.timeout"}
	}
	return p
}

func (k look) access(state string) view.Access {
	a := view.Access{
		Ready: true, FrontEndURL: "https://app.example.com/t/10e758d0-31ad-4c4b-8f1b-81d03469a10e", AdminURL: "https://app.example.com/admin",
		UserName: "admin@10e758d0", HasPassword: true, Memo: "首次登录请修改密码。\n服务热线 400-000-0000", Since: ago(20 * 24 * time.Hour), By: "ann.zhang@example.com",
		Reveal: k.may(staff.InstancesReveal, "/instances/10e758d0/reveal"),
		Form: view.AccessForm{
			Action: k.may(staff.InstancesAccess, "/instances/10e758d0/access"), KeepPassword: true,
			FrontEndURL: view.Field{Name: "front_end_url", Value: "https://app.example.com/t/10e758d0"}, AdminURL: view.Field{Name: "admin_url"},
			UserName: view.Field{Name: "user_name", Value: "admin"}, Password: view.Field{Name: "password"}, Memo: view.Field{Name: "memo"},
		},
	}
	switch state {
	case "due", "wrong":
		a.Ready, a.HasPassword, a.Form.KeepPassword = false, false, false
		a.Form.Due, a.Form.DueSince, a.Form.Open, a.Form.FrontEndURL.Value, a.Form.UserName.Value = true, ago(9*time.Minute), true, "", ""
	case "revealed":
		a.Revealed = `xK9"<b>&'pq`
	case "released":
		a.Form.Action = k.not(staff.InstancesAccess, "", "why.instance_released")
	case "pending":
		a = view.Access{Form: view.AccessForm{Action: view.Action{}}}
	}
	if state == "wrong" {
		a.Form.FrontEndURL.Value, a.Form.FrontEndURL.Wrong = "app.example.com", view.Say("wrong.url")
		a.Form.Memo.Wrong = view.Say("wrong.too_long", "limit", 1024)
	}
	return a
}

func (k look) instance(state string) view.InstancePage {
	p := view.InstancePage{
		Shell: k.shell(view.RoomInstances, "/instances/10e758d0"), Instance: instances()[2], Back: "/instances", Prev: "/instances/87b94795", Next: "/instances/5f0c1c2e",
		Access: k.access(state), Link: k.buyerLink(state), Timeline: instanceTimeline(), Messages: rows()[2:6], Deliveries: k.deliveryRows()[:2], Notices: k.notices(),
		Tasks: []view.TaskRow{k.task(11, "provision", "renewal", "succeeded"), k.task(12, "order_query", "renewal", "succeeded")},
	}
	p.Seen = view.Seen{Code: "000000", Fields: []view.SeenField{{Name: "resultCode", Value: "000000", Length: 6}, {Name: "resultMsg", Value: "success", Length: 7, Limit: 255},
		{Name: "info[0].instanceId", Value: p.Instance.ID, Length: 36, Limit: 64}, {Name: "info[0].appInfo.frontEndUrl", Value: p.Access.FrontEndURL, Length: 64, Limit: 512},
		{Name: "info[0].appInfo.password", Value: "••••••••", Length: 131, Limit: 128, TooLong: true}}}
	switch state {
	case "due", "wrong":
		p.Instance, p.Timeline, p.Messages, p.Deliveries = instances()[0], instanceTimeline()[7:], rows()[1:2], nil
		waiting := k.task(13, "provision", "purchase", "pending")
		waiting.Waiting = true
		p.Tasks = []view.TaskRow{waiting}
	case "pending":
		p.Instance, p.Timeline, p.Messages, p.Deliveries, p.Live = instances()[1], instanceTimeline()[8:], rows()[:1], nil, true
		p.OrderFault = unreachable()
		p.Tasks = []view.TaskRow{k.task(14, "order_query", "purchase", "failed")}
	case "released":
		p.Instance = instances()[5]
	case "found": // by an id of the call
		p.Timeline[1].ID, p.Timeline[1].Found = "call-1039", true
	}
	i := p.Instance
	p.Facts = []view.Fact{
		{Label: view.Say("fact.product"), Value: i.ProductID, Mono: true, Copy: true},
		{Label: view.Say("fact.sku"), Value: i.SkuCode, Mono: true, Copy: true},
		{Label: view.Say("fact.order_line"), Value: "CS2511221402QX7TP-000001", Mono: true, Copy: true, URL: "/messages?q=CS2511221402QX7TP"},
		{Label: view.Say("fact.channel"), Value: i.Channel},
		{Label: view.Say("fact.driver"), Text: view.Say("driver.manual")},
		{Label: view.Say("fact.created"), Time: i.Created},
		{Label: view.Say("fact.expires"), Time: i.Expires, Tone: map[bool]string{true: "warn"}[i.ExpiringSoon]},
		{Label: view.Say("fact.provisioned"), Time: i.Created},
	}
	if state != "pending" {
		p.Order = []view.Fact{
			{Label: view.Say("fact.order_type"), Text: view.Say("order_type.NEW")}, {Label: view.Say("fact.charging"), Text: view.Say("charging.PERIOD")},
			{Label: view.Say("fact.period"), Text: view.Say("period.year", "n", 1)}, {Label: view.Say("fact.ordered"), Time: i.Created}}
		p.Orders = []view.InstanceOrder{{OrderRow: orderRows()[1], Purpose: "purchase"}, {OrderRow: orderRows()[2], Purpose: "renewal"}}
		p.Customer = []view.Fact{
			{Label: view.Say("fact.customer"), Value: i.Customer}, {Label: view.Say("fact.customer_id"), Value: "688055390f3049f283fe9f1aa90f1858", Mono: true, Copy: true},
			{Label: view.Say("fact.email"), Value: "b•••@example.com"}, {Label: view.Say("fact.phone"), Value: "138••••0000"}}
	}
	return p
}

func instanceTimeline() []view.Event {
	day := 24 * time.Hour
	return []view.Event{
		{At: ago(24 * time.Minute), Kind: "renewed", Args: []any{"to", "2025-11-27 23:59:59"}, URL: "/messages/1040"},
		{At: ago(2 * day), Kind: "unfrozen", Gap: 20 * time.Hour}, {At: ago(3 * day), Kind: "frozen"},
		{At: ago(9 * day), Kind: "revealed", By: "bo@example.com", Note: "客户忘记密码"},
		{At: ago(10 * day), Kind: "changed", Args: []any{"from", "OFFI461867333479178239", "to", "OFFI461867333479178240"}},
		{At: ago(20 * day), Kind: "sent", Args: []any{"what", view.Say("delivery_kind.usage_info"), "to", "b•••@example.com"}, URL: "/deliveries/77", Gap: 2 * time.Second},
		{At: ago(19 * day), Kind: "link_revealed_more", Args: []any{"n", 2, "last", "2025-11-22 11:03:05"}},
		{At: ago(19*day + time.Minute), Kind: "link_viewed"},
		{At: ago(20*day + 2*time.Second), Kind: "activated", Gap: 9 * time.Minute},
		{At: ago(20*day + 9*time.Minute), Kind: "order", Gap: 412 * time.Millisecond},
		{At: ago(20*day + 9*time.Minute), Kind: "created", URL: "/messages/1024"},
	}
}

func instanceSamples(op, ro look) []Sample {
	return []Sample{
		{"instances-full", view.PageInstances, op.instances(view.ListRows)},
		{"instances-empty", view.PageInstances, op.instances(view.ListEmpty)},
		{"instances-no-match", view.PageInstances, op.instances(view.ListNoMatch, "q", "nobody@example.com")},
		{"instances-error", view.PageInstances, op.instances(view.ListError)},
		{"instance-active", view.PageInstance, op.instance("active")},
		{"instance-due", view.PageInstance, op.instance("due")},
		{"instance-wrong", view.PageInstance, op.instance("wrong")},
		{"instance-pending", view.PageInstance, op.instance("pending")},
		{"instance-revealed", view.PageInstance, op.instance("revealed")},
		{"instance-released", view.PageInstance, op.instance("released")},
		{"instance-found", view.PageInstance, op.instance("found")},
		{"instance-read-only", view.PageInstance, ro.instance("active")},
		{"instance-package", view.PageInstance, op.metered(usageRows()...)},
		{"instance-by-use", view.PageInstance, op.metered(view.UsageRow{Value: "1024.5", At: ago(2 * time.Hour)})},
		{"instance-unreported", view.PageInstance, op.metered()},
	}
}

func (k look) notices() view.Notices {
	return view.Notices{NextDays: 7, NextAt: ago(-26 * 24 * time.Hour), Kinds: market.Notices(), Off: []string{market.WasReleased}, Language: "en", Zone: "Asia/Singapore", AnyZone: "Asia/Shanghai",
		Set: k.may(staff.DeliveriesSend, "/instances/10e758d0/notices"), Send: k.may(staff.DeliveriesSend, "/instances/10e758d0/usage-info"),
		Effects: []view.Effect{{Will: true, Text: view.Say("notices.effect_sent")}, {Text: view.Say("effect.resend_no_access")}}}
}
