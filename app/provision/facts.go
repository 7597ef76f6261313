package provision

import (
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// takeLine puts what an order line says into the instance, whichever of its
// orders becomes known first. rules tells whether it is the newest of them.
func takeLine(i *store.Instance, order market.Order, line market.OrderLine, task outbox.Task) (changes []market.Change, rules bool) {
	before := i.Bought().Sized()
	product, _ := line.Product()
	placed := order.CreateTime
	if placed.IsZero() { // unreadable: about when the call came that was caused by it
		placed = task.CreatedAt
	}
	learned, rules := i.Learn(market.Tidy(product.ProductID), line.ExpireTime, placed, task.ID, market.ChargingMode(market.Tidy(string(line.ChargingMode))))
	if rules {
		if product.ProductID != "" {
			i.SkuCode, i.ProductName = market.Tidy(product.SkuCode), market.Tidy(product.ProductName)
			i.LinearValue, i.Size = product.LinearValue, i.Size.Said(product.LinearValue)
			if i.Size != (market.Size{}) {
				i.LinearValue = i.Size.Linear()
			}
		}
		i.OrderType = market.Tidy(string(order.Type))
		if line.PeriodType != "" {
			i.PeriodType, i.PeriodNumber = market.Tidy(line.PeriodType), line.PeriodNumber
		}
	}
	return market.Resized(learned, before, i.Bought().Sized()), rules
}

// takeBuyer puts the customer into the instance: a purchase's order says who it
// is, whole; any later one only if that is not known yet.
func takeBuyer(i *store.Instance, b *market.Buyer, purpose outbox.Purpose) []market.Change {
	was := [...]string{i.CustomerID, i.CustomerName, i.RealName, i.Email, i.Phone}
	if b == nil || was != [...]string{"", "", "", "", ""} && purpose != outbox.Purchase {
		return nil
	}
	before := i.CustomerID
	i.CustomerID, i.CustomerName, i.RealName = market.Tidy(b.CustomerID), market.Tidy(b.CustomerName), market.Tidy(b.CustomerRealName)
	i.Email, i.Phone = market.Tidy(b.Email), market.Tidy(b.MobilePhone)
	if was == [...]string{i.CustomerID, i.CustomerName, i.RealName, i.Email, i.Phone} {
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
			if name := market.Tidy(p.Name); name != "" {
				out[name] = market.Tidy(p.Value)
			}
		}
	}
	return out
}
