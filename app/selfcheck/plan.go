package selfcheck

import (
	"maps"
	"slices"

	"koodesk/app/conformance"
	"koodesk/app/market"
)

// Type is a kind of product, or of notice, that an address serves: it decides
// which debugging cases the marketplace wants to see saved.
type Type string

// The types.
const (
	OneTime     Type = "one-time"
	Period      Type = "period" // yearly and monthly
	OnDemand    Type = "on-demand"
	V1OneTime   Type = "v1-one-time"
	V1Period    Type = "v1-period"
	V1OnDemand  Type = "v1-on-demand"
	License     Type = "license"
	LicenseCode Type = "license-code"
	LicenseV1   Type = "license-v1"
	OrderNotice Type = "order-notice"
)

// Types lists them all, in the order of the guides.
func Types() []Type {
	return []Type{OneTime, Period, OnDemand, V1OneTime, V1Period, V1OnDemand, License, LicenseCode, LicenseV1, OrderNotice}
}

// KeyClass is the class of key that the type's calls are signed with.
func (t Type) KeyClass() market.KeyClass {
	switch t {
	case LicenseCode:
		return market.LicenseKey
	case OrderNotice:
		return market.GeneralKey
	}
	return market.BasicKey
}

// spec is one debugging case: an interface with the values that make this case.
type spec struct {
	guide, activity string
	variant         string // what tells it from the interface's other cases, in KooGallery's own words
	set             map[string]any
	types           []Type
	optional        bool // the product needs it only if it offers changes, or the interface is optional
}

func order(id string) map[string]any {
	return map[string]any{"orderId": id, "orderLineId": id + "-000001"}
}

func with(m map[string]any, name string, value any) map[string]any {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]any{}
	}
	m[name] = value
	return m
}

