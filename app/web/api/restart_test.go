package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestRestartOfOneMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	h.buy("CS1")
	h.work()
	id := h.ok("/messages?status=failed").ids("id")[0]
	h.market.fail = nil

	r := h.post(path("/messages/%s/restart", id), `{"reason":"the shop is up again"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, "processing", r.json["status"])
	require.EqualValues(t, 1, r.json["restarted"])
	require.Equal(t, "1 task that was given up begins a new round.", r.json["explanation"])
	h.work()
	d := h.ok("/messages/" + id)
	require.Equal(t, "succeeded", d.json["status"])
	require.Nil(t, d.json["last_error"])
	log := d.json["attempt_log"].([]any)
	require.Len(t, log, 2)
	require.Equal(t, "api", log[0].(map[string]any)["source"])
	require.Equal(t, "token:test operator", log[0].(map[string]any)["actor"])
	require.Equal(t, "the shop is up again", h.ok("/audit?action=message.restart").items()[0]["reason"])
	require.Equal(t, 1, h.count(`SELECT count(*) FROM instances`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM deliveries`))
	require.Len(t, h.mail.Messages(), 1)

	h.buy("CS2")
	_, err := h.store.SQL().Exec(`UPDATE tasks SET status = 'running' WHERE order_id = 'CS2'`)
	require.NoError(t, err)
	busy := h.ok("/messages?order_id=CS2").ids("id")[0]
	h.post(path("/messages/%s/restart", busy), "").problem(http.StatusConflict, "restart.running")
	task := h.ok("/tasks?status=running").ids("id")[0]
	h.post(path("/tasks/%s/restart", task), "").problem(http.StatusConflict, "restart.running")
	require.Equal(t, []string{"reason"}, h.post(path("/messages/%s/restart", id), `{"reason":"a\nb"}`).problem(http.StatusBadRequest, "request.invalid"))
	require.Equal(t, []string{"speed"}, h.post(path("/messages/%s/restart", id), `{"speed":1}`).problem(http.StatusBadRequest, "request.invalid"))
}

