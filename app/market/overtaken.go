package market

import "slices"

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
