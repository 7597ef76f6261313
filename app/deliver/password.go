package deliver

import (
	"context"
	"slices"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/wording"
)

// passwordLink is the page that shows the password of a message of this kind once,
// allowed for it just now; "" where the message tells the password itself.
func (d *Deliverer) passwordLink(ctx context.Context, tx *store.Tx, kind string, i *store.Instance) (string, error) {
	if kind != UsageInfo || d.link == nil || i.App.Password == "" {
		return "", nil
	}
	s, err := tx.Reader().SettingsOf(ctx, i)
	if err != nil || s.PasswordBy != store.PasswordByLink {
		return "", err
	}
	if err := tx.AllowReveal(ctx, i.PK, i.LinkGeneration); err != nil {
		return "", err
	}
	return d.link(i.InstanceID, i.LinkGeneration), nil
}

// behind puts the link in the place of the password. A text that does not always
// show such a link says it where the password would stand.
func behind(letter *wording.Letter, v wording.Values, link string) {
	v["password"], v["password_url"] = "", link
	if !letter.Shows("password_url") {
		v["password"], v["password_url"] = link, ""
	}
}

// given notes that a message which holds an instance's present password was
// handed over. A link is no password: the page that it leads to notes when it
// shows it.
func (d *Deliverer) given(ctx context.Context, tx *store.Tx, v *store.Delivery, outcome Outcome) error {
	if v.Kind != UsageInfo || outcome != HandedOver && outcome != Delivered {
		return nil
	}
	i, err := tx.LockInstancePK(ctx, v.InstancePK)
	if err != nil || !tells(v, i) {
		return err
	}
	return tx.PasswordGiven(ctx, i)
}

// notGiven takes back that an instance's present password was given, when what
// gave it came back and nothing else has. Its time begins anew with the next.
func (d *Deliverer) notGiven(ctx context.Context, tx *store.Tx, v *store.Delivery, outcome Outcome) error {
	if v.Kind != UsageInfo || outcome != Refused && outcome != Bounced {
		return nil
	}
	i, err := tx.LockInstancePK(ctx, v.InstancePK) // it may be shown to the customer at this moment
	if err != nil || i.PasswordGivenAt.IsZero() || !tells(v, i) {
		return err
	}
	told, err := tx.Reader().DeliveriesOfKind(ctx, i.PK, UsageInfo)
	if err != nil {
		return err
	}
	has, err := d.has(ctx, tx, i, told)
	if err != nil || has {
		return err
	}
	return tx.PasswordNotGiven(ctx, i.PK)
}

// tells whether a message has the present password of an instance in it.
func tells(v *store.Delivery, i *store.Instance) bool {
	if v.Content != nil && v.Content.Filled != nil && !slices.Contains(v.Content.Filled.Values, i.App.Password) {
		return false // a service's text may leave it out
	}
	return v.Content != nil && !v.Content.ByLink && i.App.Password != "" && slices.Contains(v.Content.Secrets, i.App.Password)
}

// A run wipes so many passwords with one transaction, and goes on so often.
const (
	wipeBatch  = 50
	wipeRounds = 40
)

// laterWipe is for how long a wiping is put off while a message with the password
// is still to go out.
const laterWipe = time.Hour

// WipePasswords wipes the initial passwords that customers have got as many days
// ago as their products say: from the instance, from the texts as they were sent,
// and from the account of a pool that is not given to anybody else later. What
// came back, or was never told by us, is kept: nobody else may have it.
func (d *Deliverer) WipePasswords(ctx context.Context) error {
	for range wipeRounds {
		n := 0
		err := d.store.Write(ctx, func(tx *store.Tx) error {
			pks, err := tx.DueWipes(ctx, wipeBatch)
			n = len(pks)
			for _, pk := range pks {
				err := d.wipe(ctx, tx, pk)
				if err != nil && fault.From(err).Key == "secret.cannot_open" {
					err = d.putOffWipe(ctx, tx, pk, err)
				}
				if err != nil {
					return err
				}
			}
			return err
		})
		if err != nil || n < wipeBatch {
			return err
		}
	}
	return nil
}

