package provision

import (
	"context"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// maxProductID is the published length of productId (page CN 0070649466).
const maxProductID = 64

// SetProduct writes what a product of a channel is provisioned by; product "*"
// is the channel's default. keepSecret leaves a stored secret as it is. Without
// a mail language it is the site's.
//
// Faults: not_found "channel.unknown"; invalid "product.bad_id",
// "product.driver_unknown" and those of the driver's CheckSettings.
func (p *Provisioner) SetProduct(ctx context.Context, channel string, entry store.Product, keepSecret bool, by staff.Actor) (created bool, err error) {
	if n := utf8.RuneCountInString(entry.ProductID); n == 0 || n > maxProductID || strings.ContainsFunc(entry.ProductID, blank) {
		return false, fault.New(fault.Invalid, "product.bad_id")
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
		if keepSecret {
			if entry.Secret, err = storedSecret(ctx, r, ch.ID, entry.ProductID); err != nil {
				return err
			}
		}
		if err := p.drivers.Check(entry); err != nil {
			return err
		}
		if err := p.checkLicense(entry); err != nil {
			return err
		}
		if entry.Settings.Pool != "" { // shown, empty as it is
			if err := tx.EnsurePool(ctx, entry.Settings.Pool); err != nil {
				return err
			}
		}
		if created, err = tx.SetProduct(ctx, entry); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "product.set", Target: "product/" + channel + "/" + entry.ProductID,
			IP: by.IP, Detail: map[string]string{"driver": entry.Driver}})
	})
	return created, err
}

// checkLicense tells whether the License part of an entry can work.
func (p *Provisioner) checkLicense(entry store.Product) error {
	if p.license != nil {
		return p.license.Check(entry)
	}
	if entry.Settings.License != "" {
		return fault.New(fault.Invalid, "license.supplier_unknown", "supplier", entry.Settings.License, "product", entry.ProductID, "known", "")
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

// storedSecret is the secret that the product's own entry has; "" without one.
func storedSecret(ctx context.Context, r *store.Reader, channel int64, productID string) (string, error) {
	p, err := r.ProductFor(ctx, channel, productID)
	if fault.Is(err, fault.NotFound) || err == nil && p.ProductID != productID {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return p.Secret, nil
}
