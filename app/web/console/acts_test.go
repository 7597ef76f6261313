package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// broken is a house with one purchase whose order query was given up.
func broken(t *testing.T, orders ...string) (*house, *visitor) {
	t.Helper()
	h := open(t)
	h.product("static")
	h.orders.err = unreachable()
	for _, o := range orders {
		h.buy(o)
	}
	h.work()
	h.orders.err = nil
	return h, h.as(staff.Operator)
}

func TestAFailedMessageIsRestarted(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1")
	page := v.get("/messages/1?status=failed")
	act := page.value("#restart form", "action")
	require.Equal(t, "/messages/1/restart?status=failed", act)
	res := v.post(act, page, "reason", "客户来电\x00催办 "+strings.Repeat("长", 300))
	require.Equal(t, http.StatusSeeOther, res.status, res.body)
	require.Equal(t, "/messages/1?status=failed", res.to())

	after := v.get(res.to())
	require.Contains(t, after.words("#toasts"), "1 task restarted")
	require.Contains(t, after.words(".attempt .quote"), "客户来电催办", "why stands with the attempt")
	require.Contains(t, after.words(".attempt"), "operator@seller.example")
	require.Empty(t, v.get("/messages/1").words("#toasts"), "said once")
	require.Equal(t, 200, len([]rune(h.text(`SELECT reason FROM audit WHERE action = 'message.restart'`))))
	h.work()
	require.Equal(t, "succeeded", h.text(`SELECT status FROM messages`))
	require.Equal(t, "1", h.text(`SELECT count(*) FROM instances`))
	h.mails(1)

	again := v.post("/messages/1/restart", page)
	require.Equal(t, http.StatusSeeOther, again.status)
	require.Contains(t, v.get("/messages/1").words("#toasts"), "run again")
}

func TestTickedMessagesAreRestarted(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1", "CS2", "CS3")
	h.exec(`UPDATE tasks SET status = 'running', leased_until = now() + interval '1 hour' WHERE message_id = 3`)
	list := v.get("/messages?status=failed&q=CS")
	require.Equal(t, 3, list.Find("input[data-tick]").Length())
	back := list.value(`#bulk-form input[name="list"]`, "value")
	require.Equal(t, "/messages?q=CS&status=failed", back)
	require.Equal(t, "/restarts/new", list.value(`#bulk-form[method="get"]`, "action"))

	preview := v.get("/restarts/new?list=" + url.QueryEscape(back) + "&ids=1&ids=1&ids=3&ids=999&ids=x")
	require.Contains(t, preview.words("h1"), "Restart 3 ticked messages?")
	require.Contains(t, preview.words(".effects"), "0 SMS and 0 e-mails will be sent now")
	require.Contains(t, preview.words(".effects"), "1 call to KooGallery’s open API")
	require.Contains(t, preview.words(".effects"), "1 customer may be told")
	require.Contains(t, preview.words(".reasons"), "It is running now")
	require.Equal(t, "/messages/3", preview.value(`.reasons a:contains("#3")`, "href"), "which, too")
	require.Contains(t, preview.words(".reasons"), "There is no such message")
	require.Equal(t, 2, preview.Find(".preview-groups tbody tr").Length())
	require.Equal(t, back, preview.value(".crumbs a", "href"))
	require.Contains(t, preview.value(".tabs a:last-child", "href"), "ids=999", "the other mode is of the same ones")
	require.Equal(t, "failed failed failed", h.text(`SELECT string_agg(status, ' ') FROM messages`), "looking changes nothing")

	res := v.post("/restarts", preview, "list", back, "mode", "all", "ids", "1", "ids", "3", "ids", "999", "expected", "3", "rate", "0", "reason", "the shop is back")
	require.Equal(t, "/restarts/1", res.to(), res.body)
	done := v.get(res.to())
	require.Contains(t, done.words(".head"), "Ticked one by one")
	require.Contains(t, done.words(".reasons"), "It is running now")
	require.Contains(t, done.words(".reasons"), "There is no such message")
	require.Equal(t, "done 1 2", h.text(`SELECT concat_ws(' ', status, restarted, refused) FROM restart_batches`), "kept as a batch")
	require.Equal(t, "processing failed failed", h.text(`SELECT string_agg(status, ' ' ORDER BY id) FROM messages`))
}

