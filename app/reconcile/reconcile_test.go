package reconcile_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/reconcile"
	"koodesk/app/store"
)

func TestWhatAgreesIsNoFinding(t *testing.T) {
	t.Parallel()
	d := open(t)
	year := d.now.AddDate(1, 0, 0)
	for n := range 5 {
		id := "CSOK" + strconv.Itoa(n)
		d.sold(id, year)
		d.market.orders[id] = order(id, market.OrderNew, year)
	}
	d.sold("CSGONE", year)
	d.call(`{"activity":"releaseInstance","instanceId":"i-CSGONE"}`)
	d.run()
	require.Empty(t, d.findings())
	require.Equal(t, 5, d.market.asked, "each order once, and none of a released instance")
	require.Equal(t, "5", d.text(`SELECT asked::text FROM reconciliations`))
}

func TestAnotherExpiryIsRepairedOnApproval(t *testing.T) {
	t.Parallel()
	d := open(t)
	ours, theirs := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0)
	d.sold("CS1", ours)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, theirs)
	d.subscribe()
	d.run()
	require.Equal(t, []string{"expiry CS1 " + market.Stamp(ours) + " → " + market.Stamp(theirs) + ": set_expiry"}, d.findings())
	require.NoError(t, d.r.Apply(d.ctx, d.only().ID, ann))
	require.Empty(t, d.findings())
	require.Equal(t, market.Stamp(theirs), market.Stamp(d.instance("CS1").ExpiresAt))
	require.Equal(t, ann.Name, d.text(`SELECT actor FROM instance_events WHERE kind = 'expiry'`))
	require.Equal(t, ann.Reason, d.text(`SELECT reason FROM audit WHERE action = 'reconcile.applied'`))
	require.Equal(t, "instance.renewed", d.told(), "as if the call had come")
	d.run()
	require.Empty(t, d.findings(), "and the next run agrees")
}

// The renewal rules over the expiry, the upgrade over the product.
func TestTheLastOrderRules(t *testing.T) {
	t.Parallel()
	d := open(t)
	first, second := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0)
	d.sold("CS1", first)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, first)
	d.call(`{"activity":"refreshInstance","scene":"RENEWAL","orderId":"CSR","orderLineId":"CSR-000001","instanceId":"i-CS1","expireTime":"` + market.FormatStamp(second, time.UTC) + `"}`)
	d.market.orders["CSR"] = order("CSR", market.OrderRenew, second)
	d.run()
	require.Empty(t, d.findings())

	d.call(`{"activity":"upgradeInstance","instanceId":"i-CS1","orderId":"CSU","orderLineId":"CSU-000001"}`)
	bigger := order("CSU", market.OrderChange, time.Time{})
	bigger.Lines[0].Products[0].LinearValue = 50
	d.market.orders["CSU"] = bigger
	d.market.orders["CSR"] = order("CSR", market.OrderRenew, second.AddDate(1, 0, 0))
	d.run()
	require.ElementsMatch(t, []string{
		"expiry CSR " + market.Stamp(second) + " → " + market.Stamp(second.AddDate(1, 0, 0)) + ": set_expiry",
		"product CSU OFFI1 / sku-1 × 10 → OFFI1 / sku-1 × 50: learn"}, d.findings())
}

