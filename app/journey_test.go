package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
)

// The main job, from the marketplace's and the customer's side.
func TestAPurchaseBecomesAWorkingInstanceThatTheCustomerHearsOf(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.buy("CS2611220001AAAAA")
	app := r.access(id)
	require.Equal(t, "https://app.seller.example/i/"+id, app.FrontEndURL)
	require.Equal(t, "admin-CS2611220001AAAAA", app.UserName)
	require.Len(t, app.Password, 16)

	mail := r.mails(1)[0]
	require.Equal(t, []string{buyerEmail}, mail.To)
	require.True(t, mail.TLS)
	for _, part := range []string{mail.Text, mail.HTML} {
		require.Contains(t, part, app.FrontEndURL)
		require.Contains(t, part, app.UserName)
	}
	require.Contains(t, mail.Text, app.Password)
	require.True(t, strings.HasSuffix(mail.Get("Message-Id"), "@seller.example>"), mail.Get("Message-Id"))

	repeat := r.call(market.NewInstance, "orderId", "CS2611220001AAAAA", "orderLineId", simulator.LineID("CS2611220001AAAAA"))
	require.Equal(t, id, repeat.InstanceID)
	require.True(t, repeat.Code.OK())

	r.lifeOf(id)
	r.toldOnce()
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
}

// lifeOf renews, freezes, unfreezes, upgrades and releases an instance.
func (r *rig) lifeOf(id string) {
	t := r.t
	ok := func(activity string, kv ...any) {
		t.Helper()
		require.Equal(t, market.Success, r.call(activity, append(kv, "instanceId", id)...).Code)
	}
	shows := func(status, expires string) {
		t.Helper()
		one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
		require.Equal(t, status, one["status"])
		if expires != "" {
			require.Equal(t, expires, one["expires_at"])
		}
	}
	shows("active", "")
	ok(market.RefreshInstance, "scene", "RENEWAL", "orderId", "R1", "orderLineId", "R1-000001", "expireTime", "20301124023618256")
	shows("active", "2030-11-24T02:36:18Z")
	ok(market.RefreshInstance, "scene", "UNSUBSCRIBE_RENEWAL_PERIOD", "orderId", "R2", "orderLineId", "R2-000001", "expireTime", "20291124023618")
	shows("active", "2029-11-24T02:36:18Z")
	ok(market.UpdateInstanceStatus, "status", "FREEZE")
	shows("frozen", "")
	ok(market.UpdateInstanceStatus, "status", "UNFREEZE")
	shows("active", "")
	ok(market.ChangeInstanceCheck)
	r.market.SetOrder(market.Order{OrderID: "U1", Type: market.OrderChange, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: "U1-000001", ChargingMode: market.Period, Products: []market.ProductInfo{{ProductID: "P-BIG", SkuCode: "SKU-BIG", LinearValue: 500}}}}})
	ok(market.UpgradeInstance, "orderId", "U1", "orderLineId", "U1-000001")
	require.Eventually(t, func() bool {
		one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
		return one["sku_code"] == "SKU-BIG" && one["product_id"] == "P-BIG"
	}, time.Minute, 50*time.Millisecond, "%s", r.log)
	r.waitItems("/messages?status=processing", 0)
	ok(market.ReleaseInstance, "orderId", "X1", "orderLineId", "X1-000001")
	ok(market.ReleaseInstance)
	shows("released", "")
	require.Equal(t, market.NoSuchInstance, r.call(market.QueryInstance, "instanceId", id).Code)
}

