package provision

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// maxProductID is the published length of productId and skuCode (page CN
// 0070649466).
const maxProductID = 64

// Stored says what SetProduct did. Secret is the one that it made, to be shown
// once; "" if there was one, or none is needed.
type Stored struct {
	Created bool
	Secret  string
}

// secretOverlap is how long a replaced secret goes on beside the new one.
const secretOverlap = 24 * time.Hour

// SecretWish is what is to become of the secret of an entry.
type SecretWish int

// An entry's secret is kept, or made where there is none and driver or supplier
// needs one; is the one that comes with it, "" for none; or is made anew where one
// is needed.
const (
	KeepSecret SecretWish = iota
	GivenSecret
	RenewSecret
)

// SetProduct writes what a product of a channel is provisioned by: the entry is
// for a productId, for a skuCode, or, with the productId "*", the channel's
// default. A replaced secret stays valid for 24 hours. Without a mail language it
// is the site's.
//
// Faults: not_found "channel.unknown"; invalid "product.bad_id", "product.bad_sku",
// "product.driver_unknown", "notice.kind_unknown", "notice.bad_days",
// "notice.bad_quiet_hours", "notice.bad_cap", "product.bad_password_by",
// "product.bad_wipe_days", "product.bad_password_length",
// "product.bad_password_class", "product.one_password_class" and those of the driver's CheckSettings.
func (p *Provisioner) SetProduct(ctx context.Context, channel string, entry store.Product, secret SecretWish, by staff.Actor) (done Stored, err error) {
	if err := checkKey(entry); err != nil {
		return done, err
	}
	err = p.store.Write(ctx, func(tx *store.Tx) error {
		r := tx.Reader()
		ch, err := r.ChannelBySlug(ctx, channel)
		if err != nil {
			return err
		}
		entry.ChannelID = ch.ID
		if entry.MailLanguage == "" {
			entry.MailLanguage = siteLanguage(ch.Site)
		}
		if done.Secret, err = p.secretOf(ctx, tx, &entry, secret); err != nil {
			return err
		}
		if err := p.drivers.Check(entry); err != nil {
			return err
		}
		if err := p.checkLicense(entry); err != nil {
			return err
		}
		if err := checkNotices(&entry.Settings); err != nil {
			return err
		}
		if err := checkPasswords(entry.Settings); err != nil {
			return err
		}
		if entry.Settings.Pool != "" { // shown, empty as it is
			if err := tx.EnsurePool(ctx, entry.Settings.Pool); err != nil {
				return err
			}
		}
		if done.Created, err = tx.SetProduct(ctx, entry); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "product.set", Target: target(channel, entry),
			Reason: by.Reason, IP: by.IP, Detail: map[string]string{"driver": entry.Driver}})
	})
	return done, err
}

// checkKey tells whether an entry is for something. Fault: invalid
// "product.bad_id", "product.bad_sku".
func checkKey(entry store.Product) error {
	key, wrong := entry.ProductID, "product.bad_id"
	if entry.SkuCode != "" {
		key, wrong = entry.SkuCode, "product.bad_sku"
	}
	n := utf8.RuneCountInString(key)
	if n == 0 || n > maxProductID || strings.ContainsFunc(key, blank) || entry.SkuCode != "" && (entry.ProductID != "" || key == "*") {
		return fault.New(fault.Invalid, wrong)
	}
	return nil
}

// target names an entry in the audit.
func target(channel string, entry store.Product) string {
	if entry.SkuCode != "" {
		return "product/" + channel + "/sku/" + entry.SkuCode
	}
	return "product/" + channel + "/" + entry.ProductID
}

// Drivers lists the drivers that an entry can have.
func (p *Provisioner) Drivers() []string { return p.drivers.Names() }

// Suppliers lists who can supply a product's Licenses.
func (p *Provisioner) Suppliers() []string {
	if p.license == nil {
		return nil
	}
	return p.license.Names()
}

// checkLicense tells whether the License part of an entry can work.
func (p *Provisioner) checkLicense(entry store.Product) error {
	if p.license != nil {
		return p.license.Check(entry)
	}
	if entry.Settings.License != "" {
		return fault.New(fault.Invalid, "license.supplier_unknown", "supplier", entry.Settings.License, "product", entry.Name(), "known", "")
	}
	return nil
}

func blank(r rune) bool { return r <= ' ' || r == 0x7f || r == utf8.RuneError }

// siteLanguage is the language of most customers of a site.
func siteLanguage(s market.Site) string {
	if s == market.SiteCN {
		return "zh-CN"
	}
	return "en"
}

// secretOf settles which secret an entry gets and which one goes on beside it;
// made is one that there was not before.
func (p *Provisioner) secretOf(ctx context.Context, tx *store.Tx, entry *store.Product, wish SecretWish) (made string, err error) {
	before, err := tx.Reader().ProductFor(ctx, entry.ChannelID, entry.ProductID, entry.SkuCode)
	if fault.Is(err, fault.NotFound) || err == nil && (before.ProductID != entry.ProductID || before.SkuCode != entry.SkuCode) {
		before, err = &store.Product{}, nil
	}
	if err != nil {
		return "", err
	}
	if wish != GivenSecret {
		entry.Secret = before.Secret
	}
	if wish == RenewSecret || wish == KeepSecret && entry.Secret == "" {
		if driver, ok := p.drivers[entry.Driver].(Secretive); ok {
			made = driver.NewSecret()
		} else if p.license != nil {
			made = p.license.NewSecret(*entry)
		}
	}
	if made != "" {
		entry.Secret = made
	}
	switch {
	case entry.Secret == before.Secret:
		entry.OldSecret, entry.OldUntil = before.OldSecret, before.OldUntil
	case before.Secret != "":
		entry.OldSecret, entry.OldUntil = before.Secret, tx.Now.Add(secretOverlap)
	}
	return made, nil
}
