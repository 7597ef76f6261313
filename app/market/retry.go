package market

import (
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
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
	Pages    Pages
	// Fragments is whether no page was read: the values were seen in fragments without
	// a page's name, and are taken for those of Pages because they fit no other.
	Fragments bool
}

// Pages are the published pages of a rule, by site.
type Pages map[Site]string

// String lists all of them.
func (p Pages) String() string {
	var out []string
	for _, s := range []struct {
		site Site
		name string
	}{{SiteCN, "CN"}, {SiteIntl, "intl"}, {SiteEU, "EU"}} {
		if p[s.site] != "" {
			out = append(out, s.name+" "+p[s.site])
		}
	}
	return strings.Join(out, "; ")
}

// Evidence is what the pages of a rule are for a site.
type Evidence string

// What they may be.
const (
	OwnPage    Evidence = "page"       // the site's own
	OfFragment Evidence = "fragments"  // fragments, taken for the site's own page
	OtherSite  Evidence = "other_site" // none is published for the site: another's
)

// EvidenceFor is what the rule's pages are for a site.
func (r RetryRule) EvidenceFor(s Site) Evidence {
	switch {
	case r.Pages[s] == "":
		return OtherSite
	case r.Fragments:
		return OfFragment
	}
	return OwnPage
}

// SameTimes tells whether two rules have the marketplace call at the same times.
func (r RetryRule) SameTimes(o RetryRule) bool {
	return r.Window == o.Window && r.Every == o.Every && r.Once == o.Once
}

