package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
	"koodesk/app/webhook"
)

const (
	codeKey   = "22222222-2222-3333-4444-555555555555"
	noticeKey = "33333333-2222-3333-4444-555555555555"
	aCode     = "PL0011223344556677"
)

// generation calls another generation's interfaces with its own key.
func (r *rig) generation(p market.Protocol, key, activity string, set simulator.Fields) simulator.Answer {
	r.t.Helper()
	f, err := simulator.NewCallOf(p, activity, set, nil, false, r.ids)
	require.NoError(r.t, err)
	c := r.calls("/koogallery/default", key, p)
	c.NoBodySign = true
	a := c.Call(context.Background(), f)
	require.Equal(r.t, http.StatusOK, a.Status, "%s %s", a.Body, a.Fault)
	return a
}

func (r *rig) withKeys() {
	r.t.Helper()
	r.ok(channel, codeKey+"\n", "set", "--slug", "default", "--license-key", "-")
	r.ok(channel, noticeKey+"\n", "set", "--slug", "default", "--general-key", "-")
	require.Eventually(r.t, func() bool { // the channel is remembered for two seconds
		return r.generation(market.OrderNotice, noticeKey, market.OrderNotify, simulator.Fields{"testFlag": "1", "orderId": "MOCKPERIODYEARNEW"}).Code == market.Success
	}, time.Minute, 200*time.Millisecond)
}

func TestAnAuthorizationCodesLifeFromItsRenewalToItsRelease(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withKeys()
	end := time.Now().AddDate(0, 6, 0).UTC().Truncate(time.Second)
	r.market.SetCode(aCode, simulator.CodeState{Expires: end, OrderID: "CS-BOUGHT"})
	renew := func(key string) simulator.Answer {
		return r.generation(market.LicenseCode, key, market.RefreshLicenseCode, simulator.Fields{"license": aCode, "orderId": "R1", "expireTime": market.FormatStamp(end, time.UTC)})
	}
	require.Equal(t, market.AuthFailed, renew(storetest.BasicKey).Code, "another class's key proves nothing")
	require.Equal(t, market.AuthFailed, renew(noticeKey).Code)
	require.Equal(t, market.Success, renew(codeKey).Code)
	r.waitItems("/messages?protocol=license-code&status=succeeded", 1)
	one := r.waitItems("/license-codes?status=ALIVE", 1)[0]
	require.Equal(t, "PL••••6677", one["license"])
	require.Equal(t, "CS-BOUGHT", one["order_id"])
	require.Len(t, r.items("/license-codes?q="+aCode), 1, "found by the whole code")

	state := r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": aCode}, 200)
	require.Equal(t, true, state["usable"])
	require.False(t, r.market.Code(aCode).Activated.IsZero())
	calls := len(r.market.Calls())
	r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": aCode}, 200)
	state = r.api(http.MethodPost, "/license-codes/check", map[string]any{"license": aCode}, 200)
	require.Equal(t, true, state["fresh"])
	require.Len(t, r.market.Calls(), calls, "activating again and a fresh check ask nobody")

	status := func(to string) simulator.Answer {
		return r.generation(market.LicenseCode, codeKey, market.UpdateLicenseCodeStatus, simulator.Fields{"license": aCode, "status": to})
	}
	require.Equal(t, market.Success, status(market.Freeze).Code)
	require.Equal(t, false, r.api(http.MethodPost, "/license-codes/check", map[string]any{"license": aCode}, 200)["usable"])
	require.Equal(t, market.Success, status(market.Unfreeze).Code)
	require.Equal(t, market.Success, r.generation(market.LicenseCode, codeKey, market.ReleaseLicenseCode, simulator.Fields{"license": aCode}).Code)
	require.Equal(t, market.NoSuchInstance, status(market.Unfreeze).Code)
	r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": aCode}, 409)
	require.NotContains(t, r.log.String(), aCode)
	require.Zero(t, r.count(`SELECT count(*) FROM messages m WHERE m::text LIKE '%`+aCode+`%'`))
}

