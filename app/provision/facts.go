package provision

import (
	"strconv"
	"strings"
	"unicode"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Who set an expiry, as instances.expiry_set_by says. One that a
// refreshInstance set is never overwritten by an order's answer.
const (
	setByOrder   = "order"
	setByRefresh = "refresh"
)

// takeLine puts product, period and expiry of an order line into the instance.
// What the line leaves out stays as it is.
func takeLine(i *store.Instance, order market.Order, line market.OrderLine) []market.Change {
	before := productText(i)
	if product, ok := line.Product(); ok {
		if !renewedSince(i, order) {
			i.ProductID = tidy(product.ProductID)
		}
		i.SkuCode = tidy(product.SkuCode)
		i.ProductName, i.LinearValue = tidy(product.ProductName), product.LinearValue
	}
	i.OrderType = tidy(string(order.Type))
	if line.ChargingMode != "" {
		i.ChargingMode = market.ChargingMode(tidy(string(line.ChargingMode)))
	}
	if line.PeriodType != "" {
		i.PeriodType, i.PeriodNumber = tidy(line.PeriodType), line.PeriodNumber
	}
	var changes []market.Change
	if after := productText(i); after != before {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: before, New: after})
	}
	if i.ExpirySetBy != setByRefresh && !line.ExpireTime.IsZero() {
		changes = append(changes, i.SetExpiry(line.ExpireTime)...)
		i.ExpirySetBy = setByOrder
	}
	return changes
}

// renewedSince tells whether a refreshInstance has named the product already
// that the answer to the purchase, come late, would overwrite.
func renewedSince(i *store.Instance, order market.Order) bool {
	first := order.Type == market.OrderNew || order.Type == market.OrderTrial
	return first && i.ProductID != "" && i.ExpirySetBy == setByRefresh
}

// productText is a product in the history: its id, and the size of a linear one.
func productText(i *store.Instance) string {
	if i.LinearValue > 0 {
		return i.ProductID + " × " + strconv.FormatInt(i.LinearValue, 10)
	}
	return i.ProductID
}

// takeBuyer puts the customer into the instance: a purchase's order says who it
// is, any later one only if that is not known yet.
func takeBuyer(i *store.Instance, b *market.Buyer, purpose outbox.Purpose) []market.Change {
	known := i.CustomerID != "" || i.Email != "" || i.Phone != ""
	if b == nil || known && purpose != outbox.Purchase {
		return nil
	}
	before := i.CustomerID
	set := func(to *string, value string) {
		if v := tidy(value); v != "" {
			*to = v
		}
	}
	set(&i.CustomerID, b.CustomerID)
	set(&i.CustomerName, b.CustomerName)
	set(&i.RealName, b.CustomerRealName)
	set(&i.Email, b.Email)
	set(&i.Phone, b.MobilePhone)
	if i.CustomerID == before {
		return nil
	}
	return []market.Change{{Kind: market.CustomerChanged, Old: before, New: i.CustomerID}}
}

// params are the extension parameters of an order and its line, whose own count
// more.
func params(order market.Order, line market.OrderLine) map[string]string {
	out := map[string]string{}
	for _, list := range [][]market.ExtendParam{order.Params, line.Params} {
		for _, p := range list {
			if name := tidy(p.Name); name != "" {
				out[name] = tidy(p.Value)
			}
		}
	}
	return out
}

// tidy makes a value of an outside system fit for columns, headers and screens:
// control characters (a NUL among them, which the database refuses) become
// blanks, and blanks around it go.
func tidy(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s))
}
