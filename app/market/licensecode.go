package market

import "time"

// CodeStatus is where an authorization code stands. ALIVE, EXPIRED and RELEASED
// are the marketplace's words (page CN 0070649245); the others are ours.
type CodeStatus string

// The statuses of codes.
const (
	CodeUnverified CodeStatus = "UNVERIFIED" // heard of, but the marketplace has not been asked successfully yet
	CodeAlive      CodeStatus = "ALIVE"
	CodeFrozen     CodeStatus = "FROZEN" // by updateLicenseCodeStatus; the query knows no such word
	CodeExpired    CodeStatus = "EXPIRED"
	CodeReleased   CodeStatus = "RELEASED" // final
)

// CodeStatuses lists them in the order of a code's life.
func CodeStatuses() []CodeStatus {
	return []CodeStatus{CodeUnverified, CodeAlive, CodeFrozen, CodeExpired, CodeReleased}
}

// The kinds of change that only codes have.
const (
	CodeRenewed   ChangeKind = "renewed" // Old the scene, New the order
	CodeActivated ChangeKind = "activated"
	CodeTakenOver ChangeKind = "taken_over" // first heard of
	CodeRefused   ChangeKind = "refused"    // a call that came after the release
	AmountChanged ChangeKind = "amount"
)

// LicenseCodeState is the part of an authorization code that its life cycle
// rules. Times are UTC; a zero time means "not".
type LicenseCodeState struct {
	Status      CodeStatus
	Said        CodeStatus // the marketplace's last word; "" before it has said anything
	ExpiresAt   time.Time
	ExpirySetAt time.Time // when ExpiresAt was learned
	ActivatedAt time.Time
	FrozenAt    time.Time
	ReleasedAt  time.Time
}

func (c *LicenseCodeState) settle() []Change {
	next := CodeUnverified
	switch {
	case !c.ReleasedAt.IsZero():
		next = CodeReleased
	case !c.FrozenAt.IsZero():
		next = CodeFrozen
	case c.Said == CodeExpired:
		next = CodeExpired
	case c.Said == CodeAlive:
		next = CodeAlive
	}
	if next == c.Status {
		return nil
	}
	change := Change{Kind: StatusChanged, Old: string(c.Status), New: string(next)}
	c.Status = next
	return []Change{change}
}

// Usable tells whether the software behind the code may be used at now.
func (c *LicenseCodeState) Usable(now time.Time) bool {
	return c.Status == CodeAlive && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// Renew sets the expiry; it never adds to it, and a cancelled renewal moves it
// backwards. A code that had expired lives again if the new end is to come. A
// released one cannot be renewed: the code is then NoSuchInstance, which the
// pages of codes print as 授权码ID不存在.
func (c *LicenseCodeState) Renew(expires, now time.Time) ([]Change, ResultCode) {
	if c.Status == CodeReleased {
		return nil, NoSuchInstance
	}
	changes := c.setExpiry(expires, now)
	if c.Said == CodeExpired && expires.After(now) {
		c.Said = CodeAlive
	}
	return append(changes, c.settle()...), Success
}

func (c *LicenseCodeState) setExpiry(expires, now time.Time) []Change {
	c.ExpirySetAt = now
	if c.ExpiresAt.Equal(expires) {
		return nil
	}
	change := Change{Kind: ExpiryChanged, Old: Stamp(c.ExpiresAt), New: Stamp(expires)}
	c.ExpiresAt = expires
	return []Change{change}
}

// Freeze stops the use. What is frozen or released stays as it is, with success.
func (c *LicenseCodeState) Freeze(now time.Time) []Change {
	if c.Status == CodeFrozen || c.Status == CodeReleased {
		return nil
	}
	c.FrozenAt = now
	return c.settle()
}

// Unfreeze allows the use again. A released code does not come back: the code is
// then NoSuchInstance.
func (c *LicenseCodeState) Unfreeze() ([]Change, ResultCode) {
	if c.Status == CodeReleased {
		return nil, NoSuchInstance
	}
	c.FrozenAt = time.Time{}
	return c.settle(), Success
}

// Release ends the code for good; again is success without effect.
func (c *LicenseCodeState) Release(now time.Time) []Change {
	if c.Status == CodeReleased {
		return nil
	}
	c.ReleasedAt = now
	return c.settle()
}

// CodeInfo is what the marketplace says of a code (pages CN 0070649244,
// 0070649245). Zero fields were not told.
type CodeInfo struct {
	Status      CodeStatus // ALIVE, EXPIRED, RELEASED, or a word that nobody published
	ExpireTime  time.Time
	ActivatedAt time.Time
	ProductID   string
	OrderID     string
	OrderLineID string
	CustomerID  string
	Amount      int64
}

// Learn takes over what the marketplace said, having been asked at askedAt. An
// expiry that was set after the question stays: the answer may be older. A
// released code stays released, whatever is said of it later: Said then shows
// the disagreement.
func (c *LicenseCodeState) Learn(info CodeInfo, askedAt, now time.Time) []Change {
	switch info.Status {
	case CodeAlive, CodeExpired, CodeReleased:
		c.Said = info.Status
	}
	var changes []Change
	if !info.ExpireTime.IsZero() && !askedAt.Before(c.ExpirySetAt) && c.ReleasedAt.IsZero() {
		changes = c.setExpiry(info.ExpireTime, askedAt)
	}
	if c.ActivatedAt.IsZero() && !info.ActivatedAt.IsZero() {
		changes = append(changes, c.Activated(info.ActivatedAt)...)
	}
	if info.Status == CodeReleased && c.ReleasedAt.IsZero() {
		c.ReleasedAt = now
	}
	return append(changes, c.settle()...)
}

// Activated notes when the code was activated. The first time counts.
func (c *LicenseCodeState) Activated(at time.Time) []Change {
	if !c.ActivatedAt.IsZero() {
		return nil
	}
	c.ActivatedAt = at
	return []Change{{Kind: CodeActivated, New: Stamp(at)}}
}

// MaskCode is a code as people see it: the first two and the last four
// characters of one that is long enough to keep the rest secret.
func MaskCode(code string) string {
	r := []rune(code)
	if len(r) < 12 {
		return "••••••"
	}
	return string(r[:2]) + "••••" + string(r[len(r)-4:])
}

// ChinaDay is the day of t in China, as 2006-01-02. The pages count a code's use
// by days without naming a zone (CN 0070649245, 0000002290055385); codes exist
// on the China site only, so its day is taken.
func ChinaDay(t time.Time) string { return t.In(china).Format(time.DateOnly) }

// ChinaDayStart is when t's day in China began.
func ChinaDayStart(t time.Time) time.Time {
	y, m, d := t.In(china).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, china).UTC()
}

var china = time.FixedZone("CST", 8*3600)
