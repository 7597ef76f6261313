package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
)

// Of one message, too, its customer can be told again and nothing else done; that it
// succeeded is no hindrance.
func TestTheCustomerOfOneMessageIsToldAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CSONE")
	h.work()
	h.mails(1)
	h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{"biz-CSONE"}})
	v := h.as(staff.Operator)
	page := v.get("/messages/1")
	require.Contains(t, page.words(".head .acts"), "Tell the customer again only")
	preview := v.get(page.value(".head .acts a.btn", "href"))
	require.Equal(t, "Tell the customer of 1 message again?", preview.words("h1"))
	require.Equal(t, "Tell 1 again", preview.words(`.restart-form button[type="submit"]`))
	require.Contains(t, preview.value(".crumbs a", "href"), "/messages/1", "back to where it came from")
	list := preview.value(`.restart-form input[name="list"]`, "value")
	res := v.post("/restarts", preview, "list", list, "mode", "delivery", "ids", "1", "expected", "1", "rate", "0", "reason", "she lost it")
	require.Equal(t, "/restarts/1", res.to(), res.body)
	done := v.get("/restarts/1")
	require.Contains(t, done.words(".facts"), "1 message to the customer is sent again.")
	require.NotContains(t, done.words(".facts"), "failed task")
	require.NotContains(t, v.get("/messages/2").words(".head .acts"), "Tell the customer", "a poll tells nobody")
	reader := h.as(staff.Viewer)
	require.NotContains(t, reader.get("/messages/1").words(".head .acts"), "Tell the customer")
	off := reader.get("/restarts/new?list=/messages&ids=1").Find(".tabs .tab-off")
	require.Equal(t, "Tell the customer again onlyYour role does not allow this", strings.TrimSpace(off.Text()), "who may not send does not choose it")
	require.Zero(t, off.Find("a[href]").Length())
	require.Equal(t, http.StatusForbidden, reader.get("/restarts/new?list=/messages&mode=delivery&ids=1").status)
}
