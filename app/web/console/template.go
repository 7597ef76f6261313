package console

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
	"koodesk/app/wording"
)

// versionsShown is how many versions of a text a page has.
const versionsShown = 20

// draft is what the form of an editor holds.
type draft struct {
	text     wording.Text
	instance string
	base     int
	number   *store.AlertTarget // ownNumber, once it was read
}

func draftOf(c *fiber.Ctx) draft {
	d := draft{text: wording.Tidy(wording.Text{Subject: field(c, "subject"), Body: field(c, "body")}), instance: clean(field(c, "instance"), maxParameter)}
	d.base, _ = strconv.Atoi(field(c, "base")) // what is no number is no version
	return d
}

// Template is the editor of a text, with the one that is sent now in it.
func (k *Console) Template(c *fiber.Ctx) error {
	return k.sendTemplate(c, fiber.StatusOK, nil, nil)
}

// templatePage reads a text into its page. A draft takes the place of what was
// saved.
func (k *Console) templatePage(c *fiber.Ctx, d *draft) (p view.TemplatePage, err error) {
	if p.Shell, err = k.shell(c, view.RoomTemplates); err != nil {
		return p, err
	}
	of := templateOf(c)
	t, err := k.o.Deliver.Template(c.UserContext(), of)
	if err != nil {
		return p, err
	}
	p.Shell.Here = templateURL(of, "").String()
	p.Kind, p.Medium, p.Language, p.Channel, p.ProductID = of.Kind, of.Medium, of.Language, of.Channel, of.ProductID
	p.Back = view.URL{Path: templatesPath}.With("channel", of.Channel, "product_id", of.ProductID).String()
	p.Own, p.Below, p.Base, p.Max, p.Held, p.Service, p.Filled = t.Own, t.Below, t.Newest, t.Rules.Longest, t.Held, t.Service, strings.Join(t.Filled, ", ")
	p.Subject, p.Body = t.Text.Subject, t.Text.Body
	p.Chain, p.Tabs, p.Variables = templateChain(p.Shell.Clock, t), templateTabs(of), templateVariables(t.Rules)
	at := func(act string) view.Action {
		return action(p.Shell, staff.ProductsWrite, templateURL(of, act).String(), view.Text{})
	}
	p.Save, p.Test, p.Withdraw = at(""), at("/test"), at("/withdraw")
	p.Withdraw.Show = p.Withdraw.Show && p.Own
	p.Preview, p.Frame = templateURL(of, "/preview").String(), templateURL(of, "/frame").String()
	if of.Medium == deliver.SMS && p.Save.Show {
		to, err := k.ownNumber(c, d)
		if err != nil {
			return p, err
		}
		p.To = to.Mask
	}
	if d == nil {
		p.Instance, err = k.newest(c, of)
		p.Framed = templateURL(of, "/frame").With("instance", p.Instance).String()
		return p, err
	}
	p.Subject, p.Body, p.Instance, p.Base = d.text.Subject, d.text.Body, d.instance, d.base
	return p, nil
}

// newest is an instance of the place, to try the text with; "" if there is none.
func (k *Console) newest(c *fiber.Ctx, of deliver.TemplateOf) (string, error) {
	found, err := k.read.InstanceList(c.UserContext(), store.InstanceFilter{Channel: of.Channel, ProductID: of.ProductID, Status: "active"}, store.Paging{Limit: 1})
	if err != nil || len(found.Items) == 0 {
		return "", err
	}
	return found.Items[0].InstanceID, nil
}

// sendTemplate sends the editor: with a draft if there is one, and with what was
// wrong with it.
func (k *Console) sendTemplate(c *fiber.Ctx, status int, d *draft, said *view.Flash) error {
	p, err := k.templatePage(c, d)
	if err != nil {
		return err
	}
	of := templateOf(c)
	if p.Result, err = k.result(c, of, wording.Text{Subject: p.Subject, Body: p.Body}, p.Instance); err != nil {
		return err
	}
	if err := k.fillVersions(c, &p, of); err != nil {
		return err
	}
	p.Shell.Flash = said
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageTemplate, p)
}

