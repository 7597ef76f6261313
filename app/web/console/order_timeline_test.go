package console_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
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
	told = nil
	h.as(staff.Operator).get("/instances/" + id).Find(".timeline .moment > p:first-child").Each(func(_ int, s *goquery.Selection) {
		told = append(told, strings.Join(strings.Fields(s.Text()), " "))
	})
	all = strings.Join(told, "\n")
	for _, once := range []string{"asked for the access data 3 times", "asked for the access data 2 times",
		"Usable: KooGallery has the address, 1 min 15 s after the purchase", "came back", "Expiry set to 2035-01-01", "Released"} {
		require.Equal(t, 1, count(once), "%s on the instance's page in\n%s", once, all)
	}
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
	require.Contains(t, row.words("td.c-ids"), ids[0]+" 5 more")
	page := ann.get("/messages/" + h.text(`SELECT id FROM messages WHERE activity = 'queryInstance'`))
	for _, id := range ids {
		require.Equal(t, 1, page.Find(`.facts a[href="/instances/`+id+`"]`).Length(), id)
	}
	require.Contains(t, page.words(".facts"), "6 instances")
	require.Equal(t, "3 more", page.words(".facts summary"))
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

// Whoever restarts says why, and the timeline repeats it; of many polls those in the
// middle are only counted, and the page says so.
func TestTimelinesSayWhyAndHowMuchIsCounted(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.orders.err = unreachable()
	id := h.buy("CSWHY")
	h.work()
	v := h.as(staff.Operator)
	require.Equal(t, http.StatusSeeOther, v.post("/messages/1/restart", v.get("/messages/1"), "reason", "the proxy is back").status)
	h.work()
	require.Equal(t, http.StatusSeeOther, v.post("/tasks/1/restart", v.get("/messages/1"), "reason", "once more").status)
	h.orders.err = nil
	h.work()
	h.handle(market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{id}})
	h.exec(`INSERT INTO attempts (message_id, at, source, disposition, result_code) SELECT id, now() + n * interval '1 s', 'marketplace', 'repeat', '000000' FROM messages, generate_series(1, 699) n WHERE activity = 'queryInstance'`)
	h.exec(`UPDATE messages SET attempts = 700 WHERE activity = 'queryInstance'`)
	for _, page := range []string{"/orders/1", "/instances/" + id} {
		p := v.get(page)
		told := p.words(".timeline")
		require.Contains(t, told, "the proxy is back", page)
		require.Contains(t, told, "once more", page)
		require.Contains(t, told, "operator@", page)
		require.Contains(t, told, "700 times", page)
		require.Contains(t, told, "200 of them are only counted", page)
	}
}

// An order has its page from its first call on: it is when the order query fails
// that an operator looks the order up.
func TestAnOrderHasItsPageBeforeItIsKnown(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.orders.err = unreachable()
	id := h.buy("CSEARLY")
	v := h.as(staff.Operator)
	order := "/orders/" + h.text(`SELECT id FROM orders WHERE order_line_id = 'CSEARLY-000001' AND state = 'pending'`)
	require.Equal(t, order, v.get("/search?q=CSEARLY").to())
	require.Contains(t, v.get(order).words(".timeline"), "KooGallery calls")
	require.Contains(t, v.get("/orders?q=CSEARLY").words("table"), "Being queried")
	h.work()
	page := v.get(order)
	require.Contains(t, page.words(".head"), "Query failed")
	require.Contains(t, page.words(".trouble"), "cannot be reached")
	require.Contains(t, page.words(".timeline"), "failed")
	require.Equal(t, 1, page.Find(`.card.task form[action^="/tasks/"]`).Length(), "the order query can be restarted there")
	for _, of := range []string{"/messages/1", "/instances/" + id} {
		require.Equal(t, 1, v.get(of).Find(`.facts a[href="`+order+`"]`).Length(), "%s leads to the order's timeline", of)
	}
	h.orders.err = nil
	h.exec(`UPDATE tasks SET status = 'pending', run_at = now(), round = round + 1, attempts = 0, finished_at = NULL WHERE kind = 'order_query'`)
	h.work()
	require.Contains(t, v.get(order).words(".head"), "Known")
	require.Equal(t, "1", h.text(`SELECT count(*) FROM orders`))

	h.orders.err = unreachable()
	h.handle(market.Call{Protocol: market.V2, Activity: market.UpgradeInstance, InstanceIDs: []string{id}, OrderID: "CSMORE", OrderLineID: "CSMORE-000001",
		ContentHash: []byte("u")})
	more := "/orders/" + h.text(`SELECT id FROM orders WHERE order_line_id = 'CSMORE-000001' AND state = 'pending'`)
	require.Equal(t, more, v.get("/search?q=CSMORE").to())
	require.Contains(t, v.get(more).words(".timeline"), "KooGallery calls")
}

// What is released before its order was asked for is not asked for any more, and
// its order does not say that it will be.
func TestTheOrderOfWhatIsReleasedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	gone, late := h.buy("CSGONE"), h.buy("CSLATE")
	h.handle(market.Call{Protocol: market.V2, Activity: market.ReleaseInstance, InstanceIDs: []string{gone}})
	h.exec(`UPDATE instances SET status = 'released', released_at = now() WHERE instance_id = $1`, late) // while a worker has its task
	h.work()
	require.Equal(t, "CSGONE failed, CSLATE failed", h.text(`SELECT string_agg(order_id || ' ' || state, ', ' ORDER BY order_id) FROM orders`))
	page := h.as(staff.Operator).get("/orders/1")
	require.Contains(t, page.words(".trouble"), "released before")
}

// A purchase is one statement, however much it writes.
func TestAPurchaseIsOneStatement(t *testing.T) {
	t.Parallel()
	counter := storetest.Counted(t, storetest.URL(t))
	s, err := store.Open(t.Context(), counter.URL, storetest.Keys(t), store.Options{MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(t.Context()))
	h := openOn(t, s)
	h.buy("CSFIRST")
	before := counter.Statements()
	h.buy("CSONE")
	h.buy("CSONE")
	require.Equal(t, int64(2), counter.Statements()-before)
	require.Equal(t, "CSFIRST CSONE", h.text(`SELECT string_agg(order_id, ' ' ORDER BY id) FROM orders`))
}
