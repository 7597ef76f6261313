package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/staff"
)

func TestMessageFromListToDetail(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	h.work()
	h.send("activity", "queryInstance", "instanceId", "i-CS1")
	h.send("activity", "refreshInstance", "instanceId", "i-CS1", "orderId", "CS2", "orderLineId", "CS2-000001", "scene", "RENEWAL",
		"expireTime", "20300101000000", "productId", "OFFI-STATIC")

	list := h.ok("/messages")
	require.Equal(t, []any{"refreshInstance", "queryInstance", "newInstance"},
		[]any{list.items()[0]["activity"], list.items()[1]["activity"], list.items()[2]["activity"]})
	require.Equal(t, "RENEWAL", list.items()[0]["scene"])
	require.Nil(t, list.json["next_cursor"])
	bought := list.items()[2]
	require.Equal(t, "succeeded", bought["status"])
	require.Equal(t, "CS1", bought["order_id"])
	require.Equal(t, "i-CS1", bought["instance_id"])
	require.Equal(t, false, bought["test"])
	require.EqualValues(t, 1, bought["attempts"])
	require.NotNil(t, bought["retry_until"])
	at, err := time.Parse(time.RFC3339Nano, bought["first_received_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	require.True(t, strings.HasSuffix(bought["first_received_at"].(string), "Z"))

	d := h.ok("/messages/" + bought["id"].(string))
	log := d.json["attempt_log"].([]any)
	require.Len(t, log, 1)
	first := log[0].(map[string]any)
	require.Equal(t, "marketplace", first["source"])
	require.Equal(t, "new", first["disposition"])
	require.Equal(t, "000004", first["result_code"])
	require.Equal(t, "192.0.2.1", first["remote_ip"])
	require.Equal(t, "signature=abc&token=••••••", first["request"].(map[string]any)["query"])
	require.Contains(t, first["request"].(map[string]any)["body"], `"orderId":"CS1"`)
	require.Contains(t, first["response"].(map[string]any)["body"], `"instanceId":"i-CS1"`)
	tasks := d.json["tasks"].([]any)
	require.Len(t, tasks, 3, "order query, provisioning, delivery")
	require.Equal(t, "order_query", tasks[0].(map[string]any)["kind"])
	require.Len(t, tasks[0].(map[string]any)["attempt_log"], 1)

	// The answer to queryInstance held the password; what is shown of it does not.
	q := h.ok("/messages/" + list.items()[1]["id"].(string))
	answer := q.json["attempt_log"].([]any)[0].(map[string]any)["response"].(map[string]any)["body"].(string)
	require.Contains(t, answer, `"password":"••••••"`)
	require.Contains(t, answer, `https://app.example.com/i-CS1`)
	attempts := h.ok("/messages/" + bought["id"].(string) + "/attempts")
	require.Len(t, attempts.items(), 1)
	h.get("/messages/"+bought["id"].(string)+"?verbose=1").problem(http.StatusBadRequest, "request.invalid")
}

func TestMessageFilters(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	h.work()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	h.buy("CS2")
	h.work()
	h.send("activity", "newInstance", "orderId", "CS3", "orderLineId", "CS3-000001", "businessId", "i-CS3", "testFlag", "1")
	h.send("activity", "queryInstance", "instanceId", "i-CS1")
	id := func(order string) string { return h.ok("/messages?order_id=" + order).ids("id")[0] }
	one, two, three := id("CS1"), id("CS2"), id("CS3")
	later := url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
	earlier := url.QueryEscape(time.Now().Add(-time.Hour).Format(time.RFC3339))
	for _, c := range []struct {
		filter string
		want   []string // order ids
	}{
		{"", []string{"", "CS3", "CS2", "CS1"}},
		{"channel=default", []string{"", "CS3", "CS2", "CS1"}},
		{"channel=other", nil},
		{"protocol=v2&activity=newInstance", []string{"CS3", "CS2", "CS1"}},
		{"protocol=v1", nil},
		{"status=failed", []string{"CS2"}},
		{"test=true", []string{"CS3"}},
		{"test=false&activity=newInstance", []string{"CS2", "CS1"}},
		{"order_id=CS1", []string{"CS1"}},
		{"order_id=CS", nil},
		{"instance_id=i-CS1", []string{"", "CS1"}},
		{"q=CS", []string{"CS3", "CS2", "CS1"}},
		{"q=CS2-000001", []string{"CS2"}},
		{"q=i-CS", []string{"", "CS3", "CS2", "CS1"}},
		{"q=" + two, []string{"CS2"}},
		{"q=%25", nil},
		{"q=CS1&status=failed", nil},
		{"since=" + later, nil},
		{"until=" + earlier, nil},
		{"since=" + earlier + "&until=" + later, []string{"", "CS3", "CS2", "CS1"}},
		{"since=2020-01-01T00:00:00%2B08:00&limit=1", []string{""}},
	} {
		got := h.ok("/messages?" + c.filter)
		if c.want == nil {
			c.want = []string{}
		}
		require.Equal(t, c.want, got.ids("order_id"), c.filter)
	}
	failed := h.ok("/messages/" + two)
	require.Equal(t, "order_query.unreachable", failed.object("last_error")["code"])
	require.NotEmpty(t, failed.object("last_error")["message"])
	require.NotEqual(t, one, three)
	// Every arrival has a businessId of its own: each of them leads to the message.
	h.send("activity", "newInstance", "orderId", "CS1", "orderLineId", "CS1-000001", "businessId", "another-business")
	require.Equal(t, []string{one}, h.ok("/messages?q=another-business").ids("id"))
}

func TestBadFiltersAreNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, c := range []struct {
		path string
		want []string
	}{
		{"/messages?statsu=failed", []string{"statsu"}},
		{"/messages?status=broken", []string{"status"}},
		{"/messages?status=failed&status=failed", []string{"status"}},
		{"/messages?test=maybe", []string{"test"}},
		{"/messages?since=yesterday&until=2026-13-01T00:00:00Z", []string{"since", "until"}},
		{"/messages?limit=0", []string{"limit"}},
		{"/messages?limit=201", []string{"limit"}},
		{"/messages?limit=ten", []string{"limit"}},
		{"/messages?q=%00", []string{"q"}},
		{"/messages?q=%ff", []string{"q"}},
		{"/messages?q=" + strings.Repeat("a", 600), []string{"q"}},
		{"/messages?a=%zz", []string{""}},
		{"/instances?expires_before=2026", []string{"expires_before"}},
		{"/instances?status=failed", []string{"status"}},
		{"/tasks?kind=lunch", []string{"kind"}},
		{"/tasks?status=active", []string{"status"}},
		{"/deliveries?medium=pigeon&kind=x", []string{"kind", "medium"}},
		{"/products?driver=static", []string{"driver"}},
		{"/audit?limit=-1", []string{"limit"}},
	} {
		require.Equal(t, c.want, h.get(c.path).problem(http.StatusBadRequest, "request.invalid"), c.path)
	}
	for _, c := range []string{"x", "AAAA", strings.Repeat("A", 24), h.otherCursor()} {
		require.Equal(t, []string{"cursor"}, h.get("/messages?cursor="+url.QueryEscape(c)).problem(http.StatusBadRequest, "cursor.invalid"), c)
	}
}

// otherCursor is a cursor of the audit trail.
func (h *house) otherCursor() string {
	h.t.Helper()
	return h.ok("/audit?limit=1").json["next_cursor"].(string)
}

// TestCursorWalk reads 250 messages page by page while others arrive: none is
// lost and none comes twice.
func TestCursorWalk(t *testing.T) {
	t.Parallel()
	h := open(t)
	want := map[string]bool{}
	for i := range 250 {
		order := fmt.Sprintf("CS%04d", i)
		h.buy(order)
		want[order] = true
	}
	seen := map[string]int{}
	cursor, pages := "", 0
	for {
		p := h.ok("/messages?limit=40&cursor=" + cursor)
		for _, order := range p.ids("order_id") {
			seen[order]++
		}
		pages++
		h.buy(fmt.Sprintf("NEW%04d", pages))
		if p.json["next_cursor"] == nil {
			require.Len(t, p.items(), 10)
			break
		}
		cursor = p.json["next_cursor"].(string)
	}
	require.Equal(t, 7, pages)
	for order, n := range seen {
		require.Equal(t, 1, n, order)
		require.True(t, want[order], "%s came into the walk from behind", order)
	}
	require.Len(t, seen, 250)
}

// TestBigNumbers: an id of 19 digits survives every place where it is written.
func TestBigNumbers(t *testing.T) {
	t.Parallel()
	h := open(t)
	const big = "9223372036854775806"
	h.buy("CS1")
	_, err := h.store.SQL().Exec(`INSERT INTO messages (id, channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
		OVERRIDING SYSTEM VALUE VALUES (` + big + `, 1, 'v2', 'releaseInstance', 'k', 'failed', now(), now())`)
	require.NoError(t, err)
	_, err = h.store.SQL().Exec(`INSERT INTO tasks (id, kind, status, message_id, unique_key)
		OVERRIDING SYSTEM VALUE VALUES (` + big + `, 'provision', 'failed', ` + big + `, 'k')`)
	require.NoError(t, err)
	first := h.ok("/messages?limit=1")
	require.Equal(t, []string{big}, first.ids("id"))
	require.Equal(t, []string{"CS1"}, h.ok("/messages?limit=1&cursor="+first.json["next_cursor"].(string)).ids("order_id"))
	require.Equal(t, []string{big}, h.ok("/messages?q="+big).ids("id"))
	d := h.ok("/messages/" + big)
	require.Equal(t, big, d.json["id"])
	require.Contains(t, d.raw, `"id":"`+big+`"`)
	require.Equal(t, big, d.json["tasks"].([]any)[0].(map[string]any)["message_id"])
	r := h.post("/messages/"+big+"/restart", "")
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, big, r.json["id"])
	require.Equal(t, []string{big}, h.ok("/tasks?status=pending&kind=provision").ids("id"))
	require.Equal(t, []string{"message/" + big}, h.ok("/audit?action=message.restart").ids("target"))
}

