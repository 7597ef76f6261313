package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

// told is a sentence in the sample's language, as the page's handler says it.
func (k look) told(status, key string, args ...any) view.Found {
	return view.Found{Status: status, Text: i18n.For(k.locale).T("selfcheck."+key+"."+status, args...)}
}

func (k look) selfCheck() view.SelfCheckPage {
	p := view.SelfCheckPage{Shell: k.shell(view.RoomSelfCheck, "/self-check"), Self: "/self-check?channel=default", Channel: "default",
		URL: "https://koodesk.seller.example.com/koogallery/default", Run: k.may(staff.SelfCheckRun, "/self-check?channel=default"),
		Channels: []view.Tab{{Value: "default", URL: address("/self-check", "channel", "default"), Active: true}, {Value: "welink", URL: address("/self-check", "channel", "welink")}},
		Types:    []view.Option{{Label: view.Say("selfcheck.page.all_types")}, {Value: "period", Label: view.Say("selfcheck.type.period")}}}
	return p
}

func (k look) checkedCase(activity, variant, status string, ms int) view.CheckedCase {
	return view.CheckedCase{Guide: "SaaS V2.0", Activity: activity, Variant: variant, Sources: "CN 0070649427, intl 0070649092", Sent: true, Status: status, Code: "000000", Millis: ms,
		Checks: []view.Found{k.told("ok", "answered", "ms", "34"), k.told("ok", "status"), k.told("ok", "content_type"), k.told("ok", "proof"), k.told("ok", "body_sign"),
			k.told("ok", "code"), k.told("ok", "fields"), k.told("ok", "fit"), k.told("ok", "repeat")},
		Request: view.Payload{Body: `{"activity":"` + activity + `","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8","testFlag":"1"}`},
		Answer:  view.Payload{Body: `{"resultCode":"000000","resultMsg":"success."}`}}
}

func selfCheckSamples(op, ro look) []Sample {
	never, running, passed := op.selfCheck(), op.selfCheck(), op.selfCheck()
	running.Running, running.Live = ago(8*time.Second), true
	running.Run = op.not(staff.SelfCheckRun, "/self-check", "selfcheck.page.why_running")
	passed.Passed, passed.HTML, passed.Markdown, passed.JSON = true, "/self-check/report.html?channel=default", "/self-check/report.md?channel=default", "/self-check/report.json?channel=default"
	passed.Facts = []view.Fact{{Label: view.Say("selfcheck.fact.result"), Text: view.Say("selfcheck.sum", "ok", 19, "warn", 1, "fail", 0)},
		{Label: view.Say("selfcheck.fact.finished"), Time: ago(5 * time.Minute)}, {Label: view.Say("selfcheck.fact.by"), Value: "ann.zhang@example.com"},
		{Label: view.Say("selfcheck.fact.types"), Text: view.Say("selfcheck.type.period")}}
	passed.Address = []view.Found{op.told("ok", "scheme"), op.told("ok", "host", "host", "koodesk.seller.example.com"), op.told("warn", "port", "port", "8443"),
		op.told("ok", "tls", "version", "TLS 1.3", "cipher", "TLS_AES_128_GCM_SHA256"),
		op.told("ok", "certificate", "issuer", "CN=DigiCert TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US", "until", "2026-08-01")}
	passed.Cases = []view.CheckedCase{op.checkedCase("newInstance", "MOCKPERIODYEARNEW", "ok", 34), op.checkedCase("refreshInstance", "UNSUBSCRIBE_RENEWAL_PERIOD", "ok", 21),
		op.checkedCase("upgradeInstance", "MOCKMONTYCHANGE", "warn", 1630)}
	passed.Cases[2].Optional = true
	failed := passed
	failed.Shell, failed.Run, failed.Passed, failed.Theme = ro.shell(view.RoomSelfCheck, "/self-check"), ro.may(staff.SelfCheckRun, "/self-check"), false, "dark"
	failed.Fault = &fault.Record{Code: fault.Unavailable, Key: "self_check.broken_off"}
	failed.Facts = append([]view.Fact{{Label: view.Say("selfcheck.fact.result"), Text: view.Say("selfcheck.sum", "ok", 5, "warn", 1, "fail", 2), Tone: "bad"}}, passed.Facts[1:]...)
	failed.Address = append([]view.Found{op.told("fail", "scheme", "url", "http://koodesk.seller.example.com/koogallery/default")}, passed.Address[1:]...)
	broken := op.checkedCase("newInstance", "MOCKPERIODYEARNEW", "fail", 5210)
	broken.Open = true
	broken.Checks = []view.Found{op.told("fail", "slow", "ms", "5210"), op.told("ok", "status"), op.told("fail", "body_sign", "why", `the name is not spelled "Body-Sign"`)}
	failed.Cases = []view.CheckedCase{broken, {Guide: "SaaS V2.0", Activity: "releaseInstance", Sources: "CN 0070649431", Status: "fail"}}
	none := op.selfCheck()
	none.Channel, none.URL, none.Channels, none.Run = "", "", nil, view.Action{}
	return []Sample{{"selfcheck-none", view.PageSelfCheck, none}, {"selfcheck-never", view.PageSelfCheck, never}, {"selfcheck-running", view.PageSelfCheck, running},
		{"selfcheck-passed", view.PageSelfCheck, passed}, {"selfcheck-failed", view.PageSelfCheck, failed}}
}
