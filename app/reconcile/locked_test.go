package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// Who has paid must not stay locked out: a missed renewal that is made good ends
// the freeze that its expiry had brought, in both generations, since V2.0's own
// RENEWAL would not end what our repair has frozen.
func TestTheExpiryThatIsTakenOverEndsTheFreezeOfTheOldOne(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"v1", "v2"} {
		d := open(t)
		past, next := d.now.Add(-48*time.Hour), d.now.AddDate(1, 0, 0)
		d.sold("CS1", past)
		d.text(`UPDATE instances SET protocol = $1, frozen_at = now(), frozen_by = 'expiry', status = 'frozen' RETURNING status`, protocol)
		d.subscribe()
		d.market.orders["CS1"] = order("CS1", market.OrderNew, next)
		d.run()
		require.NoError(t, d.r.Apply(d.ctx, d.only().ID, ann), protocol)
		require.Equal(t, market.Active, d.instance("CS1").Status, protocol)
		require.Equal(t, market.Stamp(next), market.Stamp(d.instance("CS1").ExpiresAt), protocol)
		require.Equal(t, "frozen active", d.text(`SELECT old_value || ' ' || new_value FROM instance_events WHERE kind = 'status' AND actor = $1`, ann.Name))
		require.Equal(t, "active", d.text(`SELECT detail ->> 'status' FROM audit WHERE action = 'reconcile.applied'`), protocol)
		require.Equal(t, "instance.renewed instance.unfrozen", d.told(), protocol)
	}
}

// What FREEZE froze, and an expiry that is over as well, stay as they are.
func TestTheExpiryThatIsTakenOverEndsNoOtherFreeze(t *testing.T) {
	t.Parallel()
	d := open(t)
	past, next := d.now.Add(-48*time.Hour), d.now.AddDate(1, 0, 0)
	d.sold("CS1", past)
	d.sold("CS2", past)
	d.text(`UPDATE instances SET frozen_at = now(), frozen_by = CASE order_id WHEN 'CS1' THEN 'status' ELSE 'expiry' END, status = 'frozen' RETURNING status`)
	d.market.orders["CS1"] = order("CS1", market.OrderNew, next)
	d.market.orders["CS2"] = order("CS2", market.OrderNew, past.Add(time.Hour))
	d.run()
	got, err := d.r.ApplySome(d.ctx, d.repairable(store.FindingFilter{}), ann)
	require.NoError(t, err)
	require.Equal(t, 2, got.Done)
	require.Equal(t, market.Frozen, d.instance("CS1").Status)
	require.Equal(t, market.Frozen, d.instance("CS2").Status)
}

// A freeze within a paid period is a finding after a day: until then the call
// that ends it may be under way. Its cause may be right, so a person decides.
func TestWhoHasPaidAndStaysFrozenIsFoundAfterADay(t *testing.T) {
	t.Parallel()
	d := open(t)
	next := d.now.AddDate(1, 0, 0)
	for _, id := range []string{"CS1", "CS2"} {
		d.sold(id, next)
		d.call(`{"activity":"updateInstanceStatus","status":"FREEZE","instanceId":"i-` + id + `"}`)
		d.market.orders[id] = order(id, market.OrderNew, next)
	}
	d.text(`UPDATE instances SET frozen_at = now() - interval '25 hours' WHERE order_id = 'CS1' RETURNING status`)
	d.subscribe()
	d.run()
	require.Equal(t, []string{"locked CS1 frozen → " + market.Stamp(next) + ": unfreeze"}, d.findings())

	// Frozen anew since it was found: for a reason that nobody has looked at.
	id := d.only().ID
	d.call(`{"activity":"updateInstanceStatus","status":"UNFREEZE","instanceId":"i-CS1"}`)
	require.Equal(t, "finding.moved", fault.From(d.r.Apply(d.ctx, id, ann)).Key)
	d.call(`{"activity":"updateInstanceStatus","status":"FREEZE","instanceId":"i-CS1"}`)
	require.Equal(t, "finding.moved", fault.From(d.r.Apply(d.ctx, id, ann)).Key)
	d.text(`UPDATE instances SET frozen_at = now() - interval '25 hours' WHERE order_id = 'CS1' RETURNING status`)

	require.Equal(t, "locked", d.only().Kind)
	require.Empty(t, d.repairable(store.FindingFilter{}), "it may have been frozen for violation")
	require.Empty(t, d.repairable(store.FindingFilter{Q: "CS1"}))
	require.Equal(t, []int64{id}, d.repairable(store.FindingFilter{Kind: "locked"}))
	require.NoError(t, d.r.Apply(d.ctx, id, ann))
	require.Equal(t, market.Active, d.instance("CS1").Status)
	require.Equal(t, "unfreeze", d.text(`SELECT detail ->> 'repair' FROM audit WHERE action = 'reconcile.applied'`))
	require.Equal(t, ann.Name, d.text(`SELECT actor FROM instance_events WHERE kind = 'status' AND old_value = 'frozen' ORDER BY id DESC LIMIT 1`))
	d.run()
	require.Empty(t, d.findings())
}