func TestBodies(t *testing.T) {
	t.Parallel()
	h := open(t)
	const p = "/messages/restart"
	for _, c := range []struct {
		body string
		code string
		want []string
	}{
		{`{"filter":{"status":"failed","stauts":"x","limit":1}}`, "request.invalid", []string{"filter.stauts", "filter.limit"}},
		{`{"stauts":"failed"}`, "request.invalid", []string{"stauts"}},
		{`{"filter":{"test":"yes","since":"today","status":1}}`, "request.invalid", []string{"filter.test", "filter.since", "filter.status"}},
		{`{"filter":{"status":"failed","status":"failed"}}`, "request.invalid", []string{"filter.status"}},
		{`{"filter":"failed"}`, "request.invalid", []string{"filter"}},
		{`{"filter":`, "request.no_json", []string{}},
		{`[]`, "request.no_json", []string{}},
		{`{} {}`, "request.no_json", []string{}},
		{`null`, "request.no_json", []string{}},
		{"{\"filter\":{\"q\":\"\xff\"}}", "request.not_utf8", []string{}},
		{`{"filter":null}`, "restart.filter_empty", []string{}},
	} {
		require.Equal(t, c.want, h.post(p, c.body).problem(http.StatusBadRequest, c.code), c.body)
	}
	h.do(call{method: "POST", path: p, role: staff.Operator, body: "status=failed",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}).problem(http.StatusUnsupportedMediaType, "request.content_type")
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	h := open(t)
	en := h.do(call{method: "GET", path: "/messages/1", role: staff.Viewer, header: map[string]string{"Accept-Language": "en-GB,zh;q=0.5"}})
	zh := h.do(call{method: "GET", path: "/messages/1", role: staff.Viewer, header: map[string]string{"Accept-Language": "zh-TW,zh;q=0.9"}})
	en.problem(http.StatusNotFound, "message.unknown")
	zh.problem(http.StatusNotFound, "message.unknown")
	require.Equal(t, "en", en.header.Get("Content-Language"))
	require.Equal(t, "zh-CN", zh.header.Get("Content-Language"))
	require.NotEqual(t, en.json["detail"], zh.json["detail"])
	require.Contains(t, strings.Join(zh.header.Values("Vary"), ","), "Accept-Language")
}

