package event

import (
	"context"
	"maps"
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
	s = s.tidy()
	if err := c.checkTarget(s); err != nil {
		return 0, "", false, err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		ch, err := tx.Reader().ChannelBySlug(ctx, s.Channel)
		if err != nil {
			return err
		}
		t, err := tx.LockEventTargetNamed(ctx, ch.ID, s.Name)
		if fault.Is(err, fault.NotFound) {
			id, secret, err = addTarget(ctx, tx, ch, s, by)
			if created = err == nil; !fault.Is(err, fault.Conflict) {
				return err
			}
			t, err = tx.LockEventTargetNamed(ctx, ch.ID, s.Name) // made by somebody else just now
		}
		if err != nil {
			return err
		}
		id = t.ID
		secret, err = changeTarget(ctx, tx, *t, Change{URL: &s.URL, Types: &s.Types, Enabled: &s.Enabled, Secret: s.Secret}, by)
		return err
	})
	return id, secret, created, err
}

// AddTarget creates a subscription; secret is as with SetTarget. Faults: those of
// SetTarget; conflict "event_target.exists" (name).
func (c *Client) AddTarget(ctx context.Context, s Subscription, by staff.Actor) (id int64, secret string, err error) {
	s = s.tidy()
	if err := c.checkTarget(s); err != nil {
		return 0, "", err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		ch, err := tx.Reader().ChannelBySlug(ctx, s.Channel)
		if err != nil {
			return err
		}
		id, secret, err = addTarget(ctx, tx, ch, s, by)
		return err
	})
	return id, secret, err
}

// addTarget writes a new subscription; made is its secret where none was given.
func addTarget(ctx context.Context, tx *store.Tx, ch *store.Channel, s Subscription, by staff.Actor) (id int64, made string, err error) {
	t := store.EventTarget{ChannelID: ch.ID, Channel: ch.Slug, Name: s.Name, URL: s.URL, Secret: s.Secret, Types: s.Types, Enabled: s.Enabled}
	if t.Secret == "" {
		made = webhook.NewSecret()
		t.Secret = made
	}
	if id, err = tx.AddEventTarget(ctx, t); err != nil {
		return 0, "", err
	}
	return id, made, auditSet(ctx, tx, &t, by, nil)
}

// auditSet writes down what a subscription is from now on.
func auditSet(ctx context.Context, tx *store.Tx, t *store.EventTarget, by staff.Actor, more map[string]string) error {
	detail := map[string]string{"url": webhook.Shown(t.URL), "types": strings.Join(t.Types, ", "), "enabled": strconv.FormatBool(t.Enabled)}
	maps.Copy(detail, more)
	return tx.Audit(ctx, audit(staff.ActSetTarget, t, by, detail))
}

func audit(action string, t *store.EventTarget, by staff.Actor, detail map[string]string) staff.Audit {
	return staff.Audit{Actor: by.Name, Action: action, Target: "event_target/" + t.Channel + "/" + t.Name, Reason: by.Reason, IP: by.IP, Detail: detail}
}

func (s Subscription) tidy() Subscription {
	s.Name, s.URL = strings.TrimSpace(s.Name), strings.TrimSpace(s.URL)
	return s
}

func (c *Client) checkTarget(s Subscription) error {
	if n := utf8.RuneCountInString(s.Name); n == 0 || n > maxTargetName || strings.ContainsFunc(s.Name, func(r rune) bool { return r < ' ' || r == '/' || r == 0x7f }) {
		return fault.New(fault.Invalid, "event_target.bad_name")
	}
	return c.checkChange(Change{URL: &s.URL, Types: &s.Types, Secret: s.Secret})
}
