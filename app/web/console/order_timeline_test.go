package console_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// The whole life of an order stands on its page, its polls as runs, and again over
// again as one line each.
func TestTheTimelineOfAnOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CSLINE")
	poll := func(n int) {
		for range n {
			h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{id}})
		}
	}
	poll(3)
	h.work()
	poll(2)
	h.exec(`UPDATE messages SET first_received_at = first_received_at - interval '90 s' WHERE activity = 'newInstance'`)
	h.exec(`UPDATE instances SET url_seen_at = (SELECT first_received_at FROM messages WHERE activity = 'newInstance') + interval '75.5 s'`)
	h.exec(`INSERT INTO delivery_receipts (delivery_id, message_ref, at, source, provider_ref, outcome, code, note, part, parts)
		SELECT id, message_ref, now(), 'smtp', 'x', o, 'CODE-' || o, '', 1, 1 FROM deliveries, unnest(ARRAY['handed_over','bounced']) AS o`)
	h.handle(market.Call{Protocol: market.V2, Activity: market.RefreshInstance, InstanceIDs: []string{id}, Scene: market.Renewal,
		OrderID: "CSMORE", OrderLineID: "CSMORE-000001", ExpireTime: time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC), ContentHash: []byte("r")})
	h.work()
	h.handle(market.Call{Protocol: market.V2, Activity: market.ReleaseInstance, InstanceIDs: []string{id}})
	h.work()
	page := h.as(staff.Operator).get("/orders/" + h.text(`SELECT id FROM orders WHERE order_line_id = 'CSLINE-000001'`))
	var told []string
	page.Find(".timeline .moment > p:first-child").Each(func(_ int, s *goquery.Selection) { told = append(told, strings.Join(strings.Fields(s.Text()), " ")) })
	all := strings.Join(told, "\n")
	count := func(s string) int { return strings.Count(all, s) }
	for _, once := range []string{"asked for the access data 3 times", "asked for the access data 2 times", "Order queried", "Provisioned",
		"Usable: KooGallery has the address, 1 min 15 s after the purchase", "came back", "Expiry set to 2035-01-01", "Released"} {
		require.Equal(t, 1, count(once), "%s in\n%s", once, all)
	}
	require.Contains(t, all, "sent to")
	require.Contains(t, told[len(told)-1], "KooGallery calls", "the oldest is the call of the purchase")
	require.Less(t, strings.Index(all, "Expiry set to 2035"), strings.Index(all, "3 times"), "newest first")
	require.Contains(t, page.words("main"), "Time to usable1 min 15 s")
}

// A poll for several instances stands on the pages of all of them, and its own page
// leads to each.
func TestAPollOfSeveralOnPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	var ids []string
	for _, order := range []string{"CSONE", "CSTWO", "CSTHREE", "CSFOUR", "CSFIVE"} {
		ids = append(ids, h.buy(order))
	}
	h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: append(slices.Clone(ids), "nobody's")})
	h.work()
	ann := h.as(staff.Operator)
	row := ann.get("/messages?activity=queryInstance&instance_id=" + ids[4])
	require.Len(t, rowsOf(row), 1)
	require.Contains(t, row.words("td.c-ids"), ids[0]+" +5")
	page := ann.get("/messages/" + h.text(`SELECT id FROM messages WHERE activity = 'queryInstance'`))
	for _, id := range ids {
		require.Equal(t, 1, page.Find(`.facts a[href="/instances/`+id+`"]`).Length(), id)
	}
	require.Contains(t, page.words(".facts"), "6 instances")
	require.Equal(t, "+3", page.words(".facts summary"))
	require.Contains(t, page.words(".facts details"), "nobody's")
	require.Zero(t, page.Find(`.facts a[href*="nobody"]`).Length())
	for _, of := range []string{"/instances/" + ids[2], "/orders/" + h.text(`SELECT id FROM orders WHERE order_id = 'CSTHREE'`)} {
		require.Contains(t, ann.get(of).words(".timeline"), "asked together with 5 others: one answer for all", of)
	}
}

// An order of V1.0 shows each of its sizes, and so does its instance.
func TestAnOrderShowsItsSizes(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CSSIZED")
	h.work()
	size := market.Size{Amount: 5, DiskSize: 100, BandWidth: 10}
	ctx := context.Background()
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.TellOrder(ctx, store.OrderRef{ChannelID: h.channel.ID, OrderID: "CSSIZED", OrderLineID: "CSSIZED-000001"}, market.Order{OrderID: "CSSIZED",
			Lines: []market.OrderLine{{OrderLineID: "CSSIZED-000001", Products: []market.ProductInfo{{ProductID: "P1", LinearValue: 5, Size: size}}}}}, nil, "")
		return err
	}))
	h.exec(`UPDATE instances SET amount = 5, disk_size = 100, band_width = 10, linear_value = 5`)
	v := h.as(staff.Operator)
	for locale, want := range map[string]string{"en": "Quantity5 Disk size100 GB Bandwidth10 Mbps", "zh-CN": "数量5 磁盘容量100 GB 带宽10 Mbps"} {
		v.locale = locale
		for _, page := range []string{"/orders/" + h.text(`SELECT id FROM orders WHERE order_id = 'CSSIZED'`), "/instances/" + id} {
			require.Contains(t, v.get(page).words("main"), want, page)
		}
	}
}

// Whatever id is pasted, search leads to what has it.
func TestEveryIDIsFound(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.hears("crm", "http://127.0.0.1:9/hook")
	id := h.buy("CSFIND")
	h.work()
	h.exec(`UPDATE deliveries SET provider_ref = 'provider-77'`)
	v := h.as(staff.Operator)
	order := "/orders/" + h.text(`SELECT id FROM orders`)
	delivery := "/deliveries/" + h.text(`SELECT min(id) FROM deliveries`)
	for q, want := range map[string]string{
		"CSFIND":                          order,
		"CSFIND-000001":                   order,
		id:                                "/instances/" + id,
		h.text(`SELECT id FROM messages`): "/messages/" + h.text(`SELECT id FROM messages`),
		h.text(`SELECT webhook_id FROM events ORDER BY id LIMIT 1`): "/events/" + h.text(`SELECT min(id) FROM events`),
		"provider-77": delivery,
		h.text(`SELECT message_ref FROM deliveries ORDER BY id LIMIT 1`): delivery,
		h.text(`SELECT customer_id FROM instances`):                      "/instances/" + id,
	} {
		require.NotEmpty(t, q, want)
		require.Equal(t, want, v.get("/search?q="+url.QueryEscape(q)).to(), q)
	}
}
