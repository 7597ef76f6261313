package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// callLicense sends a call of a License generation and requires a conformant
// answer.
func (r *rig) callLicense(p market.Protocol, activity string, kv ...any) simulator.Answer {
	r.t.Helper()
	a := insist(func() simulator.Answer { return r.sendLicense(p, activity, false, kv...) })
	require.True(r.t, a.Conformant(), "%s: %v %s", a.Body, a.Findings, a.Fault)
	return a
}

func (r *rig) sendLicense(p market.Protocol, activity string, test bool, kv ...any) simulator.Answer {
	r.t.Helper()
	set := simulator.Fields{}
	for i := 0; i < len(kv); i += 2 {
		set[kv[i].(string)] = kv[i+1]
	}
	f, err := simulator.NewCallOf(p, activity, set, nil, test, r.ids)
	require.NoError(r.t, err)
	return r.calls("/koogallery/default", storetest.BasicKey, p).Call(context.Background(), f)
}

// licenses makes every product a License product without access data.
func (r *rig) licenses(supplier string, more ...string) {
	r.t.Helper()
	r.ok(product, "", append([]string{"set", "--channel", "default", "--product", "*", "--driver", "none", "--license", supplier}, more...)...)
}

// fillLicenses puts texts into the pool "keys".
func (r *rig) fillLicenses(texts ...string) string {
	r.t.Helper()
	return r.ok(licensePool, strings.Join(texts, "\n"), "import", "--pool", "keys")
}

// sold is an instance of a License product whose order is known.
func (r *rig) sold(order string) string {
	r.t.Helper()
	id := r.buy(order)
	require.Eventually(r.t, func() bool {
		return r.count(`SELECT count(*) FROM instances WHERE status = 'active' AND instance_id = '`+id+`'`) == 1
	}, time.Minute, 30*time.Millisecond, "%s", r.log)
	return id
}

// uploads waits until the stand-in has taken n Licenses.
func (r *rig) uploads(n int) []simulator.Upload {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(r.market.Uploads()) == n }, time.Minute, 20*time.Millisecond,
		"%d uploads: %s", n, r.log)
	return r.market.Uploads()
}

func TestAnOnlineLicenseComesFromThePoolAndIsUploaded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys")
	require.Equal(t, "2 Licenses added, 0 known already, 0 waiting requests go on\n", r.fillLicenses("AAAA-BBBB-CCCC", "DDDD-EEEE-FFFF"))
	require.Equal(t, "0 Licenses added, 2 known already, 0 waiting requests go on\n", r.fillLicenses("AAAA-BBBB-CCCC", "DDDD-EEEE-FFFF"))
	id := r.sold("CS2611260001LICAA")

	query := r.callLicense(market.License, market.QueryInstance, "instanceId", id)
	require.Equal(t, market.Success, query.Code)
	require.Nil(t, query.AppOf(id), "a License product has no access data")
	require.Contains(t, query.Body, `"info":[{"instanceId":"`+id+`"}]`)

	a := r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1")
	require.Equal(t, market.Processing, a.Code)
	require.JSONEq(t, `{"resultCode":"000004","resultMsg":"request is processing"}`, a.Body)
	require.Equal(t, simulator.Upload{EventID: "E-1", Type: "CHARACTERS", Characters: "AAAA-BBBB-CCCC"}, r.uploads(1)[0])
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)
	told := r.mails(1)[0]
	require.Equal(t, []string{buyerEmail}, told.To)
	require.Contains(t, told.Get("Subject"), "License")
	require.Contains(t, told.Text, id)
	require.NotContains(t, told.Raw+told.Text, "AAAA-BBBB-CCCC", "it is told that the License is there, not what it is")
	require.Equal(t, "license_ready", r.waitItems("/deliveries?status=succeeded", 1)[0]["kind"])

	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1", "deviceFingerprint", "ANOTHER-DEVICE")
	require.Equal(t, "DDDD-EEEE-FFFF", r.uploads(2)[1].Characters, "the same event with another device is another request")
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 2)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM licenses WHERE status = 'uploaded' AND event_id = 'E-1'`))
	require.Zero(t, r.count(`SELECT count(*) FROM deliveries WHERE kind = 'usage_info'`), "there is no usage information to tell")

	require.Equal(t, market.Success, r.callLicense(market.License, market.ReleaseInstance, "instanceId", id).Code)
	require.Equal(t, market.NoSuchInstance, r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-2").Code)
	require.Equal(t, market.NoSuchInstance, r.callLicense(market.License, market.GetLicenseAsync, "instanceId", "nobody", "eventId", "E-3").Code)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM licenses`))
}

