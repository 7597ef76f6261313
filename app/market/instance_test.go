package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/market"
)

var at = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func TestStatusFollowsTheFacts(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Provisioning}
	require.Equal(t, []market.Change{{Kind: market.StatusChanged, Old: "provisioning", New: "frozen"},
		{Kind: market.CauseChanged, New: "status"}}, i.Freeze(at))
	require.Empty(t, i.Provisioned(at), "frozen is stronger than having access data")
	require.Empty(t, i.Freeze(at.Add(time.Hour)))
	require.Equal(t, at, i.FrozenAt, "the first freeze counts")
	require.Equal(t, []market.Change{{Kind: market.StatusChanged, Old: "frozen", New: "active"},
		{Kind: market.CauseChanged, Old: "status"}}, i.On(market.UnfreezeCame, at))
	require.True(t, i.Usable())
}

func TestUnfreezeBeforeProvisioningWaitsForAccessData(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Provisioning}
	i.Freeze(at)
	i.On(market.UnfreezeCame, at)
	require.Equal(t, market.Provisioning, i.Status)
}

func TestReleasedIsFinal(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Active, ProvisionedAt: at}
	require.Len(t, i.Release(at), 1)
	require.Empty(t, i.Release(at.Add(time.Hour)))
	require.Equal(t, at, i.ReleasedAt)
	for _, e := range market.Events() {
		require.Empty(t, i.On(e, at), e)
	}
	require.False(t, i.Usable())
}

func TestWhatIsToldSetsAndMayMoveBackwards(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Active}
	require.Equal(t, []market.Change{{Kind: market.ExpiryChanged, New: "2026-03-01T08:00:00Z"}}, i.Hear(at, "", 0))
	require.Empty(t, i.Hear(at, "", 0), "the same again adds nothing")
	require.Equal(t, []market.Change{{Kind: market.ExpiryChanged, Old: "2026-03-01T08:00:00Z", New: "2025-03-01T08:00:00Z"}},
		i.Hear(at.AddDate(-1, 0, 0), "", 0))
}

// What is charged once or by use has no expiry, whether the order is known
// before or after somebody tells one; the trial that becomes a period has one.
func TestOnlyWhatIsChargedByPeriodExpires(t *testing.T) {
	t.Parallel()
	placed := at.Add(-time.Hour)
	for mode, expires := range map[market.ChargingMode]bool{market.Period: true, market.OnDemandPkg: true, market.OnDemand: false, market.OneTime: false} {
		var first, late market.Instance
		first.Learn("P1", time.Time{}, placed, 1, mode)
		changes := first.Hear(at, "", 1)
		late.Hear(at, "", 1)
		late.Learn("P1", time.Time{}, placed, 1, mode)
		require.Equal(t, first.ExpiresAt, late.ExpiresAt, mode)
		require.Equal(t, expires, !first.ExpiresAt.IsZero(), mode)
		if !expires {
			require.Equal(t, []market.Change{{Kind: market.TermsTold, New: "2026-03-01T08:00:00Z"}}, changes, mode)
			first.Learn("P2", time.Time{}, at, 2, market.Period)
			require.Equal(t, at, first.ExpiresAt, "what was told counts as soon as the order is one by period")
		}
	}
}

// Answers of order queries come in any order; what came of them is the same.
func TestOrdersMayBecomeKnownInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type said struct {
			product string
			expires time.Time
			placed  time.Time
			task    int64
			mode    market.ChargingMode
		}
		modes := []market.ChargingMode{market.Period, market.OneTime, market.OnDemand, market.OnDemandPkg}
		var orders []said
		for task := range int64(rapid.IntRange(1, 5).Draw(rt, "orders")) {
			o := said{product: "P" + string(rune('0'+task)), placed: at.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "placed")) * time.Hour), task: task + 1,
				mode: rapid.SampledFrom(modes).Draw(rt, "mode")}
			if rapid.Bool().Draw(rt, "expires") {
				o.expires = at.AddDate(0, 0, rapid.IntRange(1, 9).Draw(rt, "days"))
			}
			orders = append(orders, o)
		}
		after := int64(rapid.IntRange(0, len(orders)).Draw(rt, "told after"))
		end := func(order []said, tell int) market.Instance {
			var i market.Instance
			for n := range len(order) + 1 {
				if n == tell {
					i.Hear(at, "told", after)
				}
				if n < len(order) {
					o := order[n]
					i.Learn(o.product, o.expires, o.placed, o.task, o.mode)
				}
			}
			return i
		}
		want := end(orders, 0)
		require.Equal(rt, want, end(rapid.Permutation(orders).Draw(rt, "as they come"), rapid.IntRange(0, len(orders)).Draw(rt, "when told")))
	})
}

func TestKeysNeverMeet(t *testing.T) {
	t.Parallel()
	a := market.Call{Activity: market.NewInstance, OrderID: "a/b", OrderLineID: "c"}
	b := market.Call{Activity: market.NewInstance, OrderID: "a", OrderLineID: "b/c"}
	require.NotEqual(t, a.IdempotencyKey(), b.IdempotencyKey())
	a.BusinessID = "other"
	require.Equal(t, a.IdempotencyKey(), market.Call{Activity: market.NewInstance, OrderID: "a/b", OrderLineID: "c"}.IdempotencyKey())
	renewal := market.Call{Activity: market.RefreshInstance, InstanceIDs: []string{"i"}, OrderID: "o", OrderLineID: "l", Scene: market.Renewal}
	cancelled := renewal
	cancelled.Scene = market.UnsubscribeRenewalPeriod
	require.NotEqual(t, renewal.IdempotencyKey(), cancelled.IdempotencyKey())
}

func TestFolding(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ann@example.com", market.FoldEmail(" Ann@Example.COM "))
	require.Equal(t, "+8618688888888", market.FoldPhone("+86 186-8888-8888"))
}
