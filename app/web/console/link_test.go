package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestTheBuyersLinkIsShownToWhoMayWriteAccessDataAndRenewed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CS1")
	h.work()
	v := h.as(staff.Operator)
	page := v.get("/instances/" + id + "?status=active")
	link := page.value(".link-line a", "href")
	require.Equal(t, h.pages.URL(id, 0), link)
	require.Equal(t, link, page.value(".link-line .copy", "data-copy"))
	require.Contains(t, page.words(".link-counts"), "never")

	h.exec(`INSERT INTO access_links (instance_pk, generation, views, first_view_at, last_view_at, reveals, first_reveal_at, last_reveal_at)
		SELECT id, 0, 3, now() - interval '1 hour', now(), 1, now(), now() FROM instances`)
	page = v.get("/instances/" + id)
	require.Contains(t, page.words(".timeline"), "The buyer opened the access page, 3 times in all, last at")
	require.Contains(t, page.words(".timeline"), "The buyer looked at the access data")
	require.Contains(t, page.words(".link-counts"), "Opened3")

	act := page.value("#renew-link form", "action")
	require.Equal(t, "/instances/"+id+"/link", act)
	res := v.post(act, page, "reason", "客户丢失")
	require.Equal(t, http.StatusSeeOther, res.status, res.body)
	page = v.get(res.to())
	require.Contains(t, page.words("#toasts"), "New link issued")
	require.Equal(t, h.pages.URL(id, 1), page.value(".link-line a", "href"))
	require.Contains(t, page.words(".timeline"), "New link to the access page issued")
	require.Contains(t, page.words(".timeline .quote"), "客户丢失")
	require.Contains(t, page.words(".link-counts"), "never", "counted anew")
	require.Equal(t, "instance.link operator:operator@seller.example 客户丢失", h.text(`SELECT concat_ws(' ', action, actor, reason) FROM audit WHERE action = 'instance.link'`))

	viewer := h.as(staff.Viewer)
	seen := viewer.get("/instances/" + id)
	require.Equal(t, http.StatusOK, seen.status)
	require.NotContains(t, seen.body, "/access/", "whoever has the link can see the password")
	require.Equal(t, http.StatusForbidden, viewer.post("/instances/"+id+"/link", seen).status)

	h.exec(`UPDATE instances SET status = 'released', released_at = now()`)
	page = v.get("/instances/" + id)
	require.Equal(t, "true", page.value("#link button[aria-disabled]", "aria-disabled"))
	res = v.post("/instances/"+id+"/link", page)
	require.Equal(t, http.StatusSeeOther, res.status)
	require.Contains(t, v.get(res.to()).words("#toasts"), "no new link can be issued")
}
