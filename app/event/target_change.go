package event

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// Change is what is to be different about a subscription; what is nil stays.
type Change struct {
	URL     *string
	Types   *[]string
	Enabled *bool
	Secret  string // a new one; "" leaves it
	Renew   bool   // make a new one
	EndOld  bool   // a replaced secret signs no more, from now on
}

// ChangeTarget changes a subscription. secret is the new one when it was made
// here, to be shown once. A replaced one signs beside the new one for 24 hours,
// unless EndOld is set. Faults: not_found "event_target.unknown", and those of
// SetTarget.
func (c *Client) ChangeTarget(ctx context.Context, id int64, ch Change, by staff.Actor) (secret string, err error) {
	if ch.URL != nil {
		url := strings.TrimSpace(*ch.URL)
		ch.URL = &url
	}
	if err := c.checkChange(ch); err != nil {
		return "", err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.LockEventTarget(ctx, id)
		if err != nil {
			return err
		}
		secret, err = changeTarget(ctx, tx, *t, ch, by)
		return err
	})
	return secret, err
}

func changeTarget(ctx context.Context, tx *store.Tx, t store.EventTarget, ch Change, by staff.Actor) (made string, err error) {
	if ch.URL != nil {
		t.URL = *ch.URL
	}
	if ch.Types != nil {
		t.Types = *ch.Types
	}
	if ch.Enabled != nil {
		t.Enabled = *ch.Enabled
	}
	more := map[string]string{}
	next := ch.Secret
	if ch.Renew && next == "" {
		made = webhook.NewSecret()
		next = made
	}
	if next != "" && next != t.Secret {
		t.OldSecret, t.OldSecretUntil, t.Secret = t.Secret, tx.Now.Add(secretOverlap), next
		more["secret"] = "replaced"
	}
	if ch.EndOld && t.OldSecret != "" {
		t.OldSecret, t.OldSecretUntil = "", time.Time{}
		more["old_secret"] = "ended"
	}
	if err := tx.ChangeEventTarget(ctx, t); err != nil {
		return "", err
	}
	return made, auditSet(ctx, tx, &t, by, more)
}

func (c *Client) checkChange(ch Change) error {
	if ch.Types != nil {
		for _, t := range *ch.Types {
			if !slices.Contains(Types(), t) {
				return fault.New(fault.Invalid, "event_target.unknown_type", "type", t, "known", strings.Join(Types(), ", "))
			}
		}
	}
	if ch.URL != nil {
		if err := c.webhook.Allow().CheckURL(*ch.URL); err != nil {
			return err
		}
	}
	if ch.Secret == "" {
		return nil
	}
	return webhook.CheckSecret(ch.Secret)
}

// TargetID is the id of the subscription with a name in a channel. Faults:
// not_found "channel.unknown", "event_target.unknown".
func (c *Client) TargetID(ctx context.Context, channel, name string) (int64, error) {
	r := c.store.Reader()
	ch, err := r.ChannelBySlug(ctx, channel)
	if err != nil {
		return 0, err
	}
	t, err := r.EventTarget(ctx, ch.ID, name)
	if err != nil {
		return 0, err
	}
	return t.ID, nil
}

// RemoveTarget ends a subscription. What is still to be sent to it is cancelled.
// Fault: not_found "event_target.unknown".
func (c *Client) RemoveTarget(ctx context.Context, id int64, by staff.Actor) error {
	return c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.LockEventTarget(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.RemoveEventTarget(ctx, t.ID); err != nil {
			return err
		}
		return tx.Audit(ctx, audit(staff.ActRemoveTarget, t, by, nil))
	})
}

// TestTarget writes a test event for a subscription, whatever types it wants,
// and gives the event's id. Faults: not_found "event_target.unknown"; conflict
// "event_target.off".
func (c *Client) TestTarget(ctx context.Context, id int64, by staff.Actor) (event int64, err error) {
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		t, err := tx.LockEventTarget(ctx, id)
		if err != nil {
			return err
		}
		if !t.Enabled {
			return fault.New(fault.Conflict, "event_target.off", "name", t.Name)
		}
		payload, err := body(Test, tx.Now, map[string]string{"channel": t.Channel, "target": t.Name})
		if err != nil {
			return err
		}
		e := New{Channel: t.ChannelID, Type: Test, Subject: strconv.FormatInt(tx.Now.UnixNano(), 10)}
		if event, err = write(ctx, tx, e, store.Receiver{TargetID: t.ID, URL: t.URL}, payload); err != nil {
			return err
		}
		return tx.Audit(ctx, audit(staff.ActTestTarget, t, by, map[string]string{"event": strconv.FormatInt(event, 10)}))
	})
	if err == nil {
		c.wake()
	}
	return event, err
}
