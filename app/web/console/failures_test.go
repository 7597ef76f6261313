package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// From what needs a person to what needs nobody: a purchase fails, the start
// page names its group and the time left, the group its member; the cause is put
// right, the group's messages are restarted as its page leads to, and it is
// resolved by itself.
func TestAFailingPurchaseFromItsGroupToWell(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	v := h.as(staff.Operator)
	calm := v.get("/")
	require.Contains(t, calm.words("main"), "Nothing needs you")
	require.Zero(t, calm.Find(".need").Length())

	h.orders.err = unreachable()
	for _, order := range []string{"CSONE", "CSTWO", "CSTHREE"} {
		h.buy(order)
	}
	h.work()
	start := v.get("/")
	require.Equal(t, "1", start.words(".need .need-count"))
	require.Contains(t, start.words(".need"), "Order query failed: the open API cannot be reached")
	require.Contains(t, start.words(".need .deadline"), "left, until")
	group := start.value(".need .need-first a", "href")
	require.Regexp(t, `^/failures/\d+$`, group)
	require.Equal(t, "1", start.words(`a.nav-item[href="/failures"] + .nav-waits .badge`))
	list := v.get(start.value(".need h2 a", "href"))
	require.Equal(t, []string{group}, rowsOf(list))

	page := v.get(group)
	require.Contains(t, page.words(".facts"), "3 given up")
	require.Contains(t, page.words(".split-side"), "Check that this machine reaches the open API", "the known remedy")
	members := rowsOf(page)
	require.Len(t, members, 3)
	require.Equal(t, http.StatusOK, v.get(members[0]).status)
	require.Len(t, rowsOf(v.get("/messages?group="+strings.TrimPrefix(group, "/failures/"))), 3)
	preview := v.get(page.value(".acts a", "href"))
	require.Contains(t, preview.words("h1"), "Restart 3 matching messages?")
	require.Equal(t, "/messages"+"?group="+strings.TrimPrefix(group, "/failures/"), preview.value(`.restart-form input[name="list"]`, "value"))

	h.buy("CSOTHER") // fails too, for another reason
	h.exec(`UPDATE tasks SET status = 'failed', failure_group = NULL, last_error = '{"code":"internal","key":"internal"}', finished_at = now() WHERE order_line_id LIKE 'CSOTHER%'`)
	h.exec(`UPDATE messages SET status = 'failed', failure_group = NULL WHERE order_id = 'CSOTHER'`)
	h.orders.err = nil
	done := v.post("/restarts", preview, "list", preview.value(`.restart-form input[name="list"]`, "value"), "mode", "all", "expected", "3", "rate", "0", "reason", "the network is back")
	require.Equal(t, "/restarts/1", done.to(), done.body)
	require.Contains(t, v.get(done.to()).words(".head"), "Done")
	require.Contains(t, v.get(done.to()).words(".head"), strings.TrimPrefix(group, "/failures/"), "what it was chosen by")
	require.Equal(t, "CSOTHER", h.text(`SELECT string_agg(order_id, ' ') FROM messages WHERE status = 'failed'`))
	h.work()
	require.Equal(t, "3", h.text(`SELECT count(*) FROM instances WHERE status = 'active'`))
	resolved := v.get(group)
	require.Contains(t, resolved.words("main"), "Everything in this group has passed since")
	require.Contains(t, resolved.words(".acts .why"), "Nothing that failed matches any more")
	require.Zero(t, resolved.Find(".acts a").Length())
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
	require.Empty(t, rowsOf(v.get("/failures?status=open")))
}

func TestAGroupIsNotedPutOffAndAssigned(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.orders.err = unreachable()
	h.buy("CSONE")
	h.work()
	v := h.as(staff.Operator)
	admin := h.as(staff.Admin) // another person to assign it to
	page := v.get("/failures/1")
	require.Contains(t, page.words("#assignee"), "Me (operator@seller.example)")
	require.Equal(t, "/failures/1", v.post("/failures/1", page, "note", "waits for\r\nHuawei", "assignee", "admin@seller.example").to())
	require.Contains(t, v.get("/failures/1").words("#toasts"), "Saved")
	require.Equal(t, "waits for\nHuawei", h.text(`SELECT note FROM failure_groups`))
	require.Len(t, rowsOf(admin.get("/failures?assignee="+url.QueryEscape("admin@seller.example"))), 1)
	require.Empty(t, rowsOf(v.get("/failures?assignee="+url.QueryEscape("operator@seller.example"))))

	v.post("/failures/1", page, "snooze", "4h")
	require.Contains(t, v.get("/failures/1").words(".head"), "Snoozed")
	require.Contains(t, v.get("/").words("main"), "Nothing needs you", "what is put off asks for nobody")
	until, err := time.Parse(time.RFC3339, h.text(`SELECT to_char(snoozed_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM failure_groups`))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(4*time.Hour), until, time.Minute)
	v.post("/failures/1", page, "snooze", "off")
	require.Equal(t, 1, v.get("/").Find(".need").Length())
	require.Equal(t, "failure_group.assign failure_group.note failure_group.snooze failure_group.snooze",
		h.text(`SELECT string_agg(action, ' ' ORDER BY action) FROM audit WHERE target = 'failure_group/1' AND actor = 'operator:operator@seller.example'`))

	require.Equal(t, http.StatusUnprocessableEntity, v.post("/failures/1", page, "snooze", "1000d").status)
	v.post("/failures/1", page, "assignee", "nobody@seller.example")
	require.Contains(t, v.get("/failures/1").words("#toasts"), "no such operator")
	for _, path := range []string{"/failures/999", "/failures/x"} {
		require.Equal(t, http.StatusNotFound, v.get(path).status, path)
	}
	reader := h.as(staff.Viewer)
	read := reader.get("/failures/1")
	require.Zero(t, read.Find("main form").Length())
	require.Contains(t, read.words("main"), "waits for Huawei")
	require.Equal(t, http.StatusForbidden, reader.post("/failures/1", reader.get("/account"), "note", "x").status)
	require.Equal(t, http.StatusOK, reader.get("/").status)
	require.Empty(t, rowsOf(v.get("/messages?group=x")), "what is no number is no group")
}

