package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

const buyerAddress = "/access/q83vEjRWeJCrze8SNFZ4kA?lang=zh-CN"

// refused is the page on which a customer switches notices off.
func refused(off bool, others ...string) view.BuyerNoticesPage {
	return view.BuyerNoticesPage{Buyer: view.Buyer{Seller: "示例云", Others: []i18n.Locale{i18n.En}}, Product: "智能客服云 · 企业版（50 坐席）", Kind: "expiry_notice", Off: off, Refused: others, URL: "/access/notices/t?lang=en"}
}

func (k look) buyerFrame() view.Buyer {
	f := view.Buyer{Seller: "云端科技 Example Cloud"}
	for _, l := range i18n.Locales() {
		if l != k.locale {
			f.Others = append(f.Others, l)
		}
	}
	return f
}

func (k look) buyer(state string) view.BuyerPage {
	p := view.BuyerPage{Buyer: k.buyerFrame(), State: state, Product: "智能客服云 · 企业版（50 坐席）", OrderID: "CS2511221402QX7TP",
		Expires: ago(-365 * 24 * time.Hour), Close: buyerAddress}
	switch state {
	case "preparing":
		p.Product, p.Expires, p.Refresh = "", view.Time{}, 20
		p.Poll = &view.Poll{URL: buyerAddress + "&n=3", Every: 3}
	case "over":
		p.Expires = ago(2 * time.Hour)
		fallthrough
	case "active":
		p.FrontEndURL, p.Reveal = "https://app.example.com/t/10e758d0-31ad-4c4b-8f1b-81d03469a10e", buyerAddress
	case "expired":
		p.Expires = ago(3 * 24 * time.Hour)
	}
	return p
}

func (k look) buyerRevealed(once bool) view.BuyerPage {
	p := k.buyer("active")
	p.OneTime = once
	p.Revealed = &view.BuyerAccess{UserName: "admin@10e758d0", Password: `xK9"<b>&'pq`, AdminURL: "https://app.example.com/admin",
		Memo: "首次登录请修改密码。\n服务热线 400-000-0000"}
	if once {
		p.Others = nil
	}
	return p
}

func (k look) buyerError(status int, code fault.Code, key string, args map[string]string) view.BuyerErrorPage {
	return view.BuyerErrorPage{Buyer: k.buyerFrame(), Status: status, Fault: &fault.Record{Code: code, Key: key, Args: args}, Retry: status != 404}
}

func buyerSamples(op look) []Sample {
	late, once, used := op.buyer("preparing"), op.buyer("active"), op.buyer("active")
	late.Late, late.Poll.Every = true, 60
	once.OneTime, used.OneTime, used.Used = true, true, true
	out := []Sample{
		{"buyer-notices-on", view.PageBuyerNotices, refused(false)},
		{"buyer-notices-off", view.PageBuyerNotices, refused(true, "renewed", "frozen")},
		{"buyer-late", view.PageBuyerAccess, late},
		{"buyer-once", view.PageBuyerAccess, once},
		{"buyer-used", view.PageBuyerAccess, used},
		{"buyer-revealed", view.PageBuyerAccess, op.buyerRevealed(false)},
		{"buyer-revealed-once", view.PageBuyerAccess, op.buyerRevealed(true)},
		{"buyer-error-404", view.PageBuyerError, op.buyerError(404, fault.NotFound, "access_page.unknown", nil)},
		{"buyer-error-429", view.PageBuyerError, op.buyerError(429, fault.RateLimited, "access_page.too_many", map[string]string{"seconds": "42"})},
		{"buyer-error-503", view.PageBuyerError, op.buyerError(503, fault.Unavailable, "database.unreachable", nil)},
	}
	for _, state := range []string{"preparing", "active", "over", "expired", "frozen", "released"} {
		out = append(out, Sample{"buyer-" + state, view.PageBuyerAccess, op.buyer(state)})
	}
	return out
}

// buyerLink is the link of an instance's access page, for operators.
func (k look) buyerLink(state string) view.BuyerLink {
	l := view.BuyerLink{Show: k.role.May(staff.InstancesAccess), URL: "https://koodesk.example.com/access/q83vEjRWeJCrze8SNFZ4kAq83vEjRWeJCrze8SNFZ4kAq83vEjRWeJCrze8SNFZ4kA",
		Views: 4, LastView: ago(3 * time.Hour), Reveals: 1, LastReveal: ago(3 * time.Hour), Renew: k.may(staff.InstancesAccess, "/instances/10e758d0/link"),
		Effects: []view.Effect{{Will: true, Text: view.Say("link.effect_old")}, {Text: view.Say("link.effect_not_sent")}}}
	switch state {
	case "revealed":
		l.OneTime, l.Used = true, true
	case "due", "wrong", "pending":
		l.Views, l.Reveals = 0, 0
	case "released":
		l.Renew = k.not(staff.InstancesAccess, "", "why.instance_released")
	}
	return l
}
