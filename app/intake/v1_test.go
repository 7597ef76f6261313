package intake_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// dialectV1 is V1.0, as the callback package hands it over.
type dialectV1 struct{}

func (dialectV1) Protocols() []market.Protocol { return []market.Protocol{market.V1, market.LicenseV1} }
func (dialectV1) Encode(activity string, a market.Answer) []byte {
	return saas1.Encode(activity, a, saas1.Cipher{})
}
func (dialectV1) EncodeSealed(activity string, a market.Answer, key string, e int) []byte {
	return saas1.Encode(activity, a, saas1.Cipher{Secret: key, Type: crypt.EncryptType(e)})
}
func (dialectV1) Decode(query []byte) (market.Call, error) {
	q, err := saas1.ParseQuery(string(query))
	if err != nil {
		return market.Call{}, err
	}
	return saas1.Decode(q)
}
func (dialectV1) Message(err error) string { return saas1.Message(err) }

// deskV1 is a desk that speaks V1.0 and waits for access data that long.
type deskV1 struct{ *desk }

func openV1(t *testing.T, wait time.Duration) deskV1 {
	t.Helper()
	d := &desk{t: t, store: storetest.Open(t), life: &life{}}
	d.channel = storetest.Channel(t, d.store, "default", "")
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialect{}, dialectV1{}}, Wait: wait,
		PublicURL: "https://koodesk.example.com", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
	return deskV1{d}
}

// arrived1 is a V1.0 call that came at a time.
func (d deskV1) arrived1(came time.Time, activity string, kv ...string) intake.Arrived {
	d.t.Helper()
	fields := map[string]string{"activity": activity, "timeStamp": saas1.Stamp(time.Now())}
	for i := 0; i < len(kv); i += 2 {
		fields[kv[i]] = kv[i+1]
	}
	query := saas1.Sign(storetest.BasicKey, fields)
	call, err := dialectV1{}.Decode([]byte(query))
	require.NoError(d.t, err)
	saas1.Reveal(&call, storetest.BasicKey, crypt.AES256)
	return intake.Arrived{Channel: d.channel, Call: call, ReceivedAt: came, IP: "192.0.2.1",
		Key: storetest.BasicKey, Request: store.Request{Method: "GET", Query: query}}
}

// callAt hands over a V1.0 call that came at a time, and gives the answer's fields.
func (d deskV1) callAt(came time.Time, activity string, kv ...string) map[string]any {
	d.t.Helper()
	body, code, err := d.intake.Handle(context.Background(), d.arrived1(came, activity, kv...))
	require.NoError(d.t, err)
	var out map[string]any
	require.NoError(d.t, json.Unmarshal(body, &out))
	require.Equal(d.t, string(code), out["resultCode"])
	return out
}

// call hands over a V1.0 call that comes now.
func (d deskV1) call(activity string, kv ...string) map[string]any {
	d.t.Helper()
	return d.callAt(time.Now(), activity, kv...)
}

// buy1 purchases; the instanceId is the businessId.
func (d deskV1) buy1(id string, kv ...string) map[string]any {
	d.t.Helper()
	return d.call("newInstance", append([]string{"orderId", "CS-" + id, "businessId", id, "customerId", "c1", "productId", "P1"}, kv...)...)
}

func (d deskV1) state(id string) string {
	d.t.Helper()
	return d.text(`SELECT status || ' ' || frozen_by FROM instances WHERE instance_id = $1`, id)
}

const briefly = 30 * time.Millisecond

