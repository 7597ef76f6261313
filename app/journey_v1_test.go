package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
)

// callV1 sends a signed call of SaaS V1.0 and requires a conformant answer.
func (r *rig) callV1(activity string, kv ...string) simulator.Answer {
	r.t.Helper()
	a := insist(func() simulator.Answer { return r.sendV1(activity, false, kv...) })
	require.True(r.t, a.Conformant(), "%s: %v %s", a.Body, a.Findings, a.Fault)
	return a
}

// settledV1 is the answer to a purchase once it is no 000004 any more: a busy
// machine may need longer than a call waits.
func (r *rig) settledV1(order string, kv ...string) (a simulator.Answer) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		a = r.callV1(market.NewInstance, append([]string{"orderId", order}, kv...)...)
		if a.Code != market.Processing || time.Now().After(end) {
			return a
		}
	}
}

func (r *rig) sendV1(activity string, test bool, kv ...string) simulator.Answer {
	r.t.Helper()
	set := simulator.Fields{}
	for i := 0; i < len(kv); i += 2 {
		set[kv[i]] = kv[i+1]
	}
	f, err := simulator.NewCallV1(activity, set, nil, test, r.ids)
	require.NoError(r.t, err)
	return r.calls("/koogallery/default", storetest.BasicKey, market.V1).Call(context.Background(), f)
}

// The whole life of a V1.0 product, from the marketplace's and the customer's
// side, with the workers of the program making the instance while the call waits.
func TestAPurchaseOfV1BecomesAWorkingInstance(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const order = "CS2611220101AAAAA"
	buy := func() simulator.Answer {
		return r.callV1(market.NewInstance, "orderId", order, "email", buyerEmail, "mobilePhone", buyerPhone, "trialFlag", "1",
			"saasExtendParams", `[{"name":"platformParams","value":"{\"tenantName\":\"企业\",\"tennantId\":\"T-1\"}"}]`)
	}
	first := buy()
	for n := 0; n < 20 && strings.Contains(first.AppOf(first.InstanceID).FrontEndURL, "/access/"); n++ {
		first = buy() // a busy machine may need longer than a call waits
	}
	require.Equal(t, market.Success, first.Code, "ready while the call waited: %s", r.log)
	id := first.InstanceID
	app := first.AppOf(id)
	require.Equal(t, "https://app.seller.example/i/"+id, app.FrontEndURL)
	require.Equal(t, "admin-"+order, app.UserName, "decrypted by the marketplace")
	require.Len(t, app.Password, 16)
	require.Equal(t, first.Body, buy().Body, "a repeat gets the very bytes")

	mail := r.mails(1)[0]
	require.Equal(t, []string{buyerEmail}, mail.To)
	require.Contains(t, mail.Text, app.Password)
	one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
	require.Equal(t, "active", one["status"])
	require.Equal(t, app, r.callV1(market.QueryInstance, "instanceId", id).AppOf(id))

	shows := func(status, expires string) {
		t.Helper()
		one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
		require.Equal(t, status, one["status"])
		require.Equal(t, expires, one["expires_at"])
	}
	ok := func(activity string, kv ...string) {
		t.Helper()
		a := r.callV1(activity, append(kv, "instanceId", id)...)
		require.Equal(t, market.Success, a.Code, "%s %s %s", activity, a.Body, r.log)
	}
	ok(market.RefreshInstance, "orderId", "R1", "expireTime", "20301124023618", "trialToFormal", "1")
	shows("active", "2030-11-24T02:36:18Z")
	ok(market.ExpireInstance)
	shows("frozen", "2030-11-24T02:36:18Z")
	ok(market.RefreshInstance, "orderId", "R2", "expireTime", "20311124023618")
	shows("active", "2031-11-24T02:36:18Z")
	ok(market.ChangeInstanceStatus, "instanceStatus", "FREEZE")
	shows("frozen", "2031-11-24T02:36:18Z")
	ok(market.ChangeInstanceStatus, "instanceStatus", "NORMAL")
	ok(market.Upgrade, "orderId", "U1", "skuCode", "SKU-BIG", "productId", "P-BIG", "amount", "500")
	r.waitItems("/messages?status=processing", 0)
	require.Equal(t, "SKU-BIG", r.api(http.MethodGet, "/instances/"+id, nil, 200)["sku_code"])
	ok(market.ReleaseInstance)
	ok(market.ReleaseInstance)
	shows("released", "2031-11-24T02:36:18Z")
	require.Equal(t, market.NoSuchInstance, r.callV1(market.QueryInstance, "instanceId", id).Code)

	r.toldOnce()
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
	require.Zero(t, r.count(`SELECT count(*) FROM tasks WHERE kind = 'order_query'`))
	require.Len(t, r.items("/messages?protocol=v1"), 9)
	for _, secret := range []string{app.Password, buyerEmail, buyerPhone, storetest.BasicKey} {
		require.NotContains(t, r.log.String(), secret)
	}
	r.masked("/messages?protocol=v1&activity=newInstance", app.Password, buyerEmail, "authToken=A", "platformParams")
}

