package main

import (
	"context"
	"fmt"
	"os"
	"time"

	channels "koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

type channelFlags struct {
	slug, site, ak, sk, openAPI, kitKey string
	keys                                map[market.KeyClass]*string
	encryptType                         int
	v1Pending                           string
	bodySign                            bool
	retireNow                           bool
}

func channel(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "channel", args, map[string]command{"set": channelSet, "list": channelList, "keys": channelKeys})
}

// channelKeys shows what keys a channel has had and which of them the
// marketplace still uses; never a secret.
func channelKeys(ctx context.Context, c *cli, args []string) error {
	var slug string
	f := c.flags("channel keys", "the keys of a channel, by class: since when, until when, and when each last proved a call (UTC)")
	f.StringVar(&slug, "slug", "", "name of the channel")
	if err := f.parse(args, "slug"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		ch, err := s.Reader().ChannelBySlug(ctx, slug)
		if err != nil {
			return err
		}
		keys, err := s.Reader().ChannelKeys(ctx, ch.ID)
		if err != nil {
			return err
		}
		now := time.Now()
		for _, k := range keys {
			state := "present"
			switch {
			case k.Retired(now):
				state = "retired " + stamp(k.RetiresAt)
			case !k.Present():
				state = "valid until " + stamp(k.RetiresAt)
			}
			fmt.Fprintf(c.stdout, "%s\t%s\tcreated %s\tlast used %s\n", k.Class, state, stamp(k.CreatedAt), stamp(k.LastUsedAt))
		}
		return nil
	})
}

// stamp is a time for a terminal.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func channelList(ctx context.Context, c *cli, args []string) error {
	if err := c.flags("channel list", "the production addresses: slug, site, address of the open APIs, what V1.0 purchases are answered that are not ready in time").parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		rows, err := s.Reader().Channels(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			ch, err := s.Reader().ChannelBySlug(ctx, row.Slug)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.stdout, "%s\t%s\t%s\t%s\n", ch.Slug, ch.Site, ch.BaseURL(), ch.V1Pending)
		}
		return nil
	})
}

func channelSet(ctx context.Context, c *cli, args []string) error {
	f := c.flags("channel set", "create or change a production address and its keys. A value - is read from standard input, one line each.")
	var o channelFlags
	o.keys = map[market.KeyClass]*string{}
	f.StringVar(&o.slug, "slug", "", "name of the channel, as it stands in its address /koogallery/SLUG")
	f.StringVar(&o.site, "site", "", "cn, intl or eu; needed for a new channel")
	for _, class := range market.KeyClasses() {
		o.keys[class] = f.String(string(class)+"-key", "", "access key bound to the "+string(class)+" interfaces; a replaced one stays valid for 24 h")
	}
	f.StringVar(&o.ak, "ak", "", "access key id of the open APIs")
	f.StringVar(&o.sk, "sk", "", "secret access key of the open APIs")
	f.StringVar(&o.openAPI, "open-api", "", "address of the open APIs, if it is not the published one of the site")
	f.StringVar(&o.kitKey, "kit-private-key", "", "file with the private key (PEM) of the joint-operations kit")
	f.IntVar(&o.encryptType, "encrypt-type", 1, "1 (AES-256) or 2 (AES-128), for protocol V1.0")
	f.StringVar(&o.v1Pending, "v1-pending", store.PendingPage,
		"what a V1.0 purchase is answered that is not ready within 3 s: page (000000 and the buyer's access page) or 000004 (the marketplace has to come again)")
	f.BoolVar(&o.bodySign, "body-sign", true, "sign every answer with the header Body-Sign")
	f.BoolVar(&o.retireNow, "retire-old-key-now", false, "end the 24 h in which replaced keys of this channel are still valid; works alone too")
	if err := f.parse(args, "slug"); err != nil {
		return err
	}
	change, err := o.change(f, c.secrets())
	if err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error { return o.apply(ctx, c, s, change) })
}

// change turns the flags that were given into a change.
func (o *channelFlags) change(f *flags, in *secrets) (channels.Change, error) {
	out := channels.Change{Overlap: channels.Overlap}
	given := f.given()
	if given["site"] {
		site := market.Site(o.site)
		if !site.Valid() {
			return out, f.bad("--site %q is none of cn, intl, eu", o.site)
		}
		out.Settings.Site = &site
	}
	if given["encrypt-type"] {
		if o.encryptType != 1 && o.encryptType != 2 {
			return out, f.bad("--encrypt-type must be 1 or 2")
		}
		out.Settings.EncryptType = &o.encryptType
	}
	if given["v1-pending"] {
		if o.v1Pending != store.PendingPage && o.v1Pending != store.PendingCode {
			return out, f.bad("--v1-pending %q is neither page nor 000004", o.v1Pending)
		}
		out.Settings.V1Pending = &o.v1Pending
	}
	if given["body-sign"] {
		out.Settings.BodySign = &o.bodySign
	}
	if given["open-api"] {
		out.Settings.OpenAPIURL = &o.openAPI
	}
	if o.retireNow {
		out.Overlap, out.RetireOld = 0, market.KeyClasses()
	}
	var err error
	out.Keys, err = o.readSecrets(&out.Settings, given, in)
	return out, err
}

func (o *channelFlags) readSecrets(change *store.ChannelChange, given map[string]bool, in *secrets) (map[market.KeyClass]string, error) {
	keys := map[market.KeyClass]string{}
	for _, class := range market.KeyClasses() {
		name := string(class) + "-key"
		if !given[name] {
			continue
		}
		v, err := in.read(name, *o.keys[class])
		if err != nil {
			return nil, err
		}
		if v == "" {
			return nil, fault.New(fault.Invalid, "cli.no_input", "flag", "--"+name)
		}
		keys[class] = v
	}
	for _, to := range []struct { // in this order the lines are read
		name, value string
		dst         **string
	}{{"ak", o.ak, &change.AK}, {"sk", o.sk, &change.SK}} {
		if !given[to.name] {
			continue
		}
		v, err := in.read(to.name, to.value)
		if err != nil {
			return nil, err
		}
		*to.dst = &v
	}
	if given["kit-private-key"] {
		pem, err := os.ReadFile(o.kitKey)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cli.no_file", "file", o.kitKey)
		}
		text := string(pem)
		change.KitKey = &text
	}
	return keys, nil
}

func (o *channelFlags) apply(ctx context.Context, c *cli, s *store.Store, change channels.Change) error {
	done, err := channels.New(s).Set(ctx, o.slug, change, true, staff.CLI())
	if err != nil {
		return err
	}
	z := i18n.For(i18n.En)
	for _, w := range done.Warnings {
		fmt.Fprintln(c.stderr, "warning: "+sentence(z.FaultOf(w)))
	}
	word := "changed"
	if done.Created {
		word = "created"
	}
	fmt.Fprintf(c.stdout, "channel %s %s; its production address is %s/koogallery/%s\n", o.slug, word, c.config.PublicURL, o.slug)
	return nil
}
