package console

import (
	"context"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
	"koodesk/app/webhook"
)

const productsPath = "/products"

func productURL(id int64) string { return productsPath + "/" + strconv.FormatInt(id, 10) }

// productRoutes are the pages of what products are provisioned by.
func (k *Console) productRoutes() []session.Route {
	const get, post = fiber.MethodGet, fiber.MethodPost
	to := session.To
	return []session.Route{
		to(get, productsPath, staff.ProductsRead, k.Products),
		to(get, productsPath+"/new", staff.ProductsWrite, k.NewProduct),
		to(post, productsPath+"/new", staff.ProductsWrite, k.AddProduct),
		to(get, productsPath+"/:id", staff.ProductsRead, k.Product),
		to(post, productsPath+"/:id", staff.ProductsWrite, k.SetProduct),
	}
}

// Products is the list of entries.
func (k *Console) Products(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomProducts)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, productsPath, "channel")
	p := view.ProductsPage{Shell: s, Channels: many, Add: action(s, staff.ProductsWrite, productsPath+"/new", view.Text{}),
		List: view.List{Filter: view.Filter{URL: u, NoSearch: true, Selects: byChannel(u, channels)}}}
	return k.answer(c, listed{name: view.PageProducts, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillProducts(ctx, &p, u) }})
}

func (k *Console) fillProducts(ctx context.Context, p *view.ProductsPage, u view.URL) error {
	found, err := k.read.ProductList(ctx, u.Get("channel"), paging(u))
	if err != nil {
		return err
	}
	ids := make([]int64, 0, len(found.Items))
	for _, e := range found.Items {
		ids = append(ids, e.ID)
	}
	uses, err := k.read.ProductUses(ctx, ids...)
	if err != nil {
		return err
	}
	for _, e := range found.Items {
		p.Rows = append(p.Rows, productRow(p.Shell.Clock, e, uses[e.ID]))
	}
	p.State, p.Pager = view.StateOf(len(p.Rows), filtered(u)), pager(u, found)
	return nil
}

func productRow(clock view.Clock, e store.ProductRow, use store.ProductUse) view.ProductRow {
	s := e.Settings
	r := view.ProductRow{URL: productURL(e.ID), Channel: e.Channel, ProductID: e.ProductID, SkuCode: e.SkuCode, Name: use.Name, Driver: e.Driver,
		License: s.License, Instances: use.Instances.N, More: use.Instances.More, Last: clock.Time(use.Last)}
	switch e.Driver {
	case "static":
		r.By = s.FrontEndURL
	case "pool":
		r.By = s.Pool
	case "webhook":
		r.By = webhook.Shown(s.WebhookURL)
	}
	if e.ProductID != "*" && r.Instances > 0 { // of the productId, or of the skuCode
		r.All = view.URL{Path: "/instances", Query: url.Values{}}.With("channel", e.Channel, "product_id", e.ProductID, "sku_code", e.SkuCode).String()
	}
	return r
}
