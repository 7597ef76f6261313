package marketapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
)

const (
	opOrderQuery   = "order_query"
	orderQueryPath = "/api/mkp-openapi-public/global/v1/order/query" // page CN 0070649466
)

// QueryOrder asks for an order (Querying an Order: pages CN 0070649466, intl
// 0070649116, EU 000033). baseURL is scheme and host of the site's open APIs;
// orderLineID may be empty. raw is the answer as it came, with the buyer's
// personal data in it; nil on a failure.
//
// Faults, keys below "order_query.": Invalid (bad_address, no_credentials,
// no_order_id) and Refused (the marketplace says no) ask to give up;
// RateLimited (frequency_limit) asks to wait; Unavailable, TooLarge and NotFound
// (no_order: a good answer without an order) are worth trying again later.
func (c *Client) QueryOrder(ctx context.Context, baseURL string, cred Credentials, orderID, orderLineID string) (order market.Order, raw []byte, err error) {
	if orderID == "" {
		return market.Order{}, nil, fault.New(fault.Invalid, opOrderQuery+".no_order_id")
	}
	query := url.Values{"orderId": {orderID}}
	if orderLineID != "" {
		query.Set("orderLineId", orderLineID)
	}
	doc, raw, err := c.do(ctx, baseURL, cred, call{op: opOrderQuery, method: http.MethodGet, path: orderQueryPath, query: query})
	if err != nil {
		return market.Order{}, nil, err
	}
	info := doc.get("orderInfo").list()
	if len(info) == 0 {
		return market.Order{}, nil, fault.New(fault.NotFound, opOrderQuery+".no_order")
	}
	order = readOrder(info[0], c.opt.OrderZone)
	if order.OrderID == "" {
		order.OrderID = orderID
	}
	if order.OrderID != orderID { // never let another customer's order in
		return market.Order{}, nil, fault.New(fault.Unavailable, opOrderQuery+".other_order")
	}
	return order, raw, nil
}

// ParseOrder reads a stored answer of QueryOrder once more.
func ParseOrder(raw []byte, zone *time.Location) (market.Order, error) {
	doc, err := parseTree(raw)
	if err != nil {
		return market.Order{}, fault.Wrap(err, fault.Unavailable, opOrderQuery+".bad_answer")
	}
	info := doc.get("orderInfo").list()
	if len(info) == 0 {
		return market.Order{}, fault.New(fault.NotFound, opOrderQuery+".no_order")
	}
	return readOrder(info[0], zone), nil
}

func readOrder(n node, zone *time.Location) market.Order {
	n.path = "" // doubts are named within orderInfo
	o := market.Order{
		OrderID:    n.get("orderId").text(),
		Type:       market.OrderType(n.get("orderType").text()),
		CreateTime: n.get("createTime").stamp(zone),
		Buyer:      readBuyer(n.get("buyerInfo")),
		Params:     readParams(n.get("extendParams")),
	}
	for _, l := range n.get("orderLine").list() {
		o.Lines = append(o.Lines, readLine(l, zone))
	}
	o.Doubts = *n.doubts
	return o
}

func readLine(n node, zone *time.Location) market.OrderLine {
	l := market.OrderLine{
		OrderLineID:           n.get("orderLineId").text(),
		ChargingMode:          market.ChargingMode(n.get("chargingMode").text()),
		ExpireTime:            n.get("expireTime").stamp(zone),
		PeriodType:            n.get("periodType").text(),
		PeriodNumber:          int(n.get("periodNumber").integer()),
		Params:                readParams(n.get("extendParams")),
		Currency:              n.get("currency").text(),
		CurrencyAfterDiscount: n.get("currencyAfterDiscount").text(),
	}
	for _, p := range n.get("productInfo").list() {
		l.Products = append(l.Products, market.ProductInfo{
			ProductID:   p.get("productId").text(),
			SkuCode:     p.get("skuCode").text(),
			LinearValue: p.get("linearValue").integer(),
			ProductName: p.get("productName").text(),
		})
	}
	return l
}

func readParams(n node) []market.ExtendParam {
	var params []market.ExtendParam
	for _, p := range n.list() {
		if name := p.get("name").text(); name != "" {
			params = append(params, market.ExtendParam{Name: name, Value: p.get("value").text()})
		}
	}
	return params
}

// readBuyer gives nil when nothing is said of the buyer.
func readBuyer(n node) *market.Buyer {
	all := n.list()
	if len(all) == 0 {
		return nil
	}
	n = all[0]
	b := market.Buyer{
		CustomerID:       n.get("customerId").text(),
		CustomerName:     n.get("customerName").text(),
		CustomerRealName: n.get("customerRealName").text(),
		CustomerType:     n.get("customerType").text(),
		UserID:           n.get("userId").text(),
		UserName:         n.get("userName").text(),
		MobilePhone:      n.get("mobilePhone").text(),
		Email:            n.get("email").text(),
	}
	if b == (market.Buyer{}) {
		return nil
	}
	return &b
}
