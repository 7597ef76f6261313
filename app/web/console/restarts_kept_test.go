package console_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/retention"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// forgetAttempts has everything retired that may be, as in some years.
func (h *house) forgetAttempts() {
	h.t.Helper()
	later := retention.New(retention.Options{Store: h.store, Days: retention.Days{Attempts: 35}, Now: func() time.Time { return time.Now().AddDate(3, 0, 0) }})
	require.NoError(h.t, later.Run(h.t.Context()))
}

// Who restarted what, when, why and what came of it stands on the message's page and
// in the list of restarts, also when neither attempt nor try is kept any more.
func TestTheResultOfARestartOutlivesItsAttempt(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1", "CS2", "CS3")
	page := v.get("/messages/1")
	require.Zero(t, page.Find(".restarts-of").Length())
	require.Equal(t, http.StatusSeeOther, v.post("/messages/1/restart", page, "reason", "the shop is back").status)
	require.Contains(t, v.get("/messages/1").words(".restarts-of"), "Under way")
	require.Equal(t, http.StatusSeeOther, v.post("/tasks/2/restart", page, "reason", "asked by phone").status)
	fresh := v.get("/messages/2")
	require.Contains(t, fresh.words(".attempt"), "RestartedOrder query", "which task alone")
	require.Contains(t, fresh.words(".attempt"), "operator@seller.example")
	require.Contains(t, fresh.words(".attempt .quote"), "asked by phone")
	require.Contains(t, fresh.words(".attempt .quote"), "1 failed task runs again.")
	require.Equal(t, 1, fresh.Find(`.timeline :contains("asked by phone")`).Last().Length(), "the timeline says why")
	many := v.get("/restarts/new?list=%2Fmessages&ids=3")
	require.Equal(t, "/restarts/3", v.post("/restarts", many, "list", "/messages", "ids", "3", "expected", "1", "rate", "0", "reason", "ticked").to())
	h.work()
	require.NoError(t, h.restarts.Settle(t.Context()))
	for _, order := range []string{"CS1", "CS2", "CS3"} { // so that no restart is the newest arrival
		h.buy(order)
	}
	require.Equal(t, "3", h.text(`SELECT count(*) FROM attempts WHERE disposition = 'restart'`))
	h.forgetAttempts()
	require.Equal(t, "0 0", h.text(`SELECT concat_ws(' ', (SELECT count(*) FROM attempts WHERE disposition = 'restart'), (SELECT count(*) FROM task_attempts))`))

	for path, words := range map[string][]string{
		"/messages/1": {"Passed", "operator@seller.example", "the shop is back", "1 failed task runs again."},
		"/messages/2": {"Passed", "operator@seller.example", "asked by phone", "Order query", "#2"},
		"/messages/3": {"Passed", "operator@seller.example", "ticked"},
	} {
		kept := v.get(path)
		for _, w := range words {
			require.Contains(t, kept.words(".restarts-of"), w, path)
		}
		require.NotContains(t, kept.words(".attempt"), "Restarted")
	}
	list := v.get("/restarts")
	require.Contains(t, list.words("main"), "Message #1")
	require.Contains(t, list.words("main"), "Task #2")
	require.Contains(t, list.words("main"), "asked by phone")
	require.Contains(t, v.get("/restarts/2").words("main"), "asked by phone")
}

// Whoever restarts several says why; with or without a script.
func TestManyAreNotRestartedWithoutAReason(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1", "CS2")
	for _, asked := range []struct{ list, ids string }{{"/messages?status=failed", ""}, {"/messages?status=failed", "&ids=1&ids=2"}, {"/tasks?status=failed", ""}} {
		preview := v.get("/restarts/new?list=" + asked.list + asked.ids)
		require.Equal(t, 1, preview.Find(`.restart-form input[name="reason"][required]`).Length())
		form := []string{"list", asked.list, "mode", "all", "expected", "2", "rate", "5"}
		if asked.ids != "" {
			form = append(form, "ids", "1", "ids", "2")
		}
		refused := v.post("/restarts", preview, append(form, "reason", " \t")...)
		require.Equal(t, http.StatusUnprocessableEntity, refused.status)
		require.Contains(t, refused.words("#e-reason"), "Say why")
		require.Equal(t, "5", refused.value(`#restart-rate option[selected]`, "value"), "what was chosen stays")
	}
	require.Equal(t, "0 failed failed", h.text(`SELECT concat_ws(' ', (SELECT count(*) FROM restart_batches), string_agg(status, ' ')) FROM messages`))

	one := v.get("/restarts/new?list=/messages&ids=1")
	require.Equal(t, 1, one.Find(`.restart-form input[name="reason"]:not([required])`).Length(), "of one it is shown, and may be left out")
	require.Equal(t, "/restarts/1", v.post("/restarts", one, "list", "/messages", "ids", "1", "expected", "1", "rate", "0").to())
	require.Equal(t, http.StatusSeeOther, v.post("/messages/2/restart", one).status)
	require.Equal(t, "2", h.text(`SELECT count(*) FROM restart_batches WHERE reason = '' AND status = 'done' AND restarted = 1`))
	require.Equal(t, http.StatusForbidden, h.as(staff.Viewer).post("/restarts", one, "list", "/messages", "ids", "1", "expected", "1", "rate", "0").status)
}

// A message with more restarts than its page shows says so.
func TestOfManyRestartsThePageShowsTheNewest(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1")
	restarts := func(n int) {
		h.exec(`
WITH b AS (
    INSERT INTO restart_batches (thing, mode, filter, per_second, actor, source, ip, reason, status, total, restarted, finished_at)
    SELECT 'messages', 'all', '{}', 0, 'operator:ann@seller.example', 'operator', '', 'press ' || n, 'done', 1, 1, now() FROM generate_series(1, $1::int) AS n
    RETURNING id
)
INSERT INTO restart_items (batch_id, item_id, state, outcome, given, done_at)
SELECT id, 1, 'restarted', 'passed', 1, now() FROM b`, n)
	}
	restarts(store.MaxLimit)
	page := v.get("/messages/1")
	require.Equal(t, store.MaxLimit, page.Find(".restarts-of li").Length())
	require.NotContains(t, page.words("main"), "Only the newest are shown here")
	restarts(1)
	page = v.get("/messages/1")
	require.Equal(t, store.MaxLimit, page.Find(".restarts-of li").Length())
	require.Contains(t, page.words("main"), "Only the newest are shown here")
	require.Equal(t, "/restarts/"+strconv.Itoa(store.MaxLimit+1), page.value(".restarts-of li:first-child a", "href"))
}
