package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/retention"
	"koodesk/app/staff"
)

// failed has so many purchases whose order query was given up, and the marketplace
// back.
func (h *house) failed(orders ...string) {
	h.t.Helper()
	h.products()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	for _, o := range orders {
		h.buy(o)
	}
	h.work()
	h.market.fail = nil
}

// some are these fields of an object.
func some(v any, names ...string) []any {
	out := make([]any, len(names))
	for n, name := range names {
		out[n] = v.(map[string]any)[name]
	}
	return out
}

// TestOneMessageIsRestartedInAMode has the modes of a restart of many, by the same
// names and rules; without one it is as ever.
func TestOneMessageIsRestartedInAMode(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.failed("CS1", "CS2")
	require.Equal(t, []string{"mode"}, h.post("/messages/1/restart", `{"mode":"sometimes"}`).problem(http.StatusBadRequest, "request.invalid"))
	h.post("/messages/1/restart", `{"mode":"delivery"}`).problem(http.StatusConflict, "restart.nothing_told")
	h.post("/messages/99/restart", `{"mode":"delivery"}`).problem(http.StatusNotFound, "message.unknown")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM restart_batches WHERE refused = 1 AND restarted = 0`), "what is refused stays, what is not there does not")
	r := h.post("/messages/1/restart", `{"mode":"all","reason":"the shop is up again"}`)
	require.Equal(t, []any{"1", "processing", 1.0, false}, some(r.json, "id", "status", "restarted", "call_run"), r.raw)
	h.work()
	require.Len(t, h.mail.Messages(), 1)

	r = h.post("/messages/1/restart", `{"mode":"delivery","reason":"she lost it"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, []any{"1", "succeeded", "000004", 1.0, 0.0, false, "1 message to the customer is sent again."},
		some(r.json, "id", "status", "result_code", "restarted", "hurried", "call_run", "explanation"), r.raw)
	h.work()
	require.Len(t, h.mail.Messages(), 2)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM instances WHERE status = 'active'`))
	d := h.ok("/messages/1").json
	require.Equal(t, []any{"restart", "api", "she lost it", "4", nil}, some(d["attempt_log"].([]any)[0], "disposition", "source", "reason", "restart_id", "task_id"))
	require.Equal(t, []any{"4", "delivery", 1.0}, some(d["restarts"].([]any)[0], "id", "mode", "restarted"))
	require.Equal(t, http.StatusOK, h.post("/messages/2/restart", "").status)
}

// TestWhatCameOfARestartOutlivesItsAttempt: who, when, why, what was done, also with a
// retry that was still to come, and what came of it.
func TestWhatCameOfARestartOutlivesItsAttempt(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.failed("CS1", "CS2")
	task := h.ok("/messages/2").json["tasks"].([]any)[0].(map[string]any)["id"].(string)
	require.Equal(t, 1, h.count(`WITH soon AS (UPDATE tasks SET status = 'pending', run_at = now() + interval '1 hour', finished_at = NULL WHERE id = `+task+` RETURNING id) SELECT count(*) FROM soon`))
	h.post("/messages/1/restart", `{"reason":"the shop is up again"}`)
	require.EqualValues(t, 1, h.post(path("/tasks/%s/restart", task), `{"reason":"asked by phone"}`).json["hurried"])
	log := h.ok("/messages/2").json["attempt_log"].([]any)
	require.Len(t, log, 2, "one task's restart is an attempt of its message")
	require.Equal(t, []any{"restart", "api", "token:test operator", "asked by phone", "2", task}, some(log[0], "disposition", "source", "actor", "reason", "restart_id", "task_id"))
	require.Equal(t, log, h.ok("/messages/2/attempts").json["items"])
	require.Equal(t, 2, h.count(`WITH later AS (UPDATE tasks SET run_at = now() + interval '1 hour' WHERE status = 'pending' RETURNING id) SELECT count(*) FROM later`), "each has failed once more")
	h.post("/messages/restart", `{"ids":["1","2"],"reason":"all of them"}`)
	h.work()
	require.NoError(t, h.restarts.Settle(t.Context()))
	h.buy("CS1")
	h.buy("CS2")
	later := retention.New(retention.Options{Store: h.store, Days: retention.Days{Attempts: 35}, Now: func() time.Time { return time.Now().AddDate(3, 0, 0) }})
	require.NoError(t, later.Run(t.Context()))
	require.Equal(t, 0, h.count(`SELECT count(*) FROM attempts WHERE disposition = 'restart'`))

	own := []string{"id", "task_id", "mode", "actor", "source", "reason", "state", "outcome", "restarted", "hurried"}
	d := h.ok("/messages/1").json
	require.Len(t, d["attempt_log"], 1)
	kept := d["restarts"].([]any)
	require.Len(t, kept, 2)
	require.Equal(t, []any{"3", nil, "all", "token:test operator", "api", "all of them", "restarted", "passed", 0.0, 1.0}, some(kept[0], own...))
	require.Equal(t, []any{"1", nil, "all", "token:test operator", "api", "the shop is up again", "restarted", "passed", 1.0, 0.0}, some(kept[1], own...))
	kept = h.ok("/messages/2").json["restarts"].([]any)
	require.Equal(t, []any{"2", task, "all", "token:test operator", "api", "asked by phone", "restarted", "passed", 0.0, 1.0}, some(kept[1], own...))
	alone := h.ok("/tasks/" + task).json
	require.Empty(t, alone["attempt_log"])
	require.Equal(t, []any{kept[1]}, alone["restarts"])
	require.Equal(t, []any{"tasks", 1.0, 1.0, 1.0, "asked by phone"}, some(h.ok("/restarts/2").json, "thing", "matched", "restarted", "passed", "reason"))
}

// Whoever may restart and may not send to customers gets 403 for telling them again, and
// for its preview.
func TestTellingCustomersAgainNeedsTheRightToSend(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.failed("CS1")
	h.given = staff.MessagesRestart
	h.serve()
	reader := func(p, body string) reply {
		return h.do(call{method: "POST", path: p, body: body, token: h.tokens[staff.Viewer]})
	}
	for _, p := range []string{"/messages/restart", "/messages/restart?preview=true"} {
		for _, which := range []string{`"ids":["1"]`, `"filter":{"status":"failed"}`} {
			reader(p, `{`+which+`,"mode":"delivery"}`).problem(http.StatusForbidden, "http.forbidden")
		}
	}
	reader("/messages/1/restart", `{"mode":"delivery"}`).problem(http.StatusForbidden, "http.forbidden")
	require.Equal(t, 0, h.count(`SELECT count(*) FROM restart_batches`))
	require.Equal(t, http.StatusOK, reader("/messages/restart?preview=true", `{"ids":["1"]}`).status)
	require.Equal(t, http.StatusOK, reader("/messages/1/restart", `{}`).status, "all else is his")
}
