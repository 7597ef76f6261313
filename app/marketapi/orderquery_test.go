package marketapi

import (
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestQueryOrder(t *testing.T) {
	t.Parallel()
	raw := fixture(t, "order-period.json")
	s := newTLSServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != orderQueryPath ||
			r.URL.RawQuery != "orderId=MOCKPERIODYEARNEW&orderLineId=MOCKPERIODYEARNEW-000001" {
			http.NotFound(w, r)
			return
		}
		replyWith(200, "application/json;charset=UTF-8", string(raw))(w, r)
	})
	c := s.client(t, nil)
	o, got, err := c.QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "MOCKPERIODYEARNEW-000001")
	require.NoError(t, err)
	require.Equal(t, raw, got)
	require.Equal(t, market.Order{
		OrderID: "MOCKPERIODYEARNEW", Type: market.OrderNew,
		CreateTime: time.Date(2024, 11, 21, 9, 8, 46, 0, time.UTC),
		Lines: []market.OrderLine{{
			OrderLineID: "MOCKPERIODYEARNEW-000001", ChargingMode: market.Period,
			ExpireTime: time.Date(2025, 11, 21, 23, 59, 59, 0, time.UTC),
			PeriodType: "year", PeriodNumber: 1,
			Products: []market.ProductInfo{{
				ProductID: "OFFI846204237451911168", SkuCode: "0a4d1578-5295-46a7-92d4-7c803dccc51d",
				LinearValue: 50, ProductName: "MOCK测试商品,测试规格,基础版,包周期",
			}},
			Params:   []market.ExtendParam{{Name: "emailDomainName", Value: "test.xxxx.com"}, {Name: "ip", Value: "127.0.0.1"}},
			Currency: "100", CurrencyAfterDiscount: "100",
		}},
		Buyer: &market.Buyer{
			CustomerID: "459bbbec25d24749b2eb83be37b602a8", CustomerName: "mock_user_01",
			CustomerRealName: "测试用户1", CustomerType: "0", MobilePhone: "18688888888",
		},
	}, o)
	again, err := ParseOrder(got, market.OrderZone())
	require.NoError(t, err)
	require.Equal(t, o, again)
}

func TestQueryOrderWithoutLineAndWithBasePath(t *testing.T) {
	t.Parallel()
	s := newTLSServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/gateway"+orderQueryPath || r.URL.RawQuery != "orderId=A%20B" {
			http.NotFound(w, r)
			return
		}
		reply200([]byte(`{"resultCode":"MKT.0000","orderInfo":{"orderId":"A B"}}`))(w, r)
	})
	o, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL+"/gateway/", testCred, "A B", "")
	require.NoError(t, err)
	require.Equal(t, "A B", o.OrderID)
}

// order wraps one orderInfo as an answer.
func order(info string) string { return `{"resultCode":"MKT.0000","orderInfo":` + info + `}` }