func TestACancelledOrderIsReleasedOnApproval(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.sold("CS1", d.now.AddDate(1, 0, 0))
	d.market.orders["CS1"] = order("CS1", market.OrderUnsubscribe, time.Time{})
	d.subscribe()
	d.text(`UPDATE instances SET driver = 'pool' RETURNING driver`)
	require.NoError(t, d.store.Write(d.ctx, func(tx *store.Tx) error {
		_, err := tx.AddLicense(d.ctx, &store.License{ChannelID: d.ch.ID, InstancePK: d.instance("CS1").PK, Protocol: market.License, Key: "e1", EventID: "e1"})
		return err
	}))
	d.run()
	f := d.only()
	require.Equal(t, reconcile.Cancelled, f.Kind)
	require.NoError(t, d.r.Apply(d.ctx, f.ID, ann))
	require.Equal(t, market.Released, d.instance("CS1").Status)
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks WHERE purpose = 'release' AND status = 'pending'`), "the driver hears of it")
	require.Equal(t, "instance.released", d.told(), "and the seller's systems")
	require.Equal(t, "cancelled", d.text(`SELECT status FROM licenses`), "no License goes out any more")
	require.Equal(t, ann.Name, d.text(`SELECT actor FROM instance_events WHERE kind = 'status' AND new_value = 'released'`))
}

func TestWhatExpiredLongAgoIsFrozenOnApproval(t *testing.T) {
	t.Parallel()
	d := open(t)
	past := d.now.Add(-25 * time.Hour)
	d.sold("CS1", past)
	d.sold("CS2", d.now.Add(-23*time.Hour)) // its freeze may be under way
	d.market.orders["CS1"] = order("CS1", market.OrderNew, past)
	d.market.orders["CS2"] = order("CS2", market.OrderNew, d.now.Add(-23*time.Hour))
	d.subscribe()
	d.run()
	f := d.only()
	require.Equal(t, reconcile.Overdue, f.Kind)
	require.NoError(t, d.r.Apply(d.ctx, f.ID, ann))
	require.Equal(t, market.Frozen, d.instance("CS1").Status)
	require.Equal(t, "instance.frozen", d.told())
}

// A purchase whose call was refused here (a wrong key, a field that could not be
// read) is found again by asking the marketplace for its order.
func TestALostPurchaseIsTakenOver(t *testing.T) {
	t.Parallel()
	d := open(t)
	refused := func(order string) {
		c := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: order, OrderLineID: order + "-000001", BusinessID: "b-" + order}
		_, err := d.intake.Reject(d.ctx, intake.Arrived{Channel: d.ch, Call: c, ReceivedAt: time.Now()}, market.AuthFailed, []byte(`{}`),
			fault.New(fault.Unauthenticated, "call.signature_wrong"))
		require.NoError(t, err)
	}
	refused("CSREAL")
	refused("CSFORGED")
	d.market.orders["CSREAL"] = order("CSREAL", market.OrderNew, d.now.AddDate(1, 0, 0))
	d.run()
	f := d.only()
	require.Equal(t, "missing CSREAL", f.Kind+" "+f.OrderID)
	require.NoError(t, d.r.Apply(d.ctx, f.ID, ann))
	id := d.text(`SELECT instance_id FROM instances WHERE order_id = 'CSREAL' AND order_line_id = 'CSREAL-000001' AND status = 'provisioning'`)
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks WHERE kind = 'order_query' AND order_id = 'CSREAL' AND status = 'pending'`))
	require.Equal(t, ann.Name, d.text(`SELECT actor FROM attempts a JOIN messages m ON m.id = a.message_id WHERE m.idem_key = 'newInstance/CSREAL/CSREAL-000001'`))

	// The marketplace's own call comes after all: a repeat, with the same instance.
	d.call(`{"activity":"newInstance","orderId":"CSREAL","orderLineId":"CSREAL-000001","businessId":"late"}`)
	require.Equal(t, "repeat", d.text(`SELECT disposition FROM attempts WHERE business_id = 'late'`))
	require.Equal(t, id, d.text(`SELECT instance_id FROM messages WHERE idem_key = 'newInstance/CSREAL/CSREAL-000001'`))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM instances`))
}

func TestARefusedAnswerIsAFindingWithoutRepair(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.sold("CS1", d.now.AddDate(1, 0, 0))
	d.run()
	f := d.only()
	require.Equal(t, reconcile.Unanswered, f.Kind)
	require.Equal(t, "order_query.invalid_parameter", f.Error.Key)
	require.Equal(t, "finding.no_repair", fault.From(d.r.Apply(d.ctx, f.ID, ann)).Key)
}

func TestAMarketplaceThatIsAwayEndsTheRunWithItsReasonAndJudgesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	year := d.now.AddDate(1, 0, 0)
	d.sold("CS1", year)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, year.AddDate(1, 0, 0))
	d.run()
	require.Len(t, d.findings(), 1)
	d.market.down = fault.New(fault.Unavailable, "order_query.unreachable")
	_, err := d.r.Start(d.ctx, ann)
	require.NoError(t, err)
	require.Error(t, d.work())
	require.Equal(t, "failed order_query.unreachable", d.text(`SELECT status || ' ' || (last_error ->> 'key') FROM reconciliations ORDER BY id DESC LIMIT 1`))
	require.Len(t, d.findings(), 1, "what was found before stands")
	d.market.down = nil
	d.run()
}

func TestAKeptDifferenceIsNotFoundAgainUntilItChanges(t *testing.T) {
	t.Parallel()
	d := open(t)
	ours, theirs := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0)
	d.sold("CS1", ours)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, theirs)
	d.run()
	d.run()
	require.NoError(t, d.r.Keep(d.ctx, d.only().ID, ann), "found twice is one finding")
	d.run()
	require.Empty(t, d.findings())
	d.market.orders["CS1"] = order("CS1", market.OrderNew, theirs.AddDate(1, 0, 0))
	d.run()
	require.Len(t, d.findings(), 1)
}

func TestADifferenceThatWentAwayIsGone(t *testing.T) {
	t.Parallel()
	d := open(t)
	ours, theirs := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0)
	d.sold("CS1", ours)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, theirs)
	d.run()
	id := d.only().ID
	d.market.orders["CS1"] = order("CS1", market.OrderNew, ours)
	d.run()
	require.Empty(t, d.findings())
	require.Equal(t, "finding.decided", fault.From(d.r.Apply(d.ctx, id, ann)).Key)
}

// What came in between finding and approval wins.
func TestARepairNeverOverwritesWhatCameInSince(t *testing.T) {
	t.Parallel()
	d := open(t)
	ours, theirs, later := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0), d.now.AddDate(3, 0, 0)
	d.sold("CS1", ours)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, theirs)
	d.run()
	d.call(`{"activity":"refreshInstance","scene":"RENEWAL","orderId":"CSR","orderLineId":"CSR-1","instanceId":"i-CS1","expireTime":"` + market.FormatStamp(later, time.UTC) + `"}`)
	require.Equal(t, "finding.moved", fault.From(d.r.Apply(d.ctx, d.only().ID, ann)).Key)
	require.Equal(t, market.Stamp(later), market.Stamp(d.instance("CS1").ExpiresAt))
}

func TestApprovingAllRepairsWhatItCan(t *testing.T) {
	t.Parallel()
	d := open(t)
	ours, theirs := d.now.AddDate(1, 0, 0), d.now.AddDate(2, 0, 0)
	for _, id := range []string{"CS1", "CS2", "CS3", "CS4"} {
		d.sold(id, ours)
		d.market.orders[id] = order(id, market.OrderNew, theirs)
	}
	delete(d.market.orders, "CS4") // unanswered: nothing to approve
	d.run()
	d.call(`{"activity":"releaseInstance","instanceId":"i-CS3"}`)
	got, err := d.r.ApplySome(d.ctx, d.repairable(store.FindingFilter{}), ann)
	require.NoError(t, err)
	require.Equal(t, reconcile.Decided{Done: 2, Refused: map[string]int{"finding.moved": 1}}, got)
}

// Every process calls Daily as often as it likes.
func TestTheDailyRunIsOneADay(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.now = time.Date(2026, 11, 26, reconcile.Hour-1, 59, 0, 0, time.UTC)
	require.NoError(t, d.r.Daily(d.ctx))
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM reconciliations`), "not yet")
	d.now = d.now.Add(time.Minute)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := d.r.Daily(d.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM reconciliations`))
	_, err := d.r.Start(d.ctx, ann)
	require.Equal(t, "reconciliation.running", fault.From(err).Key, "one at a time")
	require.NoError(t, d.work())
	require.NoError(t, d.r.Daily(d.ctx))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM reconciliations`))
	d.now = d.now.Add(24 * time.Hour)
	require.NoError(t, d.r.Daily(d.ctx))
	require.Equal(t, "2", d.text(`SELECT count(*)::text FROM reconciliations`))

	require.NoError(t, d.work())
	d.now = d.now.Add(3 * 24 * time.Hour)
	for range 2 { // nothing ran for two days
		require.NoError(t, d.r.Daily(d.ctx))
	}
	require.Equal(t, "3", d.text(`SELECT count(*)::text FROM reconciliations`), "the next window runs, once, and none is made up for")
}

func TestAChannelWithoutCredentialsIsPassedOverAndCounted(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.sold("CS1", d.now.AddDate(1, 0, 0))
	_, err := d.store.SQL().Exec(`UPDATE channels SET ak_sealed = NULL, sk_sealed = NULL`)
	require.NoError(t, err)
	d.run()
	require.Zero(t, d.market.asked)
	require.Equal(t, "0 1", d.text(`SELECT asked || ' ' || skipped FROM reconciliations`))
}

func TestTheTaskKindIsKnown(t *testing.T) {
	t.Parallel()
	require.Contains(t, outbox.Kinds(), outbox.Reconcile)
}
