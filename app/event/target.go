package event

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// secretOverlap is how long a replaced secret signs beside the new one.
const secretOverlap = 24 * time.Hour

// maxTargetName bounds a subscription's name, in characters.
const maxTargetName = 64

// Subscription is what somebody wants a target to be.
type Subscription struct {
	Channel string // slug
	Name    string
	URL     string
	Secret  string // "": the stored one, or, of a new target, one is made
	Types   []string
	Enabled bool
}

// SetTarget creates or changes a subscription, found by channel and name. secret
// is the new one when it was made here, to be shown once; "" otherwise. A
// replaced secret signs beside the new one for 24 hours.
//
// Faults: not_found "channel.unknown"; invalid "event_target.bad_name",
// "event_target.unknown_type" (type, known), and those of webhook.Allow.CheckURL
// and webhook.CheckSecret.
func (c *Client) SetTarget(ctx context.Context, s Subscription, by staff.Actor) (id int64, secret string, created bool, err error) {
	s.Name, s.URL = strings.TrimSpace(s.Name), strings.TrimSpace(s.URL)
	if err := c.checkTarget(s); err != nil {
		return 0, "", false, err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		ch, err := tx.Reader().ChannelBySlug(ctx, s.Channel)
		if err != nil {
			return err
		}
		t := store.EventTarget{ChannelID: ch.ID, Name: s.Name, URL: s.URL, Secret: s.Secret, Types: s.Types, Enabled: s.Enabled}
		before, err := tx.Reader().EventTarget(ctx, ch.ID, s.Name)
		switch {
		case fault.Is(err, fault.NotFound):
			if secret = ""; t.Secret == "" {
				secret = webhook.NewSecret()
				t.Secret = secret
			}
		case err != nil:
			return err
		case s.Secret == "" || s.Secret == before.Secret:
			t.Secret, t.OldSecret, t.OldSecretUntil = before.Secret, before.OldSecret, before.OldSecretUntil
		default:
			t.OldSecret, t.OldSecretUntil = before.Secret, tx.Now.Add(secretOverlap)
		}
		if id, created, err = tx.SetEventTarget(ctx, t); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "event_target.set", Target: "event_target/" + s.Channel + "/" + s.Name, IP: by.IP,
			Detail: map[string]string{"url": webhook.Shown(s.URL), "types": strings.Join(s.Types, ", "), "enabled": strconv.FormatBool(s.Enabled)}})
	})
	return id, secret, created, err
}

func (c *Client) checkTarget(s Subscription) error {
	if n := utf8.RuneCountInString(s.Name); n == 0 || n > maxTargetName || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' || r == '/' || r == 0x7f }) {
		return fault.New(fault.Invalid, "event_target.bad_name")
	}
	for _, t := range s.Types {
		if !slices.Contains(Types(), t) {
			return fault.New(fault.Invalid, "event_target.unknown_type", "type", t, "known", strings.Join(Types(), ", "))
		}
	}
	if err := c.webhook.Allow().CheckURL(s.URL); err != nil {
		return err
	}
	if s.Secret == "" {
		return nil
	}
	return webhook.CheckSecret(s.Secret)
}

// RemoveTarget ends a subscription. What is still to be sent to it is cancelled.
// Faults: not_found "channel.unknown", "event_target.unknown".
func (c *Client) RemoveTarget(ctx context.Context, channel, name string, by staff.Actor) error {
	return c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := c.named(ctx, tx, channel, name)
		if err != nil {
			return err
		}
		if err := tx.RemoveEventTarget(ctx, t.ID); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "event_target.remove", Target: "event_target/" + channel + "/" + name, IP: by.IP})
	})
}

// TestTarget writes a test event for a subscription, whatever types it wants,
// and gives the event's id. Faults: those of RemoveTarget; conflict
// "event_target.off".
func (c *Client) TestTarget(ctx context.Context, channel, name string, by staff.Actor) (id int64, err error) {
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := c.named(ctx, tx, channel, name)
		if err != nil {
			return err
		}
		if !t.Enabled {
			return fault.New(fault.Conflict, "event_target.off", "name", t.Name)
		}
		payload, err := body(Test, tx.Now, map[string]string{"channel": channel, "target": name})
		if err != nil {
			return err
		}
		e := New{Channel: t.ChannelID, Type: Test, Subject: strconv.FormatInt(tx.Now.UnixNano(), 10)}
		if id, err = write(ctx, tx, e, store.Receiver{TargetID: t.ID, URL: t.URL}, payload); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: "event_target.test", Target: "event_target/" + channel + "/" + name, IP: by.IP})
	})
	if err == nil {
		c.wake()
	}
	return id, err
}

func (c *Client) named(ctx context.Context, tx *store.Tx, channel, name string) (*store.EventTarget, error) {
	ch, err := tx.Reader().ChannelBySlug(ctx, channel)
	if err != nil {
		return nil, err
	}
	return tx.Reader().EventTarget(ctx, ch.ID, name)
}
