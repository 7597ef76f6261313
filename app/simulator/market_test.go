package simulator

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/aksk"
)

const orderPath = "/api/mkp-openapi-public/global/v1/order/query"

var testCred = aksk.Credentials{AK: "AKTEST", SK: "SKTEST"}

func newMarketServer(t *testing.T, change func(*MarketOptions)) (*Market, string) {
	t.Helper()
	o := MarketOptions{AK: testCred.AK, SK: testCred.SK, Now: testNow}
	if change != nil {
		change(&o)
	}
	m := NewMarket(o)
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return m, s.URL
}

// ask sends a signed order query.
func ask(t *testing.T, address, query string, change func(*http.Request)) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+orderPath+"?"+query, nil)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	require.NoError(t, aksk.Sign(r, nil, testCred, testNow()))
	if change != nil {
		change(r)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r) // on a kept connection net/http repeats a dropped GET
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// orderOf is the order in an answer.
func orderOf(t *testing.T, address, query string) orderDoc {
	t.Helper()
	status, body, err := ask(t, address, query, nil)
	require.NoError(t, err)
	require.Equal(t, 200, status, body)
	var doc struct {
		ResultCode string
		OrderInfo  orderDoc
	}
	require.NoError(t, json.Unmarshal([]byte(body), &doc))
	require.Equal(t, "MKT.0000", doc.ResultCode)
	return doc.OrderInfo
}

func TestMockOrders(t *testing.T) {
	t.Parallel()
	_, address := newMarketServer(t, nil)
	for _, c := range []struct{ id, kind, mode, period, expire, amount string }{
		{"MOCKPERIODYEARNEW", "NEW", "PERIOD", "year", "20271122155959", "100"},
		{"MOCKONETIMENEW", "NEW", "ONE_TIME", "", "", "100"},
		{"MOCKONDEMAND", "NEW", "ON_DEMAND", "", "", "100"},
		{"MOCKONDEMANDPKG", "NEW", "ON_DEMAND_PKG", "year", "20271122155959", "100"},
		{"MOCKPERIODDAYTRIAL", "TRIAL", "PERIOD", "day", "20261129155959", "100"},
		{"MOCKMONTYTRIALTOFORMAL", "TRIAL_TO_FORMAL", "PERIOD", "month", "20261222155959", "100"},
		{"MOCKMONTYUNSUBSCRIBE", "UNSUBSCRIBE", "PERIOD", "month", "20261122051500", "-100"},
		{"MOCKMONTYRENEW", "RENEW", "PERIOD", "month", "20261222155959", "100"},
		{"MOCKMONTYCHANGE", "CHANGE", "PERIOD", "month", "20261222155959", "100"},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			o := orderOf(t, address, "orderId="+c.id)
			require.Equal(t, c.id, o.OrderID)
			require.Equal(t, c.kind, o.OrderType)
			require.Equal(t, "20261122051500", o.CreateTime)
			l := o.OrderLine[0]
			require.Equal(t, c.id+"-000001", l.OrderLineID)
			require.Equal(t, c.mode, l.ChargingMode)
			require.Equal(t, optional(c.period), l.PeriodType)
			require.Equal(t, optional(c.expire), l.ExpireTime)
			require.Equal(t, c.amount, l.CurrencyAfterDiscount)
			require.Equal(t, defaultProduct.ProductID, l.ProductInfo[0].ProductID)
			require.Nil(t, o.BuyerInfo.Email)
		})
	}
	require.Len(t, mocks, 9)
}

func TestAnyOtherOrder(t *testing.T) {
	t.Parallel()
	_, address := newMarketServer(t, func(o *MarketOptions) { o.BuyerEmail = "buyer@example.com"; o.BuyerPhone = "13000000000" })
	o := orderOf(t, address, "orderId=CS2611201200ABCDE&orderLineId=CS2611201200ABCDE-000007")
	require.Equal(t, "20261120040000", o.CreateTime, "Beijing's minute of the id, in UTC")
	require.Equal(t, "CS2611201200ABCDE-000007", o.OrderLine[0].OrderLineID)
	require.Equal(t, "20271120155959", *o.OrderLine[0].ExpireTime)
	require.Equal(t, "buyer@example.com", *o.BuyerInfo.Email)
	require.Equal(t, "13000000000", *o.BuyerInfo.MobilePhone)
	require.Equal(t, o, orderOf(t, address, "orderId=CS2611201200ABCDE&orderLineId=CS2611201200ABCDE-000007"))

	other := orderOf(t, address, "orderId=whatever")
	require.Equal(t, "whatever-000001", other.OrderLine[0].OrderLineID)
	require.NotEqual(t, o.BuyerInfo.CustomerID, other.BuyerInfo.CustomerID)
	require.Equal(t, "20261122051500", other.CreateTime)
}

