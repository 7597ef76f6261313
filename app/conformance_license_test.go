package main

import (
	"fmt"
	"time"

	"koodesk/app/conformance"
	"koodesk/app/market"
	"koodesk/app/simulator"
)

// Products of the License guides: one whose Licenses are bound to a device, and one
// whose pool has nothing.
const (
	deviceProduct = "P-DEVICE"
	emptyProduct  = "P-EMPTY"
)

// supply has a License guide's products hand out Licenses of a pool.
func (r *rig) supply(g conformance.Guide) {
	for id, more := range map[string][]string{"*": {"conf-" + g.ID}, deviceProduct: {"conf-" + g.ID, "--license-needs-device"}, emptyProduct: {"empty-" + g.ID}} {
		r.ok(product, "", append([]string{"set", "--channel", g.ID, "--product", id, "--driver", "none", "--license", "pool", "--license-pool"}, more...)...)
	}
	texts := ""
	for n := range 12 {
		texts += fmt.Sprintf("%s-%02d\n", g.ID, n)
	}
	r.ok(licensePool, texts, "import", "--pool", "conf-"+g.ID)
}

// licensed is an instance whose order has room for one License.
func (s *suite) licensed(product string) string {
	order := s.rig.ids.OrderID()
	s.rig.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1, ExpireTime: time.Now().AddDate(1, 0, 0),
		Products: []market.ProductInfo{{ProductID: product, SkuCode: "S1", LinearValue: 1}}}}})
	return s.buy(order, nil)
}