func TestAnEmptyPoolFailsVisiblyAndGoesOnAfterARefill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys")
	id := r.sold("CS2611260003LICCC")
	require.Equal(t, market.Processing, r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1").Code)
	failed := r.waitItems("/messages?status=failed&activity=getLicenseAsync", 1)[0]
	require.Contains(t, fmt.Sprint(failed["last_error"]), "keys is empty")
	require.Equal(t, "1 Licenses added, 0 known already, 1 waiting requests go on\n", r.fillLicenses("LATE"))
	require.Equal(t, "LATE", r.uploads(1)[0].Characters)
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)
}

func TestAnUploadThatFailsIsRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys")
	long := strings.Repeat("L", 1025)
	r.fillLicenses(long)
	id := r.sold("CS2611260004LICDD")
	r.market.SetUploadCode("91381037")
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1")
	task := r.waitItems("/tasks?kind=license_upload&status=failed", 1)[0]
	require.Contains(t, fmt.Sprint(task["last_error"]), "license_upload.bad_format")
	require.EqualValues(t, 1, task["attempts"], "a refusal is not tried again by itself")
	r.waitItems("/messages?status=failed&activity=getLicenseAsync", 1)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM licenses WHERE status = 'failed'`))
	r.market.SetUploadCode("")
	r.api(http.MethodPost, "/tasks/"+task["id"].(string)+"/restart", nil, 200)
	up := r.uploads(1)[0]
	require.Equal(t, "FILE", up.Type, "characters takes 1024")
	require.Equal(t, "license-E-1.txt", up.FileName)
	require.Equal(t, long, string(up.File))
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM licenses WHERE status = 'uploaded' AND last_error IS NULL`))
}

func TestALicenseIsRefusedByThePublishedCodes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys", "--license-needs-device")
	r.fillLicenses("ONE", "TWO", "THREE")
	const order = "CS2611260005LICEE"
	end := time.Now().UTC().Add(300 * 24 * time.Hour).Truncate(time.Second)
	r.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1, ExpireTime: end,
		Products: []market.ProductInfo{{ProductID: "OFFI-LIC", SkuCode: "S1", LinearValue: 2}}}}})
	id := r.sold(order)
	stamp := func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 z") }
	ask := func(event string, kv ...any) market.ResultCode {
		t.Helper()
		return r.callLicense(market.License, market.GetLicenseAsync, append([]any{"instanceId", id, "eventId", event, "expireTime", stamp(end)}, kv...)...).Code
	}
	require.Equal(t, market.LicenseNeedsDevice, ask("E-1", "deviceFingerprint", ""))
	require.Equal(t, market.LicenseNeedsExpiry, ask("E-2", "expireTime", ""))
	require.Equal(t, market.LicenseOutOfPeriod, ask("E-3", "expireTime", stamp(end.AddDate(0, 0, 2))))
	require.Equal(t, market.LicenseOutOfPeriod, ask("E-4", "effectiveTime", stamp(end.Add(time.Hour)), "expireTime", stamp(end.Add(2*time.Hour))))
	require.Equal(t, market.InvalidParameter, ask("E-5", "effectiveTime", stamp(end), "expireTime", stamp(end.Add(-time.Hour))))
	require.Equal(t, market.Processing, ask("E-6"))
	require.Equal(t, market.Processing, ask("E-7"))
	require.Equal(t, market.LicenseQuotaUsedUp, ask("E-8"))
	require.Equal(t, market.Processing, ask("E-7"), "a repeat is no further License")
	r.uploads(2)
	r.callLicense(market.License, market.UpdateInstanceStatus, "instanceId", id, "status", "FREEZE")
	require.Equal(t, market.LicenseOutOfPeriod, ask("E-9"))
	r.callLicense(market.License, market.UpdateInstanceStatus, "instanceId", id, "status", "UNFREEZE")
	end = end.AddDate(1, 0, 0)
	r.callLicense(market.License, market.RefreshInstance, "instanceId", id, "scene", "RENEWAL", "orderId", "CS-R", "orderLineId", "CS-R-1",
		"expireTime", end.Format("20060102150405"))
	require.Equal(t, market.Processing, ask("E-8"), "the renewed period has its own number of Licenses")
	r.uploads(3)
	require.Len(t, r.items("/messages?status=failed&activity=getLicenseAsync"), 6)

	debug := r.sendLicense(market.License, market.GetLicenseAsync, true)
	require.True(t, debug.Conformant() && debug.Code == market.Success, "%s %v", debug.Body, debug.Findings)
	require.Equal(t, 3, r.count(`SELECT count(*) FROM licenses`), "a debugging call stays in its sandbox")
}

