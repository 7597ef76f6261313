package deliver

import (
	"context"
	"slices"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// RefusePath is where a customer switches notices off, below the program's
// public address; a token follows.
const RefusePath = "/access/notices/"

// Refusable are the kinds of messages that a customer may refuse. Usage
// information is what was bought: it is not among them.
func Refusable() []string {
	return slices.DeleteFunc(market.Notices(), func(kind string) bool { return kind == UsageInfo })
}

// refuseURL is the link by which the customer of an instance switches a kind of
// notices off; "" where there is none. It names nobody, and nobody can guess it.
func (d *Deliverer) refuseURL(v *store.Delivery, i *store.Instance) string {
	if d.public == "" || v.Medium != Email || !slices.Contains(Refusable(), v.Kind) {
		return ""
	}
	payload := strings.Join([]string{v.Kind, v.Language, i.InstanceID}, "\x00")
	return d.public + RefusePath + d.store.Keys().Token(seal.Refusal, []byte(payload))
}

// Refusal is what a customer's link is about, and what he has switched off.
type Refusal struct {
	Kind     string
	Language string   // in which the message was written
	Off      []string // of Refusable
	Product  string   // its name; "" when it is not known

	instanceID string
}

// Refused tells whether the kind of the link is switched off.
func (r *Refusal) Refused() bool { return slices.Contains(r.Off, r.Kind) }

// Refusal opens a link. Fault: not_found "access_page.unknown".
func (d *Deliverer) Refusal(ctx context.Context, token string) (*Refusal, error) {
	out, err := d.openRefusal(token)
	if err != nil {
		return nil, err
	}
	r := d.store.Reader()
	i, err := r.InstanceByID(ctx, out.instanceID)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.NotFound, "access_page.unknown")
	}
	if err != nil {
		return nil, err
	}
	w, err := r.Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return nil, err
	}
	out.Product = i.ProductName
	for _, kind := range Refusable() {
		if slices.Contains(w.Off, kind) {
			out.Off = append(out.Off, kind)
		}
	}
	return out, nil
}

func (d *Deliverer) openRefusal(token string) (*Refusal, error) {
	payload, err := d.store.Keys().OpenToken(seal.Refusal, token)
	part := strings.Split(string(payload), "\x00")
	if err != nil || len(part) != 3 || !slices.Contains(Refusable(), part[0]) {
		return nil, fault.New(fault.NotFound, "access_page.unknown")
	}
	return &Refusal{Kind: part[0], Language: part[1], instanceID: part[2]}, nil
}

// Refuse switches a kind of notices off for the customer whose link it is, for
// all that he has bought in the channel, or on again; "" is the link's own kind.
// What is as it should be stays so, and is not written down again.
//
// Faults: not_found "access_page.unknown"; invalid "notice.kind_unknown".
func (d *Deliverer) Refuse(ctx context.Context, token, kind string, off bool, ip string) error {
	link, err := d.openRefusal(token)
	if err != nil {
		return err
	}
	if kind == "" {
		kind = link.Kind
	}
	if !slices.Contains(Refusable(), kind) {
		return fault.New(fault.Invalid, "notice.kind_unknown", "kind", kind, "known", strings.Join(Refusable(), ", "))
	}
	return d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.Reader().InstanceByID(ctx, link.instanceID)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "access_page.unknown")
		}
		if err != nil {
			return err
		}
		w, err := tx.LockWishes(ctx, i.ChannelID, i.Customer())
		if err != nil || slices.Contains(w.Off, kind) == off {
			return err
		}
		action := staff.ActRefuseNotices
		if w.Off = append(slices.Clone(w.Off), kind); !off {
			action = staff.ActWantNotices
			w.Off = slices.DeleteFunc(w.Off, func(k string) bool { return k == kind })
		}
		if err := tx.SetWishes(ctx, i.ChannelID, i.Customer(), w); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: "customer", Action: action, Target: "instance/" + i.InstanceID, IP: ip, Detail: map[string]string{"kind": kind}})
	})
}