func TestAPurchaseOfV1BringsItsFacts(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	got := d.buy1("b1", "skuCode", "S1", "customerName", "n", "chargingMode", "1", "periodType", "year", "periodNumber", "2", "amount", "7",
		"expireTime", "20270725000000", "email", crypt.EncryptField(storetest.BasicKey, crypt.AES128, "user@example.com"),
		"saasExtendParams", saas1.EncodeParams([]market.ExtendParam{{Name: "idNum", Value: "3522"}}))
	require.Equal(t, map[string]any{"resultCode": "000004", "resultMsg": "the request is being processed", "instanceId": "b1"}, got)
	require.Equal(t, "P1 S1 NEW PERIOD year 2 7 c1 n v1", d.text(`SELECT concat_ws(' ', product_id, sku_code, order_type, charging_mode, period_type,
		period_number, linear_value, customer_id, customer_name, protocol) FROM instances`))
	require.Equal(t, "20270725000000", d.expiry("b1"))
	require.Equal(t, "provision purchase pending", d.text(`SELECT kind || ' ' || purpose || ' ' || status FROM tasks`), "no order query first")
	require.Equal(t, "v1 processing 000004 b1", d.text(`SELECT protocol || ' ' || status || ' ' || result_code || ' ' || instance_id FROM messages`))
	i, err := d.store.Reader().InstanceOf(context.Background(), d.channel.ID, "b1")
	require.NoError(t, err)
	require.Equal(t, "user@example.com", i.Email)
	facts, err := d.store.Reader().OrderAnswer(context.Background(), i.PK)
	require.NoError(t, err)
	require.Contains(t, string(facts), `"idNum":"3522"`)
	require.Empty(t, d.text(`SELECT COALESCE(string_agg(x::text, ''), '') FROM instances x WHERE x::text LIKE '%user@example%'`), "sealed")
	require.Equal(t, map[string]string{"idNum": "3522"}, i.Params)
	d.buy1("b2", "trialFlag", "1")
	require.Equal(t, "TRIAL", d.text(`SELECT order_type FROM instances WHERE instance_id = 'b2'`))
}

func TestAPurchaseOfV1WaitsForItsAccessData(t *testing.T) {
	t.Parallel()
	d := openV1(t, 20*time.Second)
	made := make(chan error, 1)
	go func() { // a worker
		for {
			r, err := d.store.SQL().Exec(`UPDATE instances SET provisioned_at = now(), status = 'active', front_end_url = 'https://app.example.com', user_name = 'admin', access_version = 1`)
			if n, _ := r.RowsAffected(); err != nil || n > 0 {
				made <- err
				return
			}
		}
	}()
	got := d.buy1("b1")
	require.NoError(t, <-made)
	require.Equal(t, "000000", got["resultCode"])
	require.Equal(t, "b1", got["instanceId"])
	require.Equal(t, "1", got["encryptType"])
	app := got["appInfo"].(map[string]any)
	require.Equal(t, "https://app.example.com", app["frontEndUrl"])
	user, err := crypt.DecryptField(storetest.BasicKey, crypt.AES256, app["userName"].(string))
	require.NoError(t, err)
	require.Equal(t, "admin", user)
	require.Equal(t, "000000 000000 t", d.text(`SELECT m.result_code || ' ' || a.result_code || ' ' || (a.response IS NULL AND a.response_sealed IS NOT NULL)::text::char
		FROM messages m JOIN attempts a ON a.message_id = m.id`), "the answer that was sent is kept, sealed")

	d.exec(`UPDATE instances SET status = 'frozen', frozen_at = now()`)
	again := d.buy1("b2", "orderId", "CS-b1")
	require.Equal(t, got, again, "a repeat gets the same bytes, frozen or not")
	d.exec(`UPDATE instances SET status = 'released', released_at = now()`)
	require.Equal(t, map[string]any{"resultCode": "000000", "resultMsg": "success.", "instanceId": "b1",
		"appInfo": map[string]any{"frontEndUrl": "https://app.example.com"}}, d.buy1("b3", "orderId", "CS-b1"))
	require.Equal(t, "1 1 3", d.text(`SELECT (SELECT count(*) FROM instances) || ' ' || (SELECT count(*) FROM messages) || ' ' || (SELECT count(*) FROM attempts)`))
}

