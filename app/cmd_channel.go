package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// overlap is how long a replaced key stays valid: the marketplace may go on
// using it until the new one is bound there.
const overlap = 24 * time.Hour

var slugForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

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

// warnings says what a change of keys will meet: a key that another class has
// too, and one that was in use until now, which the marketplace goes on using
// until the new one is bound there (page CN 0000002091917709: a change breaks
// probing and orders of every product bound to it).
func warnings(class market.KeyClass, twins []market.KeyClass, old store.KeyRow, until time.Duration) (out []string) {
	for _, t := range twins {
		if t != class {
			out = append(out, fmt.Sprintf("the new %s key is the present %s key too; each class of interfaces must have its own", class, t))
		}
	}
	if !old.LastUsedAt.IsZero() {
		end := "it is retired now"
		if until > 0 {
			end = "it stays valid for " + until.String()
		}
		out = append(out, fmt.Sprintf("the replaced %s key was last used at %s; KooGallery goes on using it until the new one is bound in the Seller Center, "+
			"and saved debugging cases and orders fail once it is retired (%s)", class, stamp(old.LastUsedAt), end))
	}
	return out
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
	change, keys, err := o.check(f, c.secrets())
	if err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error { return o.apply(ctx, c, s, change, keys) })
}

// check turns the flags that were given into a change.
func (o *channelFlags) check(f *flags, in *secrets) (store.ChannelChange, map[market.KeyClass]string, error) {
	change := store.ChannelChange{Slug: o.slug}
	given := f.given()
	if !slugForm.MatchString(o.slug) {
		return change, nil, f.bad("--slug %q must be lower-case letters, digits and hyphens", o.slug)
	}
	if given["site"] {
		site := market.Site(o.site)
		if !site.Valid() {
			return change, nil, f.bad("--site %q is none of cn, intl, eu", o.site)
		}
		change.Site = &site
	}
	if given["encrypt-type"] {
		if o.encryptType != 1 && o.encryptType != 2 {
			return change, nil, f.bad("--encrypt-type must be 1 or 2")
		}
		change.EncryptType = &o.encryptType
	}
	if given["v1-pending"] {
		if o.v1Pending != store.PendingPage && o.v1Pending != store.PendingCode {
			return change, nil, f.bad("--v1-pending %q is neither page nor 000004", o.v1Pending)
		}
		change.V1Pending = &o.v1Pending
	}
	if given["body-sign"] {
		change.BodySign = &o.bodySign
	}
	if given["open-api"] {
		if o.openAPI != "" {
			if err := marketapi.CheckAddress(o.openAPI); err != nil {
				return change, nil, err
			}
		}
		change.OpenAPIURL = &o.openAPI
	}
	keys, err := o.readSecrets(&change, given, in)
	return change, keys, err
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

func (o *channelFlags) apply(ctx context.Context, c *cli, s *store.Store, change store.ChannelChange, keys map[market.KeyClass]string) error {
	var created bool
	var warn []string
	detail := map[string]string{}
	keep := overlap
	if o.retireNow {
		keep = 0
	}
	err := s.Write(ctx, func(tx *store.Tx) error {
		id, fresh, err := tx.SetChannel(ctx, change)
		if err != nil {
			return err
		}
		created = fresh
		had, err := tx.Reader().ChannelKeys(ctx, id)
		if err != nil {
			return err
		}
		for class, key := range keys {
			twins, err := tx.KeyClassesOf(ctx, id, key)
			if err != nil {
				return err
			}
			var old store.KeyRow
			if i := slices.IndexFunc(had, func(k store.KeyRow) bool { return k.Class == class && k.Present() }); i >= 0 {
				old = had[i]
			}
			changed, err := tx.SetChannelKey(ctx, id, class, key, overlap)
			if err != nil {
				return err
			}
			if changed {
				warn = append(warn, warnings(class, twins, old, keep)...)
			}
			detail[string(class)+"_key"] = map[bool]string{true: "changed", false: "unchanged"}[changed]
		}
		if o.retireNow {
			detail["old_keys"] = "retired"
			if err := tx.RetireOldKeys(ctx, id); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, staff.Audit{Actor: staff.CLI().Name, Action: "channel.set", Target: "channel/" + o.slug, Detail: detail})
	})
	if err != nil {
		return err
	}
	for _, w := range warn {
		fmt.Fprintln(c.stderr, "warning: "+w)
	}
	word := "changed"
	if created {
		word = "created"
	}
	fmt.Fprintf(c.stdout, "channel %s %s; its production address is %s/koogallery/%s\n", o.slug, word, c.config.PublicURL, o.slug)
	return nil
}
