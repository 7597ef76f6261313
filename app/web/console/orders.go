package console

import (
	"context"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// orderParams are the filters of the list of orders.
var orderParams = []string{"channel", "status", "type", "source", "q"}

func orderURL(pk int64) string { return "/orders/" + strconv.FormatInt(pk, 10) }

// orderSearch leads to an order in the list; "" without one.
func orderSearch(order string) string {
	if order == "" {
		return ""
	}
	return "/orders?q=" + url.QueryEscape(order)
}

// Orders is the list of orders as the marketplace gave them.
func (k *Console) Orders(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomOrders)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, "/orders", orderParams...)
	f := view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.orders_hint"), Status: u.Get("status"), Selects: byChannel(u, channels)}
	f.Selects = append(f.Selects, choose(u, "type", "fact.order_type", "filter.any_order_type", "order_type.", market.OrderTypes()...),
		choose(u, "source", "filter.order_source", "filter.any_order_source", "order_source.", store.OrderFromNotice, store.OrderFromInstance))
	if len(channels) < 2 {
		f.Chips = chip(u, "channel", "filter.channel")
	}
	p := view.OrdersPage{Shell: s, Channels: many, List: view.List{Filter: f}}
	return k.answer(c, listed{name: view.PageOrders, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillOrders(ctx, &p, u) }})
}

func (k *Console) fillOrders(ctx context.Context, p *view.OrdersPage, u view.URL) error {
	f := store.OrderFilter{Channel: u.Get("channel"), State: u.Get("status"), Type: u.Get("type"), Source: u.Get("source"), Q: u.Get("q")}
	found, err := k.read.OrderList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.OrderCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.OrderRow, 0, len(found.Items))
	for _, o := range found.Items {
		rows = append(rows, orderRow(p.Shell.Clock, o, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.OrderRow) view.Time { return r.Created })
	p.Pager, p.Tabs = pager(u, found), tabs("order", u, counts)
	return nil
}

func orderRow(clock view.Clock, o store.OrderRow, list view.URL) view.OrderRow {
	r := view.OrderRow{URL: within(orderURL(o.PK), list), State: o.State, Type: o.Type, OrderID: o.OrderID, LineID: o.OrderLineID,
		Source: o.Source, Channel: o.Channel, ProductName: o.ProductName, ProductID: o.ProductID,
		Customer: orElse(o.Customer.Name, orElse(o.Customer.RealName, o.Customer.Email)), Amount: orElse(o.AfterDiscount, o.Currency),
		Ordered: clock.Time(o.OrderedAt), Created: clock.Time(o.CreatedAt)}
	if o.State != store.OrderKnown {
		r.Fault = o.LastError
	}
	return r
}

// Order is one order line with its whole order.
func (k *Console) Order(c *fiber.Ctx) error {
	pk, err := number(c, "order.unknown")
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomOrders)
	if err != nil {
		return err
	}
	d, err := k.read.OrderDetail(c.UserContext(), pk)
	if err != nil {
		return err
	}
	list := address(c, "/orders", orderParams...)
	p := view.OrderPage{Shell: s, Order: orderRow(s.Clock, d.OrderRow, list), Facts: noticeFacts(s.Clock, d), Back: list.String(),
		Answer: view.Payload{Body: d.Answer}, Live: underWay(d.Tasks), Timeline: orderTimeline(s.Clock, d)}
	for _, i := range d.Instances {
		p.Instances = append(p.Instances, view.OrderInstance{ID: i.InstanceID, URL: instanceURL(i.InstanceID), Status: string(i.Status),
			Purpose: i.Purpose, Name: orElse(i.ProductName, i.ProductID)})
	}
	if d.Order != nil {
		p.Customer, p.Params = customerFacts(d.Customer), pairs(d.Order.Params)
		for _, l := range d.Order.Lines {
			p.Lines = append(p.Lines, orderLine(s.Clock, l, d.OrderLineID))
		}
	}
	for _, m := range d.Messages {
		p.Messages = append(p.Messages, messageRow(s.Clock, m, view.URL{}))
	}
	if p.Tasks, err = k.taskRows(c.UserContext(), s, d.Tasks); err != nil {
		return err
	}
	if fragment(c, "live") {
		return k.block(c, fiber.StatusOK, s, view.PageOrder, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageOrder, p)
}

