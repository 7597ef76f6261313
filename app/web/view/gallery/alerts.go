package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func alertRow(id int64, kind, severity, url string, title view.Text) view.AlertRow {
	r := view.AlertRow{ID: id, Kind: kind, Severity: severity, Status: "open", Title: title, URL: url, Opened: ago(time.Duration(id) * 17 * time.Minute), SaidURL: "/alerts/said?alert=1"}
	if severity == market.AlertResolved || severity == market.AlertLapsed {
		r.Status, r.Cleared = "cleared", ago(time.Duration(id)*9*time.Minute)
	}
	return r
}

func (k look) alerts(state view.ListState, filters ...string) view.AlertsPage {
	at := address("/alerts", filters...)
	p := view.AlertsPage{Shell: k.shell(view.RoomAlerts, at.String()), SaidURL: "/alerts/said", MineURL: "/alerts/targets", List: view.List{State: state,
		Filter: view.Filter{URL: at, NoSearch: true, Status: at.Get("status"), Selects: []view.Select{{Name: "kind", Label: view.Say("filter.alert_kind"),
			Options: options("filter.any_alert_kind", at.Get("kind"), "alert.kind.", market.AlertKinds()...)}}},
		Tabs: tabs("alert", at, at.Get("status"), map[string]int{"open": 4, "cleared": 41})}}
	switch state {
	case view.ListRows:
		last := alertRow(1, market.AlertRetry, "critical", "/messages/17", view.Say("alert.say.retry_window.critical", "activity", view.Say("activity.newInstance"), "order_id", "CS2511221402QX7TP"))
		last.Until, last.Told, last.Untold = ago(-11*time.Minute), 2, 1
		last.Fault = &fault.Record{Code: fault.Unavailable, Key: "order_query.unreachable", Args: map[string]string{"host": "mkt.myhuaweicloud.com"}}
		pool := alertRow(2, market.AlertPool, "warning", "/pools/crm", view.Say("alert.say.pool_low.warning", "pool", "crm", "free", "4", "low_water", "20"))
		pool.Waiting, pool.Returned = 1, 7
		probe := alertRow(3, market.AlertProbe, "warning", "/listing", view.Say("alert.say.probe_failing.warning", "channel", "default", "interface", "queryInstance", "protocol", view.Say("listing.protocol.v2"), "product_id", "OFFI846204237451911168", "days", "1"))
		probe.Told, probe.Until = 2, ago(-80*time.Hour)
		late := alertRow(60, market.AlertRetry, market.AlertLapsed, "/messages/3", view.Say("alert.say.retry_window.lapsed", "activity", view.Say("activity.refreshInstance"), "order_id", "CS2511211102AB3QZ"))
		late.Told = 3
		rows := []view.AlertRow{last, pool, probe,
			alertRow(4, market.AlertConflict, "warning", "/messages/9", view.Say("alert.say.conflict.warning", "activity", view.Say("activity.newInstance"), "order_id", "CS2511221300ZZ1AA")), late,
			alertRow(70, market.AlertDelivery, market.AlertResolved, "/deliveries/4", view.Say("alert.say.delivery_failed.resolved", "instance_id", "10e758d0-31ad-4c4b-8f1b-81d03469a10e"))}
		p.Days = view.ByDay(rows, func(r view.AlertRow) view.Time { return r.Opened })
		p.Pager = view.Pager{Rows: 50, Shown: len(rows)}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal"}
	}
	return p
}

func (k look) alertSaid(state view.ListState) view.AlertSaidPage {
	at := address("/alerts/said")
	p := view.AlertSaidPage{Shell: k.shell(view.RoomAlerts, at.String()), AlertsURL: "/alerts", List: view.List{State: state,
		Filter: view.Filter{URL: at, NoSearch: true, Selects: []view.Select{{Name: "medium", Label: view.Say("filter.alert_medium"),
			Options: options("filter.medium_any", "", "alert.medium.", "email", "sms", "dingtalk")}}},
		Tabs: tabs("alert_said", at, "", map[string]int{"failed": 1, "pending": 0, "running": 0, "succeeded": 3, "cancelled": 0})}}
	if state != view.ListRows {
		return p
	}
	refused := view.AlertSaidRow{ID: 1, Status: "failed", Operator: "li.wei@example.com", Target: "值班群", Medium: "dingtalk", Mask: "https://oapi.dingtalk.com/•••9f2",
		Title: "云商店将在 15 分钟内停止重试：创建实例，订单 CS2511221402QX7TP", Says: 1, Attempts: 1, Created: ago(4 * time.Minute),
		Fault: &fault.Record{Code: fault.Refused, Key: "alert.robot_refused", Args: map[string]string{"service": "dingtalk", "code": "310000"}}}
	taken := view.AlertSaidRow{ID: 2, Status: "succeeded", Operator: "ann@example.com", Target: "Me", Medium: "email", Mask: "a•••@example.com",
		Title: "14 alerts, 2 or more critical", Says: 14, Attempts: 2, Words: "2.0.0 Ok: queued as 4F1", Created: ago(9 * time.Minute), Sent: ago(8 * time.Minute)}
	kept := view.AlertSaidRow{ID: 3, Status: "kept", Operator: "ann@example.com", Target: "Phone", Medium: "sms", Mask: "186••••8888", Title: "Pool crm is empty: purchases wait or are refused",
		Says: 1, Attempts: 1, Created: ago(30 * time.Minute), Sent: ago(30 * time.Minute)}
	test := view.AlertSaidRow{ID: 4, Status: "succeeded", Operator: "li.wei@example.com", Target: "飞书", Medium: "feishu", Mask: "https://open.feishu.cn/•••a1c",
		Title: "测试告警", Test: true, Attempts: 1, Created: ago(28 * time.Hour), Sent: ago(28 * time.Hour)}
	p.Days = view.ByDay([]view.AlertSaidRow{refused, taken, kept, test}, func(r view.AlertSaidRow) view.Time { return r.Created })
	p.Pager = view.Pager{Rows: 50, Shown: 4}
	return p
}

