package market

import (
	"slices"
	"time"
)

// Afterwards is what follows when the marketplace has stopped calling a failing
// interface by itself.
type Afterwards string

// What may follow.
const (
	Unsubscribed Afterwards = "unsubscribed" // the order has failed: unsubscribed automatically and paid back
	StaysFailed  Afterwards = "stays_failed" // nothing more, until the seller presses Restart in the Seller Center
	StaysOpen    Afterwards = "stays_open"   // License 1.0: the order waits for the seller; Restart, or delivery by hand in 服务监管
	BuyerDecides Afterwards = "buyer"        // the kit: the buyer decides whether it is called again
	AdminDecides Afterwards = "administrator"
	Polled       Afterwards = "polled"      // asked again until the instance's information is answered
	Unpublished  Afterwards = "unpublished" // no page tells
)

// Doubt names a value of a rule that no page states plainly.
type Doubt string

// The values that may be doubted.
const (
	DoubtWindow   Doubt = "window"
	DoubtInterval Doubt = "interval"
	DoubtAfter    Doubt = "afterwards"
)

// RetryRule is how the marketplace treats an interface whose call has failed.
type RetryRule struct {
	Protocol Protocol
	Activity string
	Window   time.Duration // for how long it goes on calling, from its first call; 0: not published, or it does not
	Every    time.Duration // between two calls; 0: not published
	Once     bool          // it calls once and not again
	Then     Afterwards
	Doubts   []Doubt
	Source   string // the pages
}

// Restartable tells whether the call may be restarted in the Seller Center, on
// the page that Site.RestartPath names.
func (r RetryRule) Restartable() bool {
	switch r.Then {
	case Unsubscribed, StaysFailed, StaysOpen:
		return true
	}
	return false
}

// FailsOrders tells whether an order has failed when the marketplace stops calling.
func (r RetryRule) FailsOrders() bool {
	return r.Window > 0 && (r.Then == Unsubscribed || r.Then == StaysOpen)
}

// Times is how many calls fit into the window; 0 where the pages do not tell.
func (r RetryRule) Times() int {
	switch {
	case r.Once:
		return 1
	case r.Window == 0 || r.Every == 0:
		return 0
	}
	return int(r.Window / r.Every)
}

// Doubted tells whether a value is unconfirmed.
func (r RetryRule) Doubted(d Doubt) bool { return slices.Contains(r.Doubts, d) }

// RetryRules is what the published pages tell of every interface.
// docs/retries.md is written from it.
func RetryRules() []RetryRule { return slices.Clone(retryRules) }

