package saas2

import (
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// takeInstanceIDs reads 1 to 100 ids separated by commas. The printed length of
// the field, 100 characters, cannot be meant for the list: so each id has the 64
// that every instanceId of an answer has. Blanks around an id are dropped, an id
// that comes again is taken once, a blank id is refused by its position.
func takeInstanceIDs(c *market.Call, r rule, root value) error {
	text := ""
	if v, ok := root.get(r.name); ok {
		var err error
		if text, err = r.scalar(v); err != nil {
			return err
		}
	}
	if strings.TrimSpace(text) == "" {
		return fault.New(fault.Invalid, keyMissing, "field", r.name)
	}
	n := strings.Count(text, ",") + 1
	if n > MaxQueryIDs {
		return tooMany(r.name, MaxQueryIDs, n)
	}
	ids := make([]string, 0, n)
	seen := make(map[string]struct{}, n)
	for i, id := range strings.Split(text, ",") {
		one := r
		if n > 1 {
			one.name = at(r.name, i)
		}
		id = strings.Trim(id, " ")
		if strings.TrimSpace(id) == "" {
			return fault.New(fault.Invalid, keyMissing, "field", one.name)
		}
		if err := one.check(id); err != nil {
			return err
		}
		if _, twice := seen[id]; !twice {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	c.InstanceIDs = ids
	return nil
}

// maxProducts bounds productInfo. The page shows one target product; the order
// query's list of an order line has one as well.
const maxProducts = 100

// The fields of ProductInfo, which changeInstanceCheck's page (CN 0000002411753620)
// does not define: those of the order query (C.1). Since it is not published
// that they are mandatory here, one of productId and skuCode is enough. The
// length of productName is not printed anywhere: ours.
var (
	infoProductID = rule{name: "productId", max: 64}
	infoSkuCode   = rule{name: "skuCode", max: 64}
	infoName      = rule{name: "productName", max: 1024}
	infoLinear    = rule{name: "linearValue", max: 32}
)

// takeProducts reads productInfo, which may be one object or a list of them (not
// published which).
func takeProducts(c *market.Call, r rule, root value) error {
	v, ok := root.get(r.name)
	switch {
	case !ok, v.kind == kindArray && len(v.items) == 0, v.kind == kindString && strings.TrimSpace(v.text) == "":
		return fault.New(fault.Invalid, keyMissing, "field", r.name)
	case v.kind == kindArray && len(v.items) > maxProducts:
		return tooMany(r.name, maxProducts, len(v.items))
	case v.kind == kindObject:
		p, err := takeProduct(r.name, v)
		if err != nil {
			return err
		}
		c.Products = []market.ProductInfo{p}
		return nil
	case v.kind != kindArray:
		return fault.New(fault.Invalid, keyType, "field", r.name, "want", "object")
	}
	products := make([]market.ProductInfo, 0, len(v.items))
	for i, item := range v.items {
		p, err := takeProduct(at(r.name, i), item)
		if err != nil {
			return err
		}
		products = append(products, p)
	}
	c.Products = products
	return nil
}

func takeProduct(name string, v value) (market.ProductInfo, error) {
	var p market.ProductInfo
	if v.kind != kindObject {
		return p, fault.New(fault.Invalid, keyType, "field", name, "want", "object")
	}
	linear := ""
	for _, f := range [...]struct {
		rule rule
		to   *string
	}{{infoProductID, &p.ProductID}, {infoSkuCode, &p.SkuCode}, {infoName, &p.ProductName}, {infoLinear, &linear}} {
		f.rule.in = name
		text, err := f.rule.text(v)
		if err != nil {
			return p, err
		}
		*f.to = text
	}
	if p.ProductID == "" && p.SkuCode == "" {
		return p, fault.New(fault.Invalid, keyMissing, "field", name+".productId")
	}
	if linear != "" {
		n, err := strconv.ParseInt(linear, 10, 64)
		if err != nil || n < 0 {
			return p, rule{name: "linearValue", in: name}.refuse(keyFormat, "integer", linear)
		}
		p.LinearValue = n
	}
	return p, nil
}

func at(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }

func tooMany(field string, limit, got int) error {
	return fault.New(fault.Invalid, keyTooMany, "field", field, "limit", strconv.Itoa(limit), "got", strconv.Itoa(got))
}