// putOffWipe has an instance that no key opens looked at again later, so that the
// others are seen to. Nothing of it was written yet: all is opened first.
func (d *Deliverer) putOffWipe(ctx context.Context, tx *store.Tx, pk int64, cause error) error {
	id, err := tx.PutOffWipe(ctx, pk, tx.Now.Add(laterWipe))
	if err == nil {
		d.log.ErrorContext(ctx, "a password cannot be wiped: the instance cannot be opened", "instance", id, "error", cause)
	}
	return err
}

func (d *Deliverer) wipe(ctx context.Context, tx *store.Tx, pk int64) error {
	i, err := tx.LockInstancePK(ctx, pk)
	if err != nil {
		return err
	}
	s, err := tx.Reader().SettingsOf(ctx, i)
	if err != nil {
		return err
	}
	if s.WipePasswordDays == 0 || i.App.Password == "" || i.PasswordGivenAt.IsZero() {
		return tx.WipePasswordAt(ctx, pk, time.Time{})
	}
	if at := i.PasswordGivenAt.AddDate(0, 0, s.WipePasswordDays); at.After(tx.Now) {
		return tx.WipePasswordAt(ctx, pk, at)
	}
	told, err := tx.Reader().DeliveriesOfKind(ctx, pk, UsageInfo)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(told, func(v *store.Delivery) bool { return v.Status == pending || v.Status == running }) {
		return tx.WipePasswordAt(ctx, pk, tx.Now.Add(laterWipe))
	}
	has, err := d.has(ctx, tx, i, told)
	if err != nil {
		return err
	}
	if !has {
		return tx.PasswordNotGiven(ctx, pk)
	}
	return d.wipeNow(ctx, tx, i, told, s)
}

// has tells whether the customer has got the present password: a message with it
// is with him, as far as is known, or the page has shown it.
func (d *Deliverer) has(ctx context.Context, tx *store.Tx, i *store.Instance, told []*store.Delivery) (bool, error) {
	for _, v := range told {
		if o := Outcome(v.Outcome); (o == HandedOver || o == Delivered) && tells(v, i) {
			return true, nil
		}
	}
	return tx.Reader().RevealedSince(ctx, i.PK, i.PasswordGivenAt)
}

func (d *Deliverer) wipeNow(ctx context.Context, tx *store.Tx, i *store.Instance, told []*store.Delivery, s store.ProductSettings) error {
	if err := tx.WipePassword(ctx, i.PK, s.PoolOnRelease == "return"); err != nil {
		return err
	}
	for _, v := range told {
		if v.Content == nil || len(v.Content.Secrets) == 0 {
			continue
		}
		if err := tx.SaveContent(ctx, v.ID, wiped(*v.Content, tx.Now)); err != nil {
			return err
		}
	}
	if err := tx.Record(ctx, i.PK, []market.Change{{Kind: market.PasswordChanged, New: market.PasswordWiped}}, store.Origin{Actor: "system"}); err != nil {
		return err
	}
	d.log.InfoContext(ctx, "password wiped", "instance", i.InstanceID)
	return tx.Audit(ctx, staff.Audit{Actor: "system", Action: staff.ActWipePassword, Target: "instance/" + i.InstanceID})
}

// wipedMark stands where a secret was.
const wipedMark = "••••••••"

// wiped is a text without its secrets, also without those of earlier passwords.
func wiped(c store.Content, now time.Time) store.Content {
	for _, secret := range c.Secrets {
		c.Subject, c.Text, c.HTML = strings.ReplaceAll(c.Subject, secret, wipedMark), strings.ReplaceAll(c.Text, secret, wipedMark), strings.ReplaceAll(c.HTML, secret, wipedMark)
	}
	if c.Filled != nil {
		f := store.Filled{Template: c.Filled.Template, Values: slices.Clone(c.Filled.Values)}
		for n := range f.Values {
			for _, secret := range c.Secrets {
				f.Values[n] = strings.ReplaceAll(f.Values[n], secret, wipedMark)
			}
		}
		c.Filled = &f
	}
	for _, name := range []string{"password", "password_url"} {
		if c.Variables[name] != "" {
			c.Variables[name] = wipedMark
		}
	}
	c.Secrets, c.WipedAt = nil, &now
	return c
}
