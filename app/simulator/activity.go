package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"koodesk/app/market"
)

// Fields are the members of a call's body; values are strings, or
// json.RawMessage for anything else.
type Fields map[string]any

// Text is a field's value if it is a string, else "".
func (f Fields) Text(name string) string {
	s, _ := f[name].(string)
	return s
}

// JSON is the body as the marketplace writes it: compact, keys ascending,
// nothing but JSON's own escapes.
func (f Fields) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any(f)); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// activity is one basic interface of SaaS V2.0 (page CN 0070649414): how its
// mandatory fields are filled, apart from the instance's id.
type activity struct {
	needsInstance bool
	needsCode     bool
	mockOrder     string // the order that a debugging case names; "" if the call has none
	fill          func(f Fields, g *IDs)
}

var activities = map[string]activity{
	market.NewInstance: {mockOrder: "MOCKPERIODYEARNEW", fill: func(f Fields, g *IDs) {
		f["businessId"] = g.UUID()
	}},
	market.QueryInstance: {needsInstance: true},
	market.RefreshInstance: {needsInstance: true, mockOrder: "MOCKMONTYRENEW", fill: func(f Fields, g *IDs) {
		f["scene"] = string(market.Renewal)
		f["expireTime"] = market.FormatStamp(g.now().AddDate(1, 0, 0), market.OrderZone()) + "000" // 17 digits, as the sample has
	}},
	market.UpdateInstanceStatus: {needsInstance: true, fill: func(f Fields, _ *IDs) {
		f["status"] = market.Freeze
	}},
	market.ReleaseInstance: {needsInstance: true},
	market.UpgradeInstance: {needsInstance: true, mockOrder: "MOCKMONTYCHANGE"},
	market.ChangeInstanceCheck: {needsInstance: true, fill: func(f Fields, _ *IDs) {
		f["productInfo"] = json.RawMessage(`[{"linearValue":20,"productId":"` + defaultProduct.ProductID +
			`","productName":"` + defaultProduct.ProductName + `","skuCode":"` + defaultProduct.SkuCode + `"}]`)
	}},
}

// Activities are the names that can be called, sorted.
func Activities() []string { return namesOf(activities) }

// ActivitiesV1 are those of SaaS V1.0.
func ActivitiesV1() []string { return namesOf(activitiesV1) }

func activitiesOf(p market.Protocol) map[string]activity {
	switch p {
	case market.V1:
		return activitiesV1
	case market.LicenseCode:
		return activitiesCode
	case market.OrderNotice:
		return activitiesNotice
	case market.License:
		return activitiesLicense
	case market.LicenseV1:
		return activitiesLicenseV1
	}
	return activities
}

func namesOf(table map[string]activity) []string {
	var names []string
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// errNeedsInstance says which field only the caller can know.
type errNeedsInstance struct{ activity string }

func (e errNeedsInstance) Error() string {
	return e.activity + " is about an instance: add --field instanceId=… (the id that newInstance answered)"
}

// NewCall fills a body: every mandatory field of the activity with a fresh,
// plausible value, then set (which wins), then without what is named in drop. A
// debugging call (test) carries testFlag 1, a MOCK order and any instance id; a
// real one has no testFlag, as the China site sends it now.
func NewCall(name string, set Fields, drop []string, test bool, g *IDs) (Fields, error) {
	return newCall(market.V2, name, set, drop, test, g)
}

// NewCallV1 is NewCall for SaaS V1.0. mobilePhone and email are given plain and
// saasExtendParams as a JSON list; signing encrypts and encodes them.
func NewCallV1(name string, set Fields, drop []string, test bool, g *IDs) (Fields, error) {
	return newCall(market.V1, name, set, drop, test, g)
}

// NewCallOf is NewCall for any generation that can be played.
func NewCallOf(p market.Protocol, name string, set Fields, drop []string, test bool, g *IDs) (Fields, error) {
	return newCall(p, name, set, drop, test, g)
}

func newCall(p market.Protocol, name string, set Fields, drop []string, test bool, g *IDs) (Fields, error) {
	table := activitiesOf(p)
	a, ok := table[name]
	if !ok {
		return nil, fmt.Errorf("unknown activity %q; one of %s", name, strings.Join(namesOf(table), ", "))
	}
	f := Fields{"activity": name}
	if a.mockOrder != "" {
		order := g.OrderID()
		if test {
			order = a.mockOrder
		}
		if given := set.Text("orderId"); given != "" {
			order = given
		}
		f["orderId"] = order
		if !p.ByQuery() { // they have no order lines
			f["orderLineId"] = LineID(order)
		}
	}
	if a.fill != nil {
		a.fill(f, g)
	}
	if test {
		f["testFlag"] = "1"
		if a.needsInstance {
			f["instanceId"] = g.UUID()
		}
	}
	for field, value := range set {
		f[field] = value
	}
	if _, given := f["license"]; a.needsCode && !given && !slices.Contains(drop, "license") {
		if !test {
			return nil, errNeedsCode{name}
		}
		f["license"] = g.LicenseCode()
	}
	if _, given := f["instanceId"]; a.needsInstance && !given && !slices.Contains(drop, "instanceId") {
		return nil, errNeedsInstance{name}
	}
	for _, field := range drop {
		delete(f, field)
	}
	return f, nil
}
