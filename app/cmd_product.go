package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func product(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "product", args, map[string]command{"set": productSet})
}

func productSet(ctx context.Context, c *cli, args []string) error {
	f := c.flags("product set", "what a product is provisioned by. Templates may use "+"{"+strings.Join(static.Placeholders(), "} {")+"}"+", and {param:NAME} for an extension parameter that the buyer gave while ordering.")
	var p store.Product
	slug := f.String("channel", "", "the channel's slug")
	f.StringVar(&p.ProductID, "product", "", "KooGallery's productId, or * for the channel's default")
	f.StringVar(&p.SkuCode, "sku", "", "in place of --product: KooGallery's skuCode, for all its productIds that have no entry of their own")
	f.StringVar(&p.Driver, "driver", "", "how instances are made: "+strings.Join(c.makers(nil, nil).Names(), ", "))
	f.StringVar(&p.Settings.FrontEndURL, "front-end-url", "", "template of the address at which the customer uses the instance")
	f.StringVar(&p.Settings.AdminURL, "admin-url", "", "template of the administration address")
	f.StringVar(&p.Settings.UserName, "user-name", "", "template of the account's name")
	f.BoolVar(&p.Settings.GeneratePassword, "generate-password", false, "make a first password for each instance")
	f.IntVar(&p.Settings.PasswordLength, "password-length", 0, "how long such a password is, 8 to 64 (default 16)")
	classes := f.String("password-classes", "", "which characters it has, at least two, separated by commas (default: "+strings.Join(store.PasswordClasses(), ",")+")")
	f.StringVar(&p.Settings.Memo, "memo", "", "template of the remark that the customer sees")
	f.StringVar(&p.Settings.Pool, "pool", "", "driver pool: the name of the pool that the accounts are taken from")
	f.StringVar(&p.Settings.PoolOnRelease, "pool-on-release", "", "driver pool: what becomes of the account of a released instance: retire (default) or return")
	f.StringVar(&p.Settings.WebhookURL, "webhook-url", "", "driver or License supplier webhook: the address of the seller's product that is asked and told")
	secret := f.String("webhook-secret", "", "driver or License supplier webhook: what its calls are signed with, whsec_... or 24 characters and more; - reads it from standard input; without it the stored one stays, or one is made and printed once")
	f.StringVar(&p.Settings.WebhookWait, "webhook-wait", "", "driver or License supplier webhook: how long the product may take to hand access data or a License in after it answered 202, such as 90m (default 2h)")
	f.BoolVar(&p.Settings.OneTimeLink, "one-time-link", false, "let the buyer's access page show the access data once only")
	f.StringVar(&p.Settings.PasswordBy, "password-by", "", "how messages tell the first password: message (default), or link, to the buyer's access page, which shows it once")
	f.IntVar(&p.Settings.WipePasswordDays, "wipe-password-days", 0, "wipe the first password so many days after the customer has got it (default 0: never)")
	f.BoolVar(&p.Settings.DeliveryFallback, "delivery-fallback", false, "tell a customer by SMS what an e-mail finally could not, and the other way round")
	f.StringVar(&p.MailLanguage, "mail-language", "", "language of the messages to customers: zh-CN or en (default: the site's)")
	f.StringVar(&p.Settings.License, "license", "", "a License product: who supplies its Licenses: "+strings.Join(c.suppliers(nil, nil).Names(), ", ")+"; with --driver none it has no access data")
	f.StringVar(&p.Settings.LicensePool, "license-pool", "", "name of the pool of prepared Licenses")
	f.BoolVar(&p.Settings.LicenseNeedsDevice, "license-needs-device", false, "refuse a License without a device fingerprint (000903)")
	f.BoolVar(&p.Settings.LicenseUnlimited, "license-unlimited", false, "give more Licenses than the order's linear value (else 000900)")
	off := f.String("notices-off", "", "kinds of messages that customers do not get, separated by commas: "+strings.Join(market.Notices(), ", "))
	days := f.String("expiry-days", "", "how many days before an expiry its customer is told, separated by commas; 0 is the day itself (default 30,15,7,3,1,0)")
	f.StringVar(&p.Settings.QuietHours, "quiet-hours", "", "when no notice goes out by SMS, in the customer's zone, or none (default "+market.DefaultQuietHours+")")
	f.IntVar(&p.Settings.DailyCap, "daily-cap", 0, "how many notices a customer gets in a day; -1 for any number (default 5)")
	if err := f.parse(args, "channel", "driver"); err != nil {
		return err
	}
	if (p.ProductID == "") == (p.SkuCode == "") {
		return f.bad("give either --product or --sku")
	}
	p.Settings.PasswordClasses = listed(*classes)
	err := readNotices(&p.Settings, *off, *days)
	if err != nil {
		return err
	}
	if p.Secret, err = c.secrets().read("webhook-secret", *secret); err != nil {
		return err
	}
	wish := provision.KeepSecret
	if p.Secret != "" {
		wish = provision.GivenSecret
	}
	return c.with(ctx, func(s *store.Store) error {
		done, err := provision.New(provision.Options{Store: s, Drivers: c.makers(s, nil), Licenses: c.suppliers(s, nil)}).SetProduct(ctx, *slug, p, wish, staff.CLI())
		if err != nil {
			return err
		}
		word := "changed"
		if done.Created {
			word = "created"
		}
		fmt.Fprintf(c.stdout, "product %s of channel %s %s: provisioned by %s\n", p.Name(), *slug, word, p.Driver)
		if done.Secret != "" {
			fmt.Fprintf(c.stdout, "webhook secret: %s\n", done.Secret)
		}
		return nil
	})
}

// listed are the words of a list.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// readNotices reads the lists of kinds and of days. Fault: invalid "notice.bad_days".
func readNotices(s *store.ProductSettings, off, days string) error {
	s.NoticesOff = listed(off)
	for _, d := range listed(days) {
		n, err := strconv.Atoi(d)
		if err != nil {
			return fault.New(fault.Invalid, "notice.bad_days", "value", d, "most", strconv.Itoa(provision.MaxExpiryDay))
		}
		s.ExpiryDays = append(s.ExpiryDays, n)
	}
	return nil
}
