package market_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestKeysOfV1(t *testing.T) {
	t.Parallel()
	call := func(activity string, change func(*market.Call)) string {
		c := market.Call{Protocol: market.V1, Activity: activity, OrderID: "o", InstanceIDs: []string{"i"}, ProductID: "p", Terms: &market.Terms{}}
		if change != nil {
			change(&c)
		}
		return c.IdempotencyKey()
	}
	mode := func(m market.ChargingMode) func(*market.Call) {
		return func(c *market.Call) { c.Terms.ChargingMode = m }
	}
	require.Equal(t, "v1/newInstance/o/p", call(market.NewInstance, nil), "without a mode and a period")
	for _, period := range []func(*market.Call){func(c *market.Call) { c.ExpireTime = time.Now() }, func(c *market.Call) { c.Terms.PeriodType = "year" },
		func(c *market.Call) { c.Terms.Trial = true }} {
		require.Equal(t, "v1/newInstance/o", call(market.NewInstance, period))
	}
	require.Equal(t, "v1/newInstance/o", call(market.NewInstance, mode(market.Period)))
	require.Equal(t, "v1/newInstance/o", call(market.NewInstance, mode(market.OneTime)))
	require.Equal(t, "v1/newInstance/o/p", call(market.NewInstance, mode(market.OnDemand)))
	require.Equal(t, "v1/newInstance/o/p", call(market.NewInstance, mode(market.OnDemandPkg)))
	require.Equal(t, "v1/refreshInstance/i/o", call(market.RefreshInstance, nil))
	require.Equal(t, "v1/expireInstance/i", call(market.ExpireInstance, nil))
	require.Equal(t, "v1/releaseInstance/i", call(market.ReleaseInstance, nil))
	require.Equal(t, "v1/upgrade/o", call(market.Upgrade, nil))
	require.Equal(t, "v1/instanceStatus/i/FREEZE", call(market.ChangeInstanceStatus, func(c *market.Call) { c.Target = market.Freeze }))
	require.Equal(t, "v1/queryInstance/i", call(market.QueryInstance, nil))
	many := call(market.QueryInstance, func(c *market.Call) { c.InstanceIDs = []string{"i", "j"} })
	require.Len(t, many, len("v1/queryInstance/")+64)
	for _, activity := range []string{market.NewInstance, market.RefreshInstance, market.ReleaseInstance, market.QueryInstance} {
		v2 := market.Call{Protocol: market.V2, Activity: activity, OrderID: "o", InstanceIDs: []string{"i"}}
		require.NotEqual(t, v2.IdempotencyKey(), call(activity, nil), "generations never meet")
	}
	require.Empty(t, market.Call{Activity: market.NewInstance, ProductID: "p"}.BillingItem(), "V2.0 has no terms")
}

func TestLengthsOfV1AreThoseOfTheCiphertext(t *testing.T) {
	t.Parallel()
	a := market.AppInfo{FrontEndURL: "https://a.cn", UserName: strings.Repeat("u", 79), Password: strings.Repeat("密", 26)}
	require.NoError(t, a.CheckFor(market.V1))
	for field, long := range map[string]market.AppInfo{
		"userName": {FrontEndURL: "https://a.cn", UserName: strings.Repeat("u", 80)},
		"password": {FrontEndURL: "https://a.cn", Password: strings.Repeat("密", 27)},
	} {
		require.NoError(t, long.CheckFor(market.V2))
		f := fault.From(long.CheckFor(market.V1))
		require.Equal(t, "access.field_too_long", f.Key)
		require.Equal(t, field, f.Args["field"])
		require.Equal(t, "79", f.Args["limit"])
	}
	require.Error(t, market.AppInfo{}.CheckFor(market.V1), "what V2.0 refuses is refused too")
}

func TestRetriesOfV1(t *testing.T) {
	t.Parallel()
	for activity, want := range map[string]time.Duration{market.NewInstance: 3 * time.Hour, market.Upgrade: 3 * time.Hour, market.RefreshInstance: time.Hour,
		market.ExpireInstance: time.Hour, market.ReleaseInstance: time.Hour, market.ChangeInstanceStatus: 0, market.QueryInstance: 0} {
		require.Equal(t, want, market.RetryWindow(market.V1, activity), activity)
	}
}

func TestTheSizeOfWhatIsBought(t *testing.T) {
	t.Parallel()
	whole := market.Size{Amount: 5, DiskSize: 100, BandWidth: 10}
	require.EqualValues(t, 5, whole.Linear())
	require.EqualValues(t, 6, market.Size{DiskSize: 6, BandWidth: 7}.Linear())
	require.Zero(t, market.Size{}.Linear())
	require.Equal(t, market.Size{Amount: 5, DiskSize: 200, BandWidth: 10}, whole.With(market.Size{DiskSize: 200}), "what is not named stays")
	require.Equal(t, market.Size{Amount: 7, DiskSize: 100, BandWidth: 10}, whole.Said(7))
	require.Equal(t, market.Size{BandWidth: 7}, market.Size{BandWidth: 10}.Said(7))
	require.Equal(t, whole, whole.Said(0))
	require.Zero(t, market.Size{}.Said(7), "V2.0's number is of no attribute")
	for want, p := range map[string]market.ProductInfo{
		"P": {ProductID: "P"}, "P × 50": {ProductID: "P", LinearValue: 50}, "P · 100 GB": {ProductID: "P", LinearValue: 100, Size: market.Size{DiskSize: 100}},
		"P × 5 · 100 GB · 10 Mbps": {ProductID: "P", LinearValue: 5, Size: whole},
	} {
		require.Equal(t, want, p.Sized())
	}
	require.Equal(t, "P / S × 5", market.ProductInfo{ProductID: "P", SkuCode: "S", LinearValue: 5}.Whole())
}
