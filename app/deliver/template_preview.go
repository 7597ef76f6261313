package deliver

import (
	"context"
	"maps"
	"time"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/wording"
)

// Preview is a message as it would be written from a text. Secrets are covered;
// the sizes are those of the true message.
type Preview struct {
	Subject  string
	Text     string
	HTML     string
	Size     SMSSize
	Mainland SMSSize
	Sample   bool // the values are made up
}

// covered stands for a secret.
const covered = "••••••••"

// PreviewTemplate fills a text with what is known of an instance, or with made-up
// values where none is named. An expiry is shown as a week before it.
//
// Faults: *WrongText; not_found "instance.unknown"; those of Template.
func (d *Deliverer) PreviewTemplate(ctx context.Context, of TemplateOf, t wording.Text, instanceID string) (Preview, error) {
	r := d.store.Reader()
	p := Preview{Sample: instanceID == ""}
	if _, err := d.key(ctx, r, of); err != nil {
		return p, err
	}
	letter, _, err := checked(of, t)
	if err != nil {
		return p, err
	}
	v, err := d.example(ctx, r, of, instanceID)
	if err != nil {
		return p, err
	}
	if of.Medium == SMS {
		text := letter.Short(v)
		p.Size, p.Mainland = SizeSMS(text), SizeSMSMainland(text)
	}
	cover(v, p.Sample, covered)
	c, err := d.fill(of.Medium, of.Language, letter, v)
	p.Subject, p.Text, p.HTML = c.Subject, c.Text, c.HTML
	return p, err
}

// cover hides what nobody may read who tries a text: the password, for which
// something else stands, and of an instance's own values the memo and the name.
func cover(v wording.Values, sample bool, password string) {
	if v["password"] != "" {
		v["password"] = password
	}
	if sample {
		return
	}
	if v["memo"] != "" {
		v["memo"] = covered
	}
	v["customer_name"] = store.MaskName(v["customer_name"])
}

// example are the values that a text is tried with.
func (d *Deliverer) example(ctx context.Context, r *store.Reader, of TemplateOf, instanceID string) (wording.Values, error) {
	if instanceID == "" {
		return d.sample(of), nil
	}
	i, err := r.InstanceByID(ctx, instanceID)
	if err != nil {
		return nil, err
	}
	w, err := r.Wishes(ctx, i.ChannelID, i.Customer())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if of.Kind == market.ExpiryNotice && !i.ExpiresAt.IsZero() {
		now = i.ExpiresAt.Add(-7 * 24 * time.Hour)
	}
	return d.values(of.Kind, i, of.Language, d.zoneOf(w), now), nil
}

// sample are made-up values.
func (d *Deliverer) sample(of TemplateOf) wording.Values {
	i := &store.Instance{OrderID: "CS2511221402QX7TP", ProductName: "Cloud Suite", RealName: "Ann Example"}
	if of.Language == "zh-CN" {
		i.ProductName, i.RealName = "云协作旗舰版", "张三"
	}
	i.InstanceID = "10e758d0-31ad-4c4b-8f1b-81d03469a10e"
	i.App = market.AppInfo{FrontEndURL: "https://app.example.com/", AdminURL: "https://app.example.com/admin", UserName: "admin", Password: testPassword}
	y, m, day := time.Now().AddDate(1, 0, 0).In(d.zone).Date()
	i.ExpiresAt = time.Date(y, m, day, 23, 59, 59, 0, d.zone)
	return d.values(of.Kind, i, of.Language, d.zone, i.ExpiresAt.AddDate(0, 0, -7))
}

// testPassword stands in test messages where the customer's would.
const testPassword = "Kp7-example" //nolint:gosec // made up, and opens nothing

var testMarks = map[string]string{"zh-CN": "【测试】", "en": "[Test] "}

// TestTemplate sends a text to whoever tries it: to an e-mail address or a phone
// number. It says that it is a test, holds a made-up password and no customer's name
// or memo, and is in no customer's ledger. kept tells that nothing leaves the machine.
//
// Faults: those of PreviewTemplate and of the sender; invalid
// "delivery.bad_email", "delivery.bad_phone".
func (d *Deliverer) TestTemplate(ctx context.Context, of TemplateOf, t wording.Text, instanceID, to string, by staff.Actor) (kept bool, err error) {
	check := checkEmail
	if of.Medium == SMS {
		check = checkPhone
		to = market.FoldPhone(to)
	}
	letter, _, err := checked(of, t)
	if err == nil {
		err = check(to)
	}
	if err != nil {
		return false, err
	}
	var v wording.Values
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := d.key(ctx, tx.Reader(), of); err != nil {
			return err
		}
		if v, err = d.example(ctx, tx.Reader(), of, instanceID); err != nil {
			return err
		}
		detail := placeOf(of)
		maps.Copy(detail, map[string]string{"to": mask(of.Medium, to), "instance": instanceID})
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActTestTemplate, Target: target(of), Reason: by.Reason, IP: by.IP, Detail: detail})
	})
	if err != nil {
		return false, err
	}
	cover(v, instanceID == "", testPassword)
	c, err := d.fill(of.Medium, of.Language, letter, v)
	if err != nil {
		return false, err
	}
	if of.Medium == Email {
		c.Subject = testMarks[of.Language] + c.Subject
	} else {
		c.Text = testMarks[of.Language] + c.Text
	}
	ref := d.newRef()
	sender := d.senders[of.Medium]
	_, err = sender.Send(ctx, Parcel{Kind: of.Kind, To: to, Mask: mask(of.Medium, to), Ref: ref, Tag: tagOf(0, ref), Language: of.Language,
		Subject: c.Subject, Text: c.Text, HTML: c.HTML, Variables: c.Variables})
	return taken(sender) == Kept, err
}
