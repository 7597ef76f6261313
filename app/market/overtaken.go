package market

import (
	"slices"
	"strings"
	"time"
)

// CallKind sorts the calls about an instance, or an authorization code, by what
// they settle. A call that is done long after it came must not undo a later one.
type CallKind string

// The kinds. A renewal that changes the product is a kind of its own.
const (
	PurchaseKind   CallKind = "purchase"
	RenewalKind    CallKind = "renewal"
	ChangedRenewal CallKind = "changed renewal"
	UpgradeKind    CallKind = "upgrade"
	FreezeKind     CallKind = "freeze"
	UnfreezeKind   CallKind = "unfreeze"
	ExpiryKind     CallKind = "expiry"
	ReleaseKind    CallKind = "release"
)

// CallKinds are the activities of each kind; InKey is what their idempotency key
// has in it where the activity alone does not tell. The first that fits counts.
var CallKinds = []struct {
	Kind       CallKind
	Activities []string
	InKey      string
}{
	{PurchaseKind, []string{NewInstance, GetLicense}, ""},
	{ChangedRenewal, []string{RefreshInstance}, "/" + string(RenewalChange) + "/"},
	{RenewalKind, []string{RefreshInstance, RefreshLicense, RefreshLicenseCode}, ""},
	{UpgradeKind, []string{UpgradeInstance, Upgrade}, ""},
	{UnfreezeKind, []string{UpdateInstanceStatus, ChangeInstanceStatus, UpdateLicenseCodeStatus}, "/" + Unfreeze},
	{FreezeKind, []string{UpdateInstanceStatus, ChangeInstanceStatus, UpdateLicenseCodeStatus}, ""},
	{ExpiryKind, []string{ExpireInstance, ExpireLicense}, ""},
	{ReleaseKind, []string{ReleaseInstance, ReleaseLicense, ReleaseLicenseCode}, ""},
}

// StateKinds are those that bring an instance into the state they name. Their key
// is that state, so that a later call is the same message: doing a long finished one
// again would undo whatever came after it.
var StateKinds = []CallKind{FreezeKind, UnfreezeKind, ExpiryKind}

// Overtakes names the later calls that a call of a kind would undo, as the life
// cycle has it: a renewal sets the expiry and ends an expiry's freeze, UNFREEZE
// ends any freeze, FREEZE outlasts a renewal, and a release ends everything.
var Overtakes = map[CallKind][]CallKind{
	PurchaseKind:   {RenewalKind, ChangedRenewal, UpgradeKind},
	RenewalKind:    {RenewalKind, ChangedRenewal, ExpiryKind},
	ChangedRenewal: {RenewalKind, ChangedRenewal, ExpiryKind, UpgradeKind},
	UpgradeKind:    {UpgradeKind, ChangedRenewal},
	FreezeKind:     {UnfreezeKind},
	UnfreezeKind:   {FreezeKind, ExpiryKind},
	ExpiryKind:     {UnfreezeKind, RenewalKind, ChangedRenewal},
	ReleaseKind:    {PurchaseKind, RenewalKind, ChangedRenewal, UpgradeKind, FreezeKind, UnfreezeKind, ExpiryKind},
}

// Undoes tells whether a call of this activity may undo a later one at all.
func Undoes(activity string) bool {
	for _, k := range CallKinds {
		if slices.Contains(k.Activities, activity) {
			return true
		}
	}
	return false
}

// SetsState tells whether an activity's calls are of the StateKinds.
func SetsState(activity string) bool {
	for _, k := range CallKinds {
		if slices.Contains(StateKinds, k.Kind) && slices.Contains(k.Activities, activity) {
			return true
		}
	}
	return false
}

// KindOf is the kind of a call by its activity and its idempotency key; "" for none.
func KindOf(activity, key string) CallKind {
	for _, k := range CallKinds {
		if slices.Contains(k.Activities, activity) && strings.Contains(key, k.InKey) {
			return k.Kind
		}
	}
	return ""
}

// LastingScenes are those of renewals that say more than how long an instance lasts:
// no later renewal says it too.
var LastingScenes = []Scene{TrialToFormal}

// InForce is what is so of an instance or an authorization code now.
type InForce struct {
	ExpiresAt time.Time // as told last, also where it has no effect
	ProductID string
	Size      Size // of a V1.0 product
}

// Coverable are the kinds of which later calls may leave nothing to decide.
var Coverable = []CallKind{RenewalKind, ChangedRenewal, UpgradeKind, FreezeKind, UnfreezeKind, ExpiryKind}

// Covered tells of a call (c, of a kind) that was refused whether later ones that it
// would undo (by), which have all been done, leave nothing of it for a person to
// decide. A renewal is covered by what gives the customer as long a time and has not
// left out a change that it brought; a V1.0 upgrade, which names only what it changes,
// by what is as large. A release never is: whoever paid for what followed, somebody
// has to look.
func Covered(kind CallKind, c Call, by []CallKind, now InForce) bool {
	lasts := !c.ExpireTime.IsZero() && !c.ExpireTime.After(now.ExpiresAt)
	switch kind {
	case FreezeKind, UnfreezeKind, ExpiryKind:
		return true
	case UpgradeKind:
		return c.Protocol != V1 && c.Protocol != LicenseV1 || c.ProductID == now.ProductID && now.Size.Covers(c.Terms.Size)
	case RenewalKind:
		return lasts && !slices.Contains(LastingScenes, c.Scene) && (c.ProductID == "" || c.ProductID == now.ProductID)
	case ChangedRenewal:
		return lasts && (slices.Contains(by, ChangedRenewal) || slices.Contains(by, UpgradeKind))
	}
	return false
}