var retryRules = []RetryRule{
	{V2, NewInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval}, "CN 0070649414"},
	{V2, UpgradeInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval, DoubtAfter}, "CN 0070649414"},
	{V2, RefreshInstance, 2 * time.Hour, 0, false, StaysFailed, []Doubt{DoubtWindow}, "CN 0070649414"},
	{V2, UpdateInstanceStatus, time.Hour, 0, false, StaysFailed, nil, "CN 0070649414"},
	{V2, ReleaseInstance, time.Hour, 0, false, StaysFailed, []Doubt{DoubtWindow, DoubtAfter}, "CN 0070649414, 0070649182"},
	{V2, QueryInstance, 0, 0, false, Polled, nil, "CN 0070649414, EU en-us_topic_000003"},
	{V2, ChangeInstanceCheck, 0, 0, false, Unpublished, nil, "CN 0000002411753620"},

	{V1, NewInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval}, "CN, intl 0070649013; CN saascenter_usermanual_0131"},
	{V1, Upgrade, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval}, "CN 0000001297828992, intl 0182376880; CN saascenter_usermanual_0135"},
	{V1, RefreshInstance, time.Hour, 0, false, StaysFailed, nil, "CN 0070649180, intl 0070649014"},
	{V1, ExpireInstance, time.Hour, 0, false, StaysFailed, nil, "CN 0070649181, intl 0070649055"},
	{V1, ReleaseInstance, time.Hour, 0, false, StaysFailed, nil, "CN 0070649182, intl 0070649056"},
	{V1, ChangeInstanceStatus, 0, 0, false, Unpublished, nil, "CN 0070649407, intl 0070649069"},
	{V1, QueryInstance, 0, 0, false, Unpublished, nil, "CN 0070649185, intl 0070649081"},

	// An online License's instances are called by V2's interfaces: see
	// OnlineLicenseRule. Its page says 2 h and 3 h in one paragraph.
	{License, NewInstance, 2 * time.Hour, 2 * time.Minute, false, Unsubscribed, []Doubt{DoubtWindow}, "CN 0070649282"},
	{License, RefreshInstance, 2 * time.Hour, 0, false, StaysFailed, nil, "CN 0070649282"},
	{License, UpdateInstanceStatus, 2 * time.Hour, 0, false, StaysFailed, nil, "CN 0070649282"},
	{License, ReleaseInstance, 0, 0, false, Unpublished, nil, "CN 0070649254"},
	{License, GetLicenseAsync, 0, 0, false, Unpublished, nil, "CN 0070649255"},

	{LicenseCode, RefreshLicenseCode, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, "CN 0070649167"},
	{LicenseCode, UpdateLicenseCodeStatus, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, "CN 0070649168"},
	{LicenseCode, ReleaseLicenseCode, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, "CN 0070649169"},

	{LicenseV1, GetLicense, 3 * time.Hour, time.Hour, false, StaysOpen, nil, "CN 0000001353181669"},
	{LicenseV1, RefreshLicense, 0, 0, true, StaysFailed, nil, "CN 0000001353381237"},
	{LicenseV1, ExpireLicense, 0, 0, false, Unpublished, nil, "CN 0070649153"},
	{LicenseV1, ReleaseLicense, 0, 0, true, StaysFailed, nil, "CN 0000001353261785"},

	{OrderNotice, OrderNotify, 3 * time.Hour, 0, false, StaysFailed, nil, "CN 0000002091799149"},

	{KitV1, "tenantSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, "CN 0070649109"},
	{KitV1, "applicationSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, "CN 0070649110"},
	{KitV1, "authSync", 0, 0, false, AdminDecides, []Doubt{DoubtAfter}, "CN 0070649111"},
	{KitV1, "singleOrgSync", 0, 0, false, Unpublished, nil, "CN 0070649112"},
	{KitV1, "allOrgSync", 0, 0, false, Unpublished, nil, "CN 0070649113"},
	{KitV2, "tenantSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, "CN 0070649433"},
	{KitV2, "applicationSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, "CN 0070649434"},
	{KitV2, "authSync", 0, 0, false, AdminDecides, []Doubt{DoubtAfter}, "CN 0070649435"},
	{KitV2, "singleOrgSync", 0, 0, false, Unpublished, nil, "CN 0070649436"},
	{KitV2, "allOrgSync", 0, 0, false, Unpublished, nil, "CN 0070649437"},
}

// RetryOf is the rule of an interface. What no page knows has a rule that knows
// nothing.
func RetryOf(p Protocol, activity string) RetryRule {
	for _, r := range retryRules {
		if r.Protocol == p && r.Activity == activity {
			return r
		}
	}
	return RetryRule{Protocol: p, Activity: activity, Then: Unpublished}
}

// RetryWindow is for how long the marketplace goes on calling a failing
// interface by itself, counted from its first call; 0 means that nothing is
// published, or that it does not.
func RetryWindow(p Protocol, activity string) time.Duration { return RetryOf(p, activity).Window }

// OnlineLicenseRule is how the marketplace treats a call of V2.0's if its instance
// is an online License's, which the call does not tell; nil: as any other.
func OnlineLicenseRule(p Protocol, activity string) *RetryRule {
	for _, r := range retryRules {
		if p == V2 && r.Protocol == License && r.Activity == activity {
			return &r
		}
	}
	return nil
}

// RestartPath is where the seller restarts a failed call in the site's own
// console, in that console's words, the button last. Confirmed is false where
// the words are another site's, because none are published.
func (s Site) RestartPath(p Protocol, activity string) (path []string, confirmed bool) {
	if s == SiteCN {
		return []string{"卖家中心", "生产接口消息", "重新启动"}, true
	}
	room := "Application Tools"
	if p == V1 && activity == NewInstance {
		room = "Transaction Management"
	}
	return []string{room, "Service Interface Messages", "Restart Debugging"}, s == SiteIntl
}