func pairs(params []market.ExtendParam) []view.Pair {
	var out []view.Pair
	for _, p := range params {
		out = append(out, view.Pair{Name: p.Name, Value: p.Value})
	}
	return out
}

// noticeFacts are what is known of an order line beside its content.
func noticeFacts(clock view.Clock, d *store.OrderDetail) []view.Fact {
	facts := []view.Fact{
		{Label: view.Say("fact.order_line"), Value: d.OrderLineID, Mono: true, Copy: true},
		known("fact.order_type", "order_type.", d.Type, market.OrderTypes()...),
		{Label: view.Say("fact.ordered"), Time: clock.Time(d.OrderedAt)},
		{Label: view.Say("filter.order_source"), Text: view.Say("order_source." + d.Source)},
		{Label: view.Say("fact.channel"), Value: d.Channel},
	}
	if f, bought := usable(clock, d); bought {
		facts = append(facts, f)
	}
	if d.Notices > 0 {
		facts = append(facts, view.Fact{Label: view.Say("orders.notified"), Time: clock.Time(d.LastNotifiedAt), Note: view.Say("orders.notices", "n", d.Notices)})
	}
	return facts
}

// sizeFacts say how much is bought: in V1.0 by the attributes, of which there may
// be several.
func sizeFacts(linear int64, s market.Size) []view.Fact {
	if s != (market.Size{}) {
		linear = 0
	}
	var facts []view.Fact
	for _, f := range [...]struct {
		label, unit string
		n           int64
	}{{"fact.linear", "", linear}, {"fact.amount", "", s.Amount}, {"fact.disk_size", " GB", s.DiskSize}, {"fact.band_width", " Mbps", s.BandWidth}} {
		if f.n > 0 {
			facts = append(facts, view.Fact{Label: view.Say(f.label), Value: strconv.FormatInt(f.n, 10) + f.unit})
		}
	}
	return facts
}

func orderLine(clock view.Clock, l market.OrderLine, this string) view.OrderLine {
	out := view.OrderLine{ID: l.OrderLineID, This: l.OrderLineID == this, Params: pairs(l.Params)}
	for _, p := range l.Products {
		out.Facts = append(out.Facts, view.Fact{Label: view.Say("fact.product_name"), Value: p.ProductName},
			view.Fact{Label: view.Say("fact.product"), Value: p.ProductID, Mono: true, Copy: p.ProductID != ""},
			view.Fact{Label: view.Say("fact.sku"), Value: p.SkuCode, Mono: true, Copy: p.SkuCode != ""})
		out.Facts = append(out.Facts, sizeFacts(p.LinearValue, p.Size)...)
	}
	out.Facts = append(out.Facts,
		known("fact.charging", "charging.", string(l.ChargingMode), market.OnDemand, market.OneTime, market.Period, market.OnDemandPkg))
	if l.PeriodNumber > 0 {
		period := known("fact.period", "period.", l.PeriodType, "year", "month", "day", "hour")
		period.Value = strconv.Itoa(l.PeriodNumber) + " " + l.PeriodType
		if !period.Text.None() {
			period.Text.Args = []any{"n", l.PeriodNumber}
		}
		out.Facts = append(out.Facts, period)
	}
	out.Facts = append(out.Facts, view.Fact{Label: view.Say("fact.expires"), Time: clock.Time(l.ExpireTime)},
		view.Fact{Label: view.Say("orders.amount"), Value: l.Currency},
		view.Fact{Label: view.Say("orders.after_discount"), Value: l.CurrencyAfterDiscount})
	return out
}