// What the answer cannot judge, because the order is not known yet, the supply does:
// nothing goes out that the order has no room for, and a repeat is told why.
func TestALicenseIsAskedForBeforeItsOrderIsKnown(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, false, loopback)
	r.licenses("pool", "--license-pool", "keys")
	r.fillLicenses("ONE", "TWO", "THREE", "FOUR")
	const order = "CS2611260012LICLL"
	end := time.Now().UTC().Add(300 * 24 * time.Hour).Truncate(time.Second)
	r.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1, ExpireTime: end,
		Products: []market.ProductInfo{{ProductID: "OFFI-LIC", SkuCode: "S1", LinearValue: 1}}}}})
	id := r.buy(order)
	stamp := func(at time.Time) string { return at.Format("2006-01-02 15:04:05 z") }
	begins := stamp(time.Now().UTC())
	expires := map[string]string{"E-1": stamp(end), "E-2": "", "E-3": stamp(end.AddDate(0, 0, 2)), "E-4": stamp(end)}
	ask := func(event string) market.ResultCode {
		t.Helper()
		return r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", event, "effectiveTime", begins, "expireTime", expires[event]).Code
	}
	for _, event := range []string{"E-1", "E-2", "E-3", "E-4"} {
		require.Equal(t, market.Processing, ask(event))
	}
	r.stop()
	r.start(true)
	require.Equal(t, "E-1", r.uploads(1)[0].EventID)
	r.waitItems("/messages?status=failed&activity=getLicenseAsync", 3)
	require.Equal(t, 3, r.count(`SELECT count(*) FROM licenses WHERE status = 'refused'`))
	later := func(by string) {
		_, err := r.store.SQL().Exec(`UPDATE licenses SET requested_at = requested_at + $1::interval`, by)
		require.NoError(t, err)
	}
	later("10 minutes")
	require.Equal(t, market.Processing, ask("E-3"), "the first call's twin gets the first call's answer")
	later("-20 minutes")
	for event, want := range map[string]market.ResultCode{"E-2": market.LicenseNeedsExpiry, "E-3": market.LicenseOutOfPeriod, "E-4": market.LicenseQuotaUsedUp} {
		require.Equal(t, want, ask(event))
		require.Equal(t, want, ask(event), "as often as it comes")
	}
	require.Equal(t, 3, r.count(`SELECT count(*) FROM pooled_licenses WHERE status = 'free'`))
	r.callLicense(market.License, market.RefreshInstance, "instanceId", id, "scene", "RENEWAL", "orderId", "CS-R", "orderLineId", "CS-R-1",
		"expireTime", end.AddDate(1, 0, 0).Format("20060102150405"))
	require.Equal(t, market.Processing, ask("E-4"), "the renewed period has room for it")
	require.Equal(t, "E-4", r.uploads(2)[1].EventID)
	require.Equal(t, market.LicenseQuotaUsedUp, ask("E-3"), "that room has gone to one that was asked for later")

	p := newSeller(t, func(int, heard) (int, string) { return http.StatusServiceUnavailable, "" })
	r.sells(p, "--driver", "none", "--license", "webhook")
	r.callLicense(market.License, market.RefreshInstance, "instanceId", id, "scene", "RENEWAL", "orderId", "CS-R2", "orderLineId", "CS-R2-1",
		"expireTime", end.AddDate(2, 0, 0).Format("20060102150405"))
	require.Equal(t, market.Processing, ask("E-3"))
	require.Eventually(t, func() bool { return len(p.of("license.requested")) > 0 }, time.Minute, 20*time.Millisecond, "%s", r.log)
	expires["E-5"] = stamp(end)
	require.Equal(t, market.LicenseQuotaUsedUp, ask("E-5"), "while it waits for the seller's product it has that room")
}

