package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/conformance"
	"koodesk/app/market"
	"koodesk/app/simulator"
)

// fullProduct is made by accounts that fill every field of an answer.
const fullProduct = "P-FULL"

// sealedLength is the longest ciphertext with its IV that fits in 128 characters:
// 16 of IV and base64 of 80 bytes, of which the padding takes one.
const sealedLength, sealedText = 124, 79

// padded fills a text up to so many characters.
func padded(text, with string, length int) string {
	return text + strings.Repeat(with, length-len(text))
}

// fullAccess is access data as long as the guide's tables allow.
func fullAccess(g conformance.Guide, n int) map[string]any {
	secret, with := 128, "管"
	if g.Form == conformance.FormToken {
		secret, with = sealedText, "x"
	}
	return map[string]any{"front_end_url": padded("https://app.seller.example/", "f", 512), "admin_url": padded("https://app.seller.example/", "a", 512),
		"user_name": padded(fmt.Sprintf("u%02d", n), with, secret), "password": padded("p", with, secret), "memo": strings.Repeat("云", 1024)}
}

// stock prepares the accounts of a guide's full product.
func (r *rig) stock(g conformance.Guide) {
	pool := "full-" + g.ID
	r.ok(product, "", "set", "--channel", g.ID, "--product", fullProduct, "--driver", "pool", "--pool", pool)
	var accounts []any
	for n := range 4 {
		accounts = append(accounts, fullAccess(g, n))
	}
	r.api("POST", "/pools/"+pool+"/accounts", map[string]any{"accounts": accounts}, 201)
}

// fill buys a package of the full product, whose use is reported in the longest
// words too. One character more of anything is refused before it could be said.
func (s *suite) fill() {
	order := s.rig.ids.OrderID()
	s.rig.market.SetOrder(market.Order{OrderID: order, Type: market.OrderNew, CreateTime: time.Now(), Lines: []market.OrderLine{{
		OrderLineID: simulator.LineID(order), ChargingMode: market.OnDemandPkg, PeriodType: "year", PeriodNumber: 1, ExpireTime: time.Now().AddDate(1, 0, 0),
		Products: []market.ProductInfo{{ProductID: fullProduct, SkuCode: "S1", LinearValue: 5}}}}})
	s.full = s.buy(order, simulator.Fields{"chargingMode": "5", "productId": fullProduct, "businessId": fresh64()})
	use := func(related, dashboard int) map[string]any {
		return map[string]any{"usage": []map[string]any{{"related_instance_id": strings.Repeat("r", related), "usage_value": 99999999.9999,
			"statistical_time": "2026-01-31T08:00:00.123Z", "dashboard_url": padded("https://app.seller.example/", "d", dashboard)}}}
	}
	s.rig.api("PUT", "/instances/"+s.full+"/usage", use(64, 512), 200)
	s.rig.api("PUT", "/instances/"+s.full+"/usage", use(65, 512), 400)
	s.rig.api("PUT", "/instances/"+s.full+"/usage", use(64, 513), 400)
	for _, name := range []string{"front_end_url", "admin_url", "user_name", "password", "memo"} {
		access := fullAccess(s.guide, 0)
		access[name] = access[name].(string) + "x"
		s.rig.api("PUT", "/instances/"+s.full+"/access", access, 400)
	}
}

// fresh64 is a new id of the greatest length.
func fresh64() string { return padded(uuid.NewString(), "-", 64) }

// whole is the answer to a call whose answer has everything: that of a purchase
// which was not ready at once is asked for again, as the marketplace does.
func (s *suite) whole(members []conformance.Member, w wired) wired {
	if s.face.Name != market.NewInstance {
		return w
	}
	at := slices.IndexFunc(members, func(m conformance.Member) bool { return m.Name == "orderId" })
	s.rig.waitItems("/instances?status=active&q="+conformance.Text(members[at].Value), 1)
	return s.send(members, "")
}

// atLimit requires that every text of the answer is as long as its table allows.
func (s *suite) atLimit(doc map[string]any) {
	s.Helper()
	for _, f := range s.face.Answer {
		if f.Length == 0 || len(f.Values) > 0 || f.Name == "resultMsg" || strings.HasSuffix(f.Name, "Time") {
			continue
		}
		found := pick(doc, strings.Split(f.Name, "."))
		require.NotEmpty(s, found, f.Name)
		for _, v := range found {
			text, ok := v.(string)
			if !ok {
				require.Equal(s, 99999999.9999, v, f.Name)
				continue
			}
			want := f.Length
			if f.Sealed {
				want = sealedLength
			}
			require.Equal(s, want, len(utf16.Encode([]rune(text))), f.Name)
		}
	}
}

// pick is what stands in an answer at a path of its table.
func pick(v any, path []string) (found []any) {
	if len(path) == 0 {
		return []any{v}
	}
	name, list := strings.CutSuffix(path[0], "[]")
	doc, _ := v.(map[string]any)
	below, there := doc[name]
	if !there {
		return nil
	}
	if !list {
		return pick(below, path[1:])
	}
	for _, item := range below.([]any) {
		found = append(found, pick(item, path[1:])...)
	}
	return found
}
