package market

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Field is what a call says in one of its fields, as it was understood: Says is equal
// where the same was said, however it was written, and nowhere else.
type Field struct {
	Name string // as the tables have it
	Says string // "" where the field says nothing
}

// ContentHash is SHA-256 over what a call of an activity says. A field that says
// nothing is as good as none: one more in the tables changes no hash of before. The
// hashes of messages are stored, so the form of Says is for ever.
func ContentHash(activity string, content []Field) []byte {
	content = slices.Clone(content)
	slices.SortFunc(content, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	var s statement
	s.text("activity", activity)
	for _, f := range content {
		s.text(f.Name, f.Says)
	}
	sum := sha256.Sum256(s)
	return sum[:]
}

// Hashes are those by which the call's content may be known, the present one first.
func (c Call) Hashes() [][]byte {
	hashes := make([][]byte, 0, 2)
	for _, h := range [][]byte{c.ContentHash, c.SpelledHash} {
		if h != nil {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

// Says is all that a call says, without how it was written; "" of one that says
// nothing. WeLink's part of the parameters is not there a second time.
func (c Call) Says() string {
	var s statement
	for _, f := range [...]struct{ name, text string }{
		{"orderId", c.OrderID}, {"orderLineId", c.OrderLineID}, {"businessId", c.BusinessID}, {"scene", string(c.Scene)},
		{"target", c.Target}, {"productId", c.ProductID}, {"skuCode", c.SkuCode}, {"license", c.License},
		{"eventId", c.EventID}, {"deviceFingerprint", c.DeviceFingerprint},
	} {
		s.text(f.name, f.text)
	}
	s.flag("test", c.Test)
	s.time("expireTime", c.ExpireTime)
	s.time("effectiveTime", c.EffectiveTime)
	for _, id := range c.InstanceIDs {
		s.put("instanceId", id)
	}
	for _, p := range c.Products {
		s.put("product", p.says())
	}
	if c.Terms != nil {
		c.Terms.say(&s)
	}
	return string(s)
}

func (p ProductInfo) says() string {
	var s statement
	s.text("productId", p.ProductID)
	s.text("skuCode", p.SkuCode)
	s.text("productName", p.ProductName)
	s.number("linearValue", p.LinearValue)
	p.say(&s)
	return string(s)
}

func (s Size) say(to *statement) {
	to.number("amount", s.Amount)
	to.number("diskSize", s.DiskSize)
	to.number("bandWidth", s.BandWidth)
}

func (t Terms) say(s *statement) {
	s.flag("trial", t.Trial)
	s.number("periodNumber", int64(t.PeriodNumber))
	t.Size.say(s)
	b := t.Buyer
	for _, f := range [...]struct{ name, text string }{
		{"chargingMode", string(t.ChargingMode)}, {"periodType", t.PeriodType}, {"orderAmount", plainDecimal(t.OrderAmount)},
		{"provisionType", t.ProvisionType}, {"customerId", b.CustomerID}, {"customerName", b.CustomerName},
		{"customerRealName", b.CustomerRealName}, {"customerType", b.CustomerType}, {"userId", b.UserID},
		{"userName", b.UserName}, {"mobilePhone", b.MobilePhone}, {"email", b.Email},
	} {
		s.text(f.name, f.text)
	}
	for _, p := range t.Params {
		var one statement
		one.put("name", p.Name)
		one.put("value", p.Value)
		s.put("param", string(one))
	}
}

// plainDecimal writes a decimal without the zeros that mean nothing.
func plainDecimal(s string) string {
	bare := strings.TrimPrefix(s, "-")
	whole, places, _ := strings.Cut(bare, ".")
	whole, places = strings.TrimLeft(whole, "0"), strings.TrimRight(places, "0")
	switch {
	case s == "":
		return ""
	case whole == "" && places == "":
		return "0"
	case bare != s:
		whole = "-" + whole
	}
	return whole + "." + places
}

// statement is names and values, each value with its length before it: no value can
// be taken for another name. What says nothing is left out, but for put.
type statement []byte

func (s *statement) put(name, v string) {
	b := append(append(*s, name...), ' ')
	b = append(strconv.AppendInt(b, int64(len(v)), 10), ' ')
	*s = append(append(b, v...), '\n')
}

func (s *statement) text(name, v string) {
	if v != "" {
		s.put(name, v)
	}
}

func (s *statement) number(name string, n int64) {
	if n != 0 {
		s.put(name, strconv.FormatInt(n, 10))
	}
}

func (s *statement) flag(name string, is bool) {
	if is {
		s.put(name, "1")
	}
}

func (s *statement) time(name string, t time.Time) {
	if !t.IsZero() {
		s.put(name, t.UTC().Format(time.RFC3339Nano))
	}
}
