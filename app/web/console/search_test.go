package console_test

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Whatever id is pasted, as whichever page or mail or service prints it, search leads
// to what has it.
func TestEveryIDIsFound(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	for n, table := range []string{"messages", "tasks", "events", "deliveries", "failure_groups", "restart_batches", "alerts"} {
		h.exec(`SELECT setval(pg_get_serial_sequence($1, 'id'), $2)`, table, 1000*(n+1))
	}
	h.hears("crm", "http://127.0.0.1:9/hook")
	id := h.buy("CSFIND")
	h.work()
	h.exec(`UPDATE deliveries SET provider_ref = 'provider-77'`)
	v := h.as(staff.Operator)
	order, event := "/orders/"+h.text(`SELECT id FROM orders`), "/events/"+h.text(`SELECT min(id) FROM events`)
	delivery := "/deliveries/" + h.text(`SELECT min(id) FROM deliveries`)
	ref := h.text(`SELECT message_ref FROM deliveries ORDER BY id LIMIT 1`)
	bare := strings.Trim(ref, "<>")
	secret, _, _ := strings.Cut(bare, "@")
	first := h.text(`SELECT min(id) FROM deliveries`)
	webhook := h.text(`SELECT webhook_id FROM events ORDER BY id LIMIT 1`)
	for q, want := range map[string]string{
		"CSFIND":                      order,
		"CSFIND-000001":               order,
		id:                            "/instances/" + id,
		"1001":                        "/messages/1001",
		"#1001":                       "/messages/1001",
		"2001":                        "/tasks?q=%232001",
		"#2001":                       "/tasks?q=%232001",
		"#3001":                       event,
		"#4001":                       delivery,
		webhook:                       event,
		"webhook-id: " + webhook:      event,
		"provider-77":                 delivery,
		ref:                           delivery,
		bare:                          delivery,
		"Message-ID: " + ref:          delivery,
		"sms_" + first + "-" + secret: delivery,
		h.text(`SELECT customer_id FROM instances`): "/instances/" + id,
	} {
		require.NotEmpty(t, q, want)
		require.Equal(t, want, v.get("/search?q="+url.QueryEscape(q)).to(), q)
	}
	h.redirect(first, "<another@seller.test>") // as a resend does; the customer still has the first mail
	for _, q := range []string{ref, bare, "message-id:" + ref, "sms_" + first + "-" + secret, "<another@seller.test>"} {
		require.Equal(t, delivery, v.get("/search?q="+url.QueryEscape(q)).to(), q)
	}
	require.Equal(t, "/messages?q=sms_"+first+"-0123456789abcdef", v.get("/search?q=sms_"+first+"-0123456789abcdef").to(), "another sending's")
}

func (h *house) redirect(delivery, ref string) {
	h.t.Helper()
	id, err := strconv.ParseInt(delivery, 10, 64)
	require.NoError(h.t, err)
	require.NoError(h.t, h.store.Write(context.Background(), func(tx *store.Tx) error {
		return tx.RedirectDelivery(context.Background(), id, buyerEmail, "b•••", ref)
	}))
}

// Each call for the release of an instance may be about an order of its own.
func TestTheOrderOfARepeatIsFound(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	id := h.buy("CSBOUGHT")
	h.work()
	for _, order := range []string{"CSOUT1", "CSOUT2", "CSOUT2", "CSOUT3"} {
		h.handle(market.Call{Protocol: market.V2, Activity: market.ReleaseInstance, InstanceIDs: []string{id}, OrderID: order, OrderLineID: order + "-000001"})
	}
	v := h.as(staff.Operator)
	release := in(id, h.text(`SELECT id FROM messages WHERE activity = 'releaseInstance'`))
	for _, order := range []string{"CSOUT1", "CSOUT2", "CSOUT3"} {
		require.Equal(t, release, v.get("/search?q="+order).to())
	}
	require.Equal(t, ",CSOUT2,CSOUT2,CSOUT3", h.text(`SELECT string_agg(COALESCE(order_id, ''), ',' ORDER BY id) FROM attempts
		WHERE message_id = (SELECT id FROM messages WHERE activity = 'releaseInstance')`), "written only where it differs")
}

