package intake_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

var ann = staff.Actor{Name: "operator:ann@example.com", Source: "operator", Reason: "as agreed by telephone"}

func (d *desk) quarantined() (message, id int64) {
	d.t.Helper()
	message, err := strconv.ParseInt(d.text(`SELECT message_id::text FROM quarantine WHERE status = 'open'`), 10, 64)
	require.NoError(d.t, err)
	rows, err := d.intake.QuarantineOf(context.Background(), message)
	require.NoError(d.t, err)
	require.NotEmpty(d.t, rows)
	return message, rows[0].ID
}

// differing are the fields in which the newest different content of a message is not its own.
func (d *desk) differing(message int64) (differ []store.FieldPair) {
	d.t.Helper()
	rows, err := d.intake.QuarantineOf(context.Background(), message)
	require.NoError(d.t, err)
	for _, f := range rows[0].Fields {
		if f.Differ {
			differ = append(differ, f)
		}
	}
	return differ
}

func renewal(expire string) []string {
	return []string{"activity", "refreshInstance", "scene", "RENEWAL_CHANGE", "orderId", "CSR", "orderLineId", "CSR-1", "instanceId", "i1",
		"productId", "OFFI1", "expireTime", expire}
}

func TestADifferentContentWaitsForAPersonAndIsAppliedAtHerWord(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, "000000", d.send(renewal("20300101000000000")...)["resultCode"])
	for range 3 {
		require.Equal(t, "000000", d.send(renewal("20310101000000000")...)["resultCode"], "the first result")
	}
	require.Equal(t, "2030", d.text(`SELECT extract(year FROM expires_at)::text FROM instances`), "neither applied")
	require.Equal(t, "open 3", d.text(`SELECT status || ' ' || arrivals FROM quarantine`), "nor dropped, and once")

	message, id := d.quarantined()
	require.Equal(t, []store.FieldPair{{Name: "expireTime", Own: "20300101000000000", Other: "20310101000000000", Differ: true}}, d.differing(message))
	list, err := d.store.Reader().MessageList(context.Background(), store.MessageFilter{Quarantined: true}, store.Paging{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)

	require.NoError(t, d.intake.AcceptContent(context.Background(), message, id, ann))
	require.Equal(t, "2031", d.text(`SELECT extract(year FROM expires_at)::text FROM instances`))
	require.Equal(t, "accepted operator:ann@example.com as agreed by telephone", d.text(`SELECT status || ' ' || decided_by || ' ' || reason FROM quarantine WHERE id = $1`, id))
	require.Equal(t, "message.content_accepted as agreed by telephone", d.text(`SELECT action || ' ' || reason FROM audit`))
	require.Equal(t, "accepted", d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`))
	require.Equal(t, "2", d.text(`SELECT count(*)::text FROM tasks WHERE kind = 'order_query' AND message_id = $1`, message),
		"an accepted renewal asks for its order as the first one did")

	d.send(renewal("20310101000000000")...)
	require.Equal(t, "repeat", d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`), "it is the message's content now")
	d.send(renewal("20300101000000000")...)
	require.Equal(t, "2031", d.text(`SELECT extract(year FROM expires_at)::text FROM instances`))
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM quarantine WHERE status = 'open'`), "what was accepted away is decided")
	require.Equal(t, fault.Conflict, fault.CodeOf(d.intake.AcceptContent(context.Background(), message, id, ann)))
}

func TestARefusedContentStaysRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.send(renewal("20300101000000000")...)
	d.send(renewal("20310101000000000")...)
	message, id := d.quarantined()
	require.Equal(t, "quarantine.unknown", fault.From(d.intake.RefuseContent(context.Background(), message+1, id, ann)).Key, "of another message")
	require.NoError(t, d.intake.RefuseContent(context.Background(), message, id, ann))
	d.send(renewal("20310101000000000")...)
	require.Equal(t, "refused 2", d.text(`SELECT status || ' ' || arrivals FROM quarantine`))
	require.Equal(t, "2030", d.text(`SELECT extract(year FROM expires_at)::text FROM instances`))
}

func TestADifferentContentDoesNotUndoALaterRenewal(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.send(renewal("20300101000000000")...)
	d.send(renewal("20310101000000000")...)
	message, id := d.quarantined()
	offered := func() bool {
		rows, err := d.intake.QuarantineOf(context.Background(), message)
		require.NoError(t, err)
		return !rows[0].Overtaken
	}
	require.True(t, offered())
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "CSR9", "20350101000000")["resultCode"])
	require.False(t, offered(), "the page says so before")
	err := d.intake.AcceptContent(context.Background(), message, id, ann)
	require.ErrorIs(t, err, fault.New(fault.Conflict, "quarantine.overtaken"))
	require.Equal(t, d.text(`SELECT id::text FROM messages WHERE order_id = 'CSR9'`), fault.From(err).Args["message"])
	require.Equal(t, "20350101000000 open", d.expiry("i1")+" "+d.text(`SELECT status FROM quarantine`))
	d.send(renewal("20310101000000000")...)
	require.True(t, offered(), "KooGallery says it once more")
	require.NoError(t, d.intake.AcceptContent(context.Background(), message, id, ann))
	require.Equal(t, "20310101000000", d.expiry("i1"))
}

// What was refused is not in effect, though it came first: neither where
// KooGallery's next call was applied, nor where a person ran the message again.
func TestTheContentThatWasAppliedIsTheMessagesOwn(t *testing.T) {
	t.Parallel()
	for name, byHand := range map[string]bool{"by the marketplace": false, "by a person": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			require.Equal(t, "000003", d.send(renewal("20280101000000000")...)["resultCode"])
			if byHand {
				require.Equal(t, "000003", d.send(renewal("20290101000000000")...)["resultCode"])
			}
			d.buy("i1")
			d.ready("i1")
			if byHand {
				_, err := restart(t, d, `activity = 'refreshInstance'`)
				require.NoError(t, err)
			} else {
				require.Equal(t, "000000", d.send(renewal("20290101000000000")...)["resultCode"])
			}
			require.Equal(t, "20290101000000", d.expiry("i1"), "the last word that there was")
			require.Equal(t, "000000", d.send(renewal("20290101000000000")...)["resultCode"])
			require.Equal(t, "repeat 0", d.text(`SELECT (SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1) || ' ' || (SELECT count(*) FROM quarantine)`))
			d.send(renewal("20280101000000000")...)
			message, _ := d.quarantined()
			require.Equal(t, []store.FieldPair{{Name: "expireTime", Own: "20290101000000000", Other: "20280101000000000", Differ: true}}, d.differing(message))
		})
	}
}

// A purchase is never made twice: what is accepted replaces what is known of it.
func TestAnAcceptedPurchaseReplacesTheOrdersFacts(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Millisecond)
	buy := func(product string) map[string]any {
		return d.call("newInstance", "customerId", "c1", "customerName", "acme", "mobilePhone", "", "email", "", "businessId", "b1",
			"orderId", "CS1", "productId", product, "skuCode", "sku-"+product, "chargingMode", "1", "periodType", "year", "periodNumber", "1", "expireTime", "20300101000000")
	}
	first := buy("OFFI1")
	require.Equal(t, first["instanceId"], buy("OFFI2")["instanceId"])
	require.Equal(t, "OFFI1", d.text(`SELECT string_agg(product_id, ' ') FROM orders`))
	d.exec(`UPDATE instances SET status = 'active', provisioned_at = now()`)
	d.exec(`UPDATE tasks SET status = 'succeeded'`)
	message, id := d.quarantined()
	require.NoError(t, d.intake.AcceptContent(context.Background(), message, id, ann))
	require.Equal(t, "OFFI2 sku-OFFI2", d.text(`SELECT product_id || ' ' || sku_code FROM instances`), "one instance, the other product")
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks WHERE kind = 'provision' AND purpose = 'upgrade' AND status = 'pending'`), "its driver is told")
	require.Equal(t, "OFFI2 sku-OFFI2", d.text(`SELECT string_agg(product_id || ' ' || sku_code, ' ') FROM orders`), "the order is what was accepted")

	buy("OFFI3")
	message, id = d.quarantined()
	require.NoError(t, d.intake.AcceptContent(context.Background(), message, id, staff.Actor{Name: "operator:bob@example.com", Source: "operator", Reason: "a third one"}))
	require.Equal(t, "accepted bob, refused ann, refused bob", d.text(`
SELECT string_agg(status || ' ' || split_part(split_part(decided_by, ':', 2), '@', 1), ', ' ORDER BY status, decided_by)
  FROM quarantine`), "who undoes an acceptance has not the other's name and reason")
}

// A driver that was asked already is asked for the accepted one too, as for an
// upgrade during provisioning.
func TestAnAcceptedPurchaseReachesADriverThatIsAtWork(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Millisecond)
	for _, product := range []string{"OFFI1", "OFFI2"} {
		d.call("newInstance", "customerId", "c1", "customerName", "acme", "mobilePhone", "", "email", "", "businessId", "b1",
			"orderId", "CS1", "productId", product, "skuCode", "sku", "chargingMode", "1", "periodType", "year", "periodNumber", "1", "expireTime", "20300101000000")
	}
	d.exec(`UPDATE tasks SET parked_at = now(), run_at = now() + interval '1 hour'`)
	message, id := d.quarantined()
	require.NoError(t, d.intake.AcceptContent(context.Background(), message, id, ann))
	require.Equal(t, "purchase upgrade", d.text(`SELECT string_agg(purpose, ' ' ORDER BY purpose) FROM tasks WHERE kind = 'provision' AND status = 'pending'`))
}
