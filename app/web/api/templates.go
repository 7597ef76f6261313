package api

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/wording"
)

// Writer keeps the texts of messages to customers.
type Writer interface {
	Templates(ctx context.Context, channel, productID string) ([]deliver.TemplateRow, error)
	Template(ctx context.Context, of deliver.TemplateOf) (*deliver.Template, error)
	SetTemplate(ctx context.Context, of deliver.TemplateOf, t wording.Text, base int, by staff.Actor) (int, error)
	WithdrawTemplate(ctx context.Context, of deliver.TemplateOf, base int, by staff.Actor) (int, error)
	RestoreTemplate(ctx context.Context, of deliver.TemplateOf, old, base int, by staff.Actor) (int, error)
	TemplateVersions(ctx context.Context, of deliver.TemplateOf, before, limit int) ([]store.TemplateVersion, error)
	PreviewTemplate(ctx context.Context, of deliver.TemplateOf, t wording.Text, instanceID string) (deliver.Preview, error)
}

// templateRoutes are the texts of messages.
func (a *API) templateRoutes() []session.Route {
	const get, post, put, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete
	to := session.To
	const one = "/templates/:kind/:medium/:language"
	return []session.Route{
		to(get, "/templates", staff.ProductsRead, a.Templates),
		to(get, one, staff.ProductsRead, a.Template),
		to(put, one, staff.ProductsWrite, a.SetTemplate),
		to(del, one, staff.ProductsWrite, a.WithdrawTemplate),
		to(get, one+"/versions", staff.ProductsRead, a.TemplateVersions),
		to(post, one+"/restore", staff.ProductsWrite, a.RestoreTemplate),
		to(post, one+"/preview", staff.ProductsRead, a.PreviewTemplate),
	}
}

// templateSource is a step of the order in which a text is looked for.
type templateSource struct {
	Source  string `json:"source"`
	Has     bool   `json:"has"`
	Version int    `json:"version"`
	By      string `json:"by"`
	At      moment `json:"at"`
}

func showLink(l deliver.Link) templateSource {
	return templateSource{Source: string(l.Source), Has: l.Has, Version: l.Version, By: l.By, At: moment(l.At)}
}

type templateRow struct {
	Kind     string         `json:"kind"`
	Medium   string         `json:"medium"`
	Language string         `json:"language"`
	From     templateSource `json:"from"`
}

type templateShown struct {
	Kind      string           `json:"kind"`
	Medium    string           `json:"medium"`
	Language  string           `json:"language"`
	Channel   string           `json:"channel"`
	ProductID string           `json:"product_id"`
	Subject   string           `json:"subject"`
	Body      string           `json:"body"`
	From      templateSource   `json:"from"`
	Chain     []templateSource `json:"chain"`
	Version   int              `json:"version"` // newest at this very place
	Variables []string         `json:"variables"`
	Required  []string         `json:"required"`
}

// placed reads which text a call is about, and where it counts.
func placed(c *fiber.Ctx, q *query) deliver.TemplateOf {
	return deliver.TemplateOf{Kind: part(c, "kind"), Medium: part(c, "medium"), Language: part(c, "language"), Channel: q.text("channel"), ProductID: q.text("product_id")}
}

// Templates answers GET /templates.
func (a *API) Templates(c *fiber.Ctx) error {
	q := queryOf(c)
	channel, product := q.text("channel"), q.text("product_id")
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	all, err := a.o.Writer.Templates(c.UserContext(), channel, product)
	if err != nil {
		return a.Problem(c, err)
	}
	items := make([]templateRow, 0, len(all))
	for _, t := range all {
		items = append(items, templateRow{Kind: t.Kind, Medium: t.Medium, Language: t.Language, From: showLink(t.From)})
	}
	return answer(c, fiber.StatusOK, list[templateRow]{Items: items})
}

// Template answers GET /templates/{kind}/{medium}/{language}.
func (a *API) Template(c *fiber.Ctx) error {
	q := queryOf(c)
	of := placed(c, q)
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	return a.template(c, of)
}

func (a *API) template(c *fiber.Ctx, of deliver.TemplateOf) error {
	t, err := a.o.Writer.Template(c.UserContext(), of)
	if err != nil {
		return a.Problem(c, err)
	}
	out := templateShown{Kind: of.Kind, Medium: of.Medium, Language: of.Language, Channel: of.Channel, ProductID: of.ProductID, Subject: t.Text.Subject, Body: t.Text.Body,
		From: showLink(t.From()), Version: t.Newest, Variables: []string{}, Required: slices.Concat([]string{}, t.Rules.Required)}
	for _, l := range t.Chain {
		out.Chain = append(out.Chain, showLink(l))
	}
	for _, v := range t.Rules.Variables {
		out.Variables = append(out.Variables, v.Name)
	}
	return answer(c, fiber.StatusOK, out)
}

// templateBody is the body of PUT /templates/{kind}/{medium}/{language}.
type templateBody struct {
	Subject string `json:"subject"`
	Body    string `json:"body"`
	Version *int   `json:"version"` // that it was written on top of
	Reason  string `json:"reason"`
}

// base is the version that somebody has seen; -1 if he does not say.
func base(v *int) int {
	if v == nil {
		return -1
	}
	return max(*v, 0)
}

