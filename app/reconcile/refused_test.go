package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/store"
)

// reject is a call that is refused here for its key.
func (d *desk) reject(c market.Call) {
	d.t.Helper()
	_, err := d.intake.Reject(d.ctx, intake.Arrived{Channel: d.ch, Call: c, ReceivedAt: time.Now()}, market.AuthFailed, []byte(`{}`),
		fault.New(fault.Unauthenticated, "call.signature_wrong"))
	require.NoError(d.t, err)
}

// What was refused here may have happened there all the same. An order that the
// marketplace does not know, or that is another buyer's, is a stranger's
// invention: then the orders rule that were taken.
func TestRefusedRenewalsUpgradesAndReleasesAreAskedFor(t *testing.T) {
	t.Parallel()
	d := open(t)
	first, second, third := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0), d.now.AddDate(3, 0, 0)
	for _, id := range []string{"CS1", "CS2", "CS3", "CS4", "CS5", "CS6"} {
		d.sold(id, first)
		d.market.orders[id] = order(id, market.OrderNew, first)
		d.call(`{"activity":"refreshInstance","scene":"RENEWAL","orderId":"` + id + `R","orderLineId":"` + id + `R-000001","instanceId":"i-` + id + `","expireTime":"` + market.FormatStamp(second, time.UTC) + `"}`)
		d.market.orders[id+"R"] = order(id+"R", market.OrderRenew, second)
	}
	d.text(`UPDATE instances SET customer_id = CASE order_id WHEN 'CS6' THEN '' ELSE 'ann' END RETURNING customer_id`)
	refused := func(activity, instance, order string) {
		d.reject(market.Call{Protocol: market.V2, Activity: activity, Scene: market.Renewal, OrderID: order, OrderLineID: order + "-000001", InstanceIDs: []string{"i-" + instance}})
	}
	refused(market.RefreshInstance, "CS1", "CS1N")
	refused(market.UpgradeInstance, "CS2", "CS2U")
	refused(market.ReleaseInstance, "CS3", "CS3E")
	d.market.orders["CS1N"] = order("CS1N", market.OrderRenew, third)
	bigger := order("CS2U", market.OrderChange, time.Time{})
	bigger.Lines[0].Products[0].LinearValue = 50
	d.market.orders["CS2U"] = bigger
	ended := order("CS3E", market.OrderUnsubscribe, time.Time{})
	ended.Buyer = &market.Buyer{CustomerID: "ann"}
	d.market.orders["CS3E"] = ended
	refused(market.ReleaseInstance, "CS5", "CS5E") // of nobody in particular
	d.market.orders["CS5E"] = order("CS5E", market.OrderUnsubscribe, time.Time{})
	refused(market.ReleaseInstance, "CS6", "CS3E") // of an instance whose buyer is not known

	refused(market.RefreshInstance, "CS4", "CSINVENTED")
	refused(market.UpgradeInstance, "CS4", "CSOTHERS")
	refused(market.ReleaseInstance, "CS4", "CS4R") // its own renewal, which ends nothing
	others := order("CSOTHERS", market.OrderChange, time.Time{})
	others.Buyer = &market.Buyer{CustomerID: "bob"}
	others.Lines[0].Products[0].LinearValue = 99
	d.market.orders["CSOTHERS"] = others
	d.run()
	require.ElementsMatch(t, []string{
		"expiry CS1N " + market.Stamp(second) + " → " + market.Stamp(third) + ": set_expiry",
		"product CS2U OFFI1 / sku-1 × 10 → OFFI1 / sku-1 × 50: learn",
		"cancelled CS3E active → UNSUBSCRIBE: release"}, d.findings())

	// A call that was taken and came again under a wrong key says nothing new.
	d.market.orders["CS1N"] = order("CS1N", market.OrderRenew, second)
	d.market.orders["CS2U"] = order("CS2U", market.OrderChange, time.Time{})
	delete(d.market.orders, "CS3E")
	refused(market.RefreshInstance, "CS2", "CS2R")
	d.run()
	require.Empty(t, d.findings())
}

// V1.0's call alone tells what was bought: its purchase is shown, for a person to
// have it called again.
func TestALostPurchaseOfV1IsFoundWithoutRepair(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.reject(market.Call{Protocol: market.V1, Activity: market.NewInstance, OrderID: "CSV1"})
	d.market.orders["CSV1"] = order("CSV1", market.OrderNew, d.now.AddDate(1, 0, 0))
	d.run()
	require.Equal(t, []string{"missing CSV1  → OFFI1:"}, d.findings())
}

// An order that only its notice told of has no call that could be lost.
func TestAnOrderThatOnlyANoticeToldOfIsFound(t *testing.T) {
	t.Parallel()
	d := open(t)
	year := d.now.AddDate(1, 0, 0)
	d.sold("CS1", year)
	told := func(id, kind, product string, hours int) {
		d.text(`INSERT INTO orders (channel_id, order_id, order_line_id, source, state, order_type, product_id, notified_at)
VALUES ($1, $2, $2 || '-000001', 'notice', 'known', $3, $4, now() - make_interval(hours => $5))
ON CONFLICT (channel_id, order_id, order_line_id) DO UPDATE
   SET source = 'notice', state = 'known', order_type = EXCLUDED.order_type, product_id = EXCLUDED.product_id, notified_at = EXCLUDED.notified_at
RETURNING order_id`, d.ch.ID, id, kind, product, hours)
		d.market.orders[id] = order(id, market.OrderType(kind), year)
	}
	told("CS1", "NEW", "OFFI1", 9) // has its instance
	told("CSA", "NEW", "OFFI1", 8)
	told("CSB", "TRIAL", "OFFI9", 7) // of a product that may have no instances
	told("CSG", "NEW", "OFFI2", 7)   // never sold, but with an entry
	told("CSH", "NEW", "OFFI8", 7)   // of one that has been told of for long and has none
	told("CSI", "NEW", "OFFI8", 24*20)
	told("CSC", "NEW", "OFFI1", 2) // still called for
	told("CSD", "RENEW", "OFFI1", 6)
	told("CSE", "NEW", "OFFI1", 5) // of an authorization code
	told("CSF", "NEW", "OFFI1", 24*8)
	entry := func(productID string) {
		d.text(`INSERT INTO products (channel_id, product_id, driver, mail_language) VALUES ($1, $2, 'manual', 'en') RETURNING product_id`, d.ch.ID, productID)
	}
	entry("OFFI2")
	d.text(`INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, order_id) VALUES ($1, 'x', 'x', 'x', 'CSE') RETURNING order_id`, d.ch.ID)
	d.run()
	found := []string{"missing CSA  → OFFI1: take_over", "missing CSG  → OFFI1: take_over"}
	require.ElementsMatch(t, found, d.findings(), "not everything that is sold has instances")
	entry("*")
	d.run()
	require.ElementsMatch(t, append(found, "missing CSB  → OFFI1:"), d.findings())
	require.Empty(t, d.repairable(store.FindingFilter{}), "it may have been given up")
	ids := d.repairable(store.FindingFilter{Kind: "missing"})
	require.Len(t, ids, 2)
	for _, id := range ids {
		require.NoError(t, d.r.Apply(d.ctx, id, ann))
	}
	require.Equal(t, "provisioning provisioning", d.text(`SELECT string_agg(status, ' ') FROM instances WHERE order_id IN ('CSA', 'CSG')`))
}
