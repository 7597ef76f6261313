package gallery

import (
	"time"

	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func code(id int64, mask, status string, left time.Duration) view.LicenseCodeRow {
	return view.LicenseCodeRow{ID: id, URL: "/license-codes/7", Mask: mask, Status: status, Channel: "default", ProductID: "OFFI461867333479178240",
		OrderID: "CS2511221402QX7TP", CustomerID: "688055390f3049f283fe9f1aa90f1858", Expires: ago(-left), Checked: ago(3 * time.Hour),
		Created: ago(20 * 24 * time.Hour), ExpiringSoon: left < 7*24*time.Hour, Over: left < 0}
}

func codeRows() []view.LicenseCodeRow {
	fresh := code(9, "PL••••9F2K", "UNVERIFIED", 300*24*time.Hour)
	fresh.Checked, fresh.ProductID, fresh.OrderID, fresh.CustomerID, fresh.Fault = view.Time{}, "", "", "", unreachable()
	return []view.LicenseCodeRow{fresh, code(8, "PL••••A01B", "ALIVE", 200*24*time.Hour), code(7, "PL••••77QX", "ALIVE", 3*24*time.Hour),
		code(6, "PL••••Z0Z0", "FROZEN", -24*time.Hour), code(5, "••••••", "EXPIRED", -9*24*time.Hour), code(4, "PL••••1C3D", "RELEASED", -90*24*time.Hour)}
}

func (k look) codes(state view.ListState, filters ...string) view.LicenseCodesPage {
	at := address("/license-codes", filters...)
	p := view.LicenseCodesPage{Shell: k.shell(view.RoomLicenseCodes, at.String()), Channels: true, List: view.List{
		Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.codes_hint"), Status: at.Get("status"), Selects: []view.Select{
			{Name: "expires", Label: view.Say("filter.expiry"), Options: options("filter.any_expiry", "", "filter.expires_", "7d", "30d")}}},
		Tabs: tabs("code", at, at.Get("status"), map[string]int{"UNVERIFIED": 1}), State: state}}
	if state == view.ListRows {
		p.Days = view.ByDay(codeRows(), func(r view.LicenseCodeRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 6}
	}
	return p
}

func (k look) code(row int, revealed string) view.LicenseCodePage {
	c := codeRows()[row]
	p := view.LicenseCodePage{Shell: k.shell(view.RoomLicenseCodes, "/license-codes/7"), Code: c, Back: "/license-codes", Revealed: revealed,
		Query: k.may(staff.LicenseCodesUse, "/license-codes/7/query"), Activate: k.may(staff.LicenseCodesUse, "/license-codes/7/activate"),
		Reveal: k.may(staff.LicenseCodesReveal, "/license-codes/7/reveal"),
		Facts: []view.Fact{{Label: view.Say("fact.product"), Value: c.ProductID, Mono: true, Copy: c.ProductID != ""},
			{Label: view.Say("fact.order"), Value: c.OrderID, Mono: true, Copy: c.OrderID != "", URL: "/orders?q=CS"},
			{Label: view.Say("fact.expires"), Time: c.Expires, Tone: map[bool]string{true: "warn"}[c.ExpiringSoon]},
			{Label: view.Say("codes.said"), Value: "ALIVE"}, {Label: view.Say("codes.checked"), Time: c.Checked},
			{Label: view.Say("codes.usage"), Text: view.Say("codes.usage_counts", "reported", 312, "waiting", 2)}},
		Timeline: []view.Event{{At: ago(time.Hour), Kind: "code_expiry", Args: []any{"to", "2026-11-22 23:59:59"}},
			{At: ago(time.Hour), Kind: "code_renewed", Args: []any{"scene", view.Say("scene.RENEWAL"), "order", "CS2511221402QX7TP"}, URL: "/messages/7"},
			{At: ago(2 * time.Hour), Kind: "frozen"}, {At: ago(20 * 24 * time.Hour), Kind: "code_activated", By: "token:software"},
			{At: ago(20 * 24 * time.Hour), Kind: "code_known"}},
		Answer: view.Payload{Body: `{"error_code":"92020000","error_msg":"success","data":{"license_code":"••••••","status":"ALIVE","activate_time":"20251122060305"}}`},
		Tasks:  []view.TaskRow{k.task(31, "license_query", "daily", "succeeded")}}
	switch row {
	case 0:
		p.Answer, p.Live = view.Payload{}, true
		p.Timeline = p.Timeline[4:]
		p.Tasks = []view.TaskRow{k.task(32, "license_query", "verify", "failed")}
	case 5:
		p.Query, p.Activate = k.not(staff.LicenseCodesUse, "", "why.code_released"), k.not(staff.LicenseCodesUse, "", "why.code_released")
	default:
		p.Activate = k.not(staff.LicenseCodesUse, "", "why.code_activated")
	}
	return p
}