// page opens an access page at the address where the test's program listens.
func (r *rig) page(method, address string) string {
	r.t.Helper()
	u, err := url.Parse(address)
	require.NoError(r.t, err)
	req, err := http.NewRequest(method, r.base+u.RequestURI(), nil)
	require.NoError(r.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, res.StatusCode, "%s", b)
	return string(b)
}

// What fails after the marketplace was told success is the operators' to see and
// to put right: it stays failed with its remedy, and nobody else comes again.
func TestAPurchaseOfV1ThatFailsLaterStaysVisible(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, false)
	r.driver.fails.Store(1 << 20)
	a := r.callV1(market.NewInstance, "orderId", "CS2611220105EEEEE")
	require.Equal(t, market.Success, a.Code)
	require.Contains(t, a.AppOf(a.InstanceID).FrontEndURL, "/access/")
	r.stop()
	r.start(true)
	failed := r.waitItems("/messages?status=failed&protocol=v1", 1)[0]
	require.Equal(t, "000000", failed["result_code"], "what the marketplace was told")
	require.NotEmpty(t, failed["last_error"])
	require.Nil(t, failed["retry_until"], "so it does not come again by itself")
	require.Contains(t, r.page(http.MethodGet, a.AppOf(a.InstanceID).FrontEndURL), `data-state="preparing"`)
	r.masked("/messages?protocol=v1", strings.TrimPrefix(a.AppOf(a.InstanceID).FrontEndURL, "http://koodesk.test/access/"))
	r.driver.fails.Store(0)
	r.api(http.MethodPost, "/messages/"+failed["id"].(string)+"/restart", nil, 200)
	r.waitItems("/messages?status=succeeded&protocol=v1", 1)
	require.Contains(t, r.page(http.MethodGet, a.AppOf(a.InstanceID).FrontEndURL), `data-state="active"`)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
	require.NotContains(t, r.log.String(), strings.TrimPrefix(a.AppOf(a.InstanceID).FrontEndURL, "http://koodesk.test/access/"))
}

