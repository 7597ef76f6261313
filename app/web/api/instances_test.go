package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func TestInstanceFromListToDetail(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	h.work()
	item := h.ok("/instances").items()[0]
	require.Equal(t, "i-CS1", item["instance_id"])
	require.Equal(t, "active", item["status"])
	require.Equal(t, map[string]any{"id": "cust-1", "name": "hw_anna", "real_name": "张••", "email": "a•••@example.com", "phone": "+86••••5678"}, item["customer"])
	access := item["access"].(map[string]any)
	require.Equal(t, "https://app.example.com/i-CS1", access["front_end_url"])
	require.Equal(t, true, access["has_password"])
	require.NotNil(t, item["expires_at"])

	d := h.ok("/instances/i-CS1")
	kinds := map[string]bool{}
	last := time.Now().Add(time.Minute)
	for _, e := range d.json["timeline"].([]any) {
		e := e.(map[string]any)
		kinds[e["type"].(string)+" "+e["kind"].(string)] = true
		at, err := time.Parse(time.RFC3339Nano, e["at"].(string))
		require.NoError(t, err)
		require.False(t, at.After(last), "newest first")
		last = at
	}
	for _, want := range []string{"message newInstance", "task order_query", "task provision", "task deliver", "change status", "change access", "delivery usage_info"} {
		require.True(t, kinds[want], "%s is missing in %v", want, kinds)
	}
	require.Len(t, d.json["deliveries"], 1)
	require.Len(t, d.json["tasks"], 3)
	require.Len(t, d.json["messages"], 1)
}

func TestInstanceFilters(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	h.buy("CSMANUAL")
	h.work()
	h.buy("CSNEW")
	soon := url.QueryEscape(time.Now().Add(300 * time.Hour).Format(time.RFC3339))
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{"", []string{"i-CSNEW", "i-CSMANUAL", "i-CS1"}},
		{"channel=default&limit=2", []string{"i-CSNEW", "i-CSMANUAL"}},
		{"channel=x", []string{}},
		{"product_id=OFFI-STATIC", []string{"i-CS1"}},
		{"sku_code=sku-1", []string{"i-CSMANUAL", "i-CS1"}},
		{"sku_code=unsold", []string{}},
		{"status=provisioning", []string{"i-CSNEW", "i-CSMANUAL"}},
		{"status=active", []string{"i-CS1"}},
		{"waiting_for_person=true", []string{"i-CSMANUAL"}},
		{"q=i-CS1", []string{"i-CS1"}},
		{"q=CS1-000001", []string{"i-CS1"}},
		{"q=CSM", []string{"i-CSMANUAL"}},
		{"q=cust-1", []string{"i-CSMANUAL", "i-CS1"}},
		{"q=HW_an", []string{"i-CSMANUAL", "i-CS1"}},
		{"q=hwxan", []string{}},
		{"q=admin", []string{"i-CS1"}},
		{"q=" + url.QueryEscape(" Anna.Secret@Example.com "), []string{"i-CSMANUAL", "i-CS1"}},
		{"q=" + url.QueryEscape("+86 186-1234-5678"), []string{"i-CSMANUAL", "i-CS1"}},
		{"q=anna.secret", []string{}},
		{"expires_before=" + soon, []string{"i-CS1", "i-CSMANUAL"}},
		{"expires_before=2020-01-01T00:00:00Z", []string{}},
	} {
		require.Equal(t, c.want, h.ok("/instances?"+c.filter).ids("instance_id"), c.filter)
	}
}