// What was ticked is what is restarted, whatever has happened to the list since:
// rows that moved, a message that came right, one that is no more.
func TestTickedMessagesStayWhatTheyWereWhenTheListChanges(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1", "CS2", "CS3")
	list := v.get("/messages?status=failed")
	require.Equal(t, 3, list.Find(`input[data-tick][autocomplete="off"]`).Length(), "no browser puts ticks back by position")
	form := []string{"list", list.value(`#bulk-form input[name="list"]`, "value"), "expected", "3", "rate", "0", "reason", "the shop is back"}
	for _, box := range list.Find("input[data-tick]").EachIter() {
		form = append(form, "ids", box.AttrOr("value", ""))
	}
	h.exec(`DELETE FROM messages WHERE id = 2`)
	require.Equal(t, http.StatusSeeOther, v.post("/messages/3/restart", list).status)
	h.work()
	require.Equal(t, "succeeded", h.text(`SELECT status FROM messages WHERE id = 3`))
	h.orders.err = unreachable()
	h.buy("CS4") // the newest, where the first ticked row was
	h.work()
	h.orders.err = nil
	before := h.text(`SELECT attempts FROM messages WHERE id = 3`)

	preview := v.get("/restarts/new?list=%2Fmessages&ids=1&ids=2&ids=3")
	require.Contains(t, preview.words(".restart-form button"), "Restart 1")
	res := v.post("/restarts", list, form...)
	require.Equal(t, "/restarts/2", res.to(), res.body)
	for _, says := range []string{preview.words(".reasons"), v.get(res.to()).words(".reasons")} {
		require.Contains(t, says, "It is done")
		require.Contains(t, says, "There is no such message")
	}
	require.Equal(t, "1 processing, 3 succeeded, 4 failed", h.text(`SELECT string_agg(id || ' ' || status, ', ' ORDER BY id) FROM messages`))
	require.Equal(t, before, h.text(`SELECT attempts FROM messages WHERE id = 3`), "what came right is not run again")
	require.Equal(t, "1 restarted, 2 refused message.unknown, 3 refused restart.done",
		h.text(`SELECT string_agg(concat_ws(' ', item_id, state, error ->> 'key'), ', ' ORDER BY item_id) FROM restart_items WHERE batch_id = 2`))
}

func TestEverythingThatAListShowsIsRestarted(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CSA1", "CSA2", "CSB1")
	h.buy("CSA3")
	list := v.get("/messages?q=CSA")
	asked := list.value(".list-acts a", "href")
	preview := v.get(asked)
	require.Contains(t, preview.words("h1"), "Restart 2 matching messages?")
	require.Contains(t, preview.words(".effects"), "2 customers may be told")
	require.Contains(t, v.get(asked+"&mode=delivery").words(".effects"), "Notices keep to quiet hours")
	require.Equal(t, 2, preview.Find(".sample").Length())
	require.Equal(t, "failed", h.text(`SELECT status FROM messages WHERE order_id = 'CSA1'`), "looking changes nothing")
	form := []string{"list", preview.value(`.restart-form input[name="list"]`, "value"), "mode", "all", "expected", "2", "rate", "0", "reason", "the shop is back"}
	res := v.post("/restarts", preview, form...)
	require.Equal(t, "/restarts/1", res.to(), res.body)
	done := v.get(res.to())
	require.Contains(t, done.words(".head"), "Done")
	require.Contains(t, done.words(".facts"), "the shop is back")
	require.Contains(t, done.words(".facts"), "operator@seller.example")
	require.Equal(t, 2, done.Find("table.restart-items tbody tr").Length())
	require.Contains(t, v.get("/restarts").words("main"), "2 messages")
	require.Equal(t, "CSB1", h.text(`SELECT order_id FROM messages WHERE status = 'failed'`), "what the list does not show is left alone")
	require.Equal(t, "1", h.text(`SELECT attempts FROM messages WHERE order_id = 'CSA3'`), "what has not failed is left alone")
	require.Equal(t, http.StatusUnprocessableEntity, v.post("/restarts", preview, "list", "/instances", "rate", "0", "expected", "1").status)
	for _, wrong := range []string{"", "/instances", "//evil.example/messages", "/messages?range=custom&since=x"} {
		require.Equal(t, http.StatusUnprocessableEntity, v.post("/restarts", preview, "list", wrong, "rate", "0", "expected", "1").status, wrong)
	}
}

