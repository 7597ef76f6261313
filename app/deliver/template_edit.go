package deliver

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/wording"
)

// WrongText says what is wrong with a text. It unwraps to the first fault.
type WrongText struct{ Problems []wording.Problem }

func (w *WrongText) Error() string { return w.Problems[0].Fault.Error() }

// Unwrap gives the first fault.
func (w *WrongText) Unwrap() error { return w.Problems[0].Fault }

// checked reads a text as it would be kept. The error is *WrongText.
func checked(of TemplateOf, t wording.Text) (*wording.Letter, wording.Text, error) {
	t = wording.Tidy(t)
	if of.Medium == SMS {
		t.Subject = ""
	}
	l, problems := wording.Parse(t, RulesFor(of.Kind, of.Medium))
	if len(problems) > 0 {
		return nil, t, &WrongText{Problems: problems}
	}
	return l, t, nil
}

// SetTemplate saves a text at a place, on top of the version that its writer has
// seen; a base below 0 is whichever is the newest. The very text that is there
// makes no version.
//
// Faults: *WrongText; conflict "message_template.changed"; those of Template.
func (d *Deliverer) SetTemplate(ctx context.Context, of TemplateOf, t wording.Text, base int, by staff.Actor) (version int, err error) {
	_, t, wrong := checked(of, t)
	return d.save(ctx, of, base, by, staff.ActSetTemplate, func(_ *store.Reader, _ store.TemplateKey, newest *store.TemplateVersion) (*store.TemplateVersion, error) {
		if wrong != nil {
			return nil, wrong
		}
		if newest != nil && !newest.Withdrawn && textOf(*newest) == t {
			return nil, nil
		}
		return &store.TemplateVersion{Subject: t.Subject, Body: t.Body}, nil
	})
}

// WithdrawTemplate takes a place's text back, so that the next wider one counts;
// its versions stay. Faults: those of SetTemplate; conflict
// "message_template.none".
func (d *Deliverer) WithdrawTemplate(ctx context.Context, of TemplateOf, base int, by staff.Actor) (version int, err error) {
	return d.save(ctx, of, base, by, staff.ActWithdrawTemplate, func(_ *store.Reader, _ store.TemplateKey, newest *store.TemplateVersion) (*store.TemplateVersion, error) {
		if newest == nil || newest.Withdrawn {
			return nil, fault.New(fault.Conflict, "message_template.none")
		}
		return &store.TemplateVersion{Withdrawn: true}, nil
	})
}

// RestoreTemplate saves the text of an old version anew. Faults: those of
// SetTemplate; not_found "message_template.no_version"; conflict
// "message_template.none" for one without a text.
func (d *Deliverer) RestoreTemplate(ctx context.Context, of TemplateOf, old, base int, by staff.Actor) (version int, err error) {
	return d.save(ctx, of, base, by, staff.ActRestoreTemplate, func(r *store.Reader, k store.TemplateKey, newest *store.TemplateVersion) (*store.TemplateVersion, error) {
		v, err := r.TemplateAt(ctx, k, old)
		if err != nil {
			return nil, err
		}
		if v.Withdrawn {
			return nil, fault.New(fault.Conflict, "message_template.none")
		}
		if _, _, err := checked(of, textOf(v)); err != nil {
			return nil, err
		}
		if !newest.Withdrawn && textOf(*newest) == textOf(v) {
			return nil, nil
		}
		return &store.TemplateVersion{Subject: v.Subject, Body: v.Body, RestoredFrom: old}, nil
	})
}

// change says what is saved on top of the newest version (nil: there is none);
// nil saves nothing.
type change func(r *store.Reader, k store.TemplateKey, newest *store.TemplateVersion) (*store.TemplateVersion, error)

// save writes a version and its audit.
func (d *Deliverer) save(ctx context.Context, of TemplateOf, base int, by staff.Actor, act string, what change) (version int, err error) {
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		k, err := d.key(ctx, tx.Reader(), of)
		if err != nil {
			return err
		}
		versions, err := tx.Reader().TemplateVersions(ctx, k, 0, 1)
		if err != nil {
			return err
		}
		var newest *store.TemplateVersion
		version = 0
		if len(versions) > 0 {
			newest, version = &versions[0], versions[0].Version
		}
		v, err := what(tx.Reader(), k, newest)
		if err != nil || v == nil {
			return err
		}
		if base < 0 {
			base = version
		}
		v.TemplateKey, v.By, v.Reason = k, by.Name, by.Reason
		if version, err = tx.AddTemplate(ctx, *v, base); err != nil {
			return err
		}
		detail := placeOf(of)
		detail["version"] = strconv.Itoa(version)
		if v.RestoredFrom > 0 {
			detail["restored"] = strconv.Itoa(v.RestoredFrom)
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: act, Target: target(of), Reason: by.Reason, IP: by.IP, Detail: detail})
	})
	return version, err
}

// target is how the audit names a text.
func target(of TemplateOf) string {
	return "template/" + of.Kind + "/" + of.Medium + "/" + of.Language
}

func placeOf(of TemplateOf) map[string]string {
	out := map[string]string{}
	if of.Channel != "" {
		out["channel"] = of.Channel
	}
	if of.ProductID != "" {
		out["product"] = of.ProductID
	}
	return out
}
