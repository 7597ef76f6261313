package console

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// instanceParams are the filters of the list of instances.
var instanceParams = []string{"channel", "product_id", "sku_code", "status", "expires", "q"}

// soon is from when on an expiry draws attention.
const soon = 7 * 24 * time.Hour

// expiries are the choices of the filter by expiry.
var expiries = map[string]time.Duration{"7d": soon, "30d": 30 * 24 * time.Hour}

func readInstances(u view.URL, now time.Time) store.InstanceFilter {
	f := store.InstanceFilter{Channel: u.Get("channel"), ProductID: u.Get("product_id"), SkuCode: u.Get("sku_code"), Q: u.Get("q")}
	f.Status, f.Waiting = narrowedTo(u)
	if within, ok := expiries[u.Get("expires")]; ok {
		f.ExpiresBefore = now.Add(within)
	}
	return f
}

// Instances is the list of what customers bought.
func (k *Console) Instances(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomInstances)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	products, err := k.products.get(c.UserContext(), k.o.Now(), choicesLast)
	if err != nil {
		return err
	}
	u := address(c, "/instances", instanceParams...)
	p := view.InstancesPage{Shell: s, Channels: many, List: view.List{Filter: instanceFilter(u, channels, products)}}
	return k.answer(c, listed{name: view.PageInstances, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillInstances(ctx, &p, u) }})
}

func (k *Console) fillInstances(ctx context.Context, p *view.InstancesPage, u view.URL) error {
	f, err := k.read.FindInstances(ctx, readInstances(u, p.Shell.Clock.Now))
	if err != nil {
		return err
	}
	found, err := k.read.InstanceList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	f.Waiting = false // the tabs count beside each other
	counts, err := k.read.InstanceCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.InstanceRow, 0, len(found.Items))
	for _, i := range found.Items {
		rows = append(rows, instanceRow(p.Shell.Clock, i, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	day := func(r view.InstanceRow) view.Time { return r.Created }
	if !f.ExpiresBefore.IsZero() {
		day = func(r view.InstanceRow) view.Time { return r.Expires }
	}
	p.Days = view.ByDay(rows, day)
	p.Pager, p.Tabs = pager(u, found), append(tabs("instance", u, counts), waitingTab(u, "filter.due"))
	return nil
}

func instanceFilter(u view.URL, channels []store.ChannelRow, products []store.ProductChoice) view.Filter {
	f := view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.instances_hint"), Status: u.Get("status"), Selects: byChannel(u, channels)}
	if len(products) > 0 || u.Get("product_id") != "" {
		f.Selects = append(f.Selects, byProduct(u, products))
	}
	f.Selects = append(f.Selects, choose(u, "expires", "filter.expiry", "filter.any_expiry", "filter.expires_", "7d", "30d"))
	if len(channels) < 2 {
		f.Chips = chip(u, "channel", "filter.channel")
	}
	f.Chips = append(f.Chips, chip(u, "sku_code", "filter.sku")...)
	return f
}

// byProduct is the filter by product. Its choices are names, where they are
// known; one that no instance has is a choice while it is chosen.
func byProduct(u view.URL, products []store.ProductChoice) view.Select {
	now := u.Get("product_id")
	s := view.Select{Name: "product_id", Label: view.Say("filter.product"),
		Options: []view.Option{{Label: view.Say("filter.any_product"), Selected: now == ""}}}
	known := now == ""
	for _, p := range products {
		o := view.Option{Value: p.ProductID, Selected: p.ProductID == now}
		if p.Name != "" {
			o.Label = view.Say("filter.product_named", "name", p.Name, "id", p.ProductID)
		}
		s.Options = append(s.Options, o)
		known = known || o.Selected
	}
	if !known {
		s.Options = append(s.Options, view.Option{Value: now, Selected: true})
	}
	return s
}

// instanceRow is an instance as a list shows it; list is where it is opened from.
func instanceRow(clock view.Clock, i store.InstanceRow, list view.URL) view.InstanceRow {
	r := view.InstanceRow{
		ID: i.InstanceID, URL: within(instanceURL(i.InstanceID), list), Status: string(i.Status), Channel: i.Channel,
		ProductName: i.ProductName, ProductID: i.ProductID, SkuCode: i.SkuCode, OrderID: i.OrderID,
		Customer: orElse(i.Customer.Name, orElse(i.Customer.RealName, i.Customer.Email)),
		Created:  clock.Time(i.CreatedAt), Expires: clock.Time(i.ExpiresAt), NeedsAccess: i.Waiting,
		Unknown: i.ProductID == "",
	}
	if i.Status != market.Released {
		r.Fault = i.Fault
		r.ExpiringSoon = !r.Expires.IsZero() && r.Expires.Within(soon)
	}
	return r
}