// DoubtsAt are the values that no page of a site states plainly: where none is the
// site's, all that there are.
func (r RetryRule) DoubtsAt(s Site) []Doubt {
	if r.EvidenceFor(s) == OwnPage {
		return r.Doubts
	}
	var out []Doubt
	if r.Window > 0 || r.Once {
		out = append(out, DoubtWindow)
	}
	if r.Every > 0 {
		out = append(out, DoubtInterval)
	}
	if r.Then != Unpublished {
		out = append(out, DoubtAfter)
	}
	return out
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

// RetryRules is what the published pages tell of every interface.
// docs/retries.md is written from it.
func RetryRules() []RetryRule { return slices.Clone(retryRules) }

var retryRules = []RetryRule{
	{V2, NewInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, nil, Pages{SiteCN: "0070649414"}, true},
	{V2, UpgradeInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, nil, Pages{SiteCN: "0070649414"}, true},
	{V2, RefreshInstance, 2 * time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0070649414"}, true},
	{V2, UpdateInstanceStatus, time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0070649414"}, true},
	{V2, ReleaseInstance, time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0070649414, 0070649182"}, true},
	{V2, QueryInstance, 0, 0, false, Polled, nil, Pages{SiteCN: "0070649414", SiteEU: "en-us_topic_000003"}, false},
	{V2, ChangeInstanceCheck, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0000002411753620"}, false},

	{V1, NewInstance, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval}, Pages{SiteCN: "0070649013, saascenter_usermanual_0131", SiteIntl: "0070649013"}, false},
	{V1, Upgrade, 3 * time.Hour, time.Hour, false, Unsubscribed, []Doubt{DoubtInterval}, Pages{SiteCN: "0000001297828992, saascenter_usermanual_0135", SiteIntl: "0182376880"}, false},
	// The newer pages say 1 h, the copy of saascenter says that renewal and release
	// are called once; its page of the expiry was not read.
	{V1, RefreshInstance, time.Hour, 0, false, StaysFailed, []Doubt{DoubtWindow}, Pages{SiteCN: "0070649180, saascenter_usermanual_0132", SiteIntl: "0070649014"}, false},
	{V1, ExpireInstance, time.Hour, 0, false, StaysFailed, []Doubt{DoubtWindow}, Pages{SiteCN: "0070649181", SiteIntl: "0070649055"}, false},
	{V1, ReleaseInstance, time.Hour, 0, false, StaysFailed, []Doubt{DoubtWindow}, Pages{SiteCN: "0070649182, saascenter_usermanual_0134", SiteIntl: "0070649056"}, false},
	{V1, ChangeInstanceStatus, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649407", SiteIntl: "0070649069"}, false},
	{V1, QueryInstance, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649185", SiteIntl: "0070649081"}, false},

	// An online License's instances are called by V2's interfaces: see
	// OnlineLicenseRule. Its page says 2 h and 3 h in one paragraph.
	{License, NewInstance, 2 * time.Hour, 2 * time.Minute, false, Unsubscribed, []Doubt{DoubtWindow}, Pages{SiteCN: "0070649282"}, false},
	{License, RefreshInstance, 2 * time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0070649282"}, false},
	{License, UpdateInstanceStatus, 2 * time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0070649282"}, false},
	{License, ReleaseInstance, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649254"}, false},
	{License, GetLicenseAsync, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649255"}, false},

	{LicenseCode, RefreshLicenseCode, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, Pages{SiteCN: "0070649167"}, false},
	{LicenseCode, UpdateLicenseCodeStatus, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, Pages{SiteCN: "0070649168"}, false},
	{LicenseCode, ReleaseLicenseCode, 2 * time.Hour, 2 * time.Minute, false, StaysFailed, nil, Pages{SiteCN: "0070649169"}, false},

	{LicenseV1, GetLicense, 3 * time.Hour, time.Hour, false, StaysOpen, nil, Pages{SiteCN: "0000001353181669"}, false},
	{LicenseV1, RefreshLicense, 0, 0, true, StaysFailed, nil, Pages{SiteCN: "0000001353381237"}, false},
	{LicenseV1, ExpireLicense, 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649153"}, false},
	{LicenseV1, ReleaseLicense, 0, 0, true, StaysFailed, nil, Pages{SiteCN: "0000001353261785"}, false},

	{OrderNotice, OrderNotify, 3 * time.Hour, 0, false, StaysFailed, nil, Pages{SiteCN: "0000002091799149"}, false},

	{KitV1, "tenantSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649109"}, false},
	{KitV1, "applicationSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649110"}, false},
	{KitV1, "authSync", 0, 0, false, AdminDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649111"}, false},
	{KitV1, "singleOrgSync", 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649112"}, false},
	{KitV1, "allOrgSync", 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649113"}, false},
	{KitV2, "tenantSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649433"}, false},
	{KitV2, "applicationSync", 0, 0, false, BuyerDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649434"}, false},
	{KitV2, "authSync", 0, 0, false, AdminDecides, []Doubt{DoubtAfter}, Pages{SiteCN: "0070649435"}, false},
	{KitV2, "singleOrgSync", 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649436"}, false},
	{KitV2, "allOrgSync", 0, 0, false, Unpublished, nil, Pages{SiteCN: "0070649437"}, false},
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

// RestartThere is RestartPath as the argument of a text, with fault.Unsure behind it
// where it is not confirmed.
func (s Site) RestartThere(p Protocol, activity string) string {
	path, confirmed := s.RestartPath(p, activity)
	there := strings.Join(path, " > ")
	if !confirmed {
		there += fault.Unsure
	}
	return there
}

// restartMail is where sellers may write instead.
const restartMail = "partner@huaweicloud.com"

// RestartMail is the address to which the seller may write to have a failed call
// restarted; "" where none is published. Pages CN 0070649180, 0070649181 and
// 0070649182 of V1.0, CN 0000001353381237 and 0000001353261785 of License 1.0.
func (s Site) RestartMail(p Protocol, activity string) string {
	of := map[Protocol][]string{V1: {RefreshInstance, ExpireInstance, ReleaseInstance}, LicenseV1: {RefreshLicense, ReleaseLicense}}
	if s == SiteCN && slices.Contains(of[p], activity) {
		return restartMail
	}
	return ""
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
