// Package licensecode is the use case of authorization codes of Licenses: it
// activates them at the marketplace, asks for their status and expiry, reports
// their use, and tells the seller's software whether a code may be used. What
// the marketplace itself calls about codes is taken over by intake. The package
// knows neither HTTP nor how anything is signed.
package licensecode

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// Marketplace is what is asked of KooGallery's open APIs.
type Marketplace interface {
	ActivateLicense(ctx context.Context, baseURL string, cred marketapi.Credentials, license string, effect time.Time) (market.CodeInfo, []byte, error)
	QueryLicense(ctx context.Context, baseURL string, cred marketapi.Credentials, license string) (market.CodeInfo, []byte, error)
	ReportUsage(ctx context.Context, baseURL string, cred marketapi.Credentials, usage []marketapi.LicenseUsage) (refused []string, err error)
}

// Patience is how long the seller's software waits for the marketplace within a
// call of ours; whatever takes longer is left to a task.
const (
	checkPatience    = 3 * time.Second
	activatePatience = 6 * time.Second
)

// Options of New. Wake, which may be nil, is called after tasks were written.
type Options struct {
	Store       *store.Store
	Marketplace Marketplace
	Log         *slog.Logger
	Wake        func()
	Now         func() time.Time // nil: time.Now
}

// Codes is the use case. It is safe for concurrent use.
type Codes struct {
	store  *store.Store
	market Marketplace
	log    *slog.Logger
	wake   func()
	now    func() time.Time
	asking singleflight.Group // one question at a time about a code
}

// New makes the use case.
func New(o Options) *Codes {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Codes{store: o.Store, market: o.Marketplace, log: o.Log, wake: o.Wake, now: o.Now}
}

// credentials are the channel's. Fault: invalid "license_code.no_credentials".
func credentials(ch *store.Channel) (marketapi.Credentials, error) {
	if ch.AK == "" || ch.SK == "" {
		return marketapi.Credentials{}, fault.New(fault.Invalid, "license_code.no_credentials", "channel", ch.Slug)
	}
	return marketapi.Credentials{AK: ch.AK, SK: ch.SK}, nil
}

// subject loads what a task is about. done is true when there is nothing to ask
// any more.
func (k *Codes) subject(ctx context.Context, task outbox.Task) (c *store.LicenseCode, ch *store.Channel, cred marketapi.Credentials, done bool, err error) {
	r := k.store.Reader()
	if c, err = r.LicenseCodeByID(ctx, task.LicenseCode); err != nil || c.Status == market.CodeReleased {
		return c, nil, cred, err == nil, err
	}
	if ch, err = r.ChannelByID(ctx, c.ChannelID); err != nil {
		return nil, nil, cred, false, err
	}
	cred, err = credentials(ch)
	return c, ch, cred, false, err
}

// Activate does a license_activate task. Activated once is enough: a second run
// only ends the task. Faults: invalid "license_code.no_credentials" (given up);
// those of marketapi.ActivateLicense; conflict "task.lease_lost".
func (k *Codes) Activate(ctx context.Context, task outbox.Task) error {
	c, ch, cred, done, err := k.subject(ctx, task)
	if err != nil {
		return err
	}
	if done || !c.ActivatedAt.IsZero() {
		return k.complete(ctx, task)
	}
	asked := k.now()
	info, raw, err := k.market.ActivateLicense(ctx, ch.BaseURL(), cred, c.Code, c.RealEffectTime)
	if err != nil {
		return err
	}
	return k.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		c, err := tx.LockLicenseCode(ctx, task.LicenseCode)
		if err != nil {
			return err
		}
		o := store.Origin{MessageID: task.MessageID, TaskID: task.ID}
		if err := k.learn(ctx, tx, c, answer{info: info, raw: raw, asked: asked, activated: true}, o); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

// Query does a license_query task. Faults as of Activate.
func (k *Codes) Query(ctx context.Context, task outbox.Task) error {
	c, ch, cred, done, err := k.subject(ctx, task)
	if err != nil {
		return err
	}
	if done {
		return k.complete(ctx, task)
	}
	asked := k.now()
	info, raw, err := k.market.QueryLicense(ctx, ch.BaseURL(), cred, c.Code)
	if err != nil {
		return err
	}
	return k.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		c, err := tx.LockLicenseCode(ctx, task.LicenseCode)
		if err != nil {
			return err
		}
		o := store.Origin{MessageID: task.MessageID, TaskID: task.ID}
		if err := k.learn(ctx, tx, c, answer{info: info, raw: raw, asked: asked}, o); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
}

// OnFail notes at the code why the marketplace could not be asked about it.
func (k *Codes) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, _ bool) error {
	if task.LicenseCode == 0 {
		return nil
	}
	return tx.LicenseCodeFailed(ctx, task.LicenseCode, cause)
}

// complete ends a task that has nothing to do.
func (k *Codes) complete(ctx context.Context, task outbox.Task) error {
	return k.store.WriteFor(ctx, task, func(tx *store.Tx) error { return tx.Complete(ctx, task) })
}

// answer is what the marketplace said, and when it was asked.
type answer struct {
	info      market.CodeInfo
	raw       []byte
	asked     time.Time
	activated bool // it answered an activation
}

// learn takes an answer over, under the code's lock.
func (k *Codes) learn(ctx context.Context, tx *store.Tx, c *store.LicenseCode, a answer, o store.Origin) error {
	if !a.info.ExpireTime.IsZero() && a.activated && c.Said != "" {
		a.info.ExpireTime = c.ExpiresAt // of an activation it is an estimate: what a query said counts
	}
	changes := c.Learn(a.info, a.asked, tx.Now)
	if a.activated {
		changes = append(changes, c.Activated(tx.Now)...)
	}
	if p := a.info.ProductID; p != "" && p != c.ProductID {
		changes = append(changes, market.Change{Kind: market.ProductChanged, Old: c.ProductID, New: p})
		c.ProductID = p
	}
	if n := a.info.Amount; n > 0 && n != c.Amount {
		changes = append(changes, market.Change{Kind: market.AmountChanged, Old: count(c.Amount), New: count(n)})
		c.Amount = n
	}
	for _, f := range []struct {
		to   *string
		said string
	}{{&c.OrderID, a.info.OrderID}, {&c.OrderLineID, a.info.OrderLineID}, {&c.CustomerID, a.info.CustomerID}} {
		if f.said != "" {
			*f.to = f.said
		}
	}
	if err := tx.LicenseCodeAnswered(ctx, c.ID, a.asked, a.raw); err != nil {
		return err
	}
	c.CheckedAt = a.asked
	if c.Status == market.CodeReleased {
		if err := tx.CancelLicenseCodeTasks(ctx, c.ID, "license_query"); err != nil {
			return err
		}
	}
	return tx.SaveLicenseCode(ctx, c, changes, o)
}
