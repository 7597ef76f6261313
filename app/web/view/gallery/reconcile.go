package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) finding(id int64, kind, status, repair string, ours, theirs view.Value) view.FindingRow {
	const instance = "10e758d0-31ad-4c4b-8f1b-81d03469a10e"
	f := view.FindingRow{ID: id, Kind: kind, Status: status, OrderLine: "CS2511221402QX7TP-000001", InstanceID: instance, InstanceURL: "/instances/" + instance,
		Ours: ours, Theirs: theirs, Repair: repair, Found: ago(time.Duration(id) * time.Hour),
		Keep: k.may(staff.ReconcileDecide, "/reconcile/keep")}
	if status != "open" {
		f.By, f.Decided = "li.wei@example.com", ago(10*time.Minute)
		f.Keep.Why = view.Say("why.finding_decided")
	}
	return f
}

func (k look) findings() []view.FindingRow {
	missing := k.finding(1, "missing", "open", "take_over", view.Value{Text: view.Say("reconcile.nothing")}, view.Value{Raw: "OFFI846204237451911168"})
	missing.InstanceID, missing.InstanceURL = "", ""
	silent := k.finding(6, "unanswered", "open", "", view.Value{}, view.Value{})
	silent.Fault = &fault.Record{Code: fault.Refused, Key: "order_query.illegal_operation", Args: map[string]string{"code": "MKT.0150"}}
	kept := k.finding(30, "product", "kept", "learn", view.Value{Raw: "OFFI1 / sku-basic × 10"}, view.Value{Raw: "OFFI1 / sku-basic × 50"})
	kept.Reason = "客户已申请退订"
	return []view.FindingRow{missing,
		k.finding(2, "cancelled", "open", "release", view.Value{Text: view.Say("status.instance.active")}, view.Value{Text: view.Say("reconcile.unsubscribed")}),
		k.finding(3, "expiry", "open", "set_expiry", view.Value{Time: ago(-24 * time.Hour)}, view.Value{Time: ago(-366 * 24 * time.Hour)}),
		k.finding(4, "overdue", "open", "freeze", view.Value{Text: view.Say("status.instance.active")}, view.Value{Time: ago(72 * time.Hour)}),
		k.finding(5, "locked", "open", "unfreeze", view.Value{Text: view.Say("status.instance.frozen")}, view.Value{Time: ago(-200 * 24 * time.Hour)}),
		silent, kept,
		k.finding(31, "expiry", "applied", "set_expiry", view.Value{Time: ago(24 * time.Hour)}, view.Value{Time: ago(-300 * 24 * time.Hour)}),
	}
}

func (k look) reconcile(state view.ListState, run view.RunState, filters ...string) view.ReconcilePage {
	at := address("/reconcile", filters...)
	p := view.ReconcilePage{Shell: k.shell(view.RoomReconcile, at.String()), Hour: 4, Run: run, Repairable: 5,
		Start: k.may(staff.ReconcileDecide, "/reconcile/start"), Keep: k.may(staff.ReconcileDecide, "/reconcile/keep"),
		List: view.List{Filter: view.Filter{URL: at, Q: at.Get("q"), Hint: view.Say("filter.findings_hint"), Status: at.Get("status"),
			Selects: []view.Select{{Name: "kind", Label: view.Say("filter.finding_kind"), Options: options("filter.any_finding_kind", at.Get("kind"), "reconcile.kind.",
				"missing", "cancelled", "expiry", "overdue", "locked", "product", "unanswered")}}},
			Tabs: tabs("finding", at, at.Get("status"), map[string]int{"open": 6, "applied": 1, "kept": 1, "gone": 0}), State: state,
			Bulk: k.may(staff.ReconcileDecide, "/reconcile/apply")}}
	if run.Running {
		p.Start.Why = view.Say("why.reconcile_running")
	}
	switch state {
	case view.ListEmpty:
		if !run.Agree() {
			p.EmptyDo = view.Say("reconcile.empty_unsure")
		}
	case view.ListRows:
		p.Days = view.ByDay(k.findings(), func(r view.FindingRow) view.Time { return r.Found })
		p.Pager = view.Pager{Rows: 50, Shown: 8}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal"}
	}
	return p
}

func reconcileSamples(op, ro look) []Sample {
	done := view.RunState{Asked: 1284, Finished: ago(2 * time.Hour), Skipped: 3}
	broken := view.RunState{Failed: true, Asked: 200, Finished: ago(5 * time.Minute),
		Fault: &fault.Record{Code: fault.Unavailable, Key: "order_query.unreachable", Args: map[string]string{"host": "mkt.myhuaweicloud.com"}}}
	return []Sample{
		{"reconcile-full", view.PageReconcile, op.reconcile(view.ListRows, done)},
		{"reconcile-running", view.PageReconcile, op.reconcile(view.ListRows, view.RunState{Running: true, Asked: 300, Open: 1284})},
		{"reconcile-broken", view.PageReconcile, op.reconcile(view.ListRows, broken)},
		{"reconcile-empty", view.PageReconcile, op.reconcile(view.ListEmpty, view.RunState{Asked: 1284, Finished: ago(2 * time.Hour)})},
		{"reconcile-empty-skipped", view.PageReconcile, op.reconcile(view.ListEmpty, done)},
		{"reconcile-never", view.PageReconcile, op.reconcile(view.ListEmpty, view.RunState{None: true})},
		{"reconcile-no-match", view.PageReconcile, op.reconcile(view.ListNoMatch, done, "kind", "missing", "q", "zzz")},
		{"reconcile-error", view.PageReconcile, op.reconcile(view.ListError, done)},
		{"reconcile-read-only", view.PageReconcile, ro.reconcile(view.ListRows, done)},
	}
}