func TestMarketRefusesWrongSignatures(t *testing.T) {
	t.Parallel()
	m, address := newMarketServer(t, nil)
	for name, c := range map[string]struct {
		change func(*http.Request)
		code   string
	}{
		"none":      {func(r *http.Request) { r.Header.Del("Authorization") }, `"resultCode":"MKT.0154"`},
		"wrong key": {func(r *http.Request) { _ = aksk.Sign(r, nil, aksk.Credentials{AK: testCred.AK, SK: "x"}, testNow()) }, `"error_code":"APIGW.0301"`},
		"stranger":  {func(r *http.Request) { _ = aksk.Sign(r, nil, aksk.Credentials{AK: "x", SK: "x"}, testNow()) }, `"error_code":"APIGW.0301"`},
		"old":       {func(r *http.Request) { _ = aksk.Sign(r, nil, testCred, testNow().Add(-time.Hour)) }, `"error_code":"APIGW.0301"`},
		"tampered":  {func(r *http.Request) { r.URL.RawQuery = "orderId=B" }, `"error_code":"APIGW.0301"`},
	} {
		status, body, err := ask(t, address, "orderId=A", c.change)
		require.NoError(t, err)
		require.Equal(t, 401, status, name)
		require.Contains(t, body, c.code, name)
		require.NotContains(t, body, "orderInfo")
	}
	for _, c := range m.Calls() {
		require.NotEmpty(t, c.Refused)
		require.NotContains(t, c.String(), "\n")
	}
}

func TestMarketRefusesBadParameters(t *testing.T) {
	t.Parallel()
	_, address := newMarketServer(t, nil)
	status, body, err := ask(t, address, "orderLineId=A", nil)
	require.NoError(t, err)
	require.Equal(t, 400, status)
	require.Contains(t, body, "MKT.0101")
	status, body, err = ask(t, address, "orderId="+strings.Repeat("A", 65), nil)
	require.NoError(t, err)
	require.Equal(t, 500, status)
	require.Contains(t, body, "MKT.0100")
	status, body, err = ask(t, address+"/elsewhere", "", nil)
	require.NoError(t, err)
	require.Equal(t, 404, status)
	require.Contains(t, body, "APIGW.0101")
}

func TestMarketFailsToOrder(t *testing.T) {
	t.Parallel()
	m, address := newMarketServer(t, nil)
	m.FailNext(2, Failure{})
	m.FailNext(1, Failure{Status: 406, Code: "MKT. 0250", Msg: "Access frequency overlimit."})
	m.FailNext(1, Failure{Status: 502, Type: "text/html", Body: "<h1>bad gateway</h1>"})
	for _, want := range []struct {
		status int
		body   string
	}{{500, "MKT.0999"}, {500, "MKT.0999"}, {406, "MKT. 0250"}, {502, "<h1>"}, {200, "orderInfo"}} {
		status, body, err := ask(t, address, "orderId=A", nil)
		require.NoError(t, err)
		require.Equal(t, want.status, status)
		require.Contains(t, body, want.body)
	}
	for _, f := range []Failure{{Drop: true}, {Cut: true}} {
		m.FailNext(1, f)
		_, _, err := ask(t, address, "orderId=A", nil)
		require.Error(t, err)
	}
	require.Equal(t, 7, m.CallsFor("A"))
	require.Contains(t, m.Calls()[0].String(), "500 MKT.0999")
	m.Reset()
	require.Empty(t, m.Calls())
}

func TestMarketCanBeTurned(t *testing.T) {
	t.Parallel()
	m, address := newMarketServer(t, nil)
	m.SetOrder(market.Order{
		OrderID: "A", Type: market.OrderChange, CreateTime: testNow(),
		Lines: []market.OrderLine{{OrderLineID: "A-2", ChargingMode: market.OneTime}},
	})
	o := orderOf(t, address, "orderId=A&orderLineId=A-1")
	require.Equal(t, "CHANGE", o.OrderType)
	require.Equal(t, "A-2", o.OrderLine[0].OrderLineID)
	require.Nil(t, o.OrderLine[0].ExpireTime)
	require.Nil(t, o.BuyerInfo)

	m.SetBuyer("new@example.com", "1")
	require.Equal(t, "new@example.com", *orderOf(t, address, "orderId=B").BuyerInfo.Email)

	m.SetDelay(time.Hour)
	_, _, err := ask(t, address, "orderId=C", func(r *http.Request) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		*r = *r.WithContext(ctx)
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	m.SetDelay(0)
	require.Equal(t, "C", orderOf(t, address, "orderId=C").OrderID)
}

func TestMarketCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, []string{"market", "--addr", "127.0.0.1:0", "--ak", testCred.AK, "--sk", "-", "--fail", "1", "--buyer-email", "b@example.com"},
			strings.NewReader(testCred.SK+"\n"), in, io.Discard)
		_ = in.Close()
	}()
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	address, ok := strings.CutPrefix(lines.Text(), "open APIs on ")
	require.True(t, ok, lines.Text())
	logged := make(chan string, 10)
	go func() {
		for lines.Scan() {
			logged <- lines.Text()
		}
		close(logged)
	}()
	signNow := func(r *http.Request) { _ = aksk.Sign(r, nil, testCred, time.Now()) }
	status, _, err := ask(t, address, "orderId=A", signNow)
	require.NoError(t, err)
	require.Equal(t, 500, status, "--fail 1")
	status, body, err := ask(t, address, "orderId=A", signNow)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Contains(t, body, `"email":"b@example.com"`)
	require.Equal(t, "GET "+orderPath+" A 500 MKT.0999", <-logged)
	require.Equal(t, "GET "+orderPath+" A 200 MKT.0000", <-logged)
	cancel()
	require.Equal(t, exitGood, <-ended)
	_, more := <-logged
	require.False(t, more)
}