// What alerts were told by is found by the id that their receivers have.
func TestAnAlertIsFoundByItsMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	h.exec(`INSERT INTO alert_targets (operator_id, name, medium, address_mask, language) SELECT min(id), 'hook', 'koodesk', 'https://…', 'en' FROM operators`)
	h.exec(`INSERT INTO alert_messages (target_id, says, title, content_sealed, message_ref)
		SELECT id, 1, 'x', '\x00', r FROM alert_targets, unnest(ARRAY['msg-of-an-alert', 'msg-of-a-test']) AS r`)
	h.exec(`SELECT setval(pg_get_serial_sequence('alerts', 'id'), 70)`)
	h.exec(`INSERT INTO alerts (kind, subject, severity) VALUES ('stuck', 'lease', 1)`)
	h.exec(`INSERT INTO alert_changes (alert_id, what, severity, addressed) VALUES (71, 'opened', 1, TRUE)`)
	h.exec(`INSERT INTO alert_sayings (change_id, target_id, message_id, state) SELECT c.id, m.target_id, m.id, 'said' FROM alert_changes c, alert_messages m WHERE m.message_ref = 'msg-of-an-alert'`)
	target := h.text(`SELECT id FROM alert_targets`)
	for q, want := range map[string]string{
		"msg-of-an-alert":               "/alerts/said?alert=71",
		"webhook-id: msg-of-an-alert":   "/alerts/said?alert=71",
		"<msg-of-an-alert@seller.test>": "/alerts/said?alert=71",
		"msg-of-a-test":                 "/alerts/said?target=" + target,
		"#71":                           "/stuck?kind=lease",
	} {
		require.Equal(t, want, v.get("/search?q="+url.QueryEscape(q)).to(), q)
	}
}

// A number that several things have is a choice, the likeliest first.
func TestANumberThatSeveralThingsHaveIsAChoice(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.hears("crm", "http://127.0.0.1:9/hook")
	h.orders.err = unreachable()
	h.buy("CSCHOICE")
	h.work()
	h.exec(`INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target_id, target, payload_sealed, status) VALUES (1, 'instance.frozen', 'w1', 'u1', FALSE, 1, 't', '\x00', 'succeeded')`)
	h.exec(`INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, message_ref, unique_key) VALUES (1, 1, 'usage_info', 'sms', 'en', '\x00', '…', '<r@x>', 'd1')`)
	h.exec(`INSERT INTO restart_batches (thing, mode, per_second, actor, source, ip, reason, status) VALUES ('messages', 'all', 0, 'operator:ann@example.com', 'operator', '', 'x', 'done')`)
	h.exec(`INSERT INTO alerts (kind, subject, severity) VALUES ('stuck', 'lease', 1)`)
	h.exec(`INSERT INTO orders (channel_id, order_id, order_line_id, source) VALUES (1, '1', '1-000001', 'notice')`)
	require.Equal(t, "1", h.text(`SELECT id FROM failure_groups`))
	v := h.as(staff.Viewer)
	things := []string{"/messages/1", "/tasks?q=%231", "/events/1", "/deliveries/1", "/failures/1", "/restarts/1", "/stuck?kind=lease"}
	page := v.get("/search?q=%231")
	require.Equal(t, things, rowsOf(page))
	require.Contains(t, page.words("tbody tr:first-child"), "Message #1")
	require.Contains(t, page.words("tbody tr:nth-child(5)"), "open API")
	bare := rowsOf(v.get("/search?q=1"))
	require.Equal(t, things, bare[:len(things)])
	require.Equal(t, []string{"/orders/" + h.text(`SELECT id FROM orders WHERE order_id = '1'`)}, bare[len(things):], "which is also the id of an order")
	require.Equal(t, "/messages?q=%23999", v.get("/search?q=%23999").to())
}
