package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func productEntries() []view.ProductRow {
	return []view.ProductRow{
		{URL: "/products/4", Channel: "default", SkuCode: "d0abcd12-1234-5678-ab90-11ab012aaaa1", Name: "智能客服云 · 企业版", Driver: "webhook", By: "https://crm.seller.example.com/koodesk",
			Instances: 1000, More: true, Last: ago(4 * time.Minute)},
		{URL: "/products/3", Channel: "default", ProductID: "OFFI846204237451911168", Name: "智能客服云 · 基础版", Driver: "pool", By: "crm-basic", Instances: 128, Last: ago(26 * time.Hour)},
		{URL: "/products/2", Channel: "welink", ProductID: "OFFI846204237451911170", Driver: "none", License: "pool"},
		{URL: "/products/1", Channel: "default", ProductID: "*", Driver: "static", By: "https://app.seller.example.com/?i={instance_id}"},
	}
}

func (k look) products(state view.ListState, kv ...string) view.ProductsPage {
	at := address("/products", kv...)
	p := view.ProductsPage{Shell: k.shell(view.RoomProducts, at.String()), Channels: true, Add: k.may(staff.ProductsWrite, "/products/new"),
		List: view.List{State: state, Filter: view.Filter{URL: at, NoSearch: true, Selects: []view.Select{{Name: "channel", Label: view.Say("filter.channel"),
			Options: []view.Option{{Label: view.Say("filter.any_channel"), Selected: true}, {Value: "default"}, {Value: "welink"}}}}}}}
	if state == view.ListRows {
		p.Rows = productEntries()
	}
	if state == view.ListError {
		p.Fault = unreachable()
	}
	return p
}

func (k look) product(n int) view.ProductPage {
	r := productEntries()[n]
	p := view.ProductPage{Shell: k.shell(view.RoomProducts, r.URL), Product: r, Form: productForm(r.Driver)}
	p.Form.Action, p.Form.Seen, p.Form.License, p.Form.HasSecret = k.may(staff.ProductsWrite, r.URL), "1763791385000000", r.License, r.Driver == "webhook"
	use := view.Fact{Label: view.Say("products.instances"), Value: "128", URL: "/instances?channel=" + r.Channel + "&product_id=" + r.ProductID}
	if r.More {
		use = view.Fact{Label: use.Label, Value: "1000", Note: view.Say("products.at_least")}
	}
	if r.Rest() {
		use = view.Fact{Label: use.Label, Text: view.Say("products.rest_use")}
	}
	p.Facts = []view.Fact{{Label: view.Say("fact.channel"), Value: r.Channel}, {Label: view.Say("fact.driver"), Text: view.Say("driver." + r.Driver)}, use,
		{Label: view.Say("products.last"), Time: r.Last}, {Label: view.Say("fact.created"), Time: ago(90 * 24 * time.Hour)}, {Label: view.Say("products.changed"), Time: ago(3 * time.Hour)}}
	return p
}

func productForm(driver string) view.ProductForm {
	f := view.ProductForm{ID: view.Field{Name: "key_id"}, Driver: driver, Drivers: []string{"manual", "none", "pool", "static", "webhook"},
		Licenses: []string{"", "manual", "pool", "webhook"}, Release: "retire", Told: "message", Language: "zh-CN", Fields: map[string]view.Field{}, May: []string{"instance_id", "order_id", "customer_id"},
		Checks: map[string]bool{"generate_password": true}}
	for name, value := range map[string]string{"front_end_url": "https://app.seller.example.com/?i={instance_id}", "admin_url": "", "user_name": "admin-{order_id}", "memo": "", "pool": "crm-basic",
		"webhook_url": "https://crm.seller.example.com/koodesk", "webhook_wait": "", "license_pool": "keys-2026", "quiet_hours": "", "password_length": "24",
		"wipe_password_days": "14", "daily_cap": "", "expiry_days": "30, 7, 1, 0", "webhook_secret": ""} {
		f.Fields[name] = view.Field{Name: name, Value: value}
	}
	for _, kind := range []string{"usage_info", "license_ready", "expiry_notice", "renewed", "frozen", "unfrozen", "released"} {
		f.Kinds = append(f.Kinds, view.Tick{Value: kind, On: kind != "frozen"})
	}
	for _, class := range []string{"lower", "upper", "digit", "symbol"} {
		f.Classes = append(f.Classes, view.Tick{Value: class, On: class != "symbol"})
	}
	return f
}

func (k look) newProduct() view.ProductPage {
	p := view.ProductPage{Shell: k.shell(view.RoomProducts, "/products/new"), Form: productForm("static")}
	p.Form.Action, p.Form.New, p.Form.Key, p.Form.Channels, p.Form.Channel, p.Form.Language = k.may(staff.ProductsWrite, "/products/new"), true, "sku", []string{"default", "welink"}, "default", ""
	return p
}

func productSamples(op, ro look) []Sample {
	op.role = staff.Admin // who else changes products
	made := op.product(0)
	made.Made = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	wrong, again, stale := op.product(3), op.newProduct(), op.product(1)
	set := func(p *view.ProductPage, name, value, key string, args ...any) {
		p.Form.Fields[name] = view.Field{Name: name, Value: value, Wrong: view.Say(key, args...)}
	}
	set(&wrong, "password_length", "6", "fault.product.bad_password_length.what", "value", "6")
	set(&wrong, "expiry_days", "soon", "fault.notice.bad_days.what", "value", "soon", "most", "365")
	again.Form.ID = view.Field{Name: "key_id", Value: "a b", Wrong: view.Say("fault.product.bad_sku.what")}
	stale.Form.Fault = &fault.Record{Code: fault.Conflict, Key: "product.changed"}
	reader := ro.product(3)
	reader.Theme = "dark"
	rest := op.newProduct()
	rest.Form.Key, rest.Form.Channels, rest.Form.Driver = "rest", []string{"default"}, "manual"
	return []Sample{{"products-full", view.PageProducts, op.products(view.ListRows)}, {"products-empty", view.PageProducts, op.products(view.ListEmpty)},
		{"products-no-match", view.PageProducts, op.products(view.ListNoMatch, "channel", "welink")}, {"products-error", view.PageProducts, op.products(view.ListError)},
		{"products-read-only", view.PageProducts, ro.products(view.ListRows)},
		{"product-webhook", view.PageProduct, op.product(0)}, {"product-made", view.PageProduct, made}, {"product-pool", view.PageProduct, op.product(1)},
		{"product-license", view.PageProduct, op.product(2)}, {"product-static", view.PageProduct, op.product(3)}, {"product-wrong", view.PageProduct, wrong},
		{"product-stale", view.PageProduct, stale}, {"product-reader", view.PageProduct, reader}, {"product-new", view.PageProduct, op.newProduct()},
		{"product-new-again", view.PageProduct, again}, {"product-new-rest", view.PageProduct, rest}}
}
