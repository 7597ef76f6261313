package alert

import (
	"bytes"
	"strings"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/store"
)

// EventType is the type of our own webhook.
const EventType = "alert"

// own is our own webhook's body, the same on every try.
type own struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      ownData   `json:"data"`
}

type ownData struct {
	Title    string `json:"title"`
	Language string `json:"language"`
	Test     bool   `json:"test"`
	Link     string `json:"link"`
	Alerts   []Item `json:"alerts"`
	More     []More `json:"more"`
}

func ownBody(c Content, at time.Time) own {
	d := ownData{Title: c.Title, Language: c.Language, Test: c.Test, Link: c.Link, Alerts: c.Items, More: c.More}
	if d.Alerts == nil {
		d.Alerts = []Item{}
	}
	if d.More == nil {
		d.More = []More{}
	}
	return own{Type: EventType, Timestamp: at.UTC().Truncate(time.Second), Data: d}
}

// smsMost is how long the text of an SMS is before its link, in characters.
const smsMost = 120

// Kind is what senders of SMS know alerts by, and the name of its templates.
const Kind = "alert"

// variableMost is how long a value in a template of an SMS service may be, in
// characters.
const variableMost = 20

// VariableNames lists what a template of an SMS service may use beside those of
// app/deliver.
func VariableNames() []string {
	return []string{"alert_state", "alert_kind", "alert_order", "alert_count"}
}

// variables are what an SMS service that has the texts itself is told: short, and
// without addresses, which such services refuse. Of many turns they name the most
// pressing.
func variables(c Content) map[string]string {
	z := i18n.For(i18n.Locale(c.Language))
	v := map[string]string{"alert_state": z.T("alert.text.test_label"), "alert_kind": z.T("alert.short.test"), "alert_order": "-", "alert_count": "0"}
	if c.Test || len(c.Items) == 0 {
		return v
	}
	first, n := c.Items[0], len(c.Items)
	for _, m := range c.More {
		n += m.N
	}
	v["alert_state"], v["alert_kind"], v["alert_count"] = cut(first.Label, variableMost), cut(z.T("alert.short."+first.Kind), variableMost), number(n)
	if order := first.Facts["order_id"]; order != "" {
		v["alert_order"] = cut(order, variableMost)
	}
	return v
}

// parcel is a message as a sender of mail or SMS takes it.
func (d *Desk) parcel(t store.AlertTarget, m *store.AlertMessage, c Content) (deliver.Parcel, error) {
	p := deliver.Parcel{Kind: Kind, To: t.Address, Mask: t.Mask, Tag: m.Ref, Language: t.Language}
	if t.Medium == SMS {
		p.Text = cut(c.Title, smsMost) + " " + c.Link
		p.Variables = variables(c)
		return p, nil
	}
	p.Ref, p.Subject, p.Text = "<"+m.Ref+"@"+d.domain()+">", "[Koodesk] "+c.Title, mailText(c)
	var b bytes.Buffer
	err := d.mail.ExecuteTemplate(&b, "layout", struct {
		Content
		Subject string
	}{c, p.Subject})
	if err != nil {
		return p, fault.Wrap(err, fault.Internal, "internal")
	}
	p.HTML = b.String()
	return p, nil
}

// domain is where Message-IDs of alerts come from.
func (d *Desk) domain() string {
	if d.o.Domain == "" {
		return "koodesk.invalid"
	}
	return d.o.Domain
}

// mailText is the plain part of a mail.
func mailText(c Content) string {
	var b strings.Builder
	for n, i := range c.Items {
		if n > 0 {
			b.WriteString("\n")
		}
		b.WriteString("[" + i.Label + "] " + i.Title + "\n")
		for _, s := range append(i.lines(), i.Link) {
			b.WriteString("  " + s + "\n")
		}
	}
	if c.Rest != "" {
		b.WriteString("\n" + c.Rest + "\n")
	}
	b.WriteString("\n" + c.LinkText + ": " + c.Link + "\n\n-- \n" + c.Footer + "\n" + c.Settings + "\n")
	return b.String()
}
