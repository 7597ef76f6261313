package market

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// OrderType is what an order does (page CN 0070649466).
type OrderType string

// The order types.
const (
	OrderNew           OrderType = "NEW"
	OrderTrial         OrderType = "TRIAL"
	OrderTrialToFormal OrderType = "TRIAL_TO_FORMAL"
	OrderUnsubscribe   OrderType = "UNSUBSCRIBE"
	OrderRenew         OrderType = "RENEW"
	OrderChange        OrderType = "CHANGE"
)

// OrderTypes are all of them.
func OrderTypes() []string {
	return []string{string(OrderNew), string(OrderTrial), string(OrderTrialToFormal), string(OrderRenew), string(OrderChange), string(OrderUnsubscribe)}
}

// Order is what the order query tells of an order (pages CN 0070649466, intl
// 0070649116, EU 000033). Lengths are in characters, as published; where none is
// given none is published. Values are kept as they came, longer ones included.
type Order struct {
	OrderID    string // ≤ 64
	Type       OrderType
	CreateTime time.Time // when it was placed, not when it takes effect; UTC, zero if unreadable
	Lines      []OrderLine
	Buyer      *Buyer // nil when the marketplace does not name one
	Params     []ExtendParam

	// Doubts name the parts of the answer that were there but could not be read,
	// e.g. "orderLine[0].expireTime"; their values are left zero.
	Doubts []string
}

// OrderLine is one bought thing of an order.
type OrderLine struct {
	OrderLineID  string       // ≤ 64
	ChargingMode ChargingMode // ≤ 25
	ExpireTime   time.Time    // UTC; zero when it never expires (one-time, pay-per-use) or is unreadable
	PeriodType   string       // "year", "month"; "day" for trials (not published); "" without a period
	PeriodNumber int          // how many of PeriodType; 0 without a period
	Products     []ProductInfo
	Params       []ExtendParam // what the buyer typed in while ordering

	// Amounts are decimals as the marketplace wrote them; "" when not given.
	Currency              string // ≤ 64; the order's amount (in spite of its name); "" for unsubscriptions
	CurrencyAfterDiscount string // ≤ 25; the deal amount; negative for unsubscriptions
}

// Buyer is who ordered. Everything here but CustomerID is personal data. Which
// fields are filled differs per site and product; lengths are not published.
type Buyer struct {
	CustomerID       string // stable id of the customer's account
	CustomerName     string // account name
	CustomerRealName string
	CustomerType     string // a number whose meaning is not published; mocks send 0
	UserID           string // IAM user, when one ordered for the account
	UserName         string
	MobilePhone      string
	Email            string
}

// ExtendParam is one name and value of an order or an order line.
type ExtendParam struct {
	Name  string
	Value string
}

// Line finds an order line. Without an id it is the only line of the order.
func (o Order) Line(orderLineID string) (OrderLine, bool) {
	if orderLineID == "" {
		if len(o.Lines) == 1 {
			return o.Lines[0], true
		}
		return OrderLine{}, false
	}
	for _, l := range o.Lines {
		if l.OrderLineID == orderLineID {
			return l, true
		}
	}
	return OrderLine{}, false
}

// Product is the line's first product that has an id. The published samples have
// exactly one; several are only possible for pay-per-use lines.
func (l OrderLine) Product() (ProductInfo, bool) {
	for _, p := range l.Products {
		if p.ProductID != "" {
			return p, true
		}
	}
	return ProductInfo{}, false
}

// Param is the value of a named parameter of the line.
func (l OrderLine) Param(name string) (string, bool) {
	for _, p := range l.Params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// OrderZone is the time zone of createTime and expireTime in the order query's
// answer. No page prints it. The published sample settles it: order
// CS2207261447AUY4H carries its Beijing time 2022-07-26 14:47 in its id and has
// createTime 20220726064736, eight hours less; its expireTime 20230726155959 is
// the last second of a Beijing day in UTC. So UTC, as expireTime is in every
// callback. (The MOCK orders end in 235959, which fits no zone rule: mock data.)
// This is the only place that decides it.
func OrderZone() *time.Location { return time.UTC }

// stampLayout is yyyyMMddHHmmss, the form of every time in V2.0.
const stampLayout = "20060102150405"

// ParseStamp reads yyyyMMddHHmmss as a time of the zone, and gives it in UTC.
// Milliseconds behind it are cut off: the text of page CN 0070649429 documents
// 14 digits, its sample has 17.
func ParseStamp(s string, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if len(s) != len(stampLayout) && len(s) != len(stampLayout)+3 {
		return time.Time{}, fmt.Errorf("time %.24q: want yyyyMMddHHmmss, 14 or 17 digits", s)
	}
	for _, c := range s[len(stampLayout):] {
		if c < '0' || c > '9' {
			return time.Time{}, fmt.Errorf("time %.24q: want yyyyMMddHHmmss, 14 or 17 digits", s)
		}
	}
	t, err := time.ParseInLocation(stampLayout, s[:len(stampLayout)], zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %.24q: want yyyyMMddHHmmss, 14 or 17 digits", s)
	}
	return t.UTC(), nil
}

// FormatStamp writes t as yyyyMMddHHmmss in the zone.
func FormatStamp(t time.Time, zone *time.Location) string { return t.In(zone).Format(stampLayout) }

// FormatMillis writes t as yyyyMMddHHmmssSSS in UTC.
func FormatMillis(t time.Time) string {
	return FormatStamp(t, time.UTC) + fmt.Sprintf("%03d", t.Nanosecond()/1e6)
}

// Tidy makes a value of an outside system fit for columns, headers and screens:
// control characters (a NUL among them, which the database refuses) become
// blanks, and blanks around it go.
func Tidy(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s))
}
