package deliver

import (
	"context"
	"slices"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/wording"
)

// TemplateOf names a text and the place where it counts.
type TemplateOf struct {
	Kind      string
	Medium    string
	Language  string
	Channel   string // slug; "" is every channel
	ProductID string // "" is every product; needs a channel
}

// Source is where a text comes from. A message is written from the first of them
// that has one, always in its own language: the product's text, the channel's,
// the house's, the one that the program ships.
type Source string

// The sources.
const (
	FromProduct Source = "product"
	FromChannel Source = "channel"
	FromHouse   Source = "house"
	FromShipped Source = "shipped"
)

// Link is one step of that order.
type Link struct {
	Source  Source
	Has     bool // it has a text
	Counts  bool // the first that has one
	Version int
	By      string
	At      time.Time
}

// Template is a text as a message is written from it at a place.
type Template struct {
	TemplateOf
	Text    wording.Text
	Chain   []Link
	Newest  int  // newest version at this very place, also if it was withdrawn; 0: none was ever written
	Own     bool // the text is this place's
	Below   int  // places within this one that have texts of their own
	Rules   wording.Rules
	Service string   // id of the text that the SMS service has itself
	Filled  []string // the variables that the service is given
	Held    bool     // the SMS service has its texts itself
}

// From is the link that counts.
func (t *Template) From() Link {
	for _, l := range t.Chain {
		if l.Counts {
			return l
		}
	}
	return Link{Source: FromShipped}
}

// sourceOf is the place of a key.
func sourceOf(k store.TemplateKey) Source {
	switch {
	case k.ProductID != "":
		return FromProduct
	case k.ChannelID != 0:
		return FromChannel
	}
	return FromHouse
}

// chain lists the steps from a place to the shipped text; found are the texts
// that there are, the one that counts first.
func chain(place Source, found []store.TemplateVersion) []Link {
	steps := []Source{FromProduct, FromChannel, FromHouse, FromShipped}
	var out []Link
	counted := false
	for _, s := range steps[slices.Index(steps, place):] {
		l := Link{Source: s, Has: s == FromShipped}
		for _, v := range found {
			if sourceOf(v.TemplateKey) == s {
				l = Link{Source: s, Has: true, Version: v.Version, By: v.By, At: v.At}
			}
		}
		l.Counts = l.Has && !counted
		counted = counted || l.Has
		out = append(out, l)
	}
	return out
}

// key finds the place. Faults: not_found "message_template.no_such",
// "channel.unknown"; invalid "message_template.no_channel".
func (d *Deliverer) key(ctx context.Context, r *store.Reader, of TemplateOf) (store.TemplateKey, error) {
	k := store.TemplateKey{Kind: of.Kind, Medium: of.Medium, Language: of.Language, ProductID: of.ProductID}
	if !slices.Contains(market.Notices(), of.Kind) || !slices.Contains(Media(), of.Medium) || !slices.Contains(languages, of.Language) {
		return k, fault.New(fault.NotFound, "message_template.no_such")
	}
	if of.Channel == "" {
		if of.ProductID != "" {
			return k, fault.New(fault.Invalid, "message_template.no_channel")
		}
		return k, nil
	}
	c, err := r.ChannelShown(ctx, of.Channel)
	if err != nil {
		return k, err
	}
	k.ChannelID = c.ID
	return k, nil
}

// letter is the text that a message is written from. One that does not pass its
// check, which only another version of the program can have kept, is passed over.
func (d *Deliverer) letter(ctx context.Context, r *store.Reader, k store.TemplateKey) (*wording.Letter, error) {
	k.Language = spoken(k.Language)
	found, err := r.TemplatesFor(ctx, k)
	if err != nil {
		return nil, err
	}
	rules := RulesFor(k.Kind, k.Medium)
	for _, v := range found {
		l, problems := wording.Parse(textOf(v), rules)
		if len(problems) == 0 {
			return l, nil
		}
		d.log.ErrorContext(ctx, "a text of messages cannot be used; the next wider one is", "kind", k.Kind, "medium", k.Medium, "language", k.Language,
			"source", sourceOf(v.TemplateKey), "version", v.Version, "line", problems[0].Line, "why", problems[0].Fault)
	}
	l, _ := wording.Parse(d.templates.text(k.Kind, k.Medium, k.Language), rules) // checked when the program began
	return l, nil
}