func TestATaskIsRestarted(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1")
	h.exec(`INSERT INTO tasks (kind, purpose, unique_key, status, finished_at) VALUES ('event', 'notify', 'event/1', 'failed', now()), ('event', 'notify', 'event/2', 'succeeded', now())`)
	list := v.get("/tasks?kind=order_query")
	says := list.words("template .effects")
	require.Contains(t, says, "0 SMS and 0 e-mails will be sent now")
	require.Contains(t, says, "1 call to KooGallery’s open API")
	require.Contains(t, says, "1 customer may be told")
	require.Equal(t, 2, v.get("/tasks").Find("input[data-tick]").Length(), "what is done cannot be ticked")
	preview := v.get(list.value("#bulk-form", "action") + "?list=%2Ftasks&ids=1&ids=2&ids=3")
	require.Contains(t, preview.words("h1"), "Restart 3 ticked tasks?")
	require.Contains(t, preview.words(".effects"), "1 call to your product or another of your systems")
	require.Contains(t, preview.words(".effects"), "1 call to KooGallery’s open API")
	require.Equal(t, "/tasks?q=%233", preview.value(".reasons a", "href"))
	require.Contains(t, v.get("/messages/1").words("#restart .effects"), "1 call to KooGallery’s open API", "one message’s dialog too")
	require.Contains(t, v.get("/messages/1").words("#restart-task-1 .effects"), "1 customer may be told")
	h.exec(`UPDATE messages SET idem_key = 'invalid/' || idem_key`)
	require.Contains(t, v.get("/messages/1").words(".head .why"), "could not be read when it came", "what would be refused is not offered")
	require.Zero(t, v.get("/messages/1").Find("#restart").Length())
	h.exec(`UPDATE messages SET idem_key = substr(idem_key, 9)`)
	res := v.post(list.value("button[data-action]", "data-action"), list, "reason", "because")
	require.Equal(t, http.StatusSeeOther, res.status)
	require.Equal(t, "/tasks", res.to())
	require.Contains(t, v.get("/tasks").words("#toasts"), "1 task restarted")
	require.Equal(t, "pending because", h.text(`SELECT t.status || ' ' || a.reason FROM tasks t, audit a WHERE t.id = 1 AND a.action = 'task.restart'`))
	h.work()
	done := v.post("/tasks/1/restart", list)
	require.Equal(t, http.StatusSeeOther, done.status)
	require.Contains(t, v.get("/tasks").words("#toasts"), "It is done")
	require.Equal(t, http.StatusNotFound, v.post("/tasks/99/restart", list).status)

	h.work()
	h.exec(`UPDATE deliveries SET status = 'failed', outcome = 'unknown', last_error = NULL`)
	h.exec(`UPDATE tasks SET status = 'failed', last_error = '{"code":"unavailable","key":"delivery.outcome_unknown"}' WHERE kind = 'deliver'`)
	told := v.get("/tasks?kind=deliver&status=failed")
	require.Len(t, rowsOf(told), 1)
	require.Zero(t, told.Find("input[data-tick]").Length(), "what may have arrived is not offered")
	require.Zero(t, told.Find("main button[data-action]").Length())
	require.Equal(t, http.StatusUnprocessableEntity, v.get("/restarts/new?list=%2Ftasks&ids=x").status, "not everything")
}

