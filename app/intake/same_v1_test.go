package intake_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
	"koodesk/app/store"
)

// Purchases without chargingMode and period were known by their order alone, and
// their instances had no billing item: they stay what they are.
func TestAPurchaseOfV1ThatIsKnownByItsOrderAlone(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	first := func(business, order string) {
		t.Helper()
		require.Equal(t, business, d.buy1(business, "orderId", order)["instanceId"])
		d.exec(`UPDATE messages SET idem_key = 'v1/newInstance/` + order + `' WHERE order_id = '` + order + `';
			UPDATE instances SET billing_item = '' WHERE order_id = '` + order + `'`)
	}
	messages := func(order string) string {
		t.Helper()
		return d.text(`SELECT string_agg(idem_key || ' ' || attempts || ' ' || conflicts, ', ' ORDER BY id) FROM messages
			WHERE activity = 'newInstance' AND order_id = $1`, order)
	}

	first("b1", "O1")
	d.ready("b1")
	require.Equal(t, "000000", d.call("upgrade", "instanceId", "b1", "orderId", "U1", "skuCode", "S2", "productId", "P2")["resultCode"])
	require.Equal(t, "b1", d.buy1("b2", "orderId", "O1")["instanceId"], "its product is another by now")
	require.Equal(t, "v1/newInstance/O1 2 0", messages("O1"))
	d.exec(`DELETE FROM messages WHERE order_id = 'O1'`)
	require.Equal(t, "b1", d.buy1("b3", "orderId", "O1")["instanceId"], "its message is gone, too")
	require.Equal(t, "b4", d.buy1("b4", "orderId", "O1", "productId", "P2")["instanceId"], "a line of its own, although the other became the same")
	require.Equal(t, "b4", d.buy1("b5", "orderId", "O1", "productId", "P2")["instanceId"])
	require.Equal(t, "b1 b4", d.text(`SELECT string_agg(instance_id, ' ' ORDER BY id) FROM instances`))

	first("f1", "O2")
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now() WHERE order_id = 'O2'; UPDATE messages SET status = 'failed' WHERE order_id = 'O2'`)
	require.Equal(t, "f1", d.buy1("f2", "orderId", "O2")["instanceId"])
	require.Equal(t, "v1/newInstance/O2 2 0", messages("O2"))
	require.Equal(t, "pending 1 processing", d.text(`SELECT t.status || ' ' || t.round || ' ' || m.status FROM tasks t JOIN messages m ON m.id = t.message_id
		WHERE t.order_id = 'O2'`), "what was given up begins anew")
	require.Equal(t, "f3", d.buy1("f3", "orderId", "O2", "productId", "P2")["instanceId"], "another line")
	require.Equal(t, "v1/newInstance/O2 2 0, v1/newInstance/O2/P2 1 0", messages("O2"))

	d.buy1("g1", "orderId", "O3")
	require.Equal(t, "g1", d.buy1("g2", "orderId", "O3", "chargingMode", "1")["instanceId"])
	require.Equal(t, "v1/newInstance/O3/P1 2 1", messages("O3"), "what is told of the charging later is other content of the same purchase")
	require.Equal(t, "h1", d.buy1("h1", "orderId", "O4", "testFlag", "1")["instanceId"])
	d.exec(`UPDATE messages SET idem_key = 'v1/newInstance/O4' WHERE order_id = 'O4'`)
	require.Equal(t, "h1", d.buy1("h2", "orderId", "O4", "testFlag", "1")["instanceId"], "a saved case")
}

// The calls of one purchase that say more and less of its charging have messages of
// their own, but one instance, also when they come at once.
func TestAPurchaseOfV1ThatComesInTwoFormsAtOnce(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	var all sync.WaitGroup
	for n := range 20 {
		order := fmt.Sprint("O", n)
		all.Go(func() { d.buy1("a"+order, "orderId", order) })
		all.Go(func() { d.buy1("b"+order, "orderId", order, "chargingMode", "1") })
	}
	all.Wait()
	require.Equal(t, "20", d.text(`SELECT count(*)::text FROM instances`))
}

// An order of License 1.0 is one instance, also where an older version noted its product.
func TestALicenseOfV1ThatIsKnownByItsProduct(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	buy := func(business string) any {
		return d.call("getLicense", "orderId", "L1", "businessId", business, "customerId", "c1", "productId", "P1", "chargingMode", "0")["instanceId"]
	}
	require.Equal(t, "l1", buy("l1"))
	d.exec(`UPDATE instances SET billing_item = 'P1'; DELETE FROM messages`)
	require.Equal(t, "l1", buy("l2"))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM instances`))
}

// Neither the preview nor the restart holds what came later against a purchase: it is
// done once, and then only answered.
func TestAPurchaseOfALicenseIsRestartedBehindItsRenewal(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	require.Equal(t, "l1", d.call("getLicense", "orderId", "L1", "businessId", "l1", "customerId", "c1", "productId", "P1", "chargingMode", "0")["instanceId"])
	require.Equal(t, "000000", d.call("refreshLicense", "instanceId", "l1", "orderId", "L2", "expireTime", "20300101000000")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	d.exec(`UPDATE messages SET status = 'failed', result_code = '000005' WHERE activity = 'getLicense'`)
	p, err := d.store.Reader().RestartPreview(t.Context(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageFailed}})
	require.NoError(t, err)
	require.Equal(t, []any{1, map[string]int{}}, []any{p.Total, p.Refused})
	_, err = d.restartMessage(d.id(`SELECT id FROM messages WHERE activity = 'getLicense'`), staff.CLI())
	require.NoError(t, err)
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM instances`))
}