// specs are the cases in the order in which a person saves them: an instance is
// made, used and released. Which a product needs: intl topic_0070649098, EU
// en-us_topic_000016 (V2.0), intl en-us_topic_0182376880 (V1.0), the License
// guides' debugging pages. The MOCK orders are those of CN 0000002497812372. The
// kit's five interfaces are not among them: the program does not speak it.
var specs = []spec{
	{"v2", "newInstance", "MOCKONETIMENEW", order("MOCKONETIMENEW"), []Type{OneTime}, false},
	{"v2", "newInstance", "MOCKPERIODYEARNEW", order("MOCKPERIODYEARNEW"), []Type{Period}, false},
	{"v2", "newInstance", "MOCKPERIODDAYTRIAL", order("MOCKPERIODDAYTRIAL"), []Type{Period}, false},
	{"v2", "newInstance", "MOCKONDEMAND", order("MOCKONDEMAND"), []Type{OnDemand}, false},
	{"v2", "newInstance", "MOCKONDEMANDPKG", order("MOCKONDEMANDPKG"), []Type{OnDemand}, false},
	{"v2", "queryInstance", "", nil, []Type{OneTime, Period, OnDemand}, false},
	{"v2", "refreshInstance", "RENEWAL", with(order("MOCKMONTYRENEW"), "scene", "RENEWAL"), []Type{Period, OnDemand}, false},
	{"v2", "refreshInstance", "TRIAL_TO_FORMAL", with(order("MOCKMONTYTRIALTOFORMAL"), "scene", "TRIAL_TO_FORMAL"), []Type{Period}, false},
	{"v2", "refreshInstance", "UNSUBSCRIBE_RENEWAL_PERIOD", with(order("MOCKMONTYUNSUBSCRIBE"), "scene", "UNSUBSCRIBE_RENEWAL_PERIOD"), []Type{Period}, false},
	{"v2", "refreshInstance", "RENEWAL_CHANGE", with(order("MOCKMONTYCHANGE"), "scene", "RENEWAL_CHANGE"), []Type{Period}, true},
	{"v2", "updateInstanceStatus", "FREEZE", map[string]any{"status": "FREEZE"}, []Type{Period, OnDemand}, false},
	{"v2", "updateInstanceStatus", "UNFREEZE", map[string]any{"status": "UNFREEZE"}, []Type{Period, OnDemand}, false},
	{"v2", "changeInstanceCheck", "", nil, []Type{Period}, true},
	{"v2", "upgradeInstance", "MOCKMONTYCHANGE", order("MOCKMONTYCHANGE"), []Type{Period}, true},
	{"v2", "releaseInstance", "", nil, []Type{OneTime, Period, OnDemand}, false},
	{"v2", "releaseInstance", "MOCKMONTYUNSUBSCRIBE", order("MOCKMONTYUNSUBSCRIBE"), []Type{OneTime, Period, OnDemand}, false},

	{"v1", "newInstance", "chargingMode 3", map[string]any{"orderId": "CS1906666666ONCE1", "chargingMode": "3"}, []Type{V1OneTime}, false},
	{"v1", "newInstance", "chargingMode 1", map[string]any{"orderId": "CS1906666666ABCDE", "chargingMode": "1", "periodType": "year", "periodNumber": "1"}, []Type{V1Period}, false},
	{"v1", "newInstance", "trialFlag", map[string]any{"orderId": "CS1906666666TRY01", "chargingMode": "1", "trialFlag": "1", "periodType": "month", "periodNumber": "1"}, []Type{V1Period}, false},
	{"v1", "newInstance", "chargingMode 0", map[string]any{"orderId": "CS1906666666USE01", "chargingMode": "0"}, []Type{V1OnDemand}, false},
	{"v1", "newInstance", "chargingMode 5", map[string]any{"orderId": "CS1906666666PKG01", "chargingMode": "5"}, []Type{V1OnDemand}, false},
	{"v1", "queryInstance", "", nil, []Type{V1OnDemand}, false},
	{"v1", "queryInstance", "joint operations", nil, []Type{V1OneTime, V1Period}, true}, // CN 0070649407 and the joint guide
	{"v1", "refreshInstance", "", nil, []Type{V1Period}, false},
	{"v1", "refreshInstance", "productId", map[string]any{"productId": "00301-666688-0-0"}, []Type{V1Period}, false},
	{"v1", "refreshInstance", "trialToFormal", map[string]any{"trialToFormal": "1"}, []Type{V1Period}, false},
	{"v1", "refreshInstance", "trialToFormal, productId", map[string]any{"trialToFormal": "1", "productId": "00301-666688-0-0"}, []Type{V1Period}, false},
	{"v1", "refreshInstance", "orderAmount < 0", map[string]any{"orderAmount": "-100.5"}, []Type{V1Period}, false}, // a renewal is cancelled
	{"v1", "instanceStatus", "FREEZE", map[string]any{"instanceStatus": "FREEZE"}, []Type{V1OnDemand}, false},
	{"v1", "instanceStatus", "NORMAL", map[string]any{"instanceStatus": "NORMAL"}, []Type{V1OnDemand}, false},
	{"v1", "instanceStatus", "FREEZE, joint operations", map[string]any{"instanceStatus": "FREEZE"}, []Type{V1Period}, true}, // CN 0070649407 and the joint guide
	{"v1", "instanceStatus", "NORMAL, joint operations", map[string]any{"instanceStatus": "NORMAL"}, []Type{V1Period}, true},
	{"v1", "upgrade", "", nil, []Type{V1OneTime, V1Period, V1OnDemand}, true}, // whichever can be upgraded
	{"v1", "expireInstance", "", nil, []Type{V1Period}, false},
	{"v1", "releaseInstance", "", nil, []Type{V1OneTime, V1Period, V1OnDemand}, false},

	{"license", "newInstance", "MOCKPERIODYEARNEW", order("MOCKPERIODYEARNEW"), []Type{License}, false},
	{"license", "newInstance", "MOCKPERIODDAYTRIAL", order("MOCKPERIODDAYTRIAL"), []Type{License}, false},
	{"license", "getLicenseAsync", "", map[string]any{"expireTime": "2027-10-27 10:30:15 z", "deviceFingerprint": "8A16034E2B7C4D5E6F60E1"}, []Type{License}, false},
	{"license", "refreshInstance", "RENEWAL", with(order("MOCKMONTYRENEW"), "scene", "RENEWAL"), []Type{License}, false},
	{"license", "refreshInstance", "TRIAL_TO_FORMAL", with(order("MOCKMONTYTRIALTOFORMAL"), "scene", "TRIAL_TO_FORMAL"), []Type{License}, false},
	{"license", "refreshInstance", "UNSUBSCRIBE_RENEWAL_PERIOD", with(order("MOCKMONTYUNSUBSCRIBE"), "scene", "UNSUBSCRIBE_RENEWAL_PERIOD"), []Type{License}, false},
	{"license", "updateInstanceStatus", "FREEZE", map[string]any{"status": "FREEZE"}, []Type{License}, false},
	{"license", "updateInstanceStatus", "UNFREEZE", map[string]any{"status": "UNFREEZE"}, []Type{License}, false},
	{"license", "releaseInstance", "", nil, []Type{License}, false},
	{"license", "releaseInstance", "MOCKMONTYUNSUBSCRIBE", order("MOCKMONTYUNSUBSCRIBE"), []Type{License}, false},

	{"license-code", "refreshLicenseCode", "RENEWAL", with(order("MOCKMONTYRENEW"), "scene", "RENEWAL"), []Type{LicenseCode}, true},
	{"license-code", "refreshLicenseCode", "UNSUBSCRIBE_RENEWAL_PERIOD", with(order("MOCKMONTYUNSUBSCRIBE"), "scene", "UNSUBSCRIBE_RENEWAL_PERIOD"), []Type{LicenseCode}, true},
	{"license-code", "updateLicenseCodeStatus", "FREEZE", map[string]any{"status": "FREEZE"}, []Type{LicenseCode}, true},
	{"license-code", "updateLicenseCodeStatus", "UNFREEZE", map[string]any{"status": "UNFREEZE"}, []Type{LicenseCode}, true},
	{"license-code", "releaseLicenseCode", "", nil, []Type{LicenseCode}, true},
	{"license-code", "releaseLicenseCode", "MOCKMONTYUNSUBSCRIBE", order("MOCKMONTYUNSUBSCRIBE"), []Type{LicenseCode}, true},

	{"license-v1", "getLicense", "", nil, []Type{LicenseV1}, false},
	{"license-v1", "refreshLicense", "", nil, []Type{LicenseV1}, false},
	{"license-v1", "expireLicense", "", nil, []Type{LicenseV1}, false},
	{"license-v1", "releaseLicense", "", nil, []Type{LicenseV1}, false},

	{"order-notice", "orderNotify", "", nil, []Type{OrderNotice}, false},
}

// planned is a case with its interface's published table.
type planned struct {
	spec
	guide conformance.Guide
	face  conformance.Interface
}

// plan lists the cases that the types need, each once.
func plan(types []Type) ([]planned, error) {
	guides, err := conformance.Load()
	if err != nil {
		return nil, err
	}
	var out []planned
	for _, s := range specs {
		if !slices.ContainsFunc(s.types, func(t Type) bool { return slices.Contains(types, t) }) {
			continue
		}
		for _, g := range guides {
			at := slices.IndexFunc(g.Interfaces, func(i conformance.Interface) bool { return g.ID == s.guide && i.Name == s.activity })
			if at >= 0 {
				out = append(out, planned{spec: s, guide: g, face: g.Interfaces[at]})
			}
		}
	}
	return out, nil
}

// Valid tells whether the type exists.
func (t Type) Valid() bool { return slices.Contains(Types(), t) }