func TestOrderIsReadLeniently(t *testing.T) {
	t.Parallel()
	line := func(body string) string { return order(`{"orderId":"A","orderLine":[` + body + `]}`) }
	first := func(o market.Order) market.OrderLine { return o.Lines[0] }
	for _, c := range []struct {
		name   string
		in     string
		see    func(market.Order) any
		want   any
		doubts []string
	}{
		{"numbers where strings are documented", order(`{"orderId":123,"orderType":"NEW"}`), func(o market.Order) any { return o.OrderID }, "123", nil},
		{"strings where numbers are documented", line(`{"periodNumber":"3"}`), func(o market.Order) any { return first(o).PeriodNumber }, 3, nil},
		{"whole number written as a decimal", line(`{"periodNumber":2.0}`), func(o market.Order) any { return first(o).PeriodNumber }, 2, nil},
		{"half a period", line(`{"periodNumber":2.5}`), func(o market.Order) any { return first(o).PeriodNumber }, 0, []string{"orderLine[0].periodNumber"}},
		{"product as an object", line(`{"productInfo":{"productId":"P"}}`), func(o market.Order) any { return first(o).Products[0].ProductID }, "P", nil},
		{"null products", line(`{"productInfo":null}`), func(o market.Order) any { return len(first(o).Products) }, 0, nil},
		{"null among products", line(`{"productInfo":[null,{"productId":"P"}]}`), func(o market.Order) any { return len(first(o).Products) }, 1, nil},
		{"text among products", line(`{"productInfo":["P"]}`), func(o market.Order) any { return len(first(o).Products) }, 0, []string{"orderLine[0].productInfo[0]"}},
		{"one line without a list", order(`{"orderId":"A","orderLine":{"orderLineId":"A-1"}}`), func(o market.Order) any { return first(o).OrderLineID }, "A-1", nil},
		{"expiry with milliseconds", line(`{"expireTime":"20251121235959123"}`), func(o market.Order) any { return first(o).ExpireTime }, time.Date(2025, 11, 21, 23, 59, 59, 0, time.UTC), nil},
		{"expiry as a number", line(`{"expireTime":20251121235959}`), func(o market.Order) any { return first(o).ExpireTime }, time.Date(2025, 11, 21, 23, 59, 59, 0, time.UTC), nil},
		{"no expiry", line(`{"expireTime":""}`), func(o market.Order) any { return first(o).ExpireTime }, time.Time{}, nil},
		{"unreadable expiry", line(`{"expireTime":"soon"}`), func(o market.Order) any { return first(o).ExpireTime }, time.Time{}, []string{"orderLine[0].expireTime"}},
		{"amounts keep their digits", line(`{"currency":100.10,"currencyAfterDiscount":"-0.10"}`), func(o market.Order) any { return first(o).Currency + " " + first(o).CurrencyAfterDiscount }, "100.10 -0.10", nil},
		{"an object where text is meant", line(`{"currency":{"amount":1}}`), func(o market.Order) any { return first(o).Currency }, "", []string{"orderLine[0].currency"}},
		{"empty buyer", order(`{"orderId":"A","buyerInfo":{"email":null}}`), func(o market.Order) any { return o.Buyer == nil }, true, nil},
		{"buyer in a list", order(`{"orderId":"A","buyerInfo":[{"email":" a@example.com "}]}`), func(o market.Order) any { return o.Buyer.Email }, "a@example.com", nil},
		{"NUL in a text", order(`{"orderId":"A","buyerInfo":{"customerName":"a\u0000b"}}`), func(o market.Order) any { return o.Buyer.CustomerName }, "ab", nil},
		{"parameter without a name", order(`{"orderId":"A","extendParams":[{"value":"x"},{"name":"n","value":1}]}`), func(o market.Order) any { return o.Params }, []market.ExtendParam{{Name: "n", Value: "1"}}, nil},
		{"order in a list", order(`[{"orderId":"A"}]`), func(o market.Order) any { return o.OrderID }, "A", nil},
		{"byte order mark", "\xef\xbb\xbf" + order(`{"orderId":"A"}`), func(o market.Order) any { return o.OrderID }, "A", nil},
		{"unknown fields", order(`{"orderId":"A","new":{"deep":[1]}}`), func(o market.Order) any { return o.OrderID }, "A", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, err := ParseOrder([]byte(c.in), time.UTC)
			require.NoError(t, err)
			require.Equal(t, c.want, c.see(o))
			require.Equal(t, c.doubts, o.Doubts)
		})
	}
}

func TestOrderZoneIsAnOption(t *testing.T) {
	t.Parallel()
	o, err := ParseOrder(fixture(t, "order-period.json"), time.FixedZone("CST", 8*3600))
	require.NoError(t, err)
	require.Equal(t, time.Date(2025, 11, 21, 15, 59, 59, 0, time.UTC), o.Lines[0].ExpireTime)
}

func TestAnswersWithoutTheOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, key string }{
		{"none", `{"resultCode":"MKT.0000"}`, "order_query.no_order"},
		{"null", order(`null`), "order_query.no_order"},
		{"empty list", order(`[]`), "order_query.no_order"},
		{"another order", order(`{"orderId":"B"}`), "order_query.other_order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTLSServer(t, reply200([]byte(c.body)))
			o, raw, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "A", "")
			f := fault.From(err)
			require.Equal(t, c.key, f.Key)
			require.False(t, f.Retry.Never, "the order may appear in a moment")
			require.Nil(t, raw)
			require.Empty(t, o)
			require.Contains(t, FaultKeys(), f.Key)
		})
	}
}

func FuzzParseOrder(f *testing.F) {
	f.Add([]byte(order(`{"orderId":"A","orderLine":[{"productInfo":{"linearValue":"1e400"},"expireTime":"20251121235959123"}]}`)))
	f.Add([]byte(order(`{"orderLine":[[],"",{"extendParams":{"name":1,"value":[]}}],"buyerInfo":[{}]}`)))
	f.Add([]byte("\xef\xbb\xbf{}{"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := ParseOrder(raw, time.UTC)
		if err != nil {
			require.Contains(t, FaultKeys(), fault.From(err).Key)
			return
		}
		require.LessOrEqual(t, len(o.Doubts), maxDoubts)
		texts := []string{o.OrderID, string(o.Type)}
		for _, l := range o.Lines {
			texts = append(texts, l.OrderLineID, l.PeriodType, l.Currency)
			for _, p := range l.Products {
				texts = append(texts, p.ProductID, p.ProductName)
			}
		}
		for _, s := range texts {
			require.True(t, utf8.ValidString(s))
			require.NotContains(t, s, "\x00")
		}
	})
}
