package gallery

import (
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func batchRow(status string) view.BatchRow {
	b := view.BatchRow{ID: 17, URL: "/restarts/17", Thing: "messages", Mode: "all", Status: status, Total: 10000, Done: 4180, Restarted: 4100, Refused: 80,
		Passed: 3950, Failed: 12, Open: 138, PerSecond: 20, By: "ann.zhang@example.com", Reason: "云商店接口已恢复", Created: ago(4 * time.Minute),
		Filter: []view.Fact{{Label: view.Say("filter.activity"), Text: view.Say("activity.newInstance")}, {Label: view.Say("filter.group"), Value: "4"}, {Label: view.Say("col.status"), Text: view.Say("status.message.failed")}}}
	switch status {
	case "done":
		b.Done, b.Restarted, b.Passed, b.Failed, b.Open, b.Finished = 10000, 9920, 9908, 12, 0, ago(time.Minute)
	case "paused", "cancelled":
		b.ChangedBy = "li.wei@example.com"
	}
	return b
}

func (k look) restarts(state view.ListState) view.RestartsPage {
	p := view.RestartsPage{Shell: k.shell(view.RoomRestarts, "/restarts"), List: view.List{Filter: view.Filter{URL: address("/restarts")}, State: state}}
	switch state {
	case view.ListRows:
		small := batchRow("done")
		small.ID, small.Thing, small.Total, small.Done, small.Restarted, small.Passed, small.Refused, small.Failed, small.Filter, small.Created = 16, "tasks", 3, 3, 3, 3, 0, 0, nil, ago(30*time.Hour)
		told := batchRow("cancelled")
		told.ID, told.Mode, told.Reason, told.Created = 15, "delivery", "", ago(31*time.Hour)
		p.Days = view.ByDay([]view.BatchRow{batchRow("running"), restartOfOne("tasks"), small, told}, func(r view.BatchRow) view.Time { return r.Created })
		p.Pager = view.Pager{Rows: 50, Shown: 4}
	case view.ListError:
		p.Fault = &fault.Record{Code: fault.Internal, Key: "internal"}
	}
	return p
}

// restartOfOne is the restart of one message or task.
func restartOfOne(thing string) view.BatchRow {
	b := batchRow("done")
	b.ID, b.URL, b.One, b.Thing, b.Filter, b.Reason, b.PerSecond = 18, "/restarts/18", 1042, thing, nil, "客户来电催办，网络已恢复", 0
	b.Total, b.Done, b.Restarted, b.Refused, b.Passed, b.Failed = 1, 1, 1, 0, 1, 0
	return b
}

func (k look) restart(status string) view.RestartPage {
	b := batchRow(status)
	p := view.RestartPage{Shell: k.shell(view.RoomRestarts, b.URL), Batch: b, Here: b.URL, Live: status == "running",
		Reasons: []view.Reason{{N: 71, Text: view.Say("fault.restart.running.what")}, {N: 9, Text: view.Say("fault.restart.nothing_stored.what")}},
		Facts: []view.Fact{{Label: view.Say("restarts.fact.by"), Value: b.By}, {Label: view.Say("restarts.fact.begun"), Time: b.Created},
			{Label: view.Say("restarts.fact.finished"), Time: b.Finished}, {Label: view.Say("restarts.fact.rate"), Text: view.Say("restarts.rate", "n", 20)},
			{Label: view.Say("restarts.fact.mode"), Text: view.Say("restarts.mode.all")}, {Label: view.Say("restarts.fact.reason"), Value: b.Reason}},
		Tabs: []view.Tab{{Label: view.Say("list.all"), URL: address(b.URL), Count: 999, Active: true},
			{Label: view.Say("restarts.bad"), URL: address(b.URL, "bad", "1"), Count: 92, Tone: "bad"}},
		Pause:  k.may(staff.MessagesRestart, b.URL+"/pause"),
		Resume: k.may(staff.MessagesRestart, b.URL+"/resume"),
		Cancel: k.may(staff.MessagesRestart, b.URL+"/cancel"),
		Pager:  view.Pager{Rows: 50, Shown: 5, Older: b.URL + "?before=x"}}
	if status == "done" || status == "cancelled" {
		p.Pause.Why, p.Cancel.Why = view.Say("restarts.why."+status), view.Say("restarts.why."+status)
	}
	if status == "paused" {
		p.Batch.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable", Detail: "connection refused"}
	}
	line := "CS2511221402QX7TP-000001"
	p.Items = []view.BatchItem{
		{ID: 901, URL: "/messages/901", What: market.NewInstance, Message: true, Line: line, State: "passed", Given: 1, Finished: ago(3 * time.Minute)},
		{ID: 902, URL: "/messages/902", What: market.NewInstance, Message: true, Line: line, State: "restarted", Hurried: 1, Finished: ago(3 * time.Minute)},
		{ID: 903, URL: "/messages/903", What: market.RefreshInstance, Message: true, Line: line, State: "failed", Ran: true, Code: "000005", Finished: ago(2 * time.Minute)},
		{ID: 904, URL: "/messages/904", What: market.NewInstance, Message: true, State: "refused", Fault: &fault.Record{Code: fault.Conflict, Key: "restart.running"}, Finished: ago(2 * time.Minute)},
		{ID: 905, URL: "/messages/905", What: market.NewInstance, Message: true, Line: line, State: "waiting"}}
	return p
}

// restartAlone is the restart of one message or task, and how that stands since.
func (k look) restartAlone(thing, state string) view.RestartPage {
	b := restartOfOne(thing)
	off := view.Action{Show: k.may(staff.MessagesRestart, b.URL).Show, Why: view.Say("restarts.why.done")}
	item := view.BatchItem{ID: 1042, URL: "/messages/1042", What: market.NewInstance, Message: thing == "messages", Line: "CS2511221402QX7TP-000001", State: state, Given: 1, Finished: b.Created}
	what, now, tries := view.Fact{Label: view.Say("found.thing.message"), Value: "#1042", URL: item.URL, Note: view.Say("activity." + market.NewInstance)}, "status.message.succeeded", view.Fact{Label: view.Say("fact.attempts"), Value: "3"}
	p := view.RestartPage{Shell: k.shell(view.RoomRestarts, b.URL), Batch: b, Here: b.URL, Alone: &item, Pause: off, Resume: off, Cancel: off}
	switch state {
	case "failed":
		what, now, tries = view.Fact{Label: view.Say("found.thing.task"), Value: "#1042", URL: "/tasks?q=%231042", Note: view.Say("task_kind.order_query")}, "status.task.failed", view.Fact{Label: view.Say("restarts.fact.tries"), Value: "10"}
		p.Last = unreachable()
	case "refused":
		item.Given, item.Fault = 0, &fault.Record{Code: fault.Conflict, Key: "restart.under_way"}
		now = "status.message.processing"
	}
	p.Facts = []view.Fact{what, {Label: view.Say("fact.order_line"), Value: item.Line, Mono: true, Copy: true}, {Label: view.Say("restarts.fact.by"), Value: b.By},
		{Label: view.Say("restarts.fact.begun"), Time: b.Created}, {Label: view.Say("restarts.fact.reason"), Value: b.Reason}, {Label: view.Say("restarts.fact.mode"), Text: view.Say("restarts.mode.all")},
		{Label: view.Say("restarts.col.did"), Text: item.Did(false)}, {Label: view.Say("restarts.fact.now"), Text: view.Say(now)}, tries}
	return p
}

func (k look) newRestart(total int) view.RestartNewPage {
	list := address("/messages", "status", "failed", "activity", market.NewInstance)
	p := view.RestartNewPage{Shell: k.shell(view.RoomRestarts, "/restarts/new"), Thing: "messages", Mode: "all", Messages: true, Back: list.String(),
		Filter: batchRow("running").Filter, Total: total, Doable: total - total/20, Confirm: total > 100, Typed: view.Field{Name: "confirm"}, Why: view.Field{Name: "reason"}, MustWhy: true,
		Start: k.may(staff.MessagesRestart, "/restarts"),
		Modes: []view.Tab{{Label: view.Say("restarts.mode.all"), URL: address("/restarts/new"), Active: true}, {Label: view.Say("restarts.mode.delivery"), URL: address("/restarts/new", "mode", "delivery")}},
		Groups: []view.PreviewGroup{{What: market.NewInstance, Product: "OFFI461867333479178240", Step: "order_query", N: total - total/5, Refused: total / 20},
			{What: market.NewInstance, Step: "provision", N: total / 5}, {What: market.RefreshInstance, Product: "OFFI461867333479178240", N: 1}},
		Samples: []view.PreviewItem{{ID: 1042, URL: "/messages/1042", What: market.NewInstance, Line: "CS2511221402QX7TP-000001", Fault: unreachable()},
			{ID: 1031, URL: "/messages/1031", What: market.RefreshInstance, Line: "CS2511211706N3ORP-000001"}},
		Effects: slices.Concat(counted(12, 0, 3, total), []view.Effect{{Will: true, Text: view.Say("restarts.effect.customers", "n", total)},
			{Will: true, Text: view.Say("restarts.effect.hurried", "n", 7)}}, effects()[1:]),
		Rates: []view.Option{{Value: "5", Label: view.Say("restarts.rate", "n", 5)}, {Value: "20", Label: view.Say("restarts.rate", "n", 20), Selected: true}, {Value: "0", Label: view.Say("restarts.rate_free")}}}
	if total > 1000 {
		p.Rest = view.PreviewRest{Kinds: 14, N: total / 100, Refused: 2}
	}
	if n := total / 20; n > 0 {
		p.Reasons = []view.Reason{{N: n, Text: view.Say("fault.restart.running.what"), Which: []view.PreviewItem{{ID: 1040, URL: "/messages/1040"}, {ID: 1029, URL: "/messages/1029"}}}}
	}
	if p.Doable == 0 {
		p.Start.Why = view.Say("restarts.why.nothing")
	}
	return p
}

// tickedRestart is the preview of four that were ticked, of which two are refused.
func (k look) tickedRestart(thing string) view.RestartNewPage {
	p := k.newRestart(4)
	p.Thing, p.Ticked, p.Filter, p.Doable = thing, []int64{1042, 1040, 1031, 1029}, nil, 2
	p.Groups = []view.PreviewGroup{{What: market.NewInstance, Product: "OFFI461867333479178240", Step: "order_query", N: 3, Refused: 1}}
	p.Effects = slices.Concat(counted(1, 0, 1, 2), []view.Effect{{Will: true, Text: view.Say("restarts.effect.customers", "n", 2)}}, effects()[1:])
	p.Reasons = []view.Reason{{N: 1, Text: view.Say("fault.restart.running.what"), Which: []view.PreviewItem{{ID: 1040, URL: "/messages/1040"}}},
		{N: 1, Text: view.Say("fault.message.unknown.what"), Which: []view.PreviewItem{{ID: 1029}}}}
	if thing == "tasks" {
		p.Messages, p.Modes, p.Back, p.Start = false, nil, "/tasks?status=failed", k.may(staff.TasksRestart, "/restarts")
		p.Groups = []view.PreviewGroup{{What: "purchase", Product: "OFFI461867333479178240", Step: "provision", N: 2}, {What: "usage_info", Step: "deliver", N: 1, Refused: 1}}
		p.Reasons[1].Text = view.Say("fault.task.unknown.what")
	}
	return p
}

func restartSamples(op, ro look) []Sample {
	wrong := op.newRestart(10000)
	wrong.Typed = view.Field{Name: "confirm", Value: "1000", Wrong: view.Say("restarts.type_wrong", "n", 10000)}
	none := op.restart("done")
	none.Bad, none.Items, none.Reasons, none.Pager = true, nil, nil, view.Pager{}
	silent := op.newRestart(3)
	silent.Why.Wrong = view.Say("restarts.why_missing")
	refused := op.newRestart(20)
	refused.Doable, refused.Start.Why = 0, view.Say("restarts.why.nothing")
	told := op.newRestart(12)
	told.Mode, told.Modes[0].Active, told.Modes[1].Active = "delivery", false, true
	told.Effects = []view.Effect{told.Effects[0], {Will: true, Text: view.Say("restarts.effect.notices")}, {Text: view.Say("restarts.effect.no_provisioning")}, {Will: true, Text: view.Say("effect.restart_logged")}}
	mayNotTell := op.newRestart(12)
	mayNotTell.Modes[1].Value, mayNotTell.Modes[1].Why = "delivery", view.Say("fault.http.forbidden.what")
	toldOne := told
	toldOne.Effects = slices.Concat(counted(1, 0, 1, 1)[:1], told.Effects[1:])
	toldOne.Message, toldOne.MessageURL, toldOne.MustWhy = 1042, "/messages/1042", false
	toldOne.Rates = nil
	toldOne.Ticked, toldOne.Filter, toldOne.Total, toldOne.Doable, toldOne.Samples = []int64{1042}, nil, 1, 1, told.Samples[:1]
	toldOne.Groups, toldOne.Rest = []view.PreviewGroup{{What: market.NewInstance, Product: "OFFI461867333479178240", Step: "deliver", N: 1}}, view.PreviewRest{}
	return []Sample{
		{"restarts-full", view.PageRestarts, op.restarts(view.ListRows)},
		{"restarts-empty", view.PageRestarts, op.restarts(view.ListEmpty)},
		{"restarts-error", view.PageRestarts, op.restarts(view.ListError)},
		{"restart-running", view.PageRestart, op.restart("running")},
		{"restart-paused", view.PageRestart, op.restart("paused")},
		{"restart-done", view.PageRestart, op.restart("done")},
		{"restart-cancelled", view.PageRestart, op.restart("cancelled")},
		{"restart-no-bad", view.PageRestart, none},
		{"restart-read-only", view.PageRestart, ro.restart("running")},
		{"restart-of-one", view.PageRestart, op.restartAlone("messages", "passed")},
		{"restart-of-one-failed", view.PageRestart, op.restartAlone("tasks", "failed")},
		{"restart-of-one-refused", view.PageRestart, op.restartAlone("messages", "refused")},
		{"restart-preview-no-reason", view.PageRestartNew, silent},
		{"restart-preview", view.PageRestartNew, op.newRestart(10000)},
		{"restart-preview-wrong", view.PageRestartNew, wrong},
		{"restart-preview-small", view.PageRestartNew, op.newRestart(3)},
		{"restart-preview-ticked", view.PageRestartNew, op.tickedRestart("messages")},
		{"restart-preview-ticked-tasks", view.PageRestartNew, op.tickedRestart("tasks")},
		{"restart-preview-ticked-read-only", view.PageRestartNew, ro.tickedRestart("tasks")},
		{"restart-preview-told", view.PageRestartNew, told},
		{"restart-preview-may-not-tell", view.PageRestartNew, mayNotTell},
		{"restart-preview-tell-one", view.PageRestartNew, toldOne},
		{"restart-preview-refused", view.PageRestartNew, refused},
		{"restart-preview-nothing", view.PageRestartNew, op.newRestart(0)},
		{"restart-preview-read-only", view.PageRestartNew, ro.newRestart(40)},
	}
}
