// Package pool is the driver for products whose accounts were prepared in
// advance, and the use case that fills the pools and watches them. A pool is
// known by its name alone: products of several channels may share one. The
// package calls nobody outside; what an account is worth elsewhere it does not
// know.
package pool

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/store"
)

// Name is the driver's name in a product's entry.
const Name = "pool"

// What becomes of an account when its instance is released, as a product's entry
// says. Retired is the default: whoever had the account knows its password.
const (
	OnReleaseRetire = "retire"
	OnReleaseReturn = "return"
)

// Driver implements provision.Driver, provision.Releaser and provision.Holder.
type Driver struct{ Store *store.Store }

// CheckSettings wants the pool's name. Faults: invalid "product.pool_missing",
// "pool.bad_name", "product.pool_on_release".
func (Driver) CheckSettings(s store.ProductSettings, _ string) error {
	if s.Pool == "" {
		return fault.New(fault.Invalid, "product.pool_missing")
	}
	if s.PoolOnRelease != "" && s.PoolOnRelease != OnReleaseRetire && s.PoolOnRelease != OnReleaseReturn {
		return fault.New(fault.Invalid, "product.pool_on_release", "value", s.PoolOnRelease)
	}
	return CheckName(s.Pool)
}

// maxName is the greatest length of a pool's name, in characters.
const maxName = 64

// CheckName tells whether a pool may have this name: up to 64 letters, digits
// and ".", "_", "-", beginning with a letter or a digit. Fault: invalid
// "pool.bad_name".
func CheckName(name string) error {
	first, _ := utf8.DecodeRuneInString(name)
	odd := strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("._-", r) })
	if name == "" || odd || !alphanumeric(first) || utf8.RuneCountInString(name) > maxName {
		return fault.New(fault.Invalid, "pool.bad_name", "max", "64")
	}
	return nil
}

func alphanumeric(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// Provision hands the instance an account, the same one however often it is
// asked. The account is the instance's as soon as this transaction ends, and
// whoever releases the instance then knows by its driver that it holds one: a
// worker that dies before the access data is kept neither loses nor doubles it.
//
// Faults: conflict "pool.empty" (given up; it goes on by itself when accounts
// are added, and SaaS V1.0 is told 000100), conflict "pool.none_fits" (given
// up likewise: what is free is too long for V1.0), conflict "provision.changed_meanwhile"
// (released just now).
func (d Driver) Provision(ctx context.Context, r provision.Request) (provision.Result, error) {
	var got provision.Access
	err := d.Store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, r.InstanceID)
		if err != nil {
			return err
		}
		if i.Status == market.Released {
			return fault.New(fault.Conflict, "provision.changed_meanwhile")
		}
		if got, err = tx.TakeAccount(ctx, r.Settings.Pool, i); err != nil {
			return err
		}
		if i.AccessVersion > 0 {
			return nil
		}
		return tx.SetDriver(ctx, i.PK, Name)
	})
	if fault.Is(err, fault.NotFound) && fault.From(err).Key == "pool.no_account" {
		return provision.Result{}, d.empty(ctx, r.Settings.Pool)
	}
	return provision.Result{Access: got}, err
}

// empty says why no account could be handed out, with the code for the answer
// that can still tell it.
func (d Driver) empty(ctx context.Context, name string) error {
	key := "pool.empty"
	p, err := d.Store.Reader().Pool(ctx, name)
	switch {
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	case err == nil && p.Free > 0 && p.Free == p.Long:
		key = "pool.none_fits"
	}
	return fault.New(fault.Conflict, key, "pool", name, provision.ArgCode, string(market.NoResource)).Final()
}

// Change keeps an account of the product's own pool: it is the customer's, whatever
// was bought on top. What else the customer has waits for a person: an account of
// another pool is not what was bought now.
func (d Driver) Change(ctx context.Context, r provision.Request) (provision.Result, error) {
	held, err := d.Store.Reader().PoolOfInstance(ctx, r.InstanceID)
	if err != nil {
		return provision.Result{}, err
	}
	return provision.Result{Access: r.Access, Waiting: held != r.Settings.Pool}, nil
}

// CanChange is always possible: the account stays, or a person sees to it.
func (Driver) CanChange(context.Context, provision.Request, []market.ProductInfo) error { return nil }

// Holds tells whether the instance has an account: a pool that was empty gave it
// none.
func (Driver) Holds(ctx context.Context, r *store.Reader, instancePK int64) (bool, error) {
	return r.HoldsAccount(ctx, instancePK)
}

// Release takes the account back, as the product's entry says at that time.
// Freezing and the cancelling of a renewal leave it with the instance.
func (d Driver) Release(ctx context.Context, r provision.Request) error {
	return d.Store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, r.InstanceID)
		if err != nil {
			return err
		}
		retire := r.Settings.PoolOnRelease != OnReleaseReturn
		name, err := tx.LetAccountGo(ctx, i.PK, retire)
		if err != nil || name == "" || retire {
			return err
		}
		_, err = tx.WakePool(ctx, name, "system")
		return err
	})
}
