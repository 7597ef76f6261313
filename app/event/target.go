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
		before, err := target(ctx, tx, s)
		if fault.Is(err, fault.NotFound) && before != nil {
			id, secret, err = addTarget(ctx, tx, *before, s, by)
			created = true
			return err
		}
		if err != nil {
			return err
		}
		id = before.ID
		secret, err = changeTarget(ctx, tx, *before, Change{URL: &s.URL, Types: &s.Types, Enabled: &s.Enabled, Secret: s.Secret}, by)
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
		before, err := target(ctx, tx, s)
		switch {
		case err == nil:
			return fault.New(fault.Conflict, "event_target.exists", "name", s.Name)
		case before == nil || !fault.Is(err, fault.NotFound):
			return err
		}
		id, secret, err = addTarget(ctx, tx, *before, s, by)
		return err
	})
	return id, secret, err
}

// target finds the subscription that s names. Where only the subscription is
// missing, an empty one of the channel comes beside not_found.
func target(ctx context.Context, tx *store.Tx, s Subscription) (*store.EventTarget, error) {
	ch, err := tx.Reader().ChannelBySlug(ctx, s.Channel)
	if err != nil {
		return nil, err
	}
	t, err := tx.Reader().EventTarget(ctx, ch.ID, s.Name)
	if fault.Is(err, fault.NotFound) {
		return &store.EventTarget{ChannelID: ch.ID, Channel: ch.Slug, Name: s.Name}, err
	}
	return t, err
}

func addTarget(ctx context.Context, tx *store.Tx, t store.EventTarget, s Subscription, by staff.Actor) (id int64, secret string, err error) {
	t.URL, t.Secret, t.Types, t.Enabled = s.URL, s.Secret, s.Types, s.Enabled
	if t.Secret == "" {
		secret = webhook.NewSecret()
		t.Secret = secret
	}
	id, err = saveTarget(ctx, tx, t, by, nil)
	return id, secret, err
}

func saveTarget(ctx context.Context, tx *store.Tx, t store.EventTarget, by staff.Actor, more map[string]string) (id int64, err error) {
	if id, _, err = tx.SetEventTarget(ctx, t); err != nil {
		return 0, err
	}
	detail := map[string]string{"url": webhook.Shown(t.URL), "types": strings.Join(t.Types, ", "), "enabled": strconv.FormatBool(t.Enabled)}
	maps.Copy(detail, more)
	return id, tx.Audit(ctx, audit(staff.ActSetTarget, &t, by, detail))
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