func TestAccessDataIsTyped(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("manual")
	h.buy("CS1")
	h.work()
	v := h.as(staff.Operator)
	page := v.get("/instances/biz-CS1?status=waiting")
	require.Contains(t, page.words("#access"), "The customer has paid and is waiting")
	act := page.value(`form[action*="/access"]`, "action")

	wrong := v.post(act, page, "front_end_url", "app.example.com", "admin_url", "ftp://x", "user_name", strings.Repeat("u", 129), "password", buyerPassword, "memo", "so\r\nit is")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	for _, f := range []string{"front_end_url", "admin_url", "user_name"} {
		require.NotEmpty(t, wrong.words("#e-"+f), f)
	}
	require.Contains(t, wrong.words("#e-user_name"), "128")
	require.Empty(t, wrong.words("#e-memo"))
	require.Equal(t, "app.example.com", wrong.value("#f-front_end_url", "value"), "what was typed is still there")
	require.NotContains(t, wrong.body, buyerPassword)
	require.Equal(t, "provisioning", h.text(`SELECT status FROM instances`))
	require.Contains(t, v.post(act, page).words("#e-front_end_url"), "Fill this in")

	right := v.post(act, page, "front_end_url", " https://app.example.com/x ", "user_name", "root", "password", buyerPassword, "memo", "so\r\nit is")
	require.Equal(t, http.StatusSeeOther, right.status, right.body)
	require.Equal(t, "/instances/biz-CS1?status=waiting", right.to())
	after := v.get(right.to())
	require.Contains(t, after.words("#toasts"), "Completed; the customer is being told")
	require.Contains(t, after.words("#access"), "https://app.example.com/x")
	require.NotContains(t, after.body, buyerPassword)
	require.Equal(t, "active", h.text(`SELECT status FROM instances`))
	require.Equal(t, "so\nit is", h.text(`SELECT memo FROM instances`))
	h.work()
	h.mails(1)
	require.Contains(t, h.mails(1)[0].Text, buyerPassword, "the customer gets it in full")

	v.post(act, page, "front_end_url", "https://app.example.com/x", "user_name", "root", "memo", "so\nit is")
	require.Contains(t, v.get("/instances/biz-CS1").words("#toasts"), "Access data saved")
	require.Equal(t, "1", h.text(`SELECT access_version FROM instances`), "an empty password keeps the stored one")
	require.Equal(t, http.StatusNotFound, v.post("/instances/nobody/access", page, "front_end_url", "https://a.example").status)
	h.exec(`UPDATE instances SET status = 'released', released_at = now()`)
	require.Equal(t, http.StatusConflict, v.post(act, page, "front_end_url", "https://a.example").status)
}

func TestAPasswordIsRevealedWithAReason(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	page := v.get("/instances/biz-CSWORKS?status=frozen")
	act := page.value("#reveal form", "action")

	none := v.post(act, page, "reason", " \t ")
	require.Equal(t, http.StatusUnprocessableEntity, none.status)
	require.Contains(t, none.words("#toasts"), "reason")
	require.NotContains(t, none.body, buyerPassword)
	require.Equal(t, "0", h.text(`SELECT count(*) FROM audit WHERE action = 'instance.reveal'`))

	shown := v.post(act, page, "reason", "客户忘记密码")
	require.Equal(t, http.StatusOK, shown.status)
	require.Equal(t, buyerPassword, shown.words("code.revealed"))
	require.Equal(t, "no-store", shown.header.Get("Cache-Control"))
	require.Empty(t, shown.value("#live", "hx-get"), "nothing fetches the page again over it")
	require.Equal(t, "/instances/biz-CSWORKS?status=frozen", shown.value(`input[name="return_to"]`, "value"))
	require.Equal(t, "operator:operator@seller.example instance/biz-CSWORKS 客户忘记密码 127.0.0.1",
		h.text(`SELECT concat_ws(' ', actor, target, reason, host(remote_ip)) FROM audit WHERE action = 'instance.reveal'`))
	require.NotContains(t, h.text(`SELECT string_agg(a::text, '') FROM audit a`), buyerPassword)

	after := v.get("/instances/biz-CSWORKS")
	require.NotContains(t, after.body, buyerPassword)
	require.Contains(t, after.words(".timeline"), "Initial password revealed 客户忘记密码")
	require.Contains(t, after.words(".timeline"), "operator@seller.example")
	require.Equal(t, http.StatusConflict, v.post("/instances/biz-CSFAILS/reveal", page, "reason", "x").status, "there is none")
	require.Equal(t, http.StatusNotFound, v.post("/instances/nobody/reveal", page, "reason", "x").status)
	require.Equal(t, http.StatusNotFound, v.post("/instances/a%00b/reveal", page, "reason", "x").status)
}

func TestADeliveryIsSentAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.refuse()
	h.buy("CS1")
	h.work()
	v := h.as(staff.Operator)
	page := v.get("/deliveries/1?status=failed")
	act := page.value("#resend form", "action")
	h.exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