// masked requires that the detail of a list's only message shows none of these.
func (r *rig) masked(path string, secrets ...string) {
	r.t.Helper()
	m := r.items(path)
	require.Len(r.t, m, 1)
	detail := r.api(http.MethodGet, "/messages/"+m[0]["id"].(string), nil, 200)
	for _, a := range detail["attempt_log"].([]any) {
		for _, s := range secrets {
			require.NotContains(r.t, strings.ReplaceAll(mapText(a), `\`, ""), s)
		}
	}
}

func mapText(v any) string {
	var b strings.Builder
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				b.WriteString(k + "=")
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		case string:
			b.WriteString(v + "\n")
		}
	}
	walk(v)
	return b.String()
}

// By hand: the call is answered at once, with the buyer's access page or as the
// channel wants it, and with the access data once an operator has typed it in;
// what V1.0 could not carry is refused.
func TestAnOperatorProvisionsV1ByHand(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "manual", "--mail-language", "zh-CN")
	r.ok(channel, "", "set", "--slug", "default", "--v1-pending", "000004")
	require.Eventually(t, func() bool { // the channel is remembered for a moment
		return r.callV1(market.NewInstance, "orderId", "CS2611220103CCCCC").Code == market.Processing
	}, time.Minute, 200*time.Millisecond)
	r.ok(channel, "", "set", "--slug", "default", "--v1-pending", "page")
	var a simulator.Answer
	require.Eventually(t, func() bool {
		a = r.callV1(market.NewInstance, "orderId", "CS2611220103CCCCC")
		return a.Code == market.Success
	}, time.Minute, 200*time.Millisecond)
	page := a.AppOf(a.InstanceID).FrontEndURL
	require.Regexp(t, `^http://koodesk\.test/access/[A-Za-z0-9_-]{40,}$`, page)
	require.Equal(t, a.Body, r.callV1(market.NewInstance, "orderId", "CS2611220103CCCCC").Body, "the same bytes while the state is the same")
	require.Equal(t, simulator.App{FrontEndURL: page}, *r.callV1(market.QueryInstance, "instanceId", a.InstanceID).AppOf(a.InstanceID))
	require.Contains(t, r.page(http.MethodGet, page), "正在为您准备")
	problem := r.api(http.MethodPut, "/instances/"+a.InstanceID+"/access",
		map[string]string{"front_end_url": "https://hand.example.com", "password": strings.Repeat("p", 80)}, 400)
	require.NotEmpty(t, problem["detail"])
	r.api(http.MethodPut, "/instances/"+a.InstanceID+"/access",
		map[string]string{"front_end_url": "https://hand.example.com", "password": strings.Repeat("p", 79), "memo": "请先修改密码"}, 200)
	again := r.callV1(market.NewInstance, "orderId", "CS2611220103CCCCC")
	require.Equal(t, market.Success, again.Code)
	require.Equal(t, strings.Repeat("p", 79), again.AppOf(a.InstanceID).Password)
	require.Equal(t, "请先修改密码", again.AppOf(a.InstanceID).Memo)
	require.NotContains(t, r.page(http.MethodGet, page), "ppp")
	require.Contains(t, r.page(http.MethodPost, page), strings.Repeat("p", 79), "the link goes on showing it")
	r.waitItems("/messages?status=succeeded&activity=newInstance", 1)

	for _, activity := range simulator.ActivitiesV1() {
		debug := r.sendV1(activity, true)
		require.True(t, debug.Conformant() && debug.Code == market.Success, "%s: %s %v", activity, debug.Body, debug.Findings)
	}
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances`))
}

// An order that is charged by use comes line by line, in V1.0 told apart by the
// product, in V2.0 by the line: each is made, told and found.
func TestTwoLinesOfAnOrderByUseAreTwoInstances(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const v2 = "CS2611220113MMMMM"
	var lines []market.OrderLine
	for n, p := range []string{"SMS", "MMS"} {
		lines = append(lines, market.OrderLine{OrderLineID: v2 + "-00000" + strconv.Itoa(n+1), ChargingMode: market.OnDemand,
			Products: []market.ProductInfo{{ProductID: p, SkuCode: "S1"}}})
	}
	r.market.SetOrder(market.Order{OrderID: v2, Type: market.OrderNew, CreateTime: time.Now(), Lines: lines})
	for order, line := range map[string]func(n int, product string) simulator.Answer{
		v2: func(n int, _ string) simulator.Answer {
			return r.call(market.NewInstance, "orderId", v2, "orderLineId", lines[n].OrderLineID)
		},
		"CS2611220111KKKKK": func(_ int, product string) simulator.Answer {
			return r.callV1(market.NewInstance, "orderId", "CS2611220111KKKKK", "productId", product, "chargingMode", "0", "expireTime", "")
		},
		"CS2611220112LLLLL": func(_ int, product string) simulator.Answer { // chargingMode is optional
			return r.callV1(market.NewInstance, "orderId", "CS2611220112LLLLL", "productId", product, "chargingMode", "", "expireTime", "",
				"periodType", "", "periodNumber", "")
		},
	} {
		ids := map[string]bool{}
		for n, p := range []string{"SMS", "MMS", "SMS", "MMS"} {
			id := line(n%2, p).InstanceID
			ids[id] = true
			require.Eventually(t, func() bool {
				one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
				return one["product_id"] == p && one["status"] == "active"
			}, time.Minute, 30*time.Millisecond, "%s %s: %s", order, p, r.log)
		}
		require.Len(t, ids, 2, order)
		require.Equal(t, 2, r.count(`SELECT count(*) FROM instances WHERE order_id = '`+order+`'`), order)
		require.Equal(t, 2, r.count(`SELECT count(*) FROM messages WHERE conflicts = 0 AND order_id = '`+order+`'`), order)
	}
}

// Access data that V1.0 could not carry makes a purchase fail visibly and at
// once; the marketplace's next call, after the product was put right, succeeds.
func TestAPurchaseOfV1ThatWasGivenUpSucceedsWhenItComesAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	entry := func(user string) {
		r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "static",
			"--front-end-url", "https://app.seller.example/i/{instance_id}", "--user-name", user, "--generate-password")
	}
	entry(strings.Repeat("u", 80))
	r.ok(channel, "", "set", "--slug", "default", "--v1-pending", "000004")
	a := r.settledV1("CS2611220104DDDDD", "chargingMode", "0")
	require.Equal(t, market.OtherError, a.Code, "%s", r.log)
	failed := r.waitItems("/messages?status=failed&protocol=v1", 1)[0]
	require.Equal(t, "000005", failed["result_code"])
	require.NotEmpty(t, failed["last_error"])
	require.NotEmpty(t, failed["retry_until"])
	entry("admin")
	again := r.callV1(market.NewInstance, "orderId", "CS2611220104DDDDD", "chargingMode", "0")
	require.Equal(t, market.Success, again.Code)
	require.Equal(t, a.InstanceID, again.InstanceID)
	require.Equal(t, "admin", again.AppOf(a.InstanceID).UserName)
	r.waitItems("/messages?status=succeeded&protocol=v1", 1)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instances WHERE billing_item <> ''`))
}
