package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// hook is a receiver that answers as it is told, with a secret in its answer.
func hook(t *testing.T) (url string, status *atomic.Int64) {
	t.Helper()
	status = new(atomic.Int64)
	status.Store(http.StatusOK)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write([]byte(`{"front_end_url":"https://x","password":"` + password + `"}`))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?token=" + password, status
}

// sendEvents does every due event task once, as a worker with one try would.
func (h *house) sendEvents() {
	h.t.Helper()
	ctx := context.Background()
	for h.count(`SELECT count(*) FROM tasks WHERE kind = 'event' AND status = 'pending' AND run_at <= now()`) > 0 {
		id := int64(h.count(`SELECT min(id) FROM tasks WHERE kind = 'event' AND status = 'pending' AND run_at <= now()`))
		task, ok, err := h.store.Claim(ctx, id, time.Minute)
		require.NoError(h.t, err)
		require.True(h.t, ok)
		if cause := h.events.Deliver(ctx, task); cause != nil {
			require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
				if err := h.events.OnFail(ctx, tx, task, cause, true); err != nil {
					return err
				}
				return tx.Fail(ctx, task, cause, time.Time{})
			}))
		}
	}
}

func TestEventTargetsAreKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	url, status := hook(t)
	do := func(method, path, body string, want int) map[string]any {
		t.Helper()
		r := h.do(call{method: method, path: path, body: body, role: staff.Admin})
		require.Equal(t, want, r.status, r.raw)
		return r.json
	}
	made := do("POST", "/event-targets", `{"channel":"default","name":"crm","url":"`+url+`","types":["instance.frozen"]}`, 201)
	require.True(t, strings.HasPrefix(made["secret"].(string), "whsec_"))
	require.Equal(t, "unused", made["state"])
	require.True(t, strings.HasSuffix(made["url"].(string), "/hook?…"), "the query may hold a secret")
	one := "/event-targets/" + made["id"].(string)
	require.NotContains(t, do("GET", one, "", 200), "secret", "shown once")
	h.do(call{method: "POST", path: "/event-targets", body: `{"channel":"default","name":"crm","url":"` + url + `"}`, role: staff.Admin}).problem(409, "event_target.exists")
	for body, key := range map[string]string{`{"url":"here"}`: "webhook.bad_url", `{"types":["x"]}`: "event_target.unknown_type", `{"secret":"short"}`: "webhook.bad_secret"} {
		h.do(call{method: "PUT", path: one, body: body, role: staff.Admin}).problem(400, key)
	}

	sent := do("POST", one+"/test", `{}`, 200)
	require.Equal(t, "koodesk.test", sent["type"])
	h.sendEvents()
	got := do("GET", "/events/"+sent["id"].(string), "", 200)
	require.Equal(t, "succeeded", got["status"])
	try := got["attempt_log"].([]any)[0].(map[string]any)
	require.EqualValues(t, 200, try["http_status"])
	require.Contains(t, try["response"], "front_end_url")
	require.Equal(t, "ok", do("GET", one, "", 200)["state"])

	status.Store(503)
	do("POST", one+"/test", "", 200)
	h.sendEvents()
	shown := do("GET", "/event-targets", "", 200)["items"].([]any)[0].(map[string]any)
	require.Equal(t, "failing", shown["state"])
	require.EqualValues(t, 1, shown["failed"])
	require.Equal(t, "webhook.status", shown["last_error"].(map[string]any)["code"])

	changed := do("PUT", one, `{"new_secret":true,"types":[],"reason":"rotation"}`, 200)
	require.NotEqual(t, made["secret"], changed["secret"])
	require.NotNil(t, changed["old_secret_until"])
	require.Empty(t, changed["types"])
	require.Nil(t, do("PUT", one, `{"end_old_secret":true}`, 200)["old_secret_until"])
	require.Equal(t, "off", do("PUT", one, `{"enabled":false}`, 200)["state"])
	h.do(call{method: "POST", path: one + "/test", role: staff.Admin}).problem(409, "event_target.off")
	require.Equal(t, "removed", do("DELETE", one, "", 200)["status"])
	do("GET", one, "", 404)
	require.Len(t, do("GET", "/events", "", 200)["items"], 2, "what was sent stays")
	require.Equal(t, 7, h.count(`SELECT count(*) FROM audit WHERE action LIKE 'event_target.%'`))
	require.Zero(t, h.count(`SELECT count(*) FROM audit a WHERE a::text LIKE '%whsec_%' OR a::text LIKE '%`+password+`%'`))
}

func TestEventsAreFoundAndSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	url, status := hook(t)
	status.Store(500)
	ctx := context.Background()
	target, _, err := h.events.AddTarget(ctx, event.Subscription{Channel: "default", Name: "crm", URL: url, Enabled: true}, staff.CLI())
	require.NoError(t, err)
	i, err := h.store.Reader().InstanceByID(ctx, "i-CS1")
	require.NoError(t, err)
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		return event.Emit(ctx, tx, event.New{Channel: h.channel.ID, Type: event.InstanceFrozen, InstancePK: i.PK, OrderID: "CS1", OrderLineID: "CS1-1", Subject: "x",
			Data: map[string]string{"instance_id": "i-CS1", "password": password, "email": emailAddress}})
	}))
	h.sendEvents()
	for path, n := range map[string]int{"": 1, "type=instance.frozen&status=failed": 1, "type=instance.renewed": 0, "receiver=product": 0, "receiver=1": 1,
		"receiver=77": 0, "instance_id=i-CS1": 1, "order_id=CS1": 1, "order_id=CS": 0, "q=CS1": 1, "q=i-CS1": 1, "q=1": 1, "q=nothing": 0} {
		require.Len(t, h.ok("/events?" + path).json["items"], n, path)
	}
	h.get("/events?receiver=crm").problem(400, "request.invalid")
	one := h.ok("/events?status=failed").json["items"].([]any)[0].(map[string]any)
	require.Equal(t, "crm", one["target_name"])
	require.Len(t, h.ok("/events?q=" + one["webhook_id"].(string)).json["items"], 1)
	again := "/events/" + one["id"].(string) + "/resend"
	status.Store(204)
	r := h.do(call{method: "POST", path: again, body: `{"reason":"they are back"}`, role: staff.Operator})
	require.Equal(t, 200, r.status, r.raw)
	require.Equal(t, "pending", r.json["status"])
	h.sendEvents()
	got := h.ok("/events/" + one["id"].(string)).json
	require.Equal(t, "succeeded", got["status"])
	require.Len(t, got["attempt_log"], 3, "two tries, and who wanted the second")
	require.Contains(t, got["payload"], `"instance_id":"i-CS1"`)

	require.Contains(t, got, "emptied_at")
	require.Nil(t, got["emptied_at"])

	task := h.count(`SELECT task_id FROM events`)
	_, err = h.store.SQL().Exec(`UPDATE tasks SET status = 'running' WHERE id = $1`, task)
	require.NoError(t, err)
	h.do(call{method: "POST", path: again, role: staff.Operator}).problem(409, "event.running")
	_, err = h.store.SQL().Exec(`UPDATE tasks SET status = 'cancelled' WHERE id = $1`, task)
	require.NoError(t, err)
	require.NoError(t, h.events.RemoveTarget(ctx, target, staff.CLI()))
	h.do(call{method: "POST", path: again, role: staff.Operator}).problem(409, "event.target_gone")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'event.resend' AND reason = 'they are back'`), "what was refused leaves none")
	h.count(`WITH e AS (UPDATE events SET payload_sealed = '\x', emptied_at = '2026-01-31T08:00:00Z' RETURNING 1) SELECT count(*) FROM e`)
	require.Equal(t, "2026-01-31T08:00:00Z", h.ok("/events/" + one["id"].(string)).json["emptied_at"])
	require.True(t, fault.Is(h.events.Resend(ctx, 4711, staff.CLI()), fault.NotFound))
}
