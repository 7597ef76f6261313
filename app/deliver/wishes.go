package deliver

import (
	"context"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// SetWishes stores what an instance's customer has asked for, for all that he
// has bought in the channel.
//
// Faults: not_found "instance.unknown"; invalid "notice.kind_unknown",
// "notice.bad_language" or "notice.bad_zone".
func (d *Deliverer) SetWishes(ctx context.Context, instanceID string, w store.Wishes, actor staff.Actor) error {
	if err := market.CheckNotices(w.Off); err != nil {
		return err
	}
	if w.Language != "" && w.Language != "zh-CN" && w.Language != "en" {
		return fault.New(fault.Invalid, "notice.bad_language", "value", w.Language)
	}
	return d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.Reader().InstanceByID(ctx, instanceID)
		if err != nil {
			return err
		}
		if _, err := tx.LockWishes(ctx, i.ChannelID, i.Customer()); err != nil { // before any instance of his
			return err
		}
		if err := checkZone(ctx, tx.Reader(), w.Zone); err != nil {
			return err
		}
		if err := tx.SetWishes(ctx, i.ChannelID, i.Customer(), w); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: "customer.wishes", Target: "instance/" + i.InstanceID, Reason: actor.Reason,
			IP: actor.IP, Detail: map[string]string{"off": strings.Join(w.Off, ", "), "language": w.Language, "zone": w.Zone}})
	})
}

// checkZone accepts what this program and the database both know by the name.
func checkZone(ctx context.Context, r *store.Reader, zone string) error {
	if zone == "" {
		return nil
	}
	_, err := time.LoadLocation(zone)
	known := err == nil && zone != "Local"
	if known {
		if known, err = r.ZoneKnown(ctx, zone); err != nil {
			return err
		}
	}
	if !known {
		return fault.New(fault.Invalid, "notice.bad_zone", "value", zone)
	}
	return nil
}

// TellAgain sends an instance's present access data to its customer because
// somebody asked for it, whatever is switched off.
//
// Faults: not_found "instance.unknown"; conflict "delivery.instance_released",
// "delivery.no_access" or "delivery.no_address".
func (d *Deliverer) TellAgain(ctx context.Context, instanceID string, actor staff.Actor) error {
	err := d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, instanceID)
		if err != nil {
			return err
		}
		medium, _ := reach(i)
		switch {
		case i.Status == market.Released:
			return fault.New(fault.Conflict, "delivery.instance_released", "instance", i.InstanceID)
		case i.AccessVersion == 0:
			return fault.New(fault.Conflict, "delivery.no_access", "instance", i.InstanceID)
		case medium == "":
			return fault.New(fault.Conflict, "delivery.no_address", "instance", i.InstanceID)
		}
		n, err := tx.Reader().DeliveryCount(ctx, i.PK, UsageInfo)
		if err != nil {
			return err
		}
		language, err := d.languageOf(ctx, tx, i)
		if err != nil {
			return err
		}
		if err := d.tellUsage(ctx, tx, i, language, 0, outbox.Key("asked", outbox.Usage, i.PK, int64(n))); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: "usage_info.send", Target: "instance/" + i.InstanceID,
			Reason: actor.Reason, IP: actor.IP})
	})
	if err == nil {
		d.wake()
	}
	return err
}

// languageOf is the language in which an instance's customer is written to.
func (d *Deliverer) languageOf(ctx context.Context, tx *store.Tx, i *store.Instance) (string, error) {
	w, err := tx.Reader().Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil || w.Language != "" {
		return w.Language, err
	}
	p, err := tx.Reader().ProductOf(ctx, i)
	if fault.Is(err, fault.NotFound) {
		return languages[0], nil
	}
	if err != nil {
		return "", err
	}
	return p.MailLanguage, nil
}

// Zone names the zone of customers who have none of their own.
func (d *Deliverer) Zone() string { return d.zone.String() }

// Notices is what an instance's customer has asked for, and what he is told next.
type Notices struct {
	store.Wishes
	Next store.NextNotice
}

// NoticesOf gives them. Fault: not_found "instance.unknown".
func (d *Deliverer) NoticesOf(ctx context.Context, instanceID string) (n Notices, err error) {
	n.Wishes, n.Next, err = d.store.Reader().NoticesOf(ctx, instanceID, market.ExpiryDays(), d.Zone())
	return n, err
}
