package console

import (
	"context"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/staff"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

const templatesPath = "/templates"

// placeParams say where a text counts.
var placeParams = []string{"channel", "product_id"}

// templateRoutes are the pages of the texts of messages. Filling a draft changes
// nothing.
func (k *Console) templateRoutes() []session.Route {
	const get, post = fiber.MethodGet, fiber.MethodPost
	to := session.To
	const one = templatesPath + "/:kind/:medium/:language"
	return []session.Route{
		to(get, templatesPath, staff.ProductsRead, k.Templates),
		to(get, one, staff.ProductsRead, k.Template),
		to(post, one, staff.ProductsWrite, k.SaveTemplate),
		to(post, one+"/preview", staff.ProductsRead, k.PreviewTemplate),
		to(get, one+"/frame", staff.ProductsRead, k.TemplateFrame),
		to(post, one+"/frame", staff.ProductsRead, k.TemplateFrame),
		to(post, one+"/test", staff.ProductsWrite, k.TestTemplate),
		to(post, one+"/withdraw", staff.ProductsWrite, k.WithdrawTemplate),
		to(post, one+"/restore", staff.ProductsWrite, k.RestoreTemplate),
	}
}

func templateURL(of deliver.TemplateOf, act string) view.URL {
	path := templatesPath + "/" + of.Kind + "/" + of.Medium + "/" + of.Language + act
	return view.URL{Path: path, Query: url.Values{}}.With("channel", of.Channel, "product_id", of.ProductID)
}

// Templates is all texts at a place.
func (k *Console) Templates(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomTemplates)
	if err != nil {
		return err
	}
	channels, _, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	products, err := k.products.get(c.UserContext(), k.o.Now(), choicesLast)
	if err != nil {
		return err
	}
	u := address(c, templatesPath, placeParams...)
	f := view.Filter{URL: u, NoSearch: true, Selects: byChannel(u, channels)}
	if len(products) > 0 || u.Get("product_id") != "" {
		f.Selects = append(f.Selects, byProduct(u, products))
	}
	p := view.TemplatesPage{Shell: s, AtService: k.o.Deliver.TextsElsewhere(), List: view.List{Filter: f}}
	channel, product := u.Get("channel"), u.Get("product_id")
	if product != "" && channel == "" {
		if len(channels) == 1 {
			channel = channels[0].Slug
		} else {
			product, p.NoChannel = "", true
		}
	}
	return k.answer(c, listed{name: view.PageTemplates, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillTemplates(ctx, &p, channel, product) }})
}

func (k *Console) fillTemplates(ctx context.Context, p *view.TemplatesPage, channel, product string) error {
	all, err := k.o.Deliver.Templates(ctx, channel, product)
	if err != nil {
		return err
	}
	for _, t := range all {
		if n := len(p.Rows); n == 0 || p.Rows[n-1].Kind != t.Kind {
			p.Rows = append(p.Rows, view.TemplateRow{Kind: t.Kind})
		}
		row := &p.Rows[len(p.Rows)-1]
		row.Cells = append(row.Cells, view.TemplateCell{Medium: t.Medium, Language: t.Language, URL: templateURL(t.TemplateOf, "").String(),
			Source: string(t.From.Source), Own: t.Own, Version: t.From.Version, At: p.Shell.Clock.Time(t.From.At), By: by(t.From.By)})
	}
	p.Columns = p.Rows[0].Cells
	p.State = view.ListRows
	return nil
}

// templateOf reads which text the address is about.
func templateOf(c *fiber.Ctx) deliver.TemplateOf {
	u := address(c, "", placeParams...)
	return deliver.TemplateOf{Kind: strings.Clone(c.Params("kind")), Medium: strings.Clone(c.Params("medium")), Language: strings.Clone(c.Params("language")),
		Channel: u.Get("channel"), ProductID: u.Get("product_id")}
}
