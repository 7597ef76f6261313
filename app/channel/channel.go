// Package channel is the use case of production addresses: setting a channel up,
// changing it, and replacing its keys with an overlap. Before a change that would
// break calls of the marketplace it says which ones, and wants that confirmed. It
// never gives a secret back.
package channel

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Overlap is how long a replaced key stays valid: the marketplace may go on
// using it until the new one is bound there.
const Overlap = 24 * time.Hour

// Change is what Set does to a channel; what is nil or missing stays as it is.
// The Slug of Settings is set by Set.
type Change struct {
	Settings  store.ChannelChange
	Keys      map[market.KeyClass]string
	Overlap   time.Duration     // how long the replaced keys stay valid; 0 ends them at once
	RetireOld []market.KeyClass // classes whose overlaps end now, too
}

// Done says what Set did.
type Done struct {
	Created  bool
	Changed  map[market.KeyClass]bool // of the keys that were given: false is the present one again
	Warnings []*fault.Error           // what was confirmed
}

// Unconfirmed is why Set did nothing: the change would break what Warnings say,
// and nobody has confirmed that. It unwraps to the fault "channel.unconfirmed".
type Unconfirmed struct{ Warnings []*fault.Error }

func (u *Unconfirmed) Error() string {
	all := make([]error, 0, len(u.Warnings))
	for _, w := range u.Warnings {
		all = append(all, w)
	}
	return errUnconfirmed.Error() + ": " + errors.Join(all...).Error()
}

// Unwrap gives the fault.
func (u *Unconfirmed) Unwrap() error { return errUnconfirmed }

var errUnconfirmed = fault.New(fault.Conflict, "channel.unconfirmed")

// Desk is the use case. It is safe for concurrent use.
type Desk struct{ store *store.Store }

// New makes a desk.
func New(s *store.Store) *Desk { return &Desk{store: s} }

// Set makes a channel or changes it, with its keys, in one transaction with the
// audit. Without confirmed it does nothing if there is something to warn of, and
// gives *Unconfirmed.
//
// Faults: invalid "channel.bad_slug", "channel.site_missing", "channel.bad_site",
// "channel.bad_encrypt_type", "channel.bad_v1_pending", "channel.bad_key",
// "channel.aksk_pair", "order_query.bad_address"; conflict "channel.unconfirmed".
func (d *Desk) Set(ctx context.Context, slug string, c Change, confirmed bool, by staff.Actor) (Done, error) {
	c.Settings.Slug = slug
	if err := check(c); err != nil {
		return Done{}, err
	}
	done := Done{Changed: map[market.KeyClass]bool{}}
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		old, err := tx.ChannelForUpdate(ctx, slug)
		if err != nil {
			return err
		}
		if err := pair(old, c.Settings); err != nil {
			return err
		}
		if done.Warnings, err = warnings(ctx, tx.Reader(), tx.Now, old, c); err != nil {
			return err
		}
		if len(done.Warnings) > 0 && !confirmed {
			return &Unconfirmed{Warnings: done.Warnings}
		}
		return write(ctx, tx, c, by, &done)
	})
	return done, err
}

// Warnings is what a change would break, without making it. A change that cannot
// be made has none.
func (d *Desk) Warnings(ctx context.Context, slug string, c Change) ([]*fault.Error, error) {
	r := d.store.Reader()
	old, err := r.ChannelBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	return warnings(ctx, r, time.Now(), old, c)
}

func write(ctx context.Context, tx *store.Tx, c Change, by staff.Actor, done *Done) error {
	id, created, err := tx.SetChannel(ctx, c.Settings)
	if err != nil {
		return err
	}
	done.Created = created
	detail := said(c)
	for _, class := range market.KeyClasses() {
		key, given := c.Keys[class]
		if !given {
			continue
		}
		changed, err := tx.SetChannelKey(ctx, id, class, key, c.Overlap)
		if err != nil {
			return err
		}
		done.Changed[class] = changed
		detail[string(class)+"_key"] = map[bool]string{true: "changed", false: "unchanged"}[changed]
		if changed {
			detail["overlap"] = c.Overlap.String()
		}
	}
	if len(c.RetireOld) > 0 {
		if err := tx.RetireOldKeys(ctx, id, c.RetireOld); err != nil {
			return err
		}
		detail["old_keys"] = "retired"
	}
	return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActSetChannel, Target: "channel/" + c.Settings.Slug, Reason: by.Reason, IP: by.IP, Detail: detail})
}

// said is what the audit keeps of a change: settings as they are, secrets only by
// name.
func said(c Change) map[string]string {
	s, out := c.Settings, map[string]string{}
	for name, v := range map[string]*string{"site": (*string)(s.Site), "open_api_url": s.OpenAPIURL, "v1_pending": s.V1Pending} {
		if v != nil {
			out[name] = *v
		}
	}
	for name, v := range map[string]*string{"ak": s.AK, "sk": s.SK, "kit_private_key": s.KitKey} {
		if v != nil {
			out[name] = "set"
		}
	}
	if s.EncryptType != nil {
		out["encrypt_type"] = string(rune('0' + *s.EncryptType))
	}
	if s.BodySign != nil {
		out["body_sign"] = map[bool]string{true: "on", false: "off"}[*s.BodySign]
	}
	return out
}

var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// maxKey bounds a key; those of the Seller Center are UUIDs.
const maxKey = 256

func check(c Change) error {
	s := c.Settings
	switch {
	case !slugForm.MatchString(s.Slug):
		return fault.New(fault.Invalid, "channel.bad_slug")
	case s.Site != nil && !s.Site.Valid():
		return fault.New(fault.Invalid, "channel.bad_site")
	case s.EncryptType != nil && *s.EncryptType != 1 && *s.EncryptType != 2:
		return fault.New(fault.Invalid, "channel.bad_encrypt_type")
	case s.V1Pending != nil && *s.V1Pending != store.PendingPage && *s.V1Pending != store.PendingCode:
		return fault.New(fault.Invalid, "channel.bad_v1_pending")
	}
	for class, key := range c.Keys {
		if !slices.Contains(market.KeyClasses(), class) {
			return fault.New(fault.NotFound, "channel.no_class")
		}
		if !usable(key) {
			return fault.New(fault.Invalid, "channel.bad_key", "class", string(class))
		}
	}
	for _, secret := range []*string{s.AK, s.SK} {
		if secret != nil && !usable(*secret) {
			return fault.New(fault.Invalid, "channel.aksk_pair")
		}
	}
	if s.OpenAPIURL != nil && *s.OpenAPIURL != "" {
		return marketapi.CheckAddress(*s.OpenAPIURL)
	}
	return nil
}

// usable tells whether a text can be a key: a blank or a line end got in by
// copying.
func usable(key string) bool {
	return key != "" && len(key) <= maxKey && utf8.ValidString(key) &&
		!strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// pair tells whether a channel has AK and SK both, or neither, after a change: one
// alone signs nothing.
func pair(old *store.Channel, s store.ChannelChange) error {
	ak, sk := s.AK != nil || old != nil && old.AK != "", s.SK != nil || old != nil && old.SK != ""
	if ak != sk {
		return fault.New(fault.Invalid, "channel.aksk_pair")
	}
	return nil
}
