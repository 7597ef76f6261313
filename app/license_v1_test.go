package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
)

func TestLicenseOneIsAnsweredFromThePool(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys")
	empty := r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260006LICFF")
	require.Equal(t, market.NoResource, empty.Code)
	require.Empty(t, empty.License)
	r.waitItems("/messages?status=failed&activity=getLicense", 1)
	again := r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260006LICFF")
	require.Equal(t, empty.Body, again.Body, "as long as nothing is there, a repeat hears the same")
	r.waitItems("/messages?status=failed&activity=getLicense", 1)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND status = 'failed' AND round = 0`), "and asks nobody again")
	r.fillLicenses("V1-ONE", "V1-TWO", "V1-THREE")
	r.waitItems("/messages?status=succeeded&activity=getLicense", 1)
	late := r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260006LICFF")
	require.Equal(t, market.Success, late.Code)
	require.Equal(t, "V1-ONE", late.License)
	require.Equal(t, empty.InstanceID, late.InstanceID)

	lock, err := r.store.SQL().Begin() // as if the last ones were just being handed out
	require.NoError(t, err)
	_, err = lock.Exec(`SELECT FROM pooled_licenses WHERE status = 'free' FOR UPDATE`)
	require.NoError(t, err)
	answers := make(chan simulator.Answer, 1)
	go func() {
		answers <- r.sendLicense(market.LicenseV1, market.GetLicense, false, "orderId", "CS2611260007LICGG", "expireTime", "20301124023618")
	}()
	require.Eventually(t, func() bool {
		return len(answers) == 1 || r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND last_error->>'key' = 'license.pool_busy'`) == 1
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, lock.Rollback())
	require.Contains(t, []market.ResultCode{market.Processing, market.Success}, (<-answers).Code)
	var bought simulator.Answer // the task may be at it when the repeat comes
	require.Eventually(t, func() bool {
		bought = r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260007LICGG", "expireTime", "20301124023618")
		return bought.Code != market.Processing
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "V1-TWO", bought.License)
	id := bought.InstanceID
	require.Equal(t, `{"resultCode":"000000","resultMsg":"success.","license":"V1-TWO","instanceId":"`+id+`"}`, bought.Body)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM instances WHERE protocol = 'license-v1' AND status = 'active'`))
	require.Equal(t, 1, r.count(`WITH file AS (UPDATE pooled_licenses SET file_name = 'three.lic' WHERE status = 'free' RETURNING id) SELECT count(*) FROM file`))
	require.Equal(t, market.NoResource, r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260008LICGG").Code, "License 1.0 has no room for a file")
	require.Equal(t, 1, r.count(`SELECT count(*) FROM pooled_licenses WHERE status = 'free'`), "so none is spent on it")

	shows := func(status, expires string) {
		t.Helper()
		one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
		require.Equal(t, status, one["status"])
		require.Equal(t, expires, one["expires_at"])
	}
	ok := func(activity string, kv ...any) {
		t.Helper()
		require.Equal(t, market.Success, r.callLicense(market.LicenseV1, activity, append(kv, "instanceId", id)...).Code)
	}
	ok(market.ExpireLicense)
	shows("frozen", "2030-11-24T02:36:18Z")
	ok(market.RefreshLicense, "orderId", "R1", "expireTime", "20311124023618")
	shows("active", "2031-11-24T02:36:18Z")
	ok(market.ReleaseLicense)
	ok(market.ReleaseLicense)
	shows("released", "2031-11-24T02:36:18Z")
	require.Equal(t, bought.Body, r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260007LICGG",
		"expireTime", "20301124023618").Body, "the same order has the same License for ever")

	for _, activity := range []string{market.GetLicense, market.RefreshLicense, market.ExpireLicense, market.ReleaseLicense} {
		debug := r.sendLicense(market.LicenseV1, activity, true)
		require.True(t, debug.Conformant() && debug.Code == market.Success, "%s: %s %v", activity, debug.Body, debug.Findings)
	}
	require.Equal(t, 3, r.count(`SELECT count(*) FROM instances`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM pooled_licenses WHERE status = 'used'`))
}
