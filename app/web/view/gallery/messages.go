package gallery

import (
	"fmt"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

var activities = []string{market.NewInstance, market.QueryInstance, market.RefreshInstance, market.UpdateInstanceStatus,
	market.ReleaseInstance, market.UpgradeInstance, market.ChangeInstanceCheck}

func unreachable() *fault.Record {
	return &fault.Record{Code: fault.Unavailable, Key: "order_query.unreachable", Args: map[string]string{"host": "mkt.myhuaweicloud.com"},
		Detail: `Get "https://mkt.myhuaweicloud.com/api/mkp-openapi-public/global/v1/order/query": dial tcp 49.4.112.7:443: i/o timeout`}
}

func skewed() *fault.Record {
	return &fault.Record{Code: fault.Unauthenticated, Key: "call.timestamp_skewed", Args: map[string]string{"seconds": "412", "limit": "60", "signature": "valid"}}
}

func row(id int64, status, activity, order, instance string, age time.Duration) view.MessageRow {
	return view.MessageRow{
		ID: id, URL: fmt.Sprintf("/messages/%d", id), Status: status, Activity: activity, Channel: "default", Protocol: "v2",
		OrderID: order, LineID: order + "-000001", InstanceID: instance, ResultCode: "000000", Attempts: 1,
		First: ago(age + 40*time.Second), Last: ago(age), Tick: status == "failed",
	}
}

func rows() []view.MessageRow {
	failed := row(1042, "failed", market.NewInstance, "CS2511221402QX7TP", "87b94795-0603-4e24-8ae5-69420d60e3c8", 4*time.Minute)
	failed.Fault, failed.Attempts, failed.ResultCode = unreachable(), 3, "000004"
	failed.RetryUntil = ago(-(2*time.Hour + 12*time.Minute))
	working := row(1041, "processing", market.NewInstance, "CS2511221358K4MWE", "03pf80c2bae96vc49b80b917bea776d7", 9*time.Minute)
	working.ResultCode = "000004"
	renewal := row(1040, "succeeded", market.RefreshInstance, "CS2511221339B4LVS", "10e758d0-31ad-4c4b-8f1b-81d03469a10e", 24*time.Minute)
	renewal.Scene = "RENEWAL"
	test := row(1039, "succeeded", market.QueryInstance, "", "10e758d0-31ad-4c4b-8f1b-81d03469a10e", 95*time.Minute)
	test.LineID, test.Test, test.Attempts, test.Others = "", true, 48, 5
	rejected := row(1038, "rejected", market.ReleaseInstance, "CS2511200915ZZ81A", "10e758d0-31ad-4c4b-8f1b-81d03469a10e", 3*time.Hour)
	rejected.Fault, rejected.ResultCode = skewed(), "000001"
	freeze := row(1036, "succeeded", market.UpdateInstanceStatus, "", "5f0c1c2e-9a55-4f0b-8d0a-2e3c7a1b9d44", 6*time.Hour)
	freeze.LineID, freeze.Scene = "", "FREEZE"
	gone := row(1031, "failed", market.UpgradeInstance, "CS2511211706N3ORP", "5f0c1c2e-9a55-4f0b-8d0a-2e3c7a1b9d44", 21*time.Hour)
	gone.Fault = &fault.Record{Code: fault.Refused, Key: "product.unconfigured", Args: map[string]string{"product": "OFFI461867333479178240"}}
	gone.Attempts, gone.RetryUntil = 4, ago(18*time.Hour)
	release := row(1029, "succeeded", market.ReleaseInstance, "CS2511211544H2JUX", "c0a8012e-7d1f-4b0c-9a63-f2b0c1d8e977", 22*time.Hour)
	check := row(1027, "succeeded", market.ChangeInstanceCheck, "", "10e758d0-31ad-4c4b-8f1b-81d03469a10e", 26*time.Hour)
	check.LineID = ""
	return []view.MessageRow{failed, working, renewal, test, rejected, freeze, gone, release, check,
		row(1024, "succeeded", market.NewInstance, "CS2511201011T8YBC", "c0a8012e-7d1f-4b0c-9a63-f2b0c1d8e977", 50*time.Hour)}
}

// floodRows are what two floods of one minute leave: of calls that a key explains,
// and of others.
func floodRows() []view.MessageRow {
	var out []view.MessageRow
	for n, key := range []string{"call.flood_keyed", "call.flood"} {
		r := row(int64(1050-n), "rejected", "", "", "", 2*time.Minute)
		r.LineID, r.ResultCode, r.Attempts = "", "000001", 4711
		r.Fault = &fault.Record{Code: fault.Unauthenticated, Key: key, Args: map[string]string{"count": "4711"}, Detail: "203.0.113.9 call.signature_wrong"}
		out = append(out, r)
	}
	return out
}

func (k look) messages(state view.ListState, filters ...string) view.MessagesPage {
	at := address("/messages", filters...)
	p := view.MessagesPage{
		Shell: k.shell(view.RoomMessages, at.String()),
		List: view.List{
			Filter: view.Filter{
				URL: at, Q: at.Get("q"), Hint: view.Say("filter.messages_hint"), Status: at.Get("status"),
				Selects: []view.Select{
					{Name: "activity", Label: view.Say("filter.activity"), Options: options("filter.any_activity", at.Get("activity"), "activity.", activities...)},
					{Name: "test", Label: view.Say("filter.test"), Options: []view.Option{
						{Label: view.Say("filter.any_test"), Selected: true}, {Value: "0", Label: view.Say("filter.test_no")}, {Value: "1", Label: view.Say("filter.test_yes")}}},
				},
				Range: &view.Range{Preset: at.Get("range"), Since: at.Get("since"), Until: at.Get("until")},
			},
			Tabs:  tabs("message", at, at.Get("status"), map[string]int{"failed": 2, "processing": 1, "rejected": 1}),
			State: state,
			Pager: view.Pager{},
			Bulk:  k.may(staff.MessagesRestart, "/restarts/new"),
		},
		RestartAll: k.may(staff.MessagesRestart, "/restarts/new?list=%2Fmessages"),
		FirstStep:  "bin/koodesk simulate --url http://127.0.0.1:8080/koogallery/default --protocol v2 --key demo newInstance",
	}
	if state == view.ListRows {
		p.Days = view.ByDay(rows(), func(r view.MessageRow) view.Time { return r.Last })
		p.Pager = view.Pager{Rows: 50, Shown: 10, Older: at.With("before", "1024").String()}
	}
	if state == view.ListError {
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "database.unreachable", Detail: "dial tcp 127.0.0.1:5432: connect: connection refused"}
	}
	return p
}