func orderRows() []view.OrderRow {
	row := func(state, kind, line, product, amount string) view.OrderRow {
		return view.OrderRow{URL: "/orders/7", State: state, Type: kind, OrderID: line[:17], LineID: line, Source: "notice", Channel: "default",
			ProductName: product, ProductID: "OFFI846204237451911168", Customer: "mock_user_01", Amount: amount, Ordered: ago(2 * time.Hour), Created: ago(2 * time.Hour)}
	}
	failed := row("failed", "", "CS2511221402QX7TP-000001", "", "")
	failed.Fault, failed.Customer, failed.ProductID, failed.Ordered = unreachable(), "", "", view.Time{}
	return []view.OrderRow{failed, row("known", "NEW", "CS2511221402QX7TQ-000001", "MOCK测试商品,测试规格,基础版,包周期", "100.00"),
		row("known", "UNSUBSCRIBE", "CS2511221402QX7TR-000001", "API gateway calls, 10 000 per package", "-1280.00")}
}

func (k look) orders(state view.ListState, filters ...string) view.OrdersPage {
	at := address("/orders", filters...)
	p := view.OrdersPage{Shell: k.shell(view.RoomOrders, at.String()), List: view.List{
		Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.orders_hint"), Status: at.Get("status"), Selects: []view.Select{
			{Name: "type", Label: view.Say("fact.order_type"), Options: options("filter.any_order_type", "", "order_type.", "NEW", "RENEW")}}},
		Tabs: tabs("order", at, at.Get("status"), map[string]int{"failed": 1}), State: state}}
	if state == view.ListRows {
		p.Days = view.ByDay(orderRows(), func(r view.OrderRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 3}
	}
	return p
}

func (k look) order(row int) view.OrderPage {
	o := orderRows()[row]
	p := view.OrderPage{Shell: k.shell(view.RoomOrders, "/orders/7"), Order: o, Back: "/orders", Messages: rows()[1:2],
		Facts: []view.Fact{{Label: view.Say("fact.order_line"), Value: o.LineID, Mono: true, Copy: true},
			{Label: view.Say("filter.order_source"), Text: view.Say("order_source.notice")},
			{Label: view.Say("orders.notified"), Time: o.Created, Note: view.Say("orders.notices", "n", 1)}},
		Tasks: []view.TaskRow{k.task(41, "order_notice", "notified", "succeeded")}}
	if o.State != "known" {
		p.Tasks = []view.TaskRow{k.task(42, "order_notice", "notified", "failed")}
		return p
	}
	p.Facts = append(p.Facts, view.Fact{Label: view.Say("orders.usable"), Text: view.Say("orders.usable_after", "after", 134*time.Second),
		Note: view.Say("orders.usable_since", "at", exact(ago(2*time.Hour-134*time.Second)))})
	p.Timeline = orderMoments()
	for _, i := range instances()[2:4] {
		p.Instances = append(p.Instances, view.OrderInstance{ID: i.ID, URL: i.URL, Status: i.Status, Purpose: "purchase", Name: i.ProductName})
	}
	p.Customer = []view.Fact{{Label: view.Say("fact.customer"), Value: o.Customer}, {Label: view.Say("fact.phone"), Value: "186••••8888"}}
	p.Lines = []view.OrderLine{{ID: o.LineID, This: true, Params: []view.Pair{{Name: "emailDomainName", Value: "test.xxxx.com"}, {Name: "ip", Value: "127.0.0.1"}},
		Facts: []view.Fact{{Label: view.Say("fact.product_name"), Value: o.ProductName}, {Label: view.Say("fact.charging"), Text: view.Say("charging.PERIOD")},
			{Label: view.Say("orders.amount"), Value: "100.00"}, {Label: view.Say("orders.after_discount"), Value: o.Amount}}}}
	p.Answer = view.Payload{Body: `{"resultCode":"MKT.0000","orderInfo":{"orderId":"CS2511221402QX7TQ"}}`}
	return p
}

func codeSamples(op, ro look) []Sample {
	return []Sample{
		{"codes-full", view.PageLicenseCodes, op.codes(view.ListRows)},
		{"codes-empty", view.PageLicenseCodes, op.codes(view.ListEmpty)},
		{"codes-no-match", view.PageLicenseCodes, op.codes(view.ListNoMatch, "q", "PL")},
		{"code-unverified", view.PageLicenseCode, op.code(0, "")},
		{"code-alive", view.PageLicenseCode, op.code(2, "")},
		{"code-revealed", view.PageLicenseCode, op.code(2, "PL8765abcd432177QX")},
		{"code-released", view.PageLicenseCode, op.code(5, "")},
		{"code-read-only", view.PageLicenseCode, ro.code(2, "")},
		{"orders-full", view.PageOrders, op.orders(view.ListRows)},
		{"orders-empty", view.PageOrders, op.orders(view.ListEmpty)},
		{"orders-no-match", view.PageOrders, op.orders(view.ListNoMatch, "q", "CS")},
		{"order-known", view.PageOrder, op.order(1)},
		{"order-failed", view.PageOrder, op.order(0)},
	}
}
