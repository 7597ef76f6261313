package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"koodesk/app/market"
)

// queryOrder is Querying an Order (page CN 0070649466).
func (m *Market) queryOrder(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id, line := q.Get("orderId"), q.Get("orderLineId")
	switch {
	case id == "":
		writeError(w, http.StatusBadRequest, "MKT.0101", "Invalid parameter: orderId is mandatory.")
		return
	case utf8.RuneCountInString(id) > 64 || utf8.RuneCountInString(line) > 64:
		writeError(w, http.StatusInternalServerError, "MKT.0100", "Failure of input parameter: at most 64 characters.")
		return
	}
	m.mu.Lock()
	order, fixed := m.orders[id]
	if !fixed {
		order = m.order(id, line)
	}
	m.mu.Unlock()
	body, err := json.Marshal(map[string]any{"resultCode": "MKT.0000", "resultMsg": "Success", "orderInfo": newOrderDoc(order)})
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	noteCode(w, "MKT.0000")
	writeBody(w, http.StatusOK, "application/json;charset=UTF-8", string(body))
}

// The documents below have the published names, in the published order.
type orderDoc struct {
	OrderID      string     `json:"orderId"`
	OrderType    string     `json:"orderType"`
	CreateTime   string     `json:"createTime"`
	OrderLine    []lineDoc  `json:"orderLine"`
	BuyerInfo    *buyerDoc  `json:"buyerInfo"`
	ExtendParams []paramDoc `json:"extendParams"`
}

type lineDoc struct {
	OrderLineID           string       `json:"orderLineId"`
	ChargingMode          string       `json:"chargingMode"`
	PeriodType            *string      `json:"periodType"`
	PeriodNumber          *int         `json:"periodNumber"`
	ExpireTime            *string      `json:"expireTime"`
	ProductInfo           []productDoc `json:"productInfo"`
	ExtendParams          []paramDoc   `json:"extendParams"`
	Currency              string       `json:"currency"`
	CurrencyAfterDiscount string       `json:"currencyAfterDiscount"`
}

type productDoc struct {
	ProductID   string `json:"productId"`
	SkuCode     string `json:"skuCode"`
	LinearValue int64  `json:"linearValue"`
	ProductName string `json:"productName"`
}

type paramDoc struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type buyerDoc struct {
	MobilePhone      *string `json:"mobilePhone"`
	Email            *string `json:"email"`
	CustomerID       *string `json:"customerId"`
	CustomerName     *string `json:"customerName"`
	CustomerRealName *string `json:"customerRealName"`
	CustomerType     any     `json:"customerType"`
	UserID           *string `json:"userId"`
	UserName         *string `json:"userName"`
}

func newOrderDoc(o market.Order) orderDoc {
	d := orderDoc{
		OrderID: o.OrderID, OrderType: string(o.Type), CreateTime: market.FormatStamp(o.CreateTime, market.OrderZone()),
		OrderLine: []lineDoc{}, ExtendParams: paramDocs(o.Params), BuyerInfo: newBuyerDoc(o.Buyer),
	}
	for _, l := range o.Lines {
		d.OrderLine = append(d.OrderLine, newLineDoc(l))
	}
	return d
}

func newLineDoc(l market.OrderLine) lineDoc {
	d := lineDoc{
		OrderLineID: l.OrderLineID, ChargingMode: string(l.ChargingMode), PeriodType: optional(l.PeriodType),
		ExpireTime: optional(stamp(l.ExpireTime)), ProductInfo: []productDoc{}, ExtendParams: paramDocs(l.Params),
		Currency: l.Currency, CurrencyAfterDiscount: l.CurrencyAfterDiscount,
	}
	if l.PeriodNumber > 0 {
		d.PeriodNumber = &l.PeriodNumber
	}
	for _, p := range l.Products {
		d.ProductInfo = append(d.ProductInfo, productDoc{p.ProductID, p.SkuCode, p.LinearValue, p.ProductName})
	}
	return d
}

func newBuyerDoc(b *market.Buyer) *buyerDoc {
	if b == nil {
		return nil
	}
	d := &buyerDoc{
		MobilePhone: optional(b.MobilePhone), Email: optional(b.Email), CustomerID: optional(b.CustomerID),
		CustomerName: optional(b.CustomerName), CustomerRealName: optional(b.CustomerRealName),
		UserID: optional(b.UserID), UserName: optional(b.UserName),
	}
	if n, err := strconv.Atoi(b.CustomerType); err == nil { // a number in the mock
		d.CustomerType = n
	}
	return d
}

func paramDocs(params []market.ExtendParam) []paramDoc {
	docs := []paramDoc{}
	for _, p := range params {
		docs = append(docs, paramDoc(p))
	}
	return docs
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return market.FormatStamp(t, market.OrderZone())
}

// optional is null for what is empty, as in the captured answer.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
