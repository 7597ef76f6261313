package console

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/selfcheck"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// SelfCheck shows a channel's production address as the marketplace sees it, by
// the last report.
func (k *Console) SelfCheck(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomSelfCheck)
	if err != nil {
		return err
	}
	channels, err := k.read.Channels(c.UserContext())
	if err != nil {
		return err
	}
	p := view.SelfCheckPage{Shell: s}
	for _, ch := range channels {
		slug := strings.Clone(c.Query("channel", channels[0].Slug))
		if len(channels) > 1 {
			p.Channels = append(p.Channels, view.Tab{Value: ch.Slug, URL: address(c, "/self-check").With("channel", ch.Slug), Active: ch.Slug == slug})
		}
		if ch.Slug != slug {
			continue
		}
		if err := k.fillSelfCheck(c, &p, ch); err != nil {
			return err
		}
	}
	if len(channels) > 0 && p.Channel == "" {
		return fault.New(fault.NotFound, "channel.unknown")
	}
	if fragment(c, "live") {
		return k.block(c, fiber.StatusOK, s, view.PageSelfCheck, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageSelfCheck, p)
}

func (k *Console) fillSelfCheck(c *fiber.Ctx, p *view.SelfCheckPage, ch store.ChannelRow) error {
	last, report, err := k.o.SelfCheck.Last(c.UserContext(), ch.ID)
	if err != nil {
		return err
	}
	z, slug := k.localizer(c), url.QueryEscape(ch.Slug)
	p.Channel, p.Self, p.URL = ch.Slug, "/self-check?channel="+slug, strings.TrimSuffix(k.o.PublicURL, "/")+"/koogallery/"+ch.Slug
	p.Types = []view.Option{{Value: "", Label: view.Say("selfcheck.page.all_types")}}
	for _, t := range selfcheck.Types() {
		p.Types = append(p.Types, view.Option{Value: string(t), Label: view.Say("selfcheck.type." + string(t))})
	}
	var why view.Text
	switch now := k.o.Now(); {
	case last.Running(now):
		p.Running, p.Live, why = p.Clock.Time(last.AskedAt), true, view.Say("selfcheck.page.why_running")
	case !last.AskedAt.IsZero() && last.EndedAt.IsZero():
		p.Fault = &fault.Record{Code: fault.Unavailable, Key: "self_check.broken_off"}
	default:
		p.Fault = last.Error
	}
	p.Run = action(p.Shell, staff.SelfCheckRun, p.Self, why)
	if report != nil {
		p.HTML, p.Markdown, p.JSON = "/self-check/report.html?channel="+slug, "/self-check/report.md?channel="+slug, "/self-check/report.json?channel="+slug
		showReport(p, z, *report, last.ReportedBy)
	}
	return nil
}

func showReport(p *view.SelfCheckPage, z *i18n.Localizer, r selfcheck.Report, by string) {
	p.Passed = r.Passed()
	ok, warn, fail := r.Count()
	tone := ""
	if fail > 0 {
		tone = "bad"
	}
	var types []string
	for _, t := range r.Types {
		types = append(types, t.Title(z))
	}
	p.Facts = []view.Fact{
		{Label: view.Say("selfcheck.fact.result"), Text: view.Say("selfcheck.sum", "ok", ok, "warn", warn, "fail", fail), Tone: tone},
		{Label: view.Say("selfcheck.fact.finished"), Time: p.Clock.Time(r.Finished)},
		{Label: view.Say("selfcheck.fact.by"), Value: strings.TrimPrefix(by, "operator:")},
		{Label: view.Say("selfcheck.fact.types"), Value: strings.Join(types, z.T("selfcheck.comma"))},
	}
	p.Address = found(z, r.Address)
	for _, c := range r.Cases {
		v := view.CheckedCase{Guide: c.GuideTitle(z), Activity: c.Activity, Variant: c.Variant, Sources: c.Sources, Optional: c.Optional, Sent: c.Sent,
			Status: string(c.Status()), Code: c.Code, Millis: int(c.Millis), Checks: found(z, c.Checks), Open: c.Sent && c.Status() == selfcheck.Fail,
			Request: view.Payload{Body: c.Request}, Answer: view.Payload{Body: c.Answer}}
		p.Cases = append(p.Cases, v)
	}
}

func found(z *i18n.Localizer, checks []selfcheck.Check) []view.Found {
	out := make([]view.Found, 0, len(checks))
	for _, c := range checks {
		out = append(out, view.Found{Status: string(c.Status), Text: c.Sentence(z)})
	}
	return out
}

// RunSelfCheck begins a check and goes back to the page, which shows how it goes.
func (k *Console) RunSelfCheck(c *fiber.Ctx) error {
	slug := strings.Clone(c.Query("channel"))
	var types []selfcheck.Type
	if t := selfcheck.Type(field(c, "type")); t != "" {
		if !t.Valid() {
			return fault.New(fault.Invalid, "http.bad_request")
		}
		types = append(types, t)
	}
	switch err := k.o.SelfCheck.Start(c.UserContext(), slug, types, actor(c)); {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	default:
		flash(c, "ok", view.Say("selfcheck.page.started"))
	}
	return k.goTo(c, "/self-check?channel="+url.QueryEscape(slug))
}

// SelfCheckReport is the last report as a file: a page to print or Markdown, in
// the reader's language, or JSON.
func (k *Console) SelfCheckReport(c *fiber.Ctx) error {
	ch, err := k.read.ChannelBySlug(c.UserContext(), strings.Clone(c.Query("channel")))
	if err != nil {
		return err
	}
	_, report, err := k.o.SelfCheck.Last(c.UserContext(), ch.ID)
	if err != nil {
		return err
	}
	if report == nil {
		return fiber.ErrNotFound
	}
	private(c)
	ending := c.Path()[strings.LastIndexByte(c.Path(), '.'):]
	c.Set(fiber.HeaderContentDisposition, "attachment; filename="+strconv.Quote("koodesk-"+ch.Slug+"-"+report.Finished.Format("20060102-150405")+ending))
	switch ending {
	case ".json":
		b, err := json.MarshalIndent(report.Summed(), "", "  ")
		if err != nil {
			return err
		}
		return c.Type("json", "utf-8").Send(b)
	case ".html":
		page, err := report.HTML(k.localizer(c))
		if err != nil {
			return err
		}
		return c.Type("html", "utf-8").SendString(page)
	}
	c.Set(fiber.HeaderContentType, "text/markdown; charset=utf-8")
	return c.SendString(report.Markdown(k.localizer(c)))
}
