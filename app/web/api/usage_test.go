package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestUsageIsReportedReadAndToldToKooGallery(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	const at = "/instances/i-CS1/usage"
	report := func(entries string) reply { return h.put(at, `{"usage":[`+entries+`]}`) }
	asked := func() string {
		b, err := json.Marshal(h.send("activity", "queryInstance", "instanceId", "i-CS1")["info"].([]any)[0].(map[string]any)["usageInfo"])
		require.NoError(t, err)
		return string(b)
	}
	const old = `{"usage_value":"3","statistical_time":"2026-01-31T08:00:00Z"}`
	require.Equal(t, http.StatusOK, report(old).status, "before the order is known nobody can tell")
	require.Equal(t, "null", asked(), "and KooGallery is told nothing")
	h.work()
	report(old).problem(http.StatusConflict, "usage.not_metered")
	h.count(`WITH c AS (UPDATE instances SET charging_mode = 'ON_DEMAND_PKG' RETURNING 1) SELECT count(*) FROM c`)
	require.JSONEq(t, `[{"usageValue":3,"statisticalTime":"20260131080000000"}]`, asked())

	const sms = `{"related_instance_id":"sms","usage_value":1.5e1,"statistical_time":"2026-01-31T16:01:00.123456+08:00","dashboard_url":"https://app.example.com/use?token=Geheim-1&of=sms"}`
	const mms = `{"related_instance_id":"mms","usage_value":0.0001,"statistical_time":"2026-01-31T08:01:00Z"}`
	r := report(sms + "," + mms)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.NotNil(t, r.json["reported_at"])
	got, err := json.Marshal(r.json["usage"])
	require.NoError(t, err)
	require.JSONEq(t, `[{"related_instance_id":"sms","usage_value":15,"statistical_time":"2026-01-31T08:01:00.123Z","dashboard_url":"https://app.example.com/use?token=••••••&of=sms"},
		{"related_instance_id":"mms","usage_value":0.0001,"statistical_time":"2026-01-31T08:01:00Z","dashboard_url":""}]`, string(got))
	require.Equal(t, r.raw, h.do(call{method: "GET", path: at, role: staff.Viewer}).raw)
	const told = `[{"relatedInstanceId":"sms","usageValue":15,"statisticalTime":"20260131080100123","dashboardUrl":"https://app.example.com/use?token=Geheim-1&of=sms"},
		{"relatedInstanceId":"mms","usageValue":0.0001,"statisticalTime":"20260131080100000"}]`
	require.JSONEq(t, told, asked())

	const audits = `SELECT count(*) FROM audit WHERE action = 'instance.usage' AND target = 'usage/i-CS1'`
	require.Equal(t, 2, h.count(audits))
	require.Equal(t, http.StatusOK, report(sms+","+mms).status)
	require.Equal(t, 2, h.count(audits), "the same again changes nothing")
	require.Equal(t, http.StatusOK, report(strings.Replace(sms, "1.5e1", "2e1", 1)+","+mms).status)
	require.Equal(t, 2, h.count(audits), "more of it")
	require.Equal(t, http.StatusOK, report(strings.Replace(sms, "of=sms", "of=all", 1)+","+mms).status)
	require.Equal(t, 3, h.count(audits), "the buyer is led elsewhere")
	require.Equal(t, http.StatusOK, report(sms+","+mms).status)
	back := strings.Replace(sms, "16:01", "16:00", 1)
	p := report(back + "," + mms)
	p.problem(http.StatusConflict, "usage.older")
	require.Contains(t, p.json["detail"], "2026-01-31T08:00:00.123Z")
	report(strings.Replace(mms, `"mms"`, `"new"`, 1)).problem(http.StatusConflict, "usage.older")
	require.JSONEq(t, told, asked(), "what was there stays")

	h.count(`WITH c AS (UPDATE instances SET usage_sealed = '\x00' RETURNING 1) SELECT count(*) FROM c`)
	for _, list := range []string{"/instances", "/instances?q=i-CS1", "/instances?expires_before=2999-01-01T00:00:00Z", "/provisioning", "/orders"} {
		h.ok(list) // a list does not read what would stop it
	}
	h.count(`WITH c AS (UPDATE instances SET usage_sealed = NULL RETURNING 1) SELECT count(*) FROM c`)
	require.Equal(t, http.StatusOK, report(back+","+mms).status)
	require.Equal(t, http.StatusOK, report("").status, "an empty report takes it away")
	require.Equal(t, "null", asked())
	require.Nil(t, h.ok(at).json["reported_at"])
	h.send("activity", "releaseInstance", "instanceId", "i-CS1")
	report(old).problem(http.StatusConflict, "usage.instance_released")
	h.put("/instances/nobody/usage", `{"usage":[]}`).problem(http.StatusNotFound, "instance.unknown")
}

func TestAWrongReportNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := open(t)
	for body, want := range map[string][2]string{
		`{}`:                            {"request.invalid", "usage"},
		`{"usage":null}`:                {"request.invalid", "usage"},
		`{"usage":{}}`:                  {"request.invalid", "usage"},
		`{"usage":[null]}`:              {"request.invalid", "usage[0]"},
		`{"usage":[{"usage_value":1}]}`: {"request.invalid", "usage[0].statistical_time"},
		`{"usage":[{"usage_value":true,"statistical_time":"2026-01-31T08:00:00Z"}]}`:                        {"request.invalid", "usage[0].usage_value"},
		`{"usage":[{"usage_value":1,"value":2,"statistical_time":"2026-01-31T08:00:00Z"}]}`:                 {"request.invalid", "usage[0].value"},
		`{"usage":[{"statistical_time":"2026-01-31T08:00:00Z"}]}`:                                           {"usage.value", "usage[0].usage_value"},
		`{"usage":[{"usage_value":1.23456,"statistical_time":"2026-01-31T08:00:00Z"}]}`:                     {"usage.value", "usage[0].usage_value"},
		`{"usage":[{"usage_value":1,"statistical_time":"2999-01-31T08:00:00Z"}]}`:                           {"usage.ahead", "usage[0].statistical_time"},
		`{"usage":[{"usage_value":1,"statistical_time":"2026-01-31T08:00:00Z","dashboard_url":"example"}]}`: {"access.field_url", "usage[0].dashboard_url"},
	} {
		r := h.put("/instances/nobody/usage", body)
		r.problem(http.StatusBadRequest, want[0])
		require.Equal(t, want[1], r.json["errors"].([]any)[0].(map[string]any)["name"], body)
	}
	many := strings.Repeat(`{},`, 100000)
	r := h.put("/instances/nobody/usage", fmt.Sprintf(`{"usage":[%s{}]}`, many))
	r.problem(http.StatusBadRequest, "request.invalid")
	require.Len(t, r.json["errors"], 50, "no more than a person could look at")
}
