package gallery

import (
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func (k look) stuckTask(kind string, id int64, task, purpose string, since time.Duration) view.StuckRow {
	const instance = "10e758d0-31ad-4c4b-8f1b-81d03469a10e"
	return view.StuckRow{ID: id, TaskID: id, Kind: task, Purpose: purpose, URL: "/messages/4711", InstanceID: instance, InstanceURL: "/instances/" + instance,
		OrderID: "CS2511221402QX7TP", Since: ago(since), Repair: k.may(staff.StuckRepair, "/stuck/"+kind+"/"+strconv.FormatInt(id, 10)+"/repair")}
}

func (k look) stuckInstance(kind string, id int64, product string, since time.Duration) view.StuckRow {
	r := k.stuckTask(kind, id, "", "", since)
	r.TaskID, r.Product, r.URL = 0, product, r.InstanceURL
	return r
}

func (k look) stuckRows(kind string) []view.StuckRow {
	first := k.stuckTask(kind, 90211, "order_query", "purchase", 3*time.Minute)
	switch kind {
	case "lost":
		first.Redis = "lost"
		has, unknown := k.stuckTask(kind, 90214, "deliver", "usage_info", 150*time.Second), k.stuckTask(kind, 90215, "event", "notify", 130*time.Second)
		has.Redis, has.Repair.Why = "has", view.Say("stuck.why.in_redis")
		unknown.Redis, unknown.Repair.Why, unknown.InstanceID, unknown.InstanceURL = "unknown", view.Say("stuck.why.no_redis"), "", ""
		return []view.StuckRow{first, has, unknown}
	case "creation":
		waits := k.stuckInstance(kind, 71, "智能客服云 企业版", 4*time.Hour)
		waits.Kind, waits.Purpose, waits.Deadline, waits.Polls = "provision", "purchase", ago(time.Hour), 41
		tried := k.stuckInstance(kind, 72, "Document Hub", 44*time.Minute)
		tried.Kind, tried.Purpose, tried.Next, tried.Deadline, tried.Polls = "order_query", "purchase", ago(-6*time.Minute), ago(-136*time.Minute), 9
		tried.Fault = &fault.Record{Code: fault.Unavailable, Key: "order_query.unreachable", Args: map[string]string{"host": "mkt.myhuaweicloud.com"}}
		return []view.StuckRow{waits, tried, k.stuckInstance(kind, 73, "", 31*time.Minute)}
	case "poll":
		r := k.stuckInstance(kind, 4712, "智能客服云 企业版", 5*time.Hour)
		r.URL, r.Polls, r.Polled, r.Others = "/messages/4712", 12, ago(6*time.Hour), 2
		again := k.stuckInstance(kind, 4713, "Document Hub", 9*time.Hour)
		again.URL, again.Polls, again.Polled, again.Repaired, again.Repair.Why = "/messages/4713", 3, ago(10*time.Hour), ago(20*time.Minute), view.Say("stuck.why.answered")
		return []view.StuckRow{again, r}
	}
	first.Attempts = 3
	first.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable"}
	return []view.StuckRow{first, k.stuckTask(kind, 90212, "provision", "upgrade", 150*time.Second)}
}

func (k look) stuck(state view.ListState, kind string, counts map[string]int) view.StuckPage {
	at := address("/stuck", "kind", kind)
	p := view.StuckPage{Shell: k.shell(view.RoomStuck, at.String()), Kind: kind, List: view.List{State: state, Filter: view.Filter{URL: at, NoSearch: true}}}
	for _, name := range []string{"unhanded", "lost", "lease", "creation", "poll"} {
		p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("stuck.kind." + name), Value: name, URL: at.With("kind", name), Count: counts[name], Active: name == kind, Tone: "bad"})
	}
	switch state {
	case view.ListRows:
		p.Rows = k.stuckRows(kind)
		p.Pager = view.Pager{Rows: 50, Shown: len(p.Rows)}
	case view.ListError:
		p.Fault, p.Tabs = &fault.Record{Code: fault.Internal, Key: "internal"}, nil
	}
	return p
}

func stuckSamples(op, ro look) []Sample {
	counts := map[string]int{"unhanded": 2, "lost": 3, "lease": 2, "creation": 3, "poll": 2}
	var out []Sample
	for _, kind := range []string{"unhanded", "lost", "lease", "creation", "poll"} {
		out = append(out, Sample{"stuck-" + kind, view.PageStuck, op.stuck(view.ListRows, kind, counts)})
	}
	return append(out,
		Sample{"stuck-none-of-this", view.PageStuck, op.stuck(view.ListNoMatch, "lease", map[string]int{"poll": 1})},
		Sample{"stuck-empty", view.PageStuck, op.stuck(view.ListEmpty, "unhanded", nil)},
		Sample{"stuck-error", view.PageStuck, op.stuck(view.ListError, "unhanded", nil)},
		Sample{"stuck-read-only", view.PageStuck, ro.stuck(view.ListRows, "lost", counts)})
}