// What waits for a person, or for a later try, is not waited for.
func TestAPurchaseOfV1DoesNotWaitInVain(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1")
	patient := openV1(t, time.Hour)
	patient.store, patient.channel = d.store, d.channel
	patient.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialectV1{}}, Wait: time.Hour,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
	d.exec(`UPDATE tasks SET run_at = '9999-12-31'`)
	require.Equal(t, "000004", patient.buy1("b2", "orderId", "CS-b1")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'failed', run_at = now(), finished_at = now(); UPDATE messages SET status = 'failed'`)
	done := make(chan map[string]any, 1)
	go func() { done <- patient.buy1("b3", "orderId", "CS-b1") }()
	require.Eventually(t, func() bool {
		return d.text(`SELECT status || round FROM tasks`) == "pending1"
	}, time.Minute, 5*time.Millisecond, "the marketplace's repeat begins a new round")
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now(); UPDATE messages SET status = 'failed'`)
	got := <-done
	require.Equal(t, "000005", got["resultCode"], "given up while waiting")
	require.Equal(t, "b1", got["instanceId"])
	require.Equal(t, "new repeat applied", d.text(`SELECT string_agg(disposition, ' ' ORDER BY id) FROM attempts`))
}

func TestWhatMakesAPurchaseOfV1TheSame(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	id := func(kv ...string) any {
		return d.call("newInstance", append([]string{"customerId", "c1"}, kv...)...)["instanceId"]
	}
	period := func(business, product string) any {
		return id("orderId", "O1", "businessId", business, "productId", product, "chargingMode", "1")
	}
	require.Equal(t, "b1", period("b1", "P1"))
	require.Equal(t, "b1", period("b2", "P1"))
	require.Equal(t, "b1", period("b3", "P2"), "by orderId alone")
	require.Equal(t, "1", d.text(`SELECT conflicts::text FROM messages`), "flagged for the operator")
	for i, mode := range []string{"0", "5"} {
		by := func(business, product string) any {
			return id("orderId", "USE"+mode, "businessId", business, "productId", product, "chargingMode", mode)
		}
		first, second := by("u1"+mode, "SMS"), by("u2"+mode, "MMS")
		require.NotEqual(t, first, second, "one instance per productId")
		require.Equal(t, first, by("u3"+mode, "SMS"))
		require.Equal(t, second, by("u4"+mode, "MMS"), i)
	}
	plain := func(order, business, product string, kv ...string) any {
		return id(append([]string{"orderId", order, "businessId", business, "productId", product}, kv...)...)
	}
	require.Equal(t, []any{"p1", "p2", "p1", "p2"}, []any{plain("PLAIN", "p1", "SMS"), plain("PLAIN", "p2", "MMS"), plain("PLAIN", "p3", "SMS"), plain("PLAIN", "p4", "MMS")},
		"without a mode and a period it may be charged by use: no product is taken for another")
	require.Equal(t, "p1", plain("PLAIN", "p5", "SMS", "chargingMode", "3"), "nor made twice when the mode is told later")
	require.Equal(t, "m1", plain("MODE", "m1", "P1", "chargingMode", "1"))
	require.Equal(t, "m1", plain("MODE", "m2", "P1"), "or was told before")
	for i, period := range [][]string{{"expireTime", "20301124023618"}, {"periodType", "year", "periodNumber", "1"}, {"trialFlag", "1"}} {
		order := "PERIOD" + strconv.Itoa(i)
		require.Equal(t, order, plain(order, order, "P1", period...))
		require.Equal(t, order, plain(order, "other", "P2", period...), "a period is bought once")
		require.Equal(t, "1", d.text(`SELECT conflicts::text FROM messages WHERE order_id = $1`, order), "another product is shown to people")
	}
	require.NotEqual(t, "b1", id("orderId", "O2", "businessId", "b1", "productId", "P1"), "an id that is taken")
	d.exec(`DELETE FROM messages`)
	require.Equal(t, "b1", period("b9", "P1"), "the instance is known although its message is gone")
	d.send("activity", "newInstance", "orderId", "O1", "orderLineId", "L1", "businessId", "v2")
	require.Equal(t, "13", d.text(`SELECT count(*)::text FROM instances`), "generations do not meet")
}