// TestRestartOfEverythingThatMatches restarts what the filter matches, not what
// a page shows.
func TestRestartOfEverythingThatMatches(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	for i := range 90 {
		h.buy(fmt.Sprintf("CS%03d", i))
	}
	h.work()
	require.Equal(t, 90, h.count(`SELECT count(*) FROM messages WHERE status = 'failed'`))
	h.market.fail = nil

	h.post("/messages/restart", `{}`).problem(http.StatusBadRequest, "restart.filter_empty")
	h.post("/messages/restart", `{"filter":{}}`).problem(http.StatusBadRequest, "restart.filter_empty")
	require.Equal(t, []string{"filter.status"}, h.post("/messages/restart", `{"filter":{"status":"bad"}}`).problem(http.StatusBadRequest, "request.invalid"))
	beside := `{"status":"failed","test":false,"filter":{"channel":"default"}}`
	require.Equal(t, []string{"status", "test"}, h.post("/messages/restart?preview=true", beside).problem(http.StatusBadRequest, "request.invalid"))
	require.Equal(t, 90, h.count(`SELECT count(*) FROM messages WHERE status = 'failed'`))

	r := h.post("/messages/restart?preview=true", `{"filter":{"status":"failed","q":"CS00"}}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.EqualValues(t, 10, r.json["matched"])
	require.EqualValues(t, 10, r.json["customers"])
	require.Equal(t, http.StatusOK, h.post("/tasks/restart?preview=true", `{"filter":{"status":"failed"}}`).status)
	h.post("/tasks/restart", `{"filter":{}}`).problem(http.StatusBadRequest, "restart.filter_empty")
	ticked := h.post("/messages/restart?preview=true", `{"ids":["2","1","999","2"]}`)
	require.EqualValues(t, 3, ticked.json["matched"], ticked.raw)
	require.EqualValues(t, 2, ticked.json["asks"])
	require.Equal(t, map[string]any{"message.unknown": []any{"999"}}, ticked.json["refused_ids"])
	require.EqualValues(t, 2, h.post("/tasks/restart?preview=true", `{"ids":["1","2"]}`).json["asks"])
	require.Equal(t, []string{"ids.1"}, h.post("/tasks/restart", `{"ids":["1","x"]}`).problem(http.StatusBadRequest, "request.invalid"))
	require.Equal(t, []string{"ids"}, h.post("/messages/restart", `{"ids":[]}`).problem(http.StatusBadRequest, "request.invalid"))
	require.Equal(t, []string{"filter"}, h.post("/messages/restart", `{"ids":["1"],"status":"failed"}`).problem(http.StatusBadRequest, "request.invalid"))
	group := fmt.Sprint(h.count(`SELECT id FROM failure_groups`))
	require.Equal(t, 2, h.count(`WITH left_out AS (UPDATE messages SET failure_group = NULL WHERE order_id IN ('CS000', 'CS001') RETURNING id) SELECT count(*) FROM left_out`))
	require.Equal(t, 1, h.count(`WITH left_out AS (UPDATE tasks SET failure_group = NULL WHERE id = 7 RETURNING id) SELECT count(*) FROM left_out`))
	r = h.post("/messages/restart?preview=true", `{"filter":{"group":"`+group+`"}}`)
	require.EqualValues(t, 88, r.json["matched"], r.raw)
	r = h.post("/tasks/restart?preview=true", `{"filter":{"group":"`+group+`"}}`)
	require.EqualValues(t, 89, r.json["matched"], r.raw)
	require.Equal(t, []string{"filter.group"}, h.post("/tasks/restart", `{"filter":{"group":"x"}}`).problem(http.StatusBadRequest, "request.invalid"))
	require.Equal(t, 90, h.count(`SELECT count(*) FROM messages WHERE status = 'failed'`), "looking changes nothing")
	r = h.post("/messages/restart", `{"ids":["1","999"]}`)
	require.Equal(t, []any{2.0, 1.0, 1.0}, []any{r.json["matched"], r.json["restarted"], r.json["refused"]}, r.raw)
	require.Equal(t, 1, h.count(`WITH again AS (UPDATE messages SET status = 'failed' WHERE id = 1), work AS (UPDATE tasks SET status = 'failed' WHERE message_id = 1 RETURNING id) SELECT count(*) FROM work`))
	r = h.post("/messages/restart", `{"filter":{"status":"failed","q":"CS00"}}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.EqualValues(t, 10, r.json["matched"])
	r = h.post("/messages/restart", `{"filter":{"status":"failed","activity":"newInstance","test":false,"since":"2020-01-01T00:00:00Z"}}`)
	require.Equal(t, http.StatusAccepted, r.status, r.raw)
	require.EqualValues(t, 80, r.json["matched"])
	require.Equal(t, "running", r.json["status"])
	batch := path("/restarts/%s", r.json["batch_id"].(string))
	require.EqualValues(t, 80, h.ok(batch).json["waiting"])
	require.Equal(t, "paused", h.post(batch+"/pause", `{"reason":"wait"}`).json["status"])
	h.post(batch+"/pause", "").problem(http.StatusConflict, "restart.batch_already")
	require.Equal(t, "running", h.post(batch+"/resume", "").json["status"])
	h.work()
	r = h.ok(batch)
	require.Equal(t, "done", r.json["status"])
	require.EqualValues(t, 80, r.json["restarted"])
	require.EqualValues(t, 0, r.json["refused"])
	h.post(batch+"/cancel", "").problem(http.StatusConflict, "restart.batch_over")
	require.Len(t, h.ok("/restarts").items(), 3)
	require.Len(t, h.ok(batch+"?limit=7").items(), 7)
	require.Equal(t, 0, h.count(`SELECT count(*) FROM messages WHERE status = 'failed'`))
	r = h.post("/messages/restart", `{"status":"failed"}`)
	require.EqualValues(t, 0, r.json["matched"])
}