// What fails shows, and a restart puts it right without a second anything.
func TestAFailedPurchaseIsShownAndRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.market.FailNext(1000, simulator.Failure{Status: 500, Code: "MKT.0999", Msg: "System internal error."})
	id := r.buy("CS2611220002BBBBB")
	failed := r.waitItems("/messages?status=failed", 1)[0]
	require.Equal(t, market.NewInstance, failed["activity"])
	require.Equal(t, id, failed["instance_id"])
	require.NotEmpty(t, failed["last_error"])
	require.Equal(t, market.Processing, r.call(market.QueryInstance, "instanceId", id).Code)
	detail := r.api(http.MethodGet, "/messages/"+failed["id"].(string), nil, 200)
	require.Len(t, detail["tasks"], 1)

	r.market.Reset()
	r.market.SetBuyer(buyerEmail, buyerPhone)
	r.api(http.MethodPost, "/messages/"+failed["id"].(string)+"/restart", nil, 200)
	r.access(id)
	require.Len(t, r.mails(1), 1)
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)
	r.waitItems("/deliveries?status=succeeded", 1)

	r.api(http.MethodPost, "/messages/"+failed["id"].(string)+"/restart", nil, 200)
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)
	detail = r.api(http.MethodGet, "/messages/"+failed["id"].(string), nil, 200)
	sources := []string{}
	for _, a := range detail["attempt_log"].([]any) {
		sources = append(sources, a.(map[string]any)["source"].(string))
	}
	require.ElementsMatch(t, []string{"api", "api", "marketplace"}, sources)
	r.waitItems("/tasks?status=pending", 0)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM deliveries`))
	require.Len(t, r.mail.Messages(), 1)
}

// Provisioning itself fails three times and is given up; a restart makes the
// instance, once, and the customer hears of it once.
func TestProvisioningThatFailedThreeTimesIsRestarted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.driver.fails.Store(3)
	id := r.buy("CS2611220006FFFFF")
	failed := r.waitItems("/messages?status=failed", 1)[0]
	require.EqualValues(t, 3, r.driver.calls.Load())
	require.Empty(t, r.mail.Messages())
	r.api(http.MethodPost, "/messages/"+failed["id"].(string)+"/restart", nil, 200)
	app := r.access(id)
	require.Contains(t, r.mails(1)[0].Text, app.Password)
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)
	require.EqualValues(t, 4, r.driver.calls.Load())
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 3, r.count(`SELECT count(*) FROM task_attempts WHERE outcome = 'failed'`))
	require.Len(t, r.mail.Messages(), 1)
}

// A mail server that refuses and then takes it again.
func TestAMailThatFailedIsResent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.mail.Down()
	id := r.buy("CS2611220003CCCCC")
	app := r.access(id)
	failed := r.waitItems("/deliveries?status=failed", 1)[0]
	require.NotContains(t, failed["to"], "buyer-7f3a")
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)
	r.mail.Up()
	r.api(http.MethodPost, "/deliveries/"+failed["id"].(string)+"/resend", nil, 200)
	require.Contains(t, r.mails(1)[0].Text, app.Password)
	r.waitItems("/deliveries?status=succeeded", 1)
}

// The manual driver: an operator types the access data.
func TestAnOperatorProvisionsByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "manual", "--mail-language", "zh-CN")
	id := r.buy("CS2611220004DDDDD")
	r.waitItems("/tasks?kind=order_query&status=succeeded", 1)
	require.Equal(t, market.Processing, r.call(market.QueryInstance, "instanceId", id).Code)
	problem := r.api(http.MethodPut, "/instances/"+id+"/access", map[string]string{"front_end_url": "not an address"}, 400)
	require.NotEmpty(t, problem["detail"])
	r.api(http.MethodPut, "/instances/"+id+"/access", map[string]string{"front_end_url": "https://hand.example.com", "user_name": "root", "password": "made-by-hand-1"}, 200)
	require.Equal(t, "made-by-hand-1", r.access(id).Password)
	mail := r.mails(1)[0]
	require.Contains(t, mail.Text, "made-by-hand-1")
	require.Contains(t, mail.Text, "账号")
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)
}

// toldOnce holds that the usage information was sent once, and whatever else the
// customer was told of too.
func (r *rig) toldOnce() {
	r.t.Helper()
	require.Equal(r.t, 1, r.count(`SELECT count(*) FROM deliveries WHERE kind = 'usage_info'`))
	seen := map[string]bool{}
	for _, m := range r.mail.Messages() {
		id := m.Get("Message-Id")
		require.False(r.t, seen[id], "sent twice: %s", id)
		seen[id] = true
	}
	require.Zero(r.t, r.count(`SELECT count(*) - count(DISTINCT (instance_pk, kind, about_expiry, days, message_id)) FROM deliveries`), "told twice of one thing")
	require.LessOrEqual(r.t, len(seen), r.count(`SELECT count(*) FROM deliveries`))
}
