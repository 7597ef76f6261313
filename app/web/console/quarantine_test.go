package console_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// renewed hands over a renewal whose content is its expiry's spelling, as it once was.
func (h *house) renewed(expires string) {
	h.t.Helper()
	at, err := market.ParseStamp(expires, time.UTC)
	require.NoError(h.t, err)
	call := market.Call{Protocol: market.V2, Activity: market.RefreshInstance, InstanceIDs: []string{"biz-CS1"}, Scene: market.Renewal,
		OrderID: "CSR", OrderLineID: "CSR-1", ExpireTime: at, ContentHash: []byte(expires)}
	body, err := json.Marshal(map[string]string{"activity": call.Activity, "scene": "RENEWAL", "orderId": "CSR", "orderLineId": "CSR-1",
		"instanceId": "biz-CS1", "productId": "OFFI1", "expireTime": expires})
	require.NoError(h.t, err)
	_, _, err = h.intake.Handle(h.t.Context(), intake.Arrived{Channel: h.channel, Call: call, ReceivedAt: time.Now(), IP: "192.0.2.9",
		Request: store.Request{Method: "POST", Body: body}})
	require.NoError(h.t, err)
}

// What was told apart by its spelling once, and waits for a person, says that it is
// the same.
func TestAContentThatIsOnlyWrittenDifferentlySaysSo(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CS1")
	h.work()
	h.renewed("20300101000000")
	h.renewed("20300101000000000")
	v, path := h.as(staff.Operator), "/messages/"+h.text(`SELECT message_id FROM quarantine`)
	page := v.get(path)
	require.Zero(t, page.Find(".quarantine tr.differs").Length())
	require.Contains(t, page.words(".quarantine h2"), "Same key, written differently")
	require.Contains(t, page.words(".quarantine"), "Refusing it loses nothing.")
	require.NotContains(t, strings.ToLower(page.words(".quarantine")), "other content")
	require.Equal(t, "Refuse it", page.words(".quarantine .acts .btn.primary"))
	h.renewed("20310101000000")
	page = v.get(path)
	require.Equal(t, "expireTime", page.words(".quarantine tr.differs th"))
	v.post(page.value(`.quarantine form[action$="/quarantine/1/refuse"], .quarantine form[action*="/quarantine/1/refuse?"]`, "action"), page, "reason", "the same")
	require.NotContains(t, v.get(path).words(".quarantine"), "loses nothing", "decided")
}

func TestADifferentContentIsDecidedFromItsMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.buy("CS1")
	h.work()
	h.renewed("20300101000000000")
	h.renewed("20310101000000000")
	path := "/messages/" + h.text(`SELECT message_id FROM quarantine`)

	list := h.as(staff.Viewer).get("/messages?quarantined=1")
	require.Equal(t, 1, list.Find(`tr[data-href^="`+path+`"]`).Length())
	require.Zero(t, h.as(staff.Viewer).get(path).Find(".quarantine form").Length(), "looking is all that a viewer may")

	v := h.as(staff.Operator)
	page := v.get(path)
	require.Equal(t, "expireTime", page.words(".quarantine tr.differs th"))
	require.Contains(t, page.words(".quarantine tr.differs"), "20310101000000000")
	require.Contains(t, page.words(".attempt .quote"), "different content", "each attempt says why it did what it did")
	accept := page.value(`.quarantine form[action*="/accept"]`, "action")
	v.post(accept, page, "reason", "agreed by telephone")
	after := v.get(path)
	require.Contains(t, after.words("#toasts"), "was applied")
	require.Equal(t, "2031", h.text(`SELECT extract(year FROM expires_at)::text FROM instances`))
	require.Contains(t, after.words(".quarantine"), "agreed by telephone")
	require.Zero(t, after.Find(".quarantine form").Length(), "decided")
	v.post(accept, page, "reason", "again")
	require.Contains(t, v.get(path).words("#toasts"), "decided already")
}
