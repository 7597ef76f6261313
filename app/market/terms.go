package market

import (
	"strings"
	"time"
)

// Who set an expiry.
const (
	SetByOrder   = "order"
	SetByRefresh = "refresh"
)

// Told is what the last refreshInstance said. Later answers of order queries
// never overwrite the expiry, and the product only when they are of an order
// that came after it.
type Told struct {
	ExpiresAt time.Time
	ProductID string // of the last refreshInstance that named one
	After     int64  // the newest task of the instance when it did
}

// Ordered is what the orders said: the one that rules, which is the newest by
// when it was placed, and for the expiry the newest that has one. V1.0's calls
// bring it themselves.
type Ordered struct {
	ProductID string
	At        time.Time // when the order that rules was placed
	Task      int64     // that learned it; 0 for a V1.0 purchase
	ExpiresAt time.Time
	ExpiryAt  time.Time // when the order that ExpiresAt is of was placed
}

// ModeRule is what a charging mode means for an instance's life.
type ModeRule struct {
	Mode    ChargingMode
	Expires bool // has an expiry: renewals set it, and it is shown and warned of
}

// Modes are the charging modes. A one-time purchase is for ever and is not
// renewed; what is paid by use has no expiry, and ends by arrears alone; packages
// have one as periods do (pages CN 0070649414, 0070649013). What a
// refreshInstance tells of an instance without an expiry is kept and has no
// effect: a trial may still become a period. As long as no order is known, what
// was told counts.
var Modes = []ModeRule{{"", true}, {Period, true}, {OnDemandPkg, true}, {OnDemand, false}, {OneTime, false}}

// Expires tells whether instances that are charged this way have an expiry; a
// mode that is not published counts as a period.
func (m ChargingMode) Expires() bool {
	for _, r := range Modes {
		if r.Mode == m {
			return r.Expires
		}
	}
	return true
}

// Hear takes what a refreshInstance says: it sets the expiry, never adds to it,
// and may move it backwards. after is the newest task of the instance.
func (i *Instance) Hear(expires time.Time, productID string, after int64) []Change {
	before := i.Told
	i.Told.ExpiresAt = expires
	if productID != "" {
		i.Told.ProductID, i.Told.After = productID, after
	}
	changes := i.settleTerms()
	if len(changes) == 0 && i.Told.text() != before.text() {
		changes = append(changes, Change{Kind: TermsTold, Old: before.text(), New: i.Told.text()})
	}
	return changes
}

// SetExpiry sets the expiry to what the marketplace's own records have: it counts
// like one that a refreshInstance told.
func (i *Instance) SetExpiry(expires time.Time) []Change { return i.Hear(expires, "", 0) }

func (t Told) text() string { return strings.TrimSpace(Stamp(t.ExpiresAt) + " " + t.ProductID) }

// Learn takes what an order says that was placed at that time and learned by that
// task. Answers of order queries come in any order: rules tells whether this is
// the newest one, which decides over what was bought. Orders of the same time are
// told apart by which call came later. What an order leaves out stays.
func (i *Instance) Learn(productID string, expires, placed time.Time, task int64, mode ChargingMode) (changes []Change, rules bool) {
	o := &i.Ordered
	if !expires.IsZero() && (placed.After(o.ExpiryAt) || placed.Equal(o.ExpiryAt) && expires.After(o.ExpiresAt) || o.ExpiresAt.IsZero()) {
		o.ExpiresAt, o.ExpiryAt = expires, placed
	}
	rules = o.At.IsZero() || placed.After(o.At) || placed.Equal(o.At) && task >= o.Task
	if rules {
		o.At, o.Task = placed, task
		if productID != "" {
			o.ProductID = productID
		}
		if mode != "" {
			i.ChargingMode = mode
		}
	}
	return i.settleTerms(), rules
}

// settleTerms derives expiry and product from what was told and ordered, so that
// they are the same in whatever order both became known.
func (i *Instance) settleTerms() []Change {
	var changes []Change
	expires, by := i.Ordered.ExpiresAt, SetByOrder
	if !i.Told.ExpiresAt.IsZero() {
		expires, by = i.Told.ExpiresAt, SetByRefresh
	}
	if !i.ChargingMode.Expires() {
		expires = time.Time{}
	}
	if expires.IsZero() {
		by = ""
	}
	if !i.ExpiresAt.Equal(expires) {
		changes = append(changes, Change{Kind: ExpiryChanged, Old: Stamp(i.ExpiresAt), New: Stamp(expires)})
	}
	i.ExpiresAt, i.ExpirySetBy = expires, by
	product := i.Ordered.ProductID
	if i.Told.ProductID != "" && i.Told.After >= i.Ordered.Task {
		product = i.Told.ProductID
	}
	if product != "" && product != i.ProductID {
		changes = append(changes, Change{Kind: ProductChanged, Old: i.ProductID, New: product})
		i.ProductID = product
	}
	return changes
}