// SetTemplate answers PUT /templates/{kind}/{medium}/{language}.
func (a *API) SetTemplate(c *fiber.Ctx) error {
	var in templateBody
	return a.changeTemplate(c, &in, &in.Reason, func(of deliver.TemplateOf, by staff.Actor) error {
		_, err := a.o.Writer.SetTemplate(c.UserContext(), of, wording.Text{Subject: in.Subject, Body: in.Body}, base(in.Version), by)
		return err
	})
}

// versionBody is the body of what acts on a version.
type versionBody struct {
	Version int    `json:"version"`
	Reason  string `json:"reason"`
}

// RestoreTemplate answers POST /templates/{kind}/{medium}/{language}/restore.
func (a *API) RestoreTemplate(c *fiber.Ctx) error {
	var in versionBody
	return a.changeTemplate(c, &in, &in.Reason, func(of deliver.TemplateOf, by staff.Actor) error {
		_, err := a.o.Writer.RestoreTemplate(c.UserContext(), of, in.Version, -1, by)
		return err
	})
}

// WithdrawTemplate answers DELETE /templates/{kind}/{medium}/{language}.
func (a *API) WithdrawTemplate(c *fiber.Ctx) error {
	var in because
	return a.changeTemplate(c, &in, &in.Reason, func(of deliver.TemplateOf, by staff.Actor) error {
		_, err := a.o.Writer.WithdrawTemplate(c.UserContext(), of, -1, by)
		return err
	})
}

// changeTemplate reads a call that changes a text, does it, and shows the text
// that counts now.
func (a *API) changeTemplate(c *fiber.Ctx, in any, reason *string, do func(deliver.TemplateOf, staff.Actor) error) error {
	q := queryOf(c)
	of := placed(c, q)
	err := q.err()
	if err == nil {
		err = body(c, in)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, *reason)
	if err == nil {
		err = do(of, by)
	}
	if err != nil {
		return a.Problem(c, textErr(err))
	}
	return a.template(c, of)
}

// textErr names every line that is wrong.
func textErr(err error) error {
	var w *deliver.WrongText
	if !errors.As(err, &w) {
		return err
	}
	p := &problem{fault: w.Problems[0].Fault}
	for _, one := range w.Problems {
		p.fields = append(p.fields, wrong{in: "body", name: one.Part, why: one.Fault})
	}
	return p
}

type templateVersion struct {
	Version      int    `json:"version"`
	Withdrawn    bool   `json:"withdrawn"`
	RestoredFrom int    `json:"restored_from"`
	Subject      string `json:"subject"`
	Body         string `json:"body"`
	By           string `json:"by"`
	At           moment `json:"at"`
	Reason       string `json:"reason"`
}

// TemplateVersions answers GET /templates/{kind}/{medium}/{language}/versions,
// the newest first. Its cursor is the version that a page ends with.
func (a *API) TemplateVersions(c *fiber.Ctx) error {
	q := queryOf(c)
	of := placed(c, q)
	p := q.paging()
	before := 0
	if p.Cursor != "" {
		n, err := strconv.ParseInt(p.Cursor, 10, 32)
		if err != nil || n < 1 {
			q.fail("cursor", "cursor")
		}
		before = int(n)
	}
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	limit := p.Limit
	if limit == 0 {
		limit = 50
	}
	found, err := a.o.Writer.TemplateVersions(c.UserContext(), of, before, limit+1)
	if err != nil {
		return a.Problem(c, err)
	}
	var next *string
	if len(found) > limit {
		found = found[:limit]
		s := strconv.Itoa(found[limit-1].Version)
		next = &s
	}
	items := make([]templateVersion, 0, len(found))
	for _, v := range found {
		items = append(items, templateVersion{Version: v.Version, Withdrawn: v.Withdrawn, RestoredFrom: v.RestoredFrom, Subject: v.Subject, Body: v.Body, By: v.By,
			At: moment(v.At), Reason: v.Reason})
	}
	return answer(c, fiber.StatusOK, list[templateVersion]{Items: items, NextCursor: next})
}

// previewBody is the body of POST /templates/{kind}/{medium}/{language}/preview.
type previewBody struct {
	Subject    string `json:"subject"`
	Body       string `json:"body"`
	InstanceID string `json:"instance_id"`
}

type smsSize struct {
	Encoding      string `json:"encoding"`
	Units         int    `json:"units"`
	Parts         int    `json:"parts"`
	Left          int    `json:"left"`
	MainlandParts int    `json:"mainland_parts"`
}

type previewShown struct {
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	HTML    string   `json:"html"`
	SMS     *smsSize `json:"sms"`
}

// PreviewTemplate answers POST /templates/{kind}/{medium}/{language}/preview.
func (a *API) PreviewTemplate(c *fiber.Ctx) error {
	q := queryOf(c)
	of := placed(c, q)
	var in previewBody
	err := q.err()
	if err == nil {
		err = body(c, &in)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	got, err := a.o.Writer.PreviewTemplate(c.UserContext(), of, wording.Text{Subject: in.Subject, Body: in.Body}, in.InstanceID)
	if fault.From(err) != nil {
		return a.Problem(c, textErr(err))
	}
	out := previewShown{Subject: got.Subject, Text: got.Text, HTML: got.HTML}
	if of.Medium == deliver.SMS {
		out.SMS = &smsSize{Encoding: got.Size.Encoding, Units: got.Size.Units, Parts: got.Size.Parts, Left: got.Size.Left, MainlandParts: got.Mainland.Parts}
	}
	return answer(c, fiber.StatusOK, out)
}
