package gallery

import (
	"time"

	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/web/view"
)

func exact(t view.Time) string { return i18n.Exact(t.At) }

// orderMoments are the life of an order that bought two instances.
func orderMoments() []view.Event {
	const one, two = "…3469a10e", "…7a1b9d44"
	start := 2 * time.Hour
	at := func(after time.Duration) view.Time { return ago(start - after) }
	mail, sms := view.Say("delivery_kind.usage_info"), view.Say("delivery_kind.usage_info")
	call := func(name string) []any { return []any{"what", view.Say("activity." + name)} }
	return []view.Event{
		{At: at(118 * time.Minute), Kind: "frozen", URL: "/messages/9", About: two},
		{At: at(118*time.Minute - time.Second), Kind: "received", Args: call(market.UpdateInstanceStatus), URL: "/messages/9", About: two, Gap: 28 * time.Minute},
		{At: at(90 * time.Minute), Kind: "renewed", Args: []any{"to", "2027-11-22 23:59:59"}, URL: "/messages/8", About: one, Gap: time.Second},
		{At: at(89 * time.Minute), Kind: "received", Args: call(market.RefreshInstance), URL: "/messages/8", About: one, Gap: 80 * time.Minute},
		{At: at(9 * time.Minute), Kind: "receipt_bounced", Args: []any{"what", mail, "to", "m•••@customer.example"}, Note: "550 5.1.1", URL: "/deliveries/4", About: one},
		{At: at(4 * time.Minute), Kind: "receipt_delivered", Args: []any{"what", sms, "to", "186••••8888"}, Note: "DELIVRD", URL: "/deliveries/5", About: one},
		{At: at(136 * time.Second), Kind: "polled_well_more_counted", Args: []any{"n", 703, "every", 9 * time.Second, "last", exact(at(117 * time.Minute)), "counted", 203}, URL: "/messages/7", About: one},
		{At: at(134 * time.Second), Kind: "url_seen", Args: []any{"after", 134 * time.Second}, URL: "/instances/10e758d0-31ad-4c4b-8f1b-81d03469a10e", About: one, Gap: 2 * time.Second},
		{At: at(132 * time.Second), Kind: "sent", Args: []any{"what", sms, "to", "186••••8888"}, URL: "/deliveries/5", About: one, Gap: time.Second},
		{At: at(131 * time.Second), Kind: "sent", Args: []any{"what", mail, "to", "m•••@customer.example"}, URL: "/deliveries/4", About: one, Gap: time.Second},
		{At: at(130 * time.Second), Kind: "provisioned", About: one, Gap: 40 * time.Second},
		{At: at(128 * time.Second), Kind: "restarted", By: "ann.zhang@example.com", Note: "客户来电催办，网络已恢复", URL: "/messages/6", About: one, Gap: 38 * time.Second},
		{At: at(90 * time.Second), Kind: "task_failed", Args: []any{"what", view.Say("task_kind.provision")}, Fault: unreachable(), About: one, Gap: 86 * time.Second},
		{At: at(4 * time.Second), Kind: "polled_waiting_more", Args: []any{"n", 42, "every", 3 * time.Second, "last", exact(at(130 * time.Second))}, URL: "/messages/7", About: one, Aside: view.Say("timeline.shared", "n", 2), Gap: 3 * time.Second},
		{At: at(time.Second), Kind: "queried", About: one, Gap: time.Second},
		{At: at(0), Kind: "received", Args: call(market.NewInstance), URL: "/messages/6", About: one},
	}
}
