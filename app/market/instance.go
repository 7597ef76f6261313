package market

import (
	"strings"
	"time"
)

// InstanceStatus is where an instance stands in its life.
type InstanceStatus string

// The statuses.
const (
	Provisioning InstanceStatus = "provisioning" // sold, access data not there yet
	Active       InstanceStatus = "active"
	Frozen       InstanceStatus = "frozen"   // expired, in arrears or in violation; data is kept
	Released     InstanceStatus = "released" // final
)

// What froze an instance.
const (
	ByExpiry = "expiry" // V1.0's expireInstance, which a renewal undoes
	ByStatus = "status" // a change of status, which only a change of status undoes
)

// Instance is the part of an instance that the life cycle rules. Times are UTC;
// a zero time means "not". ExpiresAt, ExpirySetBy and ProductID follow from
// ChargingMode, Told and Ordered, see terms.go.
type Instance struct {
	InstanceID    string
	Status        InstanceStatus
	ExpiresAt     time.Time
	ExpirySetBy   string // SetByOrder, SetByRefresh; "" without an expiry
	ProductID     string
	ChargingMode  ChargingMode // "" as long as no order is known
	Told          Told
	Ordered       Ordered
	ProvisionedAt time.Time
	FrozenAt      time.Time
	FrozenBy      string // ByExpiry, ByStatus; "" when not frozen
	ReleasedAt    time.Time
}

// ChangeKind names what changed in an instance's history.
type ChangeKind string

// The kinds of change.
const (
	StatusChanged   ChangeKind = "status"
	ExpiryChanged   ChangeKind = "expiry"
	ProductChanged  ChangeKind = "product"
	OrderLearned    ChangeKind = "order"
	AccessChanged   ChangeKind = "access"
	CustomerChanged ChangeKind = "customer"
	CauseChanged    ChangeKind = "frozen_by"
	DriverChanged   ChangeKind = "driver"
	TermsTold       ChangeKind = "told" // an expiry that was told and has no effect
	LicenseChanged  ChangeKind = "license"
	PasswordChanged ChangeKind = "password" // PasswordWiped
)

// PasswordWiped is the new value of the history entry (kind PasswordChanged) which
// says that the initial password is not kept any more.
const PasswordWiped = "wiped"

// Change is one entry of an instance's history. Values are never secret.
type Change struct {
	Kind     ChangeKind
	Old, New string
}

// settle derives the status from the facts: released is final and stronger than
// frozen, which is stronger than having access data.
func (i *Instance) settle() []Change {
	next := Provisioning
	switch {
	case !i.ReleasedAt.IsZero():
		next = Released
	case !i.FrozenAt.IsZero():
		next = Frozen
	case !i.ProvisionedAt.IsZero():
		next = Active
	}
	if next == i.Status {
		return nil
	}
	c := Change{Kind: StatusChanged, Old: string(i.Status), New: string(next)}
	i.Status = next
	return []Change{c}
}

// On is what an event that is no call of the marketplace, or whose answer does
// not matter, does to the instance.
func (i *Instance) On(e Event, now time.Time) []Change {
	d, ok := Decide(V2, i.Stage(), e, false)
	if !ok {
		if d, ok = Decide(V1, i.Stage(), e, false); !ok {
			return nil
		}
	}
	return i.Take(d.To, now)
}

// Freeze, Release and Provisioned are On for the events of these names.
func (i *Instance) Freeze(now time.Time) []Change { return i.On(FreezeCame, now) }

// Release ends the instance for good; again changes nothing.
func (i *Instance) Release(now time.Time) []Change { return i.On(ReleaseCame, now) }

// Provisioned notes that access data is there. The first time counts.
func (i *Instance) Provisioned(now time.Time) []Change { return i.On(AccessMade, now) }

// Usable tells whether queryInstance may show access data.
func (i *Instance) Usable() bool { return !i.ProvisionedAt.IsZero() && i.Status != Released }

// Stamp writes a time for the history: RFC 3339 in UTC, "" for none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// FoldEmail is the form in which addresses are compared: trimmed, lower case.
func FoldEmail(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// FoldPhone is the form in which numbers are compared: digits, with the leading
// plus if there is one.
func FoldPhone(s string) string {
	var b strings.Builder
	for i, r := range strings.TrimSpace(s) {
		if r >= '0' && r <= '9' || r == '+' && i == 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}