func textOf(v store.TemplateVersion) wording.Text {
	return wording.Text{Subject: v.Subject, Body: v.Body}
}

// Template gives the text of a message at a place.
//
// Faults: not_found "message_template.no_such", "channel.unknown"; invalid
// "message_template.no_channel".
func (d *Deliverer) Template(ctx context.Context, of TemplateOf) (*Template, error) {
	r := d.store.Reader()
	k, err := d.key(ctx, r, of)
	if err != nil {
		return nil, err
	}
	found, err := r.TemplatesFor(ctx, k)
	if err != nil {
		return nil, err
	}
	t := &Template{TemplateOf: of, Text: d.templates.text(of.Kind, of.Medium, of.Language), Chain: chain(sourceOf(k), found), Rules: RulesFor(of.Kind, of.Medium)}
	if len(found) > 0 {
		t.Text, t.Own = textOf(found[0]), found[0].TemplateKey == k
	}
	newest, err := r.TemplateVersions(ctx, k, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(newest) > 0 {
		t.Newest = newest[0].Version
	}
	if holder, ok := d.senders[SMS].(TextHolder); ok && of.Medium == SMS {
		t.Held = true
		t.Service, t.Filled = holder.TextOf(of.Kind, of.Language)
	}
	if of.ProductID == "" {
		t.Below, err = r.TemplatesBelow(ctx, k)
	}
	return t, err
}

// TemplateRow is where the text of a message comes from at a place.
type TemplateRow struct {
	TemplateOf
	From Link
	Own  bool // from this very place
}

// Templates lists all texts at a place: kinds in the order of an instance's
// life, media, languages.
func (d *Deliverer) Templates(ctx context.Context, channel, productID string) ([]TemplateRow, error) {
	r := d.store.Reader()
	k, err := d.key(ctx, r, TemplateOf{Kind: UsageInfo, Medium: Email, Language: languages[0], Channel: channel, ProductID: productID})
	if err != nil {
		return nil, err
	}
	found, err := r.TemplateOverview(ctx, k.ChannelID, productID)
	if err != nil {
		return nil, err
	}
	var out []TemplateRow
	for _, kind := range market.Notices() {
		for _, medium := range Media() {
			for _, language := range languages {
				row := TemplateRow{TemplateOf: TemplateOf{Kind: kind, Medium: medium, Language: language, Channel: channel, ProductID: productID},
					From: Link{Source: FromShipped, Has: true, Counts: true}}
				n := slices.IndexFunc(found, func(v store.TemplateVersion) bool {
					return v.Kind == kind && v.Medium == medium && v.Language == language
				})
				if n >= 0 {
					v := found[n]
					row.From = Link{Source: sourceOf(v.TemplateKey), Has: true, Counts: true, Version: v.Version, By: v.By, At: v.At}
					row.Own = row.From.Source == sourceOf(k)
				}
				out = append(out, row)
			}
		}
	}
	return out, nil
}

// ShippedTemplate is the text that the program comes with.
func (d *Deliverer) ShippedTemplate(of TemplateOf) wording.Text {
	return d.templates.text(of.Kind, of.Medium, of.Language)
}

// TemplateVersions lists what was saved at a place before a version (0: all),
// the newest first.
func (d *Deliverer) TemplateVersions(ctx context.Context, of TemplateOf, before, limit int) ([]store.TemplateVersion, error) {
	r := d.store.Reader()
	k, err := d.key(ctx, r, of)
	if err != nil {
		return nil, err
	}
	return r.TemplateVersions(ctx, k, before, limit)
}

// TextsElsewhere tells whether the SMS service has its texts itself.
func (d *Deliverer) TextsElsewhere() bool {
	_, ok := d.senders[SMS].(TextHolder)
	return ok
}