func TestTheSoftwareAsksAboutCodesAndReportsTheirUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.api(http.MethodPost, "/license-codes/check", map[string]any{"license": "XX-no-such-code-00"}, 404)
	r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": "XX-no-such-code-00"}, 404)
	require.Zero(t, r.count(`SELECT count(*) FROM license_codes`), "what the marketplace does not know leaves no trace")
	require.Equal(t, true, r.api(http.MethodPost, "/license-codes/check", map[string]any{"license": aCode}, 200)["usable"])

	r.market.SetCode("PL-not-taken-000001", simulator.CodeState{NotTaken: true})
	later := r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": "PL-not-taken-000001"}, 202)
	require.Equal(t, true, later["pending"])
	r.waitItems("/tasks?kind=license_activate&status=failed", 1)
	r.market.SetCode("PL-not-taken-000001", simulator.CodeState{Expires: time.Now().AddDate(1, 0, 0)})
	failed := r.items("/tasks?kind=license_activate&status=failed")[0]
	r.api(http.MethodPost, "/tasks/"+failed["id"].(string)+"/restart", nil, 200)
	r.waitItems("/tasks?kind=license_activate&status=succeeded", 1)

	record := func(kv ...any) map[string]any {
		m := map[string]any{"license": aCode}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	usage := func(want int, records ...map[string]any) map[string]any {
		return r.api(http.MethodPost, "/license-codes/usage", map[string]any{"records": records}, want)
	}
	usage(400, record())
	usage(400, record("id", "anna", "active_num", 3))
	usage(404, map[string]any{"license": "PLNEVERHEARDOF0001", "active_num": 1})
	got := usage(200, record("id", "anna@example.com"), record("id", "bob"), record("id", "bob"), record("active_num", 7))
	require.EqualValues(t, 3, got["accepted"])
	require.EqualValues(t, 1, got["repeated"])
	require.EqualValues(t, 0, usage(200, record("id", "anna@example.com"))["accepted"], "once a day")
	_, err := r.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE kind = 'license_usage'`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(r.market.Usage()) == 3 }, time.Minute, 50*time.Millisecond, "%s", r.log)
	r.waitItems("/tasks?kind=license_usage&status=succeeded", 1)
	require.EqualValues(t, 0, usage(200, record("active_num", 9))["accepted"], "reported already today")
	require.Zero(t, r.count(`SELECT count(*) FROM license_usage WHERE reported_at IS NULL`))
}

func TestAnOrderNoticeBecomesAnOrderThatIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withKeys()
	notify := func(key string) simulator.Answer {
		return r.generation(market.OrderNotice, key, market.OrderNotify, simulator.Fields{"orderId": "CS2611220001AAAAA"})
	}
	require.Equal(t, market.AuthFailed, notify(storetest.BasicKey).Code)
	r.market.FailNext(1000, simulator.Failure{Status: 500, Code: "MKT.0999"})
	require.Equal(t, market.Success, notify(noticeKey).Code)
	failed := r.waitItems("/orders?state=failed", 1)[0]
	require.NotEmpty(t, failed["last_error"])
	r.waitItems("/messages?protocol=order-notice&status=failed", 1)
	r.market.Reset()
	r.market.SetBuyer(buyerEmail, buyerPhone)
	require.Equal(t, market.Success, notify(noticeKey).Code, "the marketplace's repeat begins it anew")
	known := r.waitItems("/orders?state=known&q="+buyerEmail, 1)[0]
	require.EqualValues(t, 2, known["notices"])
	require.Equal(t, "NEW", known["order_type"])
	one := r.api(http.MethodGet, "/orders/"+known["id"].(string), nil, 200)
	require.Len(t, one["lines"], 1)
	require.Len(t, one["messages"], 2, "the notice, and the claim that proved nothing")
	require.NotContains(t, one["customer"].(map[string]any)["email"], "buyer-7f3a")
	r.waitItems("/messages?protocol=order-notice&status=succeeded&test=false", 1)
	require.Zero(t, r.count(`SELECT count(*) FROM instances`), "a notice makes no instance")
}

// The seller's systems hear of a notified order once, whatever is repeated.
func TestANotifiedOrderIsToldToTheSeller(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	r.withKeys()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	heard := make(chan []byte, 10)
	seller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil || webhook.Verify(q.Header, body, time.Now(), secret) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		heard <- body
	}))
	t.Cleanup(seller.Close)
	r.ok(eventTarget, secret+"\n", "set", "--channel", "default", "--name", "crm", "--url", seller.URL, "--secret", "-", "--types", "order.notified")
	for range 3 {
		require.Equal(t, market.Success, r.generation(market.OrderNotice, noticeKey, market.OrderNotify, simulator.Fields{"orderId": "CS2611220077AAAAA"}).Code)
	}
	var got struct {
		Type string
		Data struct {
			Channel string
			Order   struct {
				OrderID     string `json:"order_id"`
				OrderLineID string `json:"order_line_id"`
				OrderType   string `json:"order_type"`
			}
			Product struct {
				ProductID string `json:"product_id"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(<-heard, &got))
	require.Equal(t, "order.notified", got.Type)
	require.Equal(t, "CS2611220077AAAAA", got.Data.Order.OrderID)
	require.Equal(t, "CS2611220077AAAAA-000001", got.Data.Order.OrderLineID)
	require.Equal(t, "NEW", got.Data.Order.OrderType)
	require.NotEmpty(t, got.Data.Product.ProductID)
	r.waitItems("/tasks?kind=event&status=succeeded", 1)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM events`))
	require.Empty(t, heard)
}