SELECT channel_id, instance_pk, message_id, kind, 'sms', 'en', '\x00', '', 'failed', 'f', 'f', id FROM deliveries WHERE id = 1`)
	require.Contains(t, v.get("/deliveries/1").words(".facts"), "The other medium failed too")
	h.exec(`DELETE FROM deliveries WHERE id = 2`)

	wrong := v.post(act, page, "to", "no address")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.words("#toasts"), "e-mail address is not valid")
	require.Contains(t, wrong.words("#resend #e-to"), "e-mail address is not valid")
	require.Equal(t, "no address", wrong.value("#resend #f-to", "value"))

	res := v.post(act, page, "to", "right@customer.example", "reason", "typing error")
	require.Equal(t, http.StatusSeeOther, res.status, res.body)
	require.Equal(t, "/deliveries/1?status=failed", res.to())
	require.Contains(t, v.get(res.to()).words("#toasts"), "Will be sent again")
	h.work()
	h.mails(1)
	require.Equal(t, []string{"right@customer.example"}, h.mails(1)[0].To)
	after := v.get("/deliveries/1")
	require.NotContains(t, after.body, "right@customer.example")
	require.Contains(t, after.words(".facts"), "r••")
	require.Equal(t, "typing error", h.text(`SELECT reason FROM audit WHERE action = 'delivery.resend'`))
	h.exec(`UPDATE instances SET status = 'released', released_at = now()`)
	require.Equal(t, http.StatusSeeOther, v.post(act, page).status)
	require.Contains(t, v.get("/deliveries/1").words("#toasts"), "released")
}

func TestAViewerLooksAndChangesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Viewer)
	for _, path := range h.rooms() {
		p := v.get(path)
		require.Equal(t, http.StatusOK, p.status, path)
		p.Find("form[method=post]").Each(func(_ int, s *goquery.Selection) {
			act, _ := s.Attr("action")
			require.Contains(t, []string{"/logout", "/preferences", "/account/password"}, act, path)
		})
		require.Zero(t, p.Find("input[data-tick], [data-dialog=restart], [data-dialog=resend], [data-dialog=reveal], button[data-action]").Length(), path)
	}
	require.Equal(t, "0", h.text(`SELECT count(*) FROM audit WHERE actor LIKE '%viewer%' AND action NOT LIKE 'signin%'`))
}

// Each act of each page is refused to each role that has no right to it, on things
// that are there.
func TestNobodyDoesMoreThanTheRoleAllows(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	const trace = `SELECT concat_ws(' ', (SELECT count(*) FROM attempts), (SELECT count(*) FROM task_attempts), (SELECT count(*) FROM tasks), (SELECT count(*) FROM deliveries),
		(SELECT count(*) FROM instance_events), (SELECT count(*) FROM restart_batches), (SELECT count(*) FROM channel_keys), (SELECT sum(access_version) FROM instances),
		(SELECT count(*) FROM audit WHERE action NOT LIKE 'signin%'))`
	there := strings.NewReplacer(":instance_id", "biz-CSWORKS", ":slug", "default", ":class", "basic", ":kind", "usage_info", ":medium", "email", ":language", "en", ":id", "1", ":content", "1", ":pool", "crm")
	refused := 0
	for _, role := range staff.Roles() {
		v := h.as(role)
		home := v.get("/account")
		before := h.text(trace)
		for _, r := range h.console.Routes() {
			if r.Method == http.MethodGet || role.May(r.Permission) {
				continue
			}
			res := v.post(there.Replace(r.Path), home, "reason", "x", "ids", "1", "front_end_url", "https://a.example")
			require.Equal(t, http.StatusForbidden, res.status, "%s as %s", r.Path, role)
			require.Contains(t, res.words("main"), "Your role does not allow this", "%s as %s", r.Path, role)
			refused++
		}
		require.Equal(t, before, h.text(trace), "what was refused to the role %s left a trace", role)
	}
	require.Greater(t, refused, 60)
}

func TestNothingChangesWithoutTheTokenOrByLooking(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1")
	for _, path := range []string{"/messages/1/restart", "/tasks/1/restart", "/logout", "/preferences", "/restarts/1/pause"} {
		require.Equal(t, http.StatusForbidden, v.post(path, answer{Document: emptyPage(t)}).status, path)
		require.Contains(t, []int{http.StatusNotFound}, v.get(path).status, path)
	}
	require.Equal(t, "failed", h.text(`SELECT status FROM messages`))
	stale := v.post("/messages/1/restart", answer{Document: emptyPage(t)})
	require.Contains(t, stale.words("h1"), "This page is too old")
}
