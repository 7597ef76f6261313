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
	require.Equal(t, []market.Change{{Kind: market.StatusChanged, Old: "provisioning", New: "frozen"}}, i.Freeze(at))
	require.Empty(t, i.Provisioned(at), "frozen is stronger than having access data")
	require.Empty(t, i.Freeze(at.Add(time.Hour)))
	require.Equal(t, at, i.FrozenAt, "the first freeze counts")
	changes, code := i.Unfreeze()
	require.Equal(t, market.Success, code)
	require.Equal(t, []market.Change{{Kind: market.StatusChanged, Old: "frozen", New: "active"}}, changes)
	require.True(t, i.Usable())
}

func TestUnfreezeBeforeProvisioningWaitsForAccessData(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Provisioning}
	i.Freeze(at)
	_, code := i.Unfreeze()
	require.Equal(t, market.Success, code)
	require.Equal(t, market.Provisioning, i.Status)
}

func TestReleasedIsFinal(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Active, ProvisionedAt: at}
	require.Len(t, i.Release(at), 1)
	require.Empty(t, i.Release(at.Add(time.Hour)))
	require.Equal(t, at, i.ReleasedAt)
	require.Empty(t, i.Freeze(at))
	_, code := i.Unfreeze()
	require.Equal(t, market.NoSuchInstance, code)
	_, code = i.Refresh(at)
	require.Equal(t, market.NoSuchInstance, code)
	require.False(t, i.Usable())
}

func TestRefreshSetsAndMayMoveBackwards(t *testing.T) {
	t.Parallel()
	i := market.Instance{Status: market.Active}
	changes, _ := i.Refresh(at)
	require.Equal(t, []market.Change{{Kind: market.ExpiryChanged, New: "2026-03-01T08:00:00Z"}}, changes)
	changes, _ = i.Refresh(at)
	require.Empty(t, changes, "the same again adds nothing")
	changes, _ = i.Refresh(at.AddDate(-1, 0, 0))
	require.Equal(t, []market.Change{{Kind: market.ExpiryChanged, Old: "2026-03-01T08:00:00Z", New: "2025-03-01T08:00:00Z"}}, changes)
}

// However the calls come, doing each of them twice changes nothing more, and
// the status always is what the facts say.
func TestEveryStepIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		i := market.Instance{Status: market.Provisioning}
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 4), 1, 30).Draw(rt, "steps") {
			do := func() {
				switch step {
				case 0:
					i.Freeze(at)
				case 1:
					i.Unfreeze()
				case 2:
					i.Provisioned(at)
				case 3:
					i.Refresh(at)
				case 4:
					if rapid.IntRange(0, 5).Draw(rt, "seldom") == 0 {
						i.Release(at)
					}
				}
			}
			released := i.Status == market.Released
			do()
			once := i
			if step != 4 {
				do()
				require.Equal(rt, once, i)
			}
			require.False(rt, released && i.Status != market.Released, "released came back")
		}
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
