package main

import (
	"context"
	"fmt"
	"strings"

	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func product(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "product", args, map[string]command{"set": productSet})
}

func productSet(ctx context.Context, c *cli, args []string) error {
	f := c.flags("product set", "what a product is provisioned by. Templates may use {instance_id} {order_id} {order_line_id} {customer_id} {customer_name} {email} {sku_code} {product_id}, and {param:NAME} for an extension parameter that the buyer gave while ordering.")
	var p store.Product
	slug := f.String("channel", "", "the channel's slug")
	f.StringVar(&p.ProductID, "product", "", "KooGallery's productId, or * for the channel's default")
	f.StringVar(&p.Driver, "driver", "", "how instances are made: "+strings.Join(drivers(nil).Names(), ", "))
	f.StringVar(&p.Settings.FrontEndURL, "front-end-url", "", "template of the address at which the customer uses the instance")
	f.StringVar(&p.Settings.AdminURL, "admin-url", "", "template of the administration address")
	f.StringVar(&p.Settings.UserName, "user-name", "", "template of the account's name")
	f.BoolVar(&p.Settings.GeneratePassword, "generate-password", false, "make a first password for each instance")
	f.StringVar(&p.Settings.Memo, "memo", "", "template of the remark that the customer sees")
	f.StringVar(&p.Settings.Pool, "pool", "", "driver pool: the name of the pool that the accounts are taken from")
	f.StringVar(&p.Settings.PoolOnRelease, "pool-on-release", "", "driver pool: what becomes of the account of a released instance: retire (default) or return")
	f.BoolVar(&p.Settings.OneTimeLink, "one-time-link", false, "let the buyer's access page show the access data once only")
	f.StringVar(&p.MailLanguage, "mail-language", "", "language of the messages to customers: zh-CN or en (default: the site's)")
	if err := f.parse(args, "channel", "product", "driver"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		created, err := provision.New(provision.Options{Store: s, Drivers: drivers(s)}).SetProduct(ctx, *slug, p, false, staff.CLI())
		if err != nil {
			return err
		}
		word := "changed"
		if created {
			word = "created"
		}
		fmt.Fprintf(c.stdout, "product %s of channel %s %s: provisioned by %s\n", p.ProductID, *slug, word, p.Driver)
		return nil
	})
}