func (k *Console) fillVersions(c *fiber.Ctx, p *view.TemplatePage, of deliver.TemplateOf) error {
	before, _ := strconv.Atoi(c.Query("before")) // what is no number is the beginning
	found, err := k.o.Deliver.TemplateVersions(c.UserContext(), of, max(before, 0), versionsShown+1)
	if err != nil {
		return err
	}
	if len(found) > versionsShown {
		found = found[:versionsShown]
		p.Older = templateURL(of, "").With("before", strconv.Itoa(found[versionsShown-1].Version)).String() + "#versions"
	}
	for _, v := range found {
		row := view.TemplateVersion{Version: v.Version, Withdrawn: v.Withdrawn, Restored: v.RestoredFrom, By: by(v.By), At: p.Shell.Clock.Time(v.At), Reason: v.Reason,
			Subject: v.Subject, Body: v.Body, Newest: v.Version == p.Base, Restore: action(p.Shell, staff.ProductsWrite, templateURL(of, "/restore").String(), view.Text{})}
		row.Restore.Show = row.Restore.Show && !v.Withdrawn && !row.Newest
		p.Versions = append(p.Versions, row)
	}
	return nil
}

// result fills a text, or says what is wrong with it.
func (k *Console) result(c *fiber.Ctx, of deliver.TemplateOf, t wording.Text, instance string) (view.TemplatePreview, error) {
	p := view.TemplatePreview{Mail: of.Medium == deliver.Email}
	got, err := k.o.Deliver.PreviewTemplate(c.UserContext(), of, t, instance)
	var wrong *deliver.WrongText
	switch {
	case errors.As(err, &wrong):
		for _, w := range wrong.Problems {
			p.Wrong = append(p.Wrong, view.Wrongness{Part: w.Part, Fault: record(w.Fault)})
		}
		return p, nil
	case err != nil && fault.From(err).Key == "instance.unknown":
		p.Fault = record(fault.From(err))
		return p, nil
	case err != nil:
		return p, err
	}
	p.Sample, p.Subject, p.Text = got.Sample, got.Subject, got.Text
	if !p.Mail {
		p.Encoding, p.Units, p.Parts, p.Left = got.Size.Encoding, got.Size.Units, got.Size.Parts, got.Size.Left
		p.Whole, p.Part = deliver.FitsSMS(got.Size.Encoding)
		p.Mainland = got.Mainland.Parts
	}
	return p, nil
}

// PreviewTemplate fills a draft: for a script the preview alone, else the page
// with what was typed.
func (k *Console) PreviewTemplate(c *fiber.Ctx) error {
	d := draftOf(c)
	if !fragment(c, view.BlockPreview) {
		return k.sendTemplate(c, fiber.StatusOK, &d, nil)
	}
	s, err := k.shell(c, view.RoomTemplates)
	if err != nil {
		return err
	}
	of := templateOf(c)
	p := view.TemplatePage{Shell: s, Medium: of.Medium, Language: of.Language, Kind: of.Kind}
	if p.Result, err = k.result(c, of, d.text, d.instance); err != nil {
		return err
	}
	return k.block(c, fiber.StatusOK, s, view.PageTemplate, view.BlockPreview, p)
}

// frameRules keep the markup of a mail, whose styles stand in it, from doing
// anything: it may be looked at inside a page of ours.
const frameRules = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"

// TemplateFrame is the markup of a mail, as it would be sent: of the draft that
// is posted, or else of what was saved.
func (k *Console) TemplateFrame(c *fiber.Ctx) error {
	of, d := templateOf(c), draftOf(c)
	if c.Method() == fiber.MethodGet {
		t, err := k.o.Deliver.Template(c.UserContext(), of)
		if err != nil {
			return err
		}
		d = draft{text: t.Text, instance: address(c, "", "instance").Get("instance")}
	}
	private(c)
	c.Set(fiber.HeaderContentSecurityPolicy, frameRules)
	c.Set(fiber.HeaderXFrameOptions, "SAMEORIGIN")
	got, err := k.o.Deliver.PreviewTemplate(c.UserContext(), of, d.text, d.instance)
	if f := fault.From(err); err != nil {
		if f.Code != fault.Invalid && f.Code != fault.NotFound {
			return err
		}
		return c.Status(statusOf(f.Code)).Type("txt", "utf-8").SendString(k.localizer(c).FaultOf(f).What)
	}
	if got.HTML == "" { // an SMS
		return fiber.ErrNotFound
	}
	return c.Type("html", "utf-8").SendString(got.HTML)
}

