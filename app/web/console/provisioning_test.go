package console_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

const claims = `SELECT string_agg(claimed_by, ' ') FROM provision_claims`

func TestAnInstanceIsClaimedInTheConsoleAndFinishedByWhoHasIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("manual")
	h.buy("CS1")
	h.buy("CS2")
	h.work()
	h.exec(`UPDATE messages SET retry_until = retry_until - interval '1 hour' WHERE order_id = 'CS2'`)
	ann := h.as(staff.Operator)
	list := ann.get("/provisioning")
	require.Equal(t, []string{"/instances/biz-CS2#access", "/instances/biz-CS1#access"}, rowsOf(list), "the first due first")
	require.Equal(t, "2", list.words(`.side a.nav-item[href="/provisioning"] + .nav-waits .badge`))
	require.Contains(t, list.words("nav.tabs a[aria-current=page]"), "2")

	res := ann.post("/instances/biz-CS1/claim", list)
	require.Equal(t, "/instances/biz-CS1#access", res.to(), "a claim leads to the form")
	mine := ann.get("/instances/biz-CS1")
	require.Contains(t, mine.words("#toasts"), "Claimed")
	require.Contains(t, mine.words(".hold"), "You have claimed this instance")
	require.Equal(t, 1, mine.Find(`form[action*="/access"]`).Length())
	require.Equal(t, "operator:operator@seller.example", h.text(claims))

	boss := h.as(staff.Admin)
	held := boss.get("/instances/biz-CS1")
	require.Contains(t, held.words("#access"), "operator@seller.example is setting this instance up")
	require.Zero(t, held.Find(`form[action*="/access"]`).Length(), "no form that would be refused")
	require.Equal(t, http.StatusConflict, boss.post("/instances/biz-CS1/access", held, "front_end_url", "https://a.example").status)
	boss.post("/instances/biz-CS1/claim", held)
	require.Contains(t, boss.get("/provisioning").words("#toasts"), "operator@seller.example")
	boss.post("/instances/biz-CS1/claim", held, "take_over", "1", "reason", " ")
	require.Contains(t, boss.get("/provisioning").words("#toasts"), "wants a reason")
	require.Equal(t, "operator:operator@seller.example", h.text(claims))

	boss.post(held.value("#take-over form", "action"), held, "take_over", "1", "reason", "she is ill")
	require.Equal(t, "operator:admin@seller.example", h.text(claims))
	require.Equal(t, "she is ill", h.text(`SELECT reason FROM audit WHERE action = 'instance.take_over' AND actor = 'operator:admin@seller.example'`))
	require.Contains(t, boss.get("/instances/biz-CS1").words(".timeline"), "she is ill")
	require.Equal(t, http.StatusConflict, ann.post("/instances/biz-CS1/access", mine, "front_end_url", "https://a.example").status)

	boss.post("/instances/biz-CS1/unclaim", held, "reason", "too much to do")
	require.Empty(t, h.text(claims))
	require.Equal(t, "too much to do", h.text(`SELECT reason FROM audit WHERE action = 'instance.unclaim'`))
	ann.post("/instances/biz-CS1/unclaim", mine)
	require.Contains(t, ann.get("/provisioning").words("#toasts"), "You have not claimed")

	require.Equal(t, http.StatusSeeOther, ann.post("/instances/biz-CS1/access", mine, "front_end_url", "https://a.example").status)
	require.Len(t, rowsOf(ann.get("/provisioning")), 1)
}

func TestWhatTheSellersSystemOwesIsOnTheWorkListToo(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("manual")
	h.buy("CS1")
	h.buy("CS2")
	h.work()
	// As the driver parks it when the seller's system has answered 202.
	h.exec(`UPDATE tasks SET run_at = now() + interval '2 hours' WHERE kind = 'provision' AND order_id = 'CS2'`)
	v := h.as(staff.Operator)
	require.Equal(t, []string{"/instances/biz-CS1#access"}, rowsOf(v.get("/provisioning")))
	promised := v.get("/provisioning?from=system")
	require.Equal(t, []string{"/instances/biz-CS2#access"}, rowsOf(promised))
	require.Equal(t, "1", promised.words(`.side a.nav-item[href="/provisioning"] + .nav-waits .badge`))
	v.post("/instances/biz-CS2/claim", promised)
	require.Equal(t, "operator:operator@seller.example", h.text(claims), "a person may step in")
	require.Zero(t, h.as(staff.Viewer).get("/provisioning").Find("td.c-act form").Length())
}
