package simulator

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"koodesk/app/market"
)

// defaultProduct is the one of the published mock answer; every order that
// nobody fixed is for it.
var defaultProduct = market.ProductInfo{
	ProductID: "OFFI846204237451911168", SkuCode: "0a4d1578-5295-46a7-92d4-7c803dccc51d",
	LinearValue: 50, ProductName: "MOCK测试商品,测试规格,基础版,包周期",
}

// mock is one of the nine orders that debugging cases name (page CN 0070649466).
type mock struct {
	kind   market.OrderType
	mode   market.ChargingMode
	period string // "" for lines that do not expire
	number int
}

var mocks = map[string]mock{
	"MOCKPERIODYEARNEW":      {market.OrderNew, market.Period, "year", 1},
	"MOCKONETIMENEW":         {market.OrderNew, market.OneTime, "", 0},
	"MOCKONDEMAND":           {market.OrderNew, market.OnDemand, "", 0},
	"MOCKONDEMANDPKG":        {market.OrderNew, market.OnDemandPkg, "year", 1},
	"MOCKPERIODDAYTRIAL":     {market.OrderTrial, market.Period, "day", 7},
	"MOCKMONTYTRIALTOFORMAL": {market.OrderTrialToFormal, market.Period, "month", 1},
	"MOCKMONTYUNSUBSCRIBE":   {market.OrderUnsubscribe, market.Period, "month", 1},
	"MOCKMONTYRENEW":         {market.OrderRenew, market.Period, "month", 1},
	"MOCKMONTYCHANGE":        {market.OrderChange, market.Period, "month", 1},
}

// order makes the answer for an id that nobody fixed: a MOCK order dated now, or
// a yearly order whose every detail follows from the id.
func (m *Market) order(orderID, lineID string) market.Order {
	if lineID == "" {
		lineID = LineID(orderID)
	}
	if k, ok := mocks[orderID]; ok {
		return m.mockOrder(orderID, lineID, k)
	}
	seed := sha256.Sum256([]byte(orderID))
	product := defaultProduct
	product.LinearValue = 10 * int64(1+seed[0]%10)
	number := binary.BigEndian.Uint32(seed[1:]) % 1000000
	price := strconv.Itoa(100 * int(product.LinearValue))
	created := m.createdAt(orderID)
	return market.Order{
		OrderID: orderID, Type: market.OrderNew, CreateTime: created,
		Lines: []market.OrderLine{{
			OrderLineID: lineID, ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1,
			ExpireTime: endOfDay(created.AddDate(1, 0, 0)), Products: []market.ProductInfo{product},
			Currency: price, CurrencyAfterDiscount: price,
		}},
		Buyer: &market.Buyer{
			CustomerID: hex.EncodeToString(seed[:16]), CustomerName: fmt.Sprintf("customer_%06d", number),
			CustomerRealName: fmt.Sprintf("测试客户%06d", number), CustomerType: "0",
			MobilePhone: m.opt.BuyerPhone, Email: m.opt.BuyerEmail,
		},
	}
}

func (m *Market) mockOrder(orderID, lineID string, k mock) market.Order {
	now := m.opt.Now().UTC().Truncate(time.Second)
	line := market.OrderLine{
		OrderLineID: lineID, ChargingMode: k.mode, PeriodType: k.period, PeriodNumber: k.number,
		Products: []market.ProductInfo{defaultProduct},
		Params:   []market.ExtendParam{{Name: "emailDomainName", Value: "test.xxxx.com"}, {Name: "ip", Value: "127.0.0.1"}},
		Currency: "100", CurrencyAfterDiscount: "100",
	}
	switch k.period {
	case "year":
		line.ExpireTime = endOfDay(now.AddDate(k.number, 0, 0))
	case "month":
		line.ExpireTime = endOfDay(now.AddDate(0, k.number, 0))
	case "day":
		line.ExpireTime = endOfDay(now.AddDate(0, 0, k.number))
	}
	if k.kind == market.OrderUnsubscribe { // ends now, and the money goes back
		line.ExpireTime, line.Currency, line.CurrencyAfterDiscount = now, "", "-100"
	}
	return market.Order{
		OrderID: orderID, Type: k.kind, CreateTime: now, Lines: []market.OrderLine{line},
		Buyer: &market.Buyer{
			CustomerID: "459bbbec25d24749b2eb83be37b602a8", CustomerName: "mock_user_01", CustomerRealName: "测试用户1",
			CustomerType: "0", MobilePhone: m.opt.BuyerPhone, Email: m.opt.BuyerEmail,
		},
	}
}

// createdAt reads the minute out of an id such as CS2611221315B4LVS; other ids
// were ordered when the stand-in started.
func (m *Market) createdAt(orderID string) time.Time {
	if len(orderID) > 12 && orderID[:2] == "CS" {
		if t, err := time.ParseInLocation("0601021504", orderID[2:12], beijing); err == nil {
			return t.UTC()
		}
	}
	return m.start.UTC().Truncate(time.Second)
}

// endOfDay is the last second of t's day in Beijing, where orders end (published
// sample: expireTime 20230726155959 in UTC).
func endOfDay(t time.Time) time.Time {
	y, mon, d := t.In(beijing).Date()
	return time.Date(y, mon, d, 23, 59, 59, 0, beijing).UTC()
}