// TestManualProvisioning: the access data completes what waits for a person.
func TestManualProvisioning(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CSMANUAL")
	h.work()
	waiting := h.ok("/instances?waiting_for_person=true")
	require.Equal(t, []string{"i-CSMANUAL"}, waiting.ids("instance_id"))
	require.Equal(t, "processing", h.ok("/messages?order_id=CSMANUAL").items()[0]["status"])
	parked := h.ok("/tasks?status=pending").items()[0]
	require.Equal(t, true, parked["waiting_for_person"])
	require.Nil(t, parked["next_run_at"])

	const p = "/instances/i-CSMANUAL/access"
	for _, c := range []struct {
		body string
		code string
		want []string
	}{
		{`{}`, "access.field_missing", []string{"front_end_url"}},
		{`{"front_end_url":"ftp://x"}`, "access.field_url", []string{"front_end_url"}},
		{`{"front_end_url":"https://x.example.com","admin_url":"nonsense"}`, "access.field_url", []string{"admin_url"}},
		{`{"front_end_url":"https://x.example.com","user_name":"` + strings.Repeat("n", 129) + `"}`, "access.field_too_long", []string{"user_name"}},
		{`{"front_end_url":"https://x.example.com","memo":"a\u0000b"}`, "access.field_control", []string{"memo"}},
		{`{"front_end_url":"https://x.example.com","pasword":"` + password + `"}`, "request.invalid", []string{"pasword"}},
		{`{"front_end_url":7,"password":false}`, "request.invalid", []string{"front_end_url", "password"}},
	} {
		r := h.put(p, c.body)
		require.Equal(t, c.want, r.problem(http.StatusBadRequest, c.code), c.body)
	}
	require.Contains(t, h.put(p, `{}`).json["detail"], "front_end_url")

	r := h.put(p, `{"front_end_url":"https://x.example.com/login","user_name":"anna","password":"`+password+`"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, "active", r.json["status"])
	require.Equal(t, true, r.object("access")["has_password"])
	h.work()
	require.Equal(t, "succeeded", h.ok("/messages?order_id=CSMANUAL").items()[0]["status"])
	mails := h.mail.Messages()
	require.Len(t, mails, 1)
	require.Equal(t, []string{emailAddress}, mails[0].To)
	require.Contains(t, mails[0].Text, password, "the customer gets it")

	d := h.ok("/deliveries/" + h.ok("/deliveries").ids("id")[0])
	require.Contains(t, d.json["text"], "••••••")
	require.Contains(t, d.json["text"], "https://x.example.com/login")
	// A later password must not uncover the earlier one in the kept mail.
	r = h.put(p, `{"front_end_url":"https://x.example.com/login","user_name":"anna","password":"another-`+password+`"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	h.ok("/deliveries/" + d.json["id"].(string))
	require.Equal(t, []string{"instance/i-CSMANUAL", "instance/i-CSMANUAL"}, h.ok("/audit?action=instance.access").ids("target"))

	h.send("activity", "releaseInstance", "instanceId", "i-CSMANUAL")
	h.put(p, `{"front_end_url":"https://x.example.com"}`).problem(http.StatusConflict, "access.instance_released")
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.mail.Reply(smtptest.RcptTo, 550, "5.1.1 <"+emailAddress+">: no such user", 1)
	h.buy("CS1")
	h.work()
	item := h.ok("/deliveries?medium=email&kind=usage_info&status=failed&instance_id=i-CS1").items()[0]
	require.Equal(t, "a•••@example.com", item["to"])
	require.Equal(t, "mail.recipient_refused", item["last_error"].(map[string]any)["code"])
	require.Equal(t, "succeeded", h.ok("/messages?order_id=CS1").items()[0]["status"], "a mail does not fail the message")
	require.Empty(t, h.ok("/deliveries?medium=sms").items())
	require.Empty(t, h.ok("/deliveries?instance_id=other").items())

	id := item["id"].(string)
	h.do(call{method: "POST", path: "/deliveries/" + id + "/resend", role: staff.Viewer}).problem(http.StatusForbidden, "http.forbidden")
	h.post("/deliveries/"+id+"/resend", `{"to":"not an address"}`).problem(http.StatusBadRequest, "delivery.bad_email")
	r := h.post("/deliveries/"+id+"/resend", "")
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, "pending", r.json["status"])
	h.work()
	require.Len(t, h.mail.Messages(), 1)
	require.Equal(t, "succeeded", h.ok("/deliveries/" + id).json["status"])
}

func TestTasks(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	h.buy("CS1")
	h.work()
	list := h.ok("/tasks?kind=order_query&status=failed&instance_id=i-CS1")
	require.Len(t, list.items(), 1)
	id := list.ids("id")[0]
	d := h.ok("/tasks/" + id)
	require.Equal(t, "failed", d.json["attempt_log"].([]any)[0].(map[string]any)["outcome"])
	h.market.fail = nil
	r := h.post("/tasks/"+id+"/restart", "")
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.EqualValues(t, 1, r.json["restarted"])
	h.work()
	require.Equal(t, "succeeded", h.ok("/tasks/" + id).json["status"])
	h.post("/tasks/"+id+"/restart", "").problem(http.StatusConflict, "restart.done")
	require.Equal(t, "succeeded", h.ok("/messages?order_id=CS1").items()[0]["status"])
}

func TestProducts(t *testing.T) {
	t.Parallel()
	h := open(t)
	const p = "/products/default/*"
	r := h.put(p, `{"driver":"static","front_end_url":"https://app.example.com/{instance_id}","webhook_secret":"`+hookSecret+`"}`)
	require.Equal(t, http.StatusCreated, r.status, r.raw)
	require.Equal(t, "zh-CN", r.json["mail_language"], "the site's")
	require.Equal(t, false, r.json["one_time_link"])
	require.Equal(t, true, r.json["has_webhook_secret"])
	r = h.put("/products/default/%2A", `{"driver":"static","front_end_url":"https://b.example.com/{order_id}","mail_language":"en"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, true, r.json["has_webhook_secret"], "what is left out stays")
	require.Equal(t, "en", r.json["mail_language"])
	r = h.put(p, `{"driver":"manual","webhook_secret":"","one_time_link":true}`)
	require.Equal(t, true, r.json["one_time_link"])
	require.Equal(t, false, r.json["has_webhook_secret"])
	require.Equal(t, "", r.json["front_end_url"])
	require.Equal(t, []string{"*"}, h.ok("/products?channel=default").ids("product_id"))
	require.Empty(t, h.ok("/products?channel=other").items())
	require.Equal(t, "manual", h.ok(p).json["driver"])

	for _, c := range []struct {
		path string
		body string
		code string
		want []string
	}{
		{p, `{}`, "request.invalid", []string{"driver"}},
		{p, `{"driver":"magic"}`, "product.driver_unknown", []string{}},
		{p, `{"driver":"manual","mail_language":"fr"}`, "request.invalid", []string{"mail_language"}},
		{p, `{"driver":"static"}`, "template.missing", []string{"front_end_url"}},
		{p, `{"driver":"static","front_end_url":"https://x/{nonsense}"}`, "template.unknown_placeholder", []string{"front_end_url"}},
		{"/products/default/a%20b", `{"driver":"manual"}`, "product.bad_id", []string{}},
	} {
		require.Equal(t, c.want, h.put(c.path, c.body).problem(http.StatusBadRequest, c.code), c.body)
	}
	require.Equal(t, 3, h.count(`SELECT count(*) FROM audit WHERE action = 'product.set'`))
}

// A replacement carries every setting that a product can have: one that the API
// did not know would be lost by it.
func TestAProductKeepsEverySettingThatItsReplacementNames(t *testing.T) {
	t.Parallel()
	h := open(t)
	const p = "/products/default/OFFI-LIC"
	given := map[string]any{"driver": "none"}
	settings := reflect.TypeFor[store.ProductSettings]()
	for i := range settings.NumField() {
		name, _, _ := strings.Cut(settings.Field(i).Tag.Get("json"), ",")
		given[name] = settings.Field(i).Type.Kind() == reflect.Bool
	}
	// Numbers as encoding/json reads them back.
	given["notices_off"], given["expiry_days"], given["quiet_hours"], given["daily_cap"] = []any{"frozen"}, []any{30.0, 7.0}, "22:00-08:00", 3.0
	given["password_by"], given["wipe_password_days"] = "link", 14.0
	given["password_length"], given["password_classes"] = 24.0, []any{"lower", "digit"}
	for name, text := range map[string]string{"front_end_url": "", "admin_url": "", "user_name": "", "memo": "", "pool": "", "pool_on_release": "",
		"webhook_url": "", "webhook_wait": "", "license": "pool", "license_pool": "keys-2027"} {
		require.Contains(t, given, name)
		given[name] = text
	}
	body, err := json.Marshal(given)
	require.NoError(t, err)
	r := h.put(p, string(body))
	require.Equal(t, http.StatusCreated, r.status, r.raw)
	for name, value := range given {
		require.Equal(t, value, r.json[name], name)
	}
	require.Equal(t, 1, h.count(`SELECT count(*) FROM products WHERE settings->>'license' = 'pool' AND settings->>'license_pool' = 'keys-2027'
		AND (settings->>'license_needs_device')::boolean AND (settings->>'license_unlimited')::boolean`))
	for body, code := range map[string]string{
		`{"driver":"none","license":"magic"}`: "license.supplier_unknown",
		`{"driver":"none","license":"pool"}`:  "license.pool_missing",
	} {
		h.put(p, body).problem(http.StatusBadRequest, code)
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	all := h.ok("/audit")
	require.Len(t, all.items(), 5, "three tokens and two products")
	require.Equal(t, []string{"product/default/OFFI-MANUAL", "product/default/OFFI-STATIC"}, h.ok("/audit?actor="+url.QueryEscape("token:test admin")).ids("target"))
	require.Len(t, h.ok("/audit?action=token.created").items(), 3)
	require.Len(t, h.ok("/audit?target=product/default/OFFI-STATIC").items(), 1)
	require.Equal(t, "manual", all.items()[0]["detail"].(map[string]any)["driver"])
	require.NotEmpty(t, all.items()[0]["ip"])
}
