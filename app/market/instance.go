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

// Instance is the part of an instance that the life cycle rules. Times are UTC;
// a zero time means "not".
type Instance struct {
	InstanceID    string
	Status        InstanceStatus
	ExpiresAt     time.Time
	ProvisionedAt time.Time
	FrozenAt      time.Time
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
)

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

// Freeze stops the instance's use. Freezing what is frozen or released changes
// nothing and succeeds.
func (i *Instance) Freeze(now time.Time) []Change {
	if i.Status == Frozen || i.Status == Released {
		return nil
	}
	i.FrozenAt = now
	return i.settle()
}

// Unfreeze allows its use again. A released instance does not come back: the
// code is then NoSuchInstance.
func (i *Instance) Unfreeze() ([]Change, ResultCode) {
	if i.Status == Released {
		return nil, NoSuchInstance
	}
	i.FrozenAt = time.Time{}
	return i.settle(), Success
}

// Release ends the instance for good; again is success without effect.
func (i *Instance) Release(now time.Time) []Change {
	if i.Status == Released {
		return nil
	}
	i.ReleasedAt = now
	return i.settle()
}

// Refresh sets the expiry (never adds to it; it may move backwards). A released
// instance cannot be refreshed: the code is then NoSuchInstance.
func (i *Instance) Refresh(expires time.Time) ([]Change, ResultCode) {
	if i.Status == Released {
		return nil, NoSuchInstance
	}
	return i.SetExpiry(expires), Success
}

// SetExpiry sets the expiry and tells what changed.
func (i *Instance) SetExpiry(expires time.Time) []Change {
	if i.ExpiresAt.Equal(expires) {
		return nil
	}
	c := Change{Kind: ExpiryChanged, Old: Stamp(i.ExpiresAt), New: Stamp(expires)}
	i.ExpiresAt = expires
	return []Change{c}
}

// Provisioned notes that access data is there. The first time counts.
func (i *Instance) Provisioned(now time.Time) []Change {
	if i.ProvisionedAt.IsZero() {
		i.ProvisionedAt = now
	}
	return i.settle()
}

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