// SaveTemplate saves what was typed as a version.
func (k *Console) SaveTemplate(c *fiber.Ctx) error {
	d := draftOf(c)
	of := templateOf(c)
	version, err := k.o.Deliver.SetTemplate(c.UserContext(), of, d.text, d.base, actor(c))
	switch f := fault.From(err); {
	case err == nil:
		flash(c, "ok", view.Say("templates.flash_saved", "version", strconv.Itoa(version)))
		return k.goTo(c, templateURL(of, "").String())
	case f.Code == fault.Invalid || f.Code == fault.Conflict:
		return k.sendTemplate(c, statusOf(f.Code), &d, &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)})
	}
	return err
}

// ownNumber is where the reader hears of alerts by SMS; empty if nowhere. Of a
// draft it is read once.
func (k *Console) ownNumber(c *fiber.Ctx, d *draft) (own store.AlertTarget, err error) {
	if d != nil && d.number != nil {
		return *d.number, nil
	}
	all, err := k.read.AlertTargets(c.UserContext(), session.Of(c).Person.ID)
	if i := slices.IndexFunc(all, func(t store.AlertTarget) bool { return t.Medium == deliver.SMS }); i >= 0 {
		own = all[i]
	}
	if d != nil {
		d.number = &own
	}
	return own, err
}

// sendTest sends the draft to the reader: to the address of the account, or to the
// number at which the reader hears of alerts; to is where it went, for people.
//
// Faults: those of Deliverer.TestTemplate; invalid "message_template.no_number".
func (k *Console) sendTest(c *fiber.Ctx, of deliver.TemplateOf, d *draft) (to string, kept bool, err error) {
	address := session.Of(c).Person.Email
	to = address
	if of.Medium == deliver.SMS {
		own, err := k.ownNumber(c, d)
		if err != nil {
			return "", false, err
		}
		if own.Address == "" {
			return "", false, fault.New(fault.Invalid, "message_template.no_number")
		}
		address, to = own.Address, own.Mask
	}
	kept, err = k.o.Deliver.TestTemplate(c.UserContext(), of, d.text, d.instance, address, actor(c))
	return to, kept, err
}

// TestTemplate sends the draft to whoever is looking at it. The draft stays in the
// form.
func (k *Console) TestTemplate(c *fiber.Ctx) error {
	d, of := draftOf(c), templateOf(c)
	to, kept, err := k.sendTest(c, of, &d)
	if err != nil {
		f := fault.From(err)
		if f.Code == fault.Internal {
			return err
		}
		return k.sendTemplate(c, statusOf(f.Code), &d, &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)})
	}
	said := view.Flash{Tone: "ok", Text: view.Say("templates.flash_test", "to", to)}
	if kept {
		said = view.Flash{Tone: "warn", Text: view.Say("templates.flash_test_kept")}
	}
	return k.sendTemplate(c, fiber.StatusOK, &d, &said)
}

// WithdrawTemplate takes a text back.
func (k *Console) WithdrawTemplate(c *fiber.Ctx) error {
	of := templateOf(c)
	_, err := k.o.Deliver.WithdrawTemplate(c.UserContext(), of, draftOf(c).base, actor(c))
	return k.templateDone(c, of, err, view.Say("templates.flash_withdrawn"))
}

// RestoreTemplate saves the text of an old version anew.
func (k *Console) RestoreTemplate(c *fiber.Ctx) error {
	of := templateOf(c)
	old, _ := strconv.Atoi(field(c, "version")) // what is no number is no version
	_, err := k.o.Deliver.RestoreTemplate(c.UserContext(), of, old, draftOf(c).base, actor(c))
	return k.templateDone(c, of, err, view.Say("templates.flash_restored", "version", strconv.Itoa(old)))
}

func (k *Console) templateDone(c *fiber.Ctx, of deliver.TemplateOf, err error, said view.Text) error {
	switch f := fault.From(err); {
	case err == nil:
		flash(c, "ok", said)
	case f.Code == fault.Conflict || f.Code == fault.Invalid:
		flash(c, "warn", trouble(k.localizer(c), f))
	default:
		return err
	}
	return k.goTo(c, templateURL(of, "").String())
}
