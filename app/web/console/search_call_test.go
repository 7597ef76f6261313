package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// call is a call of V2.0's about one instance; its businessId is its own.
func call(activity, instance, business, order string) market.Call {
	c := market.Call{Protocol: market.V2, Activity: activity, InstanceIDs: []string{instance}, BusinessID: business}
	if order != "" {
		c.OrderID, c.OrderLineID = order, order+"-000001"
	}
	return c
}

// numberOf is the id of the message of a businessId.
func (h *house) numberOf(business string) string {
	h.t.Helper()
	id := h.text(`SELECT message_id FROM attempts WHERE business_id = $1`, business)
	if id == "" {
		id = h.text(`SELECT id FROM messages WHERE business_id = $1`, business)
	}
	require.NotEmpty(h.t, id, business)
	return id
}

// in is the place of a call in the timeline of an instance.
func in(instance, message string) string {
	return "/instances/" + instance + "?call=" + message + "#call-" + message
}

// Whatever id of a call is pasted, search leads to its place in the timeline of the
// instance that it is about.
func TestAnIDOfACallLeadsToItsPlaceInTheTimeline(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CSBOUGHT")
	h.exec(`UPDATE messages SET business_id = 'b-bought' WHERE order_id = 'CSBOUGHT'`) // that of a purchase is the id of its instance, until it is bought again
	h.exec(`UPDATE attempts SET business_id = 'b-bought' WHERE business_id = $1`, id)
	h.work()
	renewal := call(market.RefreshInstance, id, "b-renewal", "CSMORE")
	renewal.Scene, renewal.ExpireTime, renewal.ContentHash = market.Renewal, time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC), []byte("r")
	h.handle(renewal)
	renewal.BusinessID = "b-renewal-again"
	h.handle(renewal)
	renewal.BusinessID, renewal.OrderID, renewal.OrderLineID, renewal.ContentHash = "b-second", "CSSECOND", "LINE-2", []byte("s")
	h.handle(renewal)
	freeze := call(market.UpdateInstanceStatus, id, "b-freeze", "")
	freeze.Target = market.Freeze
	h.handle(freeze)
	for _, order := range []string{"CSOUT1", "CSOUT2"} {
		h.handle(call(market.ReleaseInstance, id, "b-"+order, order))
	}
	h.work()
	v := h.as(staff.Viewer)
	for q, business := range map[string]string{"b-renewal": "", "b-renewal-again": "", "CSMORE": "b-renewal", "CSMORE-000001": "b-renewal",
		"b-second": "", "CSSECOND": "b-second", "LINE-2": "b-second", "b-freeze": "", "b-CSOUT1": "", "b-CSOUT2": "",
		"CSOUT1": "b-CSOUT1", "CSOUT1-000001": "b-CSOUT1", "CSOUT2": "b-CSOUT2", "b-bought": ""} {
		if business == "" {
			business = q
		}
		message := h.numberOf(business)
		found := v.get("/search?q=" + url.QueryEscape(q))
		require.Equal(t, in(id, message), found.to(), q)
		page := v.get(found.to())
		require.Equal(t, http.StatusOK, page.status)
		require.Equal(t, 1, page.Find(".timeline li[aria-current=true]").Length(), q)
		place := page.Find(".timeline #call-" + message)
		require.Equal(t, "true", place.AttrOr("aria-current", ""), q)
		require.Equal(t, "/messages/"+message, place.Find("a").AttrOr("href", ""), q)
	}
	freezing := h.numberOf("b-freeze")
	require.Equal(t, in(id, freezing), v.get("/messages/"+freezing).value(`.facts a[href^="/instances/"]`, "href"), "and so does its own page")
	require.Equal(t, 1, v.get("/instances/"+id).Find(".timeline #call-"+freezing).Length())
	require.Zero(t, v.get("/instances/"+id).Find(".timeline [aria-current]").Length())
}