func TestRenewalExpiryAndStatusOfV1(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1", "expireTime", "20270101000000")
	d.ready("b1")
	ok := func(activity string, kv ...string) {
		t.Helper()
		require.Equal(t, map[string]any{"resultCode": "000000", "resultMsg": "success."}, d.call(activity, append(kv, "instanceId", "b1")...))
	}
	renew := func(order, expires string, kv ...string) {
		t.Helper()
		ok("refreshInstance", append(kv, "orderId", order, "expireTime", expires)...)
	}
	ok("expireInstance")
	require.Equal(t, "frozen expiry", d.state("b1"))
	ok("expireInstance", "orderId", "CS-b1")
	renew("R0", "20200101000000")
	require.Equal(t, "frozen expiry", d.state("b1"), "what is over stays frozen")
	renew("R1", "20990101000000", "productId", "P2", "periodType", "year", "periodNumber", "3", "trialToFormal", "1")
	require.Equal(t, "active ", d.state("b1"), "a renewal ends what expiry froze")
	require.Equal(t, "P2 year 3 TRIAL_TO_FORMAL", d.text(`SELECT concat_ws(' ', product_id, period_type, period_number, order_type) FROM instances`))
	renew("R2", "20980101000000", "orderAmount", "-12.5")
	require.Equal(t, "20980101000000", d.expiry("b1"))
	renew("R1", "20990101000000", "productId", "P2", "periodType", "year", "periodNumber", "3", "trialToFormal", "1")
	require.Equal(t, "20980101000000", d.expiry("b1"), "the same order is not applied twice")
	renew("R1", "20970101000000")
	require.Equal(t, "20980101000000", d.expiry("b1"), "nor with other content")

	ok("expireInstance")
	require.Equal(t, "frozen expiry", d.state("b1"), "a year later it expires again")
	ok("instanceStatus", "instanceStatus", "FREEZE")
	require.Equal(t, "frozen status", d.state("b1"))
	renew("R3", "20990601000000")
	require.Equal(t, "frozen status", d.state("b1"), "no renewal ends what a status change froze")
	ok("instanceStatus", "instanceStatus", "NORMAL")
	require.Equal(t, "active ", d.state("b1"))
	page, err := d.store.Reader().MessageList(context.Background(), store.MessageFilter{Activity: "instanceStatus"}, store.Paging{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"UNFREEZE", "FREEZE"}, []string{page.Items[0].Scene, page.Items[1].Scene})
	ok("releaseInstance")
	ok("releaseInstance", "orderId", "X")
	ok("expireInstance")
	require.Equal(t, "released ", d.state("b1"))
	require.Equal(t, []string{"b1"}, d.life.released)
	for _, c := range [][]string{
		{"refreshInstance", "instanceId", "b1", "orderId", "R9", "expireTime", "20990101000000"},
		{"instanceStatus", "instanceId", "b1", "instanceStatus", "NORMAL"},
		{"upgrade", "instanceId", "b1", "orderId", "U9", "skuCode", "S", "productId", "P"},
		{"queryInstance", "instanceId", "b1"}, {"expireInstance", "instanceId", "nobody"}, {"releaseInstance", "instanceId", "nobody"},
	} {
		require.Equal(t, "000003", d.call(c[0], c[1:]...)["resultCode"], c)
	}
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM tasks WHERE kind = 'order_query'`))
}

func TestUpgradeAndQueryOfV1(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1")
	d.buy1("b2")
	require.Equal(t, map[string]any{"resultCode": "000000", "resultMsg": "success.", "info": []any{map[string]any{"instanceId": "b1"}}},
		d.call("queryInstance", "instanceId", "b1"), "being made is no failure")
	d.ready("b1")
	d.exec(`UPDATE instances SET user_name = 'admin' WHERE instance_id = 'b1'`)
	got := d.call("queryInstance", "instanceId", "b1,b2,nobody")
	require.Equal(t, "1", got["encryptType"])
	require.Len(t, got["info"], 2)
	for range 2 {
		require.Equal(t, "000000", d.call("upgrade", "instanceId", "b1", "orderId", "U1", "skuCode", "S2", "productId", "P2", "amount", "500")["resultCode"])
	}
	require.Equal(t, "P2 S2 500 CHANGE", d.text(`SELECT concat_ws(' ', product_id, sku_code, linear_value, order_type) FROM instances WHERE instance_id = 'b1'`))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks WHERE purpose = 'upgrade' AND kind = 'provision'`))
	require.Equal(t, "P1 → P2 × 500", d.text(`SELECT old_value || ' → ' || new_value FROM instance_events WHERE kind = 'product' AND old_value <> ''`))

	d.buy1("b3", "saasExtendParams", saas1.EncodeParams([]market.ExtendParam{{Name: "domain", Value: "d1"}, {Name: "seats", Value: "5"},
		{Name: "platformParams", Value: `{"tenantName":"企业","tennantId":"T-1","userId":"admin@t"}`}}))
	require.Equal(t, "000000", d.call("upgrade", "instanceId", "b3", "orderId", "U3", "skuCode", "S2", "productId", "P2",
		"saasExtendParams", saas1.EncodeParams([]market.ExtendParam{{Name: "seats", Value: "9"}}))["resultCode"])
	b3, err := d.store.Reader().InstanceOf(context.Background(), d.channel.ID, "b3")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"domain": "d1", "seats": "9", "platformParams": `{"tenantName":"企业","tennantId":"T-1","userId":"admin@t"}`,
		"platformParams.tenantName": "企业", "platformParams.tenantId": "T-1", "platformParams.userId": "admin@t"}, b3.Params, "an upgrade adds to them")
}