// A group's members have one cause, and may have words of their own.
func TestAMemberShowsItsOwnError(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.orders.err = unreachable()
	h.buy("CSONE")
	h.buy("CSTWO")
	h.work()
	v := h.as(staff.Operator)
	require.Zero(t, v.get("/failures/1").Find(".members .fault-line").Length(), "it is the group's own")
	h.exec(`UPDATE tasks SET last_error = '{"code":"refused","key":"webhook.refused","args":{"result_code":"000100","message":"no seat for Li"}}' WHERE order_line_id LIKE 'CSTWO%'`)
	h.exec(`UPDATE failure_groups SET error = '{"code":"refused","key":"webhook.refused","args":{"result_code":"000100","message":"no seat for Zhang"}}'`)
	h.exec(`UPDATE tasks SET last_error = (SELECT error FROM failure_groups) WHERE order_line_id LIKE 'CSONE%'`)
	page := v.get("/failures/1")
	require.Equal(t, 1, page.Find(".members .fault-line").Length())
	require.Contains(t, page.words(".members .fault-line"), "no seat for Li")
}

func TestAGroupThatCanNeverPassIsClosed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.orders.err = unreachable()
	h.buy("CSONE")
	h.work()
	v := h.as(staff.Operator)
	require.Equal(t, 1, v.get("/").Find(".need").Length())
	page := v.get("/failures/1")
	h.exec(`UPDATE tasks SET status = 'pending', run_at = now() + interval '1 hour' WHERE status = 'failed'`)
	h.exec(`UPDATE messages SET status = 'processing' WHERE status = 'failed'`)
	tried := v.get("/failures/1")
	require.Contains(t, tried.words("#close-why"), "Nothing was given up", "a button that cannot work says why")
	require.Zero(t, tried.Find(`form[action="/failures/1/close"]`).Length())
	v.post("/failures/1/close", page, "reason", "too early")
	require.Contains(t, v.get("/failures/1").words("#toasts"), "Nothing was given up")
	h.exec(`UPDATE tasks SET status = 'failed' WHERE status = 'pending'`)
	h.exec(`UPDATE messages SET status = 'failed' WHERE status = 'processing'`)
	v.post("/failures/1/close", page, "reason", " ")
	require.Contains(t, v.get("/failures/1").words("#toasts"), "Closing a group wants a reason")
	require.Equal(t, "/failures/1", v.post("/failures/1/close", page, "reason", "the order was taken back").to())
	closed := v.get("/failures/1")
	require.Contains(t, closed.words(".head"), "Resolved")
	require.Contains(t, closed.words(".trouble"), "Closed by operator@seller.example: the order was taken back.")
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
	require.NoError(t, h.store.SettleFailures(t.Context()), "it is not taken in again")
	require.Contains(t, v.get("/").words("main"), "Nothing needs you")
	require.Equal(t, "failed 0", h.text(`SELECT status || ' ' || failure_group FROM messages`), "it stays failed")
	require.Equal(t, "the order was taken back", h.text(`SELECT reason FROM audit WHERE action = 'failure_group.close' AND target = 'failure_group/1'`))
	v.post("/failures/1/close", page, "reason", "again")
	require.Contains(t, v.get("/failures/1").words("#toasts"), "resolved already")

	h.buy("CSTWO")
	h.work()
	again := v.get("/failures/1")
	require.Contains(t, again.words(".head"), "Open", "the same failure opens it")
	require.NotContains(t, again.words("main"), "taken back")
	require.Equal(t, 1, len(rowsOf(again)), "with what is new alone")
	require.Equal(t, http.StatusForbidden, h.as(staff.Viewer).post("/failures/1/close", v.get("/account"), "reason", "x").status)
}