// Polls are counted in a timeline, and what no instance has, or nobody has proved, has
// none: they are found themselves, as is what its number is searched by.
func TestACallWithoutAPlaceInOneTimelineIsFoundItself(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id, other := h.buy("CSBOUGHT"), h.buy("CSOTHER")
	h.work()
	h.handle(call(market.QueryInstance, id, "b-poll", ""))
	several := call(market.QueryInstance, id, "b-several", "")
	several.InstanceIDs = append(several.InstanceIDs, other)
	h.handle(several)
	probe := call(market.UpdateInstanceStatus, id, "b-probe", "")
	probe.Test, probe.Target = true, market.Freeze
	h.handle(probe)
	h.handle(call(market.ReleaseInstance, "nobody's", "b-nobody", "CSNOBODY"))
	foreign := storetest.Channel(t, h.store, "another", "https://mkt.example.com").ID
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, business_id, instance_id, attempts, first_received_at, last_received_at)
		VALUES ($1, 'v2', 'releaseInstance', 'k1', 'failed', 'CSFOREIGN', '', $2, 1, now(), now())`, foreign, id)
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, business_id, instance_id, attempts, first_received_at, last_received_at)
		VALUES ($1, 'v2', 'releaseInstance', 'k2', 'rejected', 'CSFORGED', '', $2, 1, now(), now())`, h.channel.ID, id)
	h.exec(`SELECT setval(pg_get_serial_sequence('messages', 'id'), 699)`)
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, business_id, instance_id, attempts, first_received_at, last_received_at)
		VALUES ($1, 'v2', 'releaseInstance', 'k3', 'failed', '700123', '', $2, 1, now(), now())`, h.channel.ID, id)
	v := h.as(staff.Viewer)
	for q, message := range map[string]string{"b-poll": h.numberOf("b-poll"), "b-several": h.numberOf("b-several"), "b-probe": h.numberOf("b-probe"),
		"b-nobody": h.numberOf("b-nobody"), "CSNOBODY": h.numberOf("b-nobody"),
		"CSFOREIGN": h.text(`SELECT id FROM messages WHERE order_id = 'CSFOREIGN'`), "CSFORGED": h.text(`SELECT id FROM messages WHERE order_id = 'CSFORGED'`)} {
		require.Equal(t, "/messages/"+message, v.get("/search?q="+url.QueryEscape(q)).to(), q)
	}
	for _, number := range []string{"700", "#700"} {
		require.Equal(t, "/messages/700", v.get("/search?q="+url.QueryEscape(number)).to(), "its number means the message")
	}
	require.Equal(t, in(id, "700"), v.get("/search?q=700123").to())
	require.Equal(t, "/instances/"+id, v.get("/messages/"+h.numberOf("b-poll")).value(`.facts a[href^="/instances/"]`, "href"))
}

// A call that is older than all that an instance's page shows stands there for who was
// led to it.
func TestAnOldCallStandsInTheTimelineThatItsIDLeadsTo(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CSBOUGHT")
	h.work()
	h.handle(call(market.ReleaseInstance, id, "b-old", "CSOLD"))
	h.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, attempts, first_received_at, last_received_at)
SELECT $1, 'v2', 'refreshInstance', 'key-' || n, 'succeeded', 'CSN' || n, $2, 1, now(), now()
  FROM generate_series(1, $3::int) AS n`, h.channel.ID, id, store.MaxLimit+10)
	v := h.as(staff.Viewer)
	old := h.numberOf("b-old")
	require.Zero(t, v.get("/instances/"+id).Find(".timeline #call-"+old).Length())
	place := v.get("/search?q=CSOLD").to()
	require.Equal(t, in(id, old), place)
	page := v.get(place)
	require.Equal(t, 1, page.Find(".timeline #call-"+old+"[aria-current=true]").Length())
	require.Equal(t, store.MaxLimit+1, page.Find(".timeline [id^=call-]").Length())
	other := h.buy("CSOTHER")
	require.Zero(t, v.get("/instances/"+other+"?call="+old).Find(".timeline [aria-current]").Length(), "another instance's")
	for _, bad := range []string{"0", "-1", "x", "99999999999999999999"} {
		require.Equal(t, http.StatusOK, v.get("/instances/"+id+"?call="+bad).status)
	}
}