func (k look) alertTargets(mine bool) view.AlertTargetsPage {
	p := view.AlertTargetsPage{Shell: k.shell(view.RoomAlerts, "/alerts/targets"), All: k.role.May(staff.AlertsManage)}
	act := func(path string) view.Action { return view.Action{URL: path, Show: true} }
	row := func(name, medium, mask string) view.AlertTargetRow {
		return view.AlertTargetRow{ID: 1, Name: name, Operator: "li.wei@example.com", Medium: medium, Mask: mask, Severity: "warning", PerHour: 12, Language: "zh-CN",
			Endings: true, Enabled: true, Edit: act("/alerts/targets/1"), Test: act("/alerts/targets/1/test"), Remove: act("/alerts/targets/1/remove")}
	}
	if mine {
		night := row("Phone", "sms", "186••••8888")
		night.Severity, night.Quiet, night.Language, night.PerHour = "critical", "22:00-08:00", "en", 4
		off := row("Old group", "wecom", "https://qyapi.weixin.qq.com/•••5aa")
		off.Enabled, off.Kinds, off.Test.Why = false, []string{market.AlertPool, market.AlertProbe}, view.Say("fault.alert_target.off.what")
		p.Mine = []view.AlertTargetRow{row("值班群", "dingtalk", "https://oapi.dingtalk.com/•••9f2"), night, off}
	}
	if p.All {
		p.Secret, p.Others = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", []view.AlertTargetRow{row("Slack", "slack", "https://hooks.slack.com/•••k7Q")}
	}
	for _, m := range []string{"email", "sms", "koodesk", "dingtalk", "wecom", "feishu", "slack"} {
		p.Add = append(p.Add, view.AddTarget{Medium: m, URL: "/alerts/targets/new?medium=" + m})
	}
	return p
}

func (k look) alertTarget(medium string, fresh bool, wrong bool) view.AlertTargetPage {
	p := view.AlertTargetPage{Shell: k.shell(view.RoomAlerts, "/alerts/targets/new"), Medium: medium, New: fresh, TakesKey: medium != "email" && medium != "sms",
		Action: view.Action{URL: "/alerts/targets", Show: true}, Back: "/alerts/targets", Endings: true, Enabled: true,
		Name: view.Field{Name: "name"}, Address: view.Field{Name: "address"}, Secret: view.Field{Name: "secret"}, Quiet: view.Field{Name: "quiet_hours"},
		PerHour:  view.Field{Name: "per_hour", Value: "12"},
		Severity: []view.Option{{Value: "warning", Label: view.Say("alert.form.any_severity"), Selected: true}, {Value: "critical", Label: view.Say("alert.form.severity_critical")}},
		Language: []view.Option{{Value: "zh-CN", Label: view.Say("locale.zh-CN"), Selected: true}, {Value: "en", Label: view.Say("locale.en")}}}
	for _, kind := range market.AlertKinds() {
		p.Kinds = append(p.Kinds, view.Option{Value: kind, Label: view.Say("alert.kind." + kind), Selected: kind == market.AlertProbe})
	}
	if !fresh {
		p.Name.Value, p.Mask, p.HasSecret, p.Operator = "值班群", "https://oapi.dingtalk.com/•••9f2", true, "li.wei@example.com"
	}
	if wrong {
		p.Address.Value, p.Address.Wrong = "ann", view.Say("fault.alert_target.bad_address.what", "medium", "email")
		p.Fault = &fault.Record{Code: fault.Invalid, Key: "alert_target.bad_setting", Args: map[string]string{"field": "quiet_hours"}}
	}
	return p
}

func alertSamples(op, ro, admin look) []Sample {
	return []Sample{
		{"alerts-full", view.PageAlerts, op.alerts(view.ListRows)},
		{"alerts-empty", view.PageAlerts, op.alerts(view.ListEmpty)},
		{"alerts-no-match", view.PageAlerts, op.alerts(view.ListNoMatch, "kind", market.AlertPool)},
		{"alerts-error", view.PageAlerts, op.alerts(view.ListError)},
		{"alerts-read-only", view.PageAlerts, ro.alerts(view.ListRows)},
		{"alert-said-full", view.PageAlertSaid, op.alertSaid(view.ListRows)},
		{"alert-said-empty", view.PageAlertSaid, op.alertSaid(view.ListEmpty)},
		{"alert-targets-none", view.PageAlertTargets, op.alertTargets(false)},
		{"alert-targets-mine", view.PageAlertTargets, op.alertTargets(true)},
		{"alert-targets-admin", view.PageAlertTargets, admin.alertTargets(true)},
		{"alert-target-new", view.PageAlertTarget, op.alertTarget("email", true, false)},
		{"alert-target-wrong", view.PageAlertTarget, op.alertTarget("email", true, true)},
		{"alert-target-edit", view.PageAlertTarget, admin.alertTarget("dingtalk", false, false)},
	}
}
