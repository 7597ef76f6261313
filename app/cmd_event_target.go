package main

import (
	"context"
	"fmt"
	"strings"

	"koodesk/app/event"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

func eventTarget(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "event-target", args, map[string]command{"set": eventTargetSet, "list": eventTargetList,
		"remove": eventTargetRemove, "test": eventTargetTest})
}

func (c *cli) events(s *store.Store) *event.Client {
	return event.NewClient(event.Options{Store: s, Webhook: webhook.NewClient(webhook.Options{Allow: c.allow()})})
}

func eventTargetSet(ctx context.Context, c *cli, args []string) error {
	f := c.flags("event-target set", "an address that hears of a channel's events, by signed webhooks")
	s := event.Subscription{}
	f.StringVar(&s.Channel, "channel", "", "the channel's slug")
	f.StringVar(&s.Name, "name", "", "what the target is called; setting it again changes it")
	f.StringVar(&s.URL, "url", "", "where events are sent")
	secret := f.String("secret", "", "what they are signed with, whsec_... or 24 characters and more; - reads it from standard input; without it the stored one stays, or one is made and printed once")
	types := f.String("types", "", "which events, separated by commas (default: all): "+strings.Join(event.Types(), ", "))
	off := f.Bool("off", false, "keep it, but send nothing")
	if err := f.parse(args, "channel", "name", "url"); err != nil {
		return err
	}
	var err error
	if s.Secret, err = c.secrets().read("secret", *secret); err != nil {
		return err
	}
	s.Types, s.Enabled = strings.FieldsFunc(*types, func(r rune) bool { return r == ',' || r == ' ' }), !*off
	return c.with(ctx, func(db *store.Store) error {
		_, made, created, err := c.events(db).SetTarget(ctx, s, staff.CLI())
		if err != nil {
			return err
		}
		word := "changed"
		if created {
			word = "created"
		}
		fmt.Fprintf(c.stdout, "event target %s of channel %s %s\n", s.Name, s.Channel, word)
		if made != "" {
			fmt.Fprintf(c.stdout, "secret: %s\n", made)
		}
		return nil
	})
}

func eventTargetList(ctx context.Context, c *cli, args []string) error {
	f := c.flags("event-target list", "who hears of events")
	slug := f.String("channel", "", "only of this channel")
	if err := f.parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(db *store.Store) error {
		targets, err := db.Reader().EventTargets(ctx, *slug)
		if err != nil {
			return err
		}
		for _, t := range targets {
			types, state := strings.Join(t.Types, ","), "on"
			if types == "" {
				types = "all"
			}
			if !t.Enabled {
				state = "off"
			}
			fmt.Fprintf(c.stdout, "%s\t%s\t%s\t%s\t%s\n", t.Channel, t.Name, state, types, webhook.Shown(t.URL))
		}
		return nil
	})
}

// named reads the flags by which a target is meant.
func named(c *cli, verb, about string, args []string) (channel, name string, err error) {
	f := c.flags("event-target "+verb, about)
	f.StringVar(&channel, "channel", "", "the channel's slug")
	f.StringVar(&name, "name", "", "the target's name")
	return channel, name, f.parse(args, "channel", "name")
}

func eventTargetRemove(ctx context.Context, c *cli, args []string) error {
	channel, name, err := named(c, "remove", "end a subscription; what is still to be sent to it is cancelled", args)
	if err != nil {
		return err
	}
	return c.with(ctx, func(db *store.Store) error {
		events := c.events(db)
		id, err := events.TargetID(ctx, channel, name)
		if err != nil {
			return err
		}
		if err := events.RemoveTarget(ctx, id, staff.CLI()); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "event target %s of channel %s removed\n", name, channel)
		return nil
	})
}

func eventTargetTest(ctx context.Context, c *cli, args []string) error {
	channel, name, err := named(c, "test", "send a test event; the workers do it", args)
	if err != nil {
		return err
	}
	return c.with(ctx, func(db *store.Store) error {
		events := c.events(db)
		target, err := events.TargetID(ctx, channel, name)
		if err != nil {
			return err
		}
		id, err := events.TestTarget(ctx, target, staff.CLI())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "test event %d is on its way; the console's page “Events” says what came of it\n", id)
		return nil
	})
}