// A poll for several instances is a message of each of them, and of their orders.
func TestAPollOfSeveralIsEachInstances(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	orders := []string{"CS1", "CS2", "CS3"}
	for _, order := range orders {
		h.buy(order)
	}
	const all = "i-CS1,i-CS2,i-CS3"
	h.send("activity", "queryInstance", "instanceId", all)
	h.work()
	h.send("activity", "queryInstance", "instanceId", all)
	h.send("activity", "queryInstance", "instanceId", all)
	h.send("activity", "queryInstance", "instanceId", all, "testFlag", "1")
	want := []any{"i-CS1", "i-CS2", "i-CS3"}
	for _, order := range orders {
		id := "i-" + order
		polls := h.ok("/messages?activity=queryInstance&test=false&instance_id=" + id).items()
		require.Len(t, polls, 1, id)
		require.Equal(t, want, polls[0]["instance_ids"])
		require.Equal(t, "i-CS1", polls[0]["instance_id"])
		require.Equal(t, want, h.ok("/messages/" + polls[0]["id"].(string)).json["instance_ids"])
		require.Len(t, h.ok("/messages?q="+id).items(), 3, "the purchase, the poll and the debugging one")
		require.Equal(t, []any{id}, h.ok("/messages?activity=newInstance&instance_id=" + id).items()[0]["instance_ids"])
		found := h.ok("/orders?order_id=" + order).items()
		require.Len(t, found, 1)
		var told []string
		for _, e := range h.ok("/orders/" + found[0]["id"].(string)).json["timeline"].([]any) {
			if e := e.(map[string]any); e["type"] == "poll" {
				told = append(told, fmt.Sprint(e["instance_id"], " ", e["result_code"], " ", e["count"], " ", e["others"]))
			}
		}
		require.Equal(t, []string{id + " 000000 2 2", id + " 000004 1 2"}, told)
	}
}
