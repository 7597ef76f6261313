package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// leave notes something as left over, and gives its id.
func (h *house) leave(instance, driver, reason string) string {
	h.t.Helper()
	h.exec(`INSERT INTO leftovers (instance_pk, driver, reason) SELECT id, $2, $3 FROM instances WHERE instance_id = $1`, instance, driver, reason)
	return h.text(`SELECT l.id FROM leftovers l JOIN instances i ON i.id = l.instance_pk WHERE i.instance_id = $1 AND l.driver = $2`, instance, driver)
}

func TestLeftoversAreDecidedInTheConsole(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	byHand := h.leave(h.buy("CS1"), "manual", "by_hand")
	kept := h.leave(h.buy("CS2"), "manual", "driver_changed")
	made := h.leave(h.buy("CS3"), "releasing", "undo_failed")
	ended := h.leave(h.buy("CS4"), "manual", "order_failed")
	ann := h.as(staff.Operator)
	list := ann.get("/leftovers?status=open")
	require.Equal(t, []string{"/instances/biz-CS4", "/instances/biz-CS3", "/instances/biz-CS2", "/instances/biz-CS1"}, rowsOf(list))
	require.Equal(t, "4", list.words(`.side a.nav-item[href="/leftovers"] + .nav-waits .badge`))
	require.Equal(t, "/leftovers?status=open", ann.get("/").value(`.need h2 a[href^="/leftovers"]`, "href"))
	require.Equal(t, []string{"/leftovers/" + made + "/undo"}, actionsOf(list, "undo-confirm"), "only where a driver can")
	require.Equal(t, []string{"/leftovers/" + ended + "/undo"}, actionsOf(list, "release-confirm"), "whatever the driver")
	ann.post("/leftovers/"+ended+"/undo", list, "act", "release")
	require.Contains(t, ann.get("/leftovers").words("#toasts"), "The instance is released")
	require.Equal(t, "released by_hand open", h.text(`SELECT i.status || ' ' || l.reason || ' ' || l.status FROM leftovers l JOIN instances i ON i.id = l.instance_pk WHERE l.id = $1`, ended))
	require.Empty(t, actionsOf(ann.get("/leftovers?status=open"), "release-confirm"))
	ann.post("/leftovers/"+ended+"/gone", list, "reason", "nothing was made")

	ann.post("/leftovers/"+byHand+"/gone", list)
	require.Contains(t, ann.get("/leftovers").words("#toasts"), "A reason is needed")
	require.Equal(t, "open", h.text(`SELECT status FROM leftovers WHERE id = $1`, byHand))
	ann.post("/leftovers/"+byHand+"/gone", list, "reason", "deleted in the tenant's admin page")
	ann.post("/leftovers/"+kept+"/keep", list, "reason", "the buyer still exports")
	ann.post("/leftovers/"+byHand+"/undo", list)
	require.Contains(t, ann.get("/leftovers").words("#toasts"), "decided already")
	ann.post("/leftovers/"+made+"/undo", list, "reason", "the host is back")
	require.Contains(t, ann.get("/leftovers").words("#toasts"), "asked again")
	require.Equal(t, "gone kept undoing gone", h.text(`SELECT string_agg(status, ' ' ORDER BY id) FROM leftovers`))
	require.Equal(t, "1", h.text(`SELECT count(*) FROM tasks WHERE purpose = 'release' AND unique_key LIKE '%/leftover/`+made+`/%'`))
	require.Equal(t, "the buyer still exports", h.text(`SELECT reason FROM audit WHERE action = 'instance.leftover_keep' AND actor = 'operator:operator@seller.example'`))
	require.Contains(t, ann.get("/leftovers?status=kept").words("td.c-result"), "the buyer still exports")

	later := ann.get("/leftovers?status=kept")
	require.Equal(t, []string{"/leftovers/" + kept + "/gone"}, actionsOf(later, "gone-confirm"), "what is kept may be gone later")
	ann.post("/leftovers/"+kept+"/gone", later, "reason", "done")
	require.Empty(t, ann.get("/leftovers").words(`a.nav-item[href="/leftovers"] + .nav-waits .badge`))

	h.leave(h.buy("CS5"), "webhook", "undo_failed")
	unheard := ann.get("/leftovers?status=open")
	require.Contains(t, unheard.words("td.c-result"), "send that event again")
	require.Equal(t, "/events?instance_id=biz-CS5", unheard.value("td.c-result a", "href"))
	require.Empty(t, actionsOf(unheard, "undo-confirm"))

	reader := h.as(staff.Viewer)
	require.Zero(t, reader.get("/leftovers").Find("td.c-acts button").Length())
	require.Equal(t, 403, reader.post("/leftovers/"+kept+"/undo", reader.get("/leftovers")).status)
	require.Equal(t, 404, ann.post("/leftovers/999999/gone", list, "reason", "x").status)
}

// actionsOf are the addresses of the buttons that open a dialog.
func actionsOf(a answer, dialog string) []string {
	var out []string
	for _, n := range a.Find(`button[data-dialog="` + dialog + `"]`).EachIter() {
		out = append(out, n.AttrOr("data-action", ""))
	}
	return out
}
