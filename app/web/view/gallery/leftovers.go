package gallery

import (
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) leftover(id int64, reason, status, driver string) view.LeftoverRow {
	const instance = "10e758d0-31ad-4c4b-8f1b-81d03469a10e"
	self := "/leftovers/" + strconv.FormatInt(id, 10)
	l := view.LeftoverRow{ID: id, Status: status, Reason: reason, Driver: driver, Channel: "default", InstanceID: instance, InstanceURL: "/instances/" + instance,
		Life: "released", OrderID: "CS2511221402QX7TP", Found: ago(time.Duration(id) * 5 * time.Hour)}
	switch status {
	case "open":
		l.Gone, l.Keep = k.may(staff.LeftoversDecide, self+"/gone"), k.may(staff.LeftoversDecide, self+"/keep")
		switch {
		case reason == "order_failed":
			l.Release = k.may(staff.LeftoversDecide, self+"/undo")
		case driver == "pool":
			l.Undo = k.may(staff.LeftoversDecide, self+"/undo")
		}
	case "kept":
		l.By, l.Decided, l.Note = "li.wei@example.com", ago(20*time.Minute), "客户正在导出数据，月底再删除"
		l.Gone = k.may(staff.LeftoversDecide, self+"/gone")
	default:
		l.By, l.Decided = "li.wei@example.com", ago(5*time.Minute)
	}
	return l
}

func (k look) leftovers(state view.ListState, filters ...string) view.LeftoversPage {
	at := address("/leftovers", filters...)
	p := view.LeftoversPage{Shell: k.shell(view.RoomLeftovers, at.String()), Channels: true, List: view.List{State: state,
		Filter: view.Filter{URL: at, NoSearch: true, Status: at.Get("status")},
		Tabs:   tabs("leftover", at, at.Get("status"), map[string]int{"open": 4, "undoing": 1, "kept": 1, "gone": 12})}}
	switch state {
	case view.ListRows:
		failed := k.leftover(1, "undo_failed", "open", "pool")
		failed.Fault = &fault.Record{Code: fault.Unavailable, Key: "provision.still_there", Args: map[string]string{"driver": "pool"}}
		given := k.leftover(3, "order_failed", "open", "webhook")
		given.Life = "provisioning"
		unheard := k.leftover(4, "undo_failed", "open", "webhook")
		unheard.Fault = &fault.Record{Code: fault.Unavailable, Key: "webhook.status", Args: map[string]string{"host": "crm.example.com", "status": "503"}}
		unheard.Events = "/events?instance_id=" + unheard.InstanceID
		rows := []view.LeftoverRow{failed, k.leftover(2, "by_hand", "open", "manual"), given, unheard, k.leftover(6, "undo_failed", "undoing", "pool"),
			k.leftover(7, "driver_changed", "kept", "webhook"), k.leftover(8, "driver_unknown", "gone", "terraform")}
		p.Days = view.ByDay(rows, func(r view.LeftoverRow) view.Time { return r.Found })
		p.Pager = view.Pager{Rows: 50, Shown: len(rows)}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal"}
	}
	return p
}

func leftoverSamples(op, ro look) []Sample {
	return []Sample{
		{"leftovers-full", view.PageLeftovers, op.leftovers(view.ListRows)},
		{"leftovers-empty", view.PageLeftovers, op.leftovers(view.ListEmpty)},
		{"leftovers-no-match", view.PageLeftovers, op.leftovers(view.ListNoMatch, "status", "undoing")},
		{"leftovers-error", view.PageLeftovers, op.leftovers(view.ListError)},
		{"leftovers-read-only", view.PageLeftovers, ro.leftovers(view.ListRows)},
	}
}
