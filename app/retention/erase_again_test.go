package retention_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/market"
	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// asked keeps what the order query told of an order without an instance, as the task
// of its notice does.
func (b bench) asked() {
	b.t.Helper()
	ctx := context.Background()
	require.NoError(b.t, b.s.Write(ctx, func(tx *store.Tx) error {
		order := market.Order{OrderID: "CS7", Buyer: &market.Buyer{CustomerID: "ann", CustomerName: marker, CustomerRealName: marker, Email: marker + "@example.com"},
			Lines: []market.OrderLine{{OrderLineID: "CS7-1"}}}
		pk, err := tx.KeepOrder(ctx, store.OrderRef{ChannelID: 1, OrderID: "CS7", OrderLineID: "CS7-1"}, store.OrderFromNotice, order, []byte(`{"of":"`+marker+`"}`))
		if err != nil {
			return err
		}
		ch, err := tx.Reader().ChannelBySlug(ctx, "default")
		if err != nil {
			return err
		}
		return event.OfOrder(ctx, tx, ch, pk, 0, order, order.Lines[0])
	}))
	b.exec(`UPDATE events SET status = 'succeeded'`)
	b.exec(`UPDATE tasks SET status = 'succeeded'`)
}

// An order that is asked for again after its customer was erased is erased again:
// on request, and by the hourly run, which nobody has to remind.
func TestAnOrderIsErasedAsOftenAsItsBuyerIsStored(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.exec(`INSERT INTO event_targets (channel_id, name, url, secret_sealed, types) VALUES (1, 'crm', 'https://crm.example.com', $1, '{order.notified}')`, b.s.Keys().SealString(seal.TargetSecret, "whsec_x"))
	by := staff.CLI()
	by.Reason = "asked"
	k := retention.New(retention.Options{Store: b.s})
	q := retention.Request{Channel: "default", Whose: store.Whose{Customer: "ann"}}
	for n := range 2 {
		b.asked()
		require.Contains(t, b.marked(), "orders.customer_name")
		done, err := k.EraseCustomer(context.Background(), q, by)
		require.NoError(t, err)
		require.Equal(t, 1, done.Counts.Orders)
		require.Equal(t, []int{1, 0}[n], done.Counts.Events, "order.notified names the buyer too; it is told once")
		require.False(t, done.Before)
		require.Empty(t, b.marked())
	}
	b.asked()
	b.run(retention.Days{})
	require.Empty(t, b.marked())
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM audit WHERE action = 'personal_data.erased' AND target = 'orders' AND detail ->> 'orders' = '1'`))
	require.Empty(t, b.ids(`SELECT id FROM retention_held`))
}

// What KooGallery repeats after the erasure is emptied by the next hourly run.
func TestWhatComesAfterTheErasureGoesToo(t *testing.T) {
	t.Parallel()
	b, ctx := open(t), context.Background()
	b.instances()
	b.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, order_line_id, first_received_at, last_received_at) VALUES (1, 'order-notice', 'orderNotify', 'notice', 'succeeded', 'CS1', 'CS1-1', now(), now())`)
	b.exec(`UPDATE messages SET last_received_at = now() - interval '1 day'`)
	b.run(retention.Days{Personal: 35})
	require.Equal(t, []int64{1, 2, 3}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`))
	again := func(message int) {
		b.exec(`INSERT INTO attempts (message_id, at, source, disposition, request_sealed) VALUES ($1, now(), 'marketplace', 'repeat', $2)`, message, b.s.Keys().Seal(seal.Payload, []byte("Ann")))
		b.exec(`UPDATE messages SET last_received_at = now() WHERE id = $1`, message)
	}
	inAnHour := retention.New(retention.Options{Store: b.s, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	again(3) // its instance is in use
	again(5)
	require.NoError(t, inAnHour.Run(ctx))
	require.Equal(t, []int64{1, 2, 3, 3}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`))

	by := staff.CLI()
	by.Reason = "asked"
	_, err := retention.New(retention.Options{Store: b.s}).EraseCustomer(ctx, retention.Request{Channel: "default", Whose: store.Whose{Customer: "ann"}, Force: true}, by)
	require.NoError(t, err)
	again(6)
	require.NoError(t, inAnHour.Run(ctx))
	require.Equal(t, []int64{3, 3}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`), "a call of an order that names no instance")
}

// A purchase that was refused left neither instance nor order: it is found by the id
// of its order, and only it.
func TestARefusedPurchaseIsErasedByItsOrder(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, customer_name, released_at)
VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', 'active', 'bob', 'Bob', NULL)`)
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at, last_error)
SELECT c, 'v2', 'newInstance', k, s, o, i, now(), now(), CASE WHEN s <> 'processing' THEN $1::jsonb END
  FROM (VALUES (1, '1', 'failed', 'CS7', ''), (1, '2', 'rejected', 'CS7', ''), (1, '3', 'failed', 'CS7', 'never-was'), (1, '4', 'processing', 'CS7', ''), (1, '5', 'failed', 'CS8', ''), (2, '6', 'failed', 'CS7', ''), (1, '7', 'succeeded', 'CS1', 'i1')) v (c, k, s, o, i)
 ORDER BY k`, `{"code":"invalid","key":"call.field_format","args":{"field":"mobilePhone","want":"digits","got":"`+marker+`"}}`)
	b.exec(`INSERT INTO attempts (message_id, at, source, disposition, request_sealed, error) SELECT id, now(), 'marketplace', 'new', $1, last_error FROM messages`, b.s.Keys().Seal(seal.Payload, []byte("customerName=Ann")))
	by, ctx := staff.CLI(), context.Background()
	by.Reason = "asked"
	k := retention.New(retention.Options{Store: b.s})
	of := func(w store.Whose) (retention.Result, error) {
		return k.EraseCustomer(ctx, retention.Request{Channel: "default", Whose: w}, by)
	}
	_, err := of(store.Whose{Order: "CS6"})
	require.ErrorContains(t, err, "erasure.customer_unknown")
	_, err = of(store.Whose{Customer: "ann", Order: "CS7"})
	require.ErrorContains(t, err, "erasure.customer_missing", "one of the two")
	_, err = of(store.Whose{Order: "CS1"})
	require.ErrorContains(t, err, "erasure.in_use")
	done, err := of(store.Whose{Order: " CS7 "})
	require.NoError(t, err)
	require.Equal(t, store.ErasedCounts{Attempts: 3, Errors: 3}, done.Counts)
	require.Equal(t, store.ErasureLeft{Messages: 1}, done.Left)
	require.Equal(t, []int64{4, 5, 6, 7}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`))
	require.Equal(t, []int64{5, 6, 7}, b.ids(`SELECT id FROM messages WHERE strpos(last_error::text, $1) > 0 ORDER BY 1`, marker))
	require.Equal(t, []int64{1, 2, 3}, b.ids(`SELECT message_id FROM attempts WHERE error #>> '{args,got}' = '…' AND error #>> '{args,field}' = 'mobilePhone' ORDER BY 1`), "what was wrong stays")
	b.end()
	b.run(retention.Days{})
	require.Equal(t, []int64{5, 6, 7}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`))
	again, err := of(store.Whose{Order: "CS7"})
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: done.Record, At: done.At, Before: true}, again)
}

// By rule also codes and orders go that no instance belongs to, so long after the
// release or the end; what is younger, or in use, stays.
func TestCodesAndOrdersWithoutAnInstanceAreErasedByRule(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.instances()
	b.exec(`UPDATE orders SET created_at = now() - interval '1 year'`)
	person := b.s.Keys().SealString(seal.Customer, "Ann")
	b.exec(`
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_name, real_name_sealed, created_at, expires_at, last_notified_at)
SELECT 1, 'N' || n, 'N' || n || '-1', 'notice', 'known', 'Ann', $1, now() - interval '1 year', now() - e * interval '1 day', now() - l * interval '1 day'
  FROM (VALUES (1, NULL::int, 100), (2, 20, 100), (3, 50, 100), (4, NULL, 20)) v (n, e, l)
 ORDER BY n`, person)
	b.exec(`
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, status, released_at, answer_sealed)
SELECT 1, '\x01', int4send(n), 'm', CASE WHEN n = 3 THEN 'ALIVE' ELSE 'RELEASED' END, CASE WHEN n < 3 THEN now() - n * interval '25 days' END, $1
  FROM generate_series(1, 3) AS n`, b.s.Keys().Seal(seal.LicenseCode, []byte("Ann")))
	b.run(retention.Days{Personal: 35})
	require.Equal(t, []int64{1, 2, 3, 7, 9}, b.ids(`SELECT id FROM orders WHERE erased_at IS NULL ORDER BY id`))
	require.Equal(t, []int64{1, 2, 3, 7, 9}, b.ids(`SELECT id FROM orders WHERE customer_name <> '' ORDER BY id`))
	require.Equal(t, []int64{1, 3}, b.ids(`SELECT id FROM license_codes WHERE answer_sealed IS NOT NULL ORDER BY id`))
	b.run(retention.Days{Personal: 15})
	require.Equal(t, []int64{1, 3}, b.ids(`SELECT id FROM orders WHERE erased_at IS NULL ORDER BY id`), "the walk begins again")
}