// counted are the numbers that effects begin with: what is sent, the calls to the
// seller's systems, and to the marketplace.
func counted(mails, sms, calls, asks int) []view.Effect {
	sends := "restarts.effect.sends"
	if mails+sms == 0 {
		sends = "restarts.effect.sends_none"
	}
	out := []view.Effect{{Will: mails+sms > 0, Text: view.Say(sends, "sms", view.Say("restarts.effect.n_sms", "n", sms), "mails", view.Say("restarts.effect.n_mails", "n", mails))}}
	if mails+sms > 0 {
		out = append(out, view.Effect{Will: true, Text: view.Say("restarts.effect.fallback")})
	}
	if calls > 0 {
		out = append(out, view.Effect{Will: true, Text: view.Say("restarts.effect.calls", "n", calls)})
	}
	if asks > 0 {
		out = append(out, view.Effect{Will: true, Text: view.Say("restarts.effect.asks", "n", asks)})
	}
	return out
}

func effects() []view.Effect {
	return []view.Effect{
		{Will: true, Text: view.Say("effect.restart_tasks")},
		{Will: true, Text: view.Say("effect.restart_logged")},
		{Text: view.Say("effect.no_second_instance")},
		{Text: view.Say("effect.no_second_mail")},
		{Text: view.Say("effect.marketplace_retries")},
	}
}

func messageSamples(op, ro look) []Sample {
	many := op.messages(view.ListRows)
	many.Channels = true
	custom := op.messages(view.ListNoMatch, "status", "failed", "q", "CS2511", "range", "custom", "since", "2025-11-20T08:00", "until", "2025-11-20T07:00")
	custom.Filter.Range.Wrong = view.Say("range.wrong")
	chips := op.messages(view.ListRows, "status", "failed", "range", "24h", "instance_id", "87b94795-0603-4e24-8ae5-69420d60e3c8")
	chips.Filter.Chips = []view.Chip{{Name: view.Say("filter.instance"), Value: "87b94795-0603-4e24-8ae5-69420d60e3c8", Param: "instance_id", Drop: chips.Filter.URL.Without("instance_id")}}
	chips.Days = view.ByDay(rows()[:1], func(r view.MessageRow) view.Time { return r.Last })
	chips.Pager = view.Pager{Rows: 50, Shown: 1}
	chips.Flash = &view.Flash{Tone: "ok", Text: view.Say("flash.restarted", "n", 2)}
	banner := op.messages(view.ListRows, "before", "2000")
	banner.Pager.First, banner.Pager.Newer = "/messages", "/messages?after=1042"
	banner.Banners = []view.Banner{{Tone: "warn", Text: view.Say("banner.no_mail")}}
	floods := op.messages(view.ListRows, "status", "rejected")
	floods.Channels, floods.Days = true, view.ByDay(floodRows(), func(r view.MessageRow) view.Time { return r.Last })
	return []Sample{
		{"messages-floods", view.PageMessages, floods},
		{"messages-full", view.PageMessages, many},
		{"messages-banner", view.PageMessages, banner},
		{"messages-chips", view.PageMessages, chips},
		{"messages-empty", view.PageMessages, op.messages(view.ListEmpty)},
		{"messages-no-match", view.PageMessages, custom},
		{"messages-error", view.PageMessages, op.messages(view.ListError)},
		{"messages-read-only", view.PageMessages, ro.messages(view.ListRows)},
		{"message-failed", view.PageMessage, op.message("failed")},
		{"message-over", view.PageMessage, op.message("over")},
		{"message-overtaken", view.PageMessage, op.message("overtaken")},
		{"message-missed", view.PageMessage, op.message("missed")},
		{"message-retry-told", view.PageMessage, op.retries("told")},
		{"message-retry-once", view.PageMessage, op.retries("once")},
		{"message-retry-unpublished", view.PageMessage, op.retries("unpublished")},
		{"message-retry-license", view.PageMessage, op.retries("license")},
		{"message-retry-again", view.PageMessage, op.retries("again")},
		{"message-retry-elsewhere", view.PageMessage, op.retries("elsewhere")},
		{"message-retry-kit", view.PageMessage, op.retries("kit")},
		{"message-processing", view.PageMessage, op.message("processing")},
		{"message-succeeded", view.PageMessage, op.message("succeeded")},
		{"message-gone", view.PageMessage, op.message("gone")},
		{"message-poll-of-several", view.PageMessage, op.pollOfSeveral()},
		{"message-rejected", view.PageMessage, op.message("rejected")},
		{"message-diagnoses", view.PageMessage, op.allFindings(everyFinding())},
		{"message-undiagnosed", view.PageMessage, op.allFindings(&view.Diagnosis{Clock: clock()})},
		{"message-read-only", view.PageMessage, ro.message("failed")},
	}
}