func TestDebuggingCallsOfV1AlwaysSucceed(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Hour)
	for _, business := range []string{"t1", "t2"} {
		got := d.buy1(business, "testFlag", "1", "orderId", "MOCK")
		require.Equal(t, map[string]any{"resultCode": "000000", "resultMsg": "success.", "instanceId": "t1",
			"appInfo": map[string]any{"frontEndUrl": "https://koodesk.example.com"}}, got)
	}
	for _, c := range [][]string{{"refreshInstance", "orderId", "o", "expireTime", "20180725000000"}, {"expireInstance"}, {"releaseInstance"},
		{"instanceStatus", "instanceStatus", "FREEZE"}, {"upgrade", "orderId", "o", "skuCode", "s", "productId", "p"}, {"queryInstance"}} {
		require.Equal(t, "000000", d.call(c[0], append(c[1:], "testFlag", "1", "instanceId", "never-existed")...)["resultCode"], c)
	}
	require.Equal(t, "0 0", d.text(`SELECT (SELECT count(*) FROM instances) || ' ' || (SELECT count(*) FROM tasks)`))
}

// A stored call of V1.0 is its query, and can be run again by a person.
func TestRestartOfV1(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	require.Equal(t, "000003", d.call("expireInstance", "instanceId", "b1")["resultCode"])
	d.buy1("b1")
	by := staff.Actor{Name: "operator:o@example.com", Source: "operator"}
	id := func(activity string) (n int64) {
		require.NoError(t, d.store.SQL().QueryRow(`SELECT id FROM messages WHERE activity = $1`, activity).Scan(&n))
		return n
	}
	r, err := d.restartMessage(id("expireInstance"), by)
	require.NoError(t, err)
	require.Equal(t, market.Success, r.Code)
	require.Equal(t, "frozen expiry", d.state("b1"))
	d.exec(`UPDATE tasks SET status = 'succeeded'`)
	d.ready("b1")
	d.exec(`UPDATE instances SET password_sealed = NULL, user_name = 'secret-user'`)
	r, err = d.restartMessage(id("newInstance"), by)
	require.NoError(t, err)
	require.Equal(t, market.Success, r.Code)
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM instances`))
	require.False(t, strings.Contains(d.text(`SELECT COALESCE(string_agg(response, ''), '') FROM attempts`), "appInfo"), "access data is sealed")
}