// What a released instance was still waiting for is over.
func TestAReleaseCancelsTheLicensesThatWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("manual")
	id := r.sold("CS2611260008LICHH")
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1")
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND status = 'pending' AND run_at > '9000-01-01'`) == 1
	}, time.Minute, 20*time.Millisecond)
	r.callLicense(market.License, market.ReleaseInstance, "instanceId", id)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM licenses WHERE status = 'cancelled'`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND status = 'cancelled'`))
	require.Equal(t, market.NoSuchInstance, r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1").Code)
	require.Empty(t, r.market.Uploads())
}

func TestALicenseIsHandedInByAPerson(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("manual")
	id := r.sold("CS2611260009LICII")
	timed := func(activity string) int {
		return r.count(`SELECT count(*) FROM messages WHERE online_license AND retry_until - first_received_at = '2 hours' AND activity = '` + activity + `'`)
	}
	require.Equal(t, 1, timed(market.NewInstance), "the order has told that it is a License")
	r.callLicense(market.License, market.UpdateInstanceStatus, "instanceId", id, "status", "UNFREEZE")
	require.Equal(t, 1, timed(market.UpdateInstanceStatus), "and of what comes later it is known")
	_, err := r.store.SQL().Exec(`UPDATE messages SET status = 'processing', last_error = '{"code":"unavailable","key":"order_query.unreachable"}' WHERE activity = 'newInstance'`)
	require.NoError(t, err)
	clock := r.api(http.MethodGet, "/messages/"+r.items("/messages?activity=newInstance")[0]["id"].(string), nil, 200)["retry"].(map[string]any)
	require.Equal(t, []any{7200.0, 120.0, "CN 0070649282"}, []any{clock["window_seconds"], clock["interval_seconds"], clock["source"]})
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1")
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND run_at > '9000-01-01'`) == 1
	}, time.Minute, 20*time.Millisecond)
	number := strings.Split(r.ok(licenses, "", "list", "--status", "requested"), "\t")[0]
	const secret = "-----BEGIN LICENSE-----\nTOP-SECRET-4711\n-----END LICENSE-----"
	r.ok(licenses, secret+"\n", "hand-in", "--id", number)
	require.Equal(t, secret, r.uploads(1)[0].Characters)
	r.waitItems("/messages?activity=getLicenseAsync&status=succeeded", 1)
	r.ok(licenses, "", "upload", "--id", number)
	require.Equal(t, secret, r.uploads(2)[1].Characters, "a person may upload it again")
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM licenses WHERE status = 'uploaded' AND uploaded_version = 2`) == 1
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM audit WHERE action LIKE 'license.%'`))

	one := r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260010LICJJ")
	require.Equal(t, market.Processing, one.Code, "nobody has handed it in yet")
	number = strings.Split(r.ok(licenses, "", "list", "--status", "requested"), "\t")[0]
	r.ok(licenses, "TOP-SECRET-0815", "hand-in", "--id", number)
	require.Equal(t, "TOP-SECRET-0815", r.callLicense(market.LicenseV1, market.GetLicense, "orderId", "CS2611260010LICJJ").License)
	var told strings.Builder
	for _, m := range r.items("/messages") {
		fmt.Fprintln(&told, r.api(http.MethodGet, "/messages/"+m["id"].(string), nil, 200))
	}
	r.stop()
	for place, text := range map[string]string{"the database": r.dump(), "Redis": r.redisDump(), "the log": r.log.String(), "the API": told.String()} {
		require.NotContains(t, text, "TOP-SECRET", place)
		require.NotContains(t, text, "WD-WCC4N5PT", "the device, in %s", place)
	}
}

// Licenses that came in while a request was finding the pool empty: nobody saw it
// wait, so the watch finds it.
func TestAWatchedLicensePool(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.licenses("pool", "--license-pool", "keys")
	id := r.sold("CS2611260009LICWW")
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", id, "eventId", "E-1")
	r.waitItems("/messages?status=failed&activity=getLicenseAsync", 1)
	s := r.store
	require.NoError(t, s.Write(t.Context(), func(tx *store.Tx) error {
		low := 2
		if err := tx.SetLicensePool(t.Context(), "keys", &low); err != nil {
			return err
		}
		n, err := tx.AddPooledLicenses(t.Context(), "keys", []market.LicenseContent{{Text: "LATE"}, {Text: "LATE"}, {Text: "SPARE"}}, "test")
		require.Equal(t, 2, n, "the same License is taken once")
		return err
	}))
	woken := 0
	desk := license.New(license.Options{Store: s, Log: slog.New(slog.DiscardHandler), Wake: func() { woken++ }})
	for range 2 {
		require.NoError(t, desk.Watch(t.Context()))
	}
	require.Equal(t, "LATE", r.uploads(1)[0].Characters)
	require.Equal(t, 1, woken)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM audit WHERE action = 'license_pool.low'`), "said once")
	r.fillLicenses("A", "B", "C")
	require.NoError(t, desk.Watch(t.Context()))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM audit WHERE action = 'license_pool.filled'`))
}
