package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func TestKeysOfTheLicenseGuidesAndTheOrderNotice(t *testing.T) {
	t.Parallel()
	base := market.Call{OrderID: "o", OrderLineID: "l", InstanceIDs: []string{"i"}, License: "PL", EventID: "e", Scene: market.Renewal, Target: market.Freeze}
	call := func(p market.Protocol, activity string) string {
		c := base
		c.Protocol, c.Activity = p, activity
		return c.IdempotencyKey()
	}
	require.Equal(t, "license-code/refreshLicenseCode/PL/RENEWAL/o/l", call(market.LicenseCode, market.RefreshLicenseCode))
	require.Equal(t, "license-code/updateLicenseCodeStatus/PL/FREEZE", call(market.LicenseCode, market.UpdateLicenseCodeStatus))
	require.Equal(t, "license-code/releaseLicenseCode/PL", call(market.LicenseCode, market.ReleaseLicenseCode))
	require.Equal(t, "order-notice/orderNotify/o/l", call(market.OrderNotice, market.OrderNotify))
	require.Equal(t, "license-v1/getLicense/o", call(market.LicenseV1, market.GetLicense))
	require.Equal(t, "license-v1/refreshLicense/i/o", call(market.LicenseV1, market.RefreshLicense))
	require.Equal(t, "license-v1/expireLicense/i", call(market.LicenseV1, market.ExpireLicense))
	require.Equal(t, "license-v1/releaseLicense/i", call(market.LicenseV1, market.ReleaseLicense))

	event := call(market.License, market.GetLicenseAsync)
	require.Len(t, event, len("license/getLicenseAsync/e/")+64)
	base.DeviceFingerprint = "8A16"
	require.NotEqual(t, event, call(market.License, market.GetLicenseAsync), "another device is another License")
	base.EventID, base.DeviceFingerprint = "e2", ""
	require.NotEqual(t, event, call(market.License, market.GetLicenseAsync))
}

func TestEveryGenerationHasItsKeyAndItsForm(t *testing.T) {
	t.Parallel()
	class := map[market.Protocol]market.KeyClass{market.LicenseCode: market.LicenseKey, market.OrderNotice: market.GeneralKey}
	query := map[market.Protocol]bool{market.V1: true, market.LicenseV1: true}
	for _, p := range market.Protocols() {
		want := class[p]
		if want == "" {
			want = market.BasicKey
		}
		require.Equal(t, want, p.KeyClass(), p)
		require.Equal(t, query[p], p.ByQuery(), p)
	}
}

func TestRetriesOfTheLicenseGuidesAndTheOrderNotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p        market.Protocol
		activity string
		want     time.Duration
	}{
		{market.LicenseCode, market.RefreshLicenseCode, 2 * time.Hour}, {market.LicenseCode, market.ReleaseLicenseCode, 2 * time.Hour},
		{market.OrderNotice, market.OrderNotify, 3 * time.Hour}, {market.License, market.GetLicenseAsync, 0},
		{market.LicenseV1, market.GetLicense, 3 * time.Hour}, {market.LicenseV1, market.RefreshLicense, 0},
	} {
		require.Equal(t, c.want, market.RetryWindow(c.p, c.activity), c.activity)
	}
}
