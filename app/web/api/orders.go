package api

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/store"
)

type order struct {
	ID           string `json:"id"`
	Channel      string `json:"channel"`
	OrderID      string `json:"order_id"`
	OrderLineID  string `json:"order_line_id"`
	Source       string `json:"source"`
	State        string `json:"state"`
	Type         string `json:"order_type"`
	ChargingMode string `json:"charging_mode"`
	PeriodType   string `json:"period_type"`
	PeriodNumber int    `json:"period_number"`
	ProductID    string `json:"product_id"`
	SkuCode      string `json:"sku_code"`
	ProductName  string `json:"product_name"`
	LinearValue  int64  `json:"linear_value"`
	size
	Currency       string   `json:"currency"`
	AfterDiscount  string   `json:"currency_after_discount"`
	Customer       customer `json:"customer"`
	OrderedAt      moment   `json:"ordered_at"`
	ExpiresAt      moment   `json:"expires_at"`
	NotifiedAt     moment   `json:"notified_at"`
	LastNotifiedAt moment   `json:"last_notified_at"`
	Notices        int      `json:"notices"`
	KnownAt        moment   `json:"known_at"`
	CreatedAt      moment   `json:"created_at"`
	LastError      *shown   `json:"last_error"`
}

type orderDetail struct {
	order
	InstanceID string          `json:"instance_id"`
	Usable     *float64        `json:"time_to_usable_seconds"`
	Timeline   []event         `json:"timeline"`
	Instances  []orderInstance `json:"instances"`
	Lines      []orderLine     `json:"lines"`
	Params     []param         `json:"extend_params"`
	Messages   []message       `json:"messages"`
	Tasks      []taskDetail    `json:"tasks"`
}

type orderInstance struct {
	InstanceID  string `json:"instance_id"`
	OrderLineID string `json:"order_line_id"`
	Purpose     string `json:"purpose"`
	Status      string `json:"status"`
	ProductID   string `json:"product_id"`
	ProductName string `json:"product_name"`
}

type instanceOrder struct {
	order
	Purpose string `json:"purpose"`
}

type orderLine struct {
	OrderLineID   string         `json:"order_line_id"`
	ChargingMode  string         `json:"charging_mode"`
	PeriodType    string         `json:"period_type"`
	PeriodNumber  int            `json:"period_number"`
	ExpiresAt     moment         `json:"expires_at"`
	Currency      string         `json:"currency"`
	AfterDiscount string         `json:"currency_after_discount"`
	Products      []orderProduct `json:"products"`
	Params        []param        `json:"extend_params"`
}

type orderProduct struct {
	ProductID   string `json:"product_id"`
	SkuCode     string `json:"sku_code"`
	LinearValue int64  `json:"linear_value"`
	size
	ProductName string `json:"product_name"`
}

// size is that of a V1.0 product: pieces, GB, Mbps.
type size struct {
	Amount    int64 `json:"amount"`
	DiskSize  int64 `json:"disk_size"`
	BandWidth int64 `json:"band_width"`
}

type param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func showOrder(z *i18n.Localizer, o store.OrderRow) order {
	return order{ID: id(o.PK), Channel: o.Channel, OrderID: o.OrderID, OrderLineID: o.OrderLineID, Source: o.Source, State: o.State, Type: o.Type,
		ChargingMode: o.ChargingMode, PeriodType: o.PeriodType, PeriodNumber: o.PeriodNumber, ProductID: o.ProductID, SkuCode: o.SkuCode,
		ProductName: o.ProductName, LinearValue: o.LinearValue, size: size(o.Size), Currency: o.Currency, AfterDiscount: o.AfterDiscount,
		Customer:  customer{ID: o.Customer.ID, Name: o.Customer.Name, RealName: o.Customer.RealName, Email: o.Customer.Email, Phone: o.Customer.Phone},
		OrderedAt: moment(o.OrderedAt), ExpiresAt: moment(o.ExpiresAt), NotifiedAt: moment(o.NotifiedAt), LastNotifiedAt: moment(o.LastNotifiedAt),
		Notices: o.Notices, KnownAt: moment(o.KnownAt), CreatedAt: moment(o.CreatedAt), LastError: show(z, o.LastError)}
}

func showParams(in []market.ExtendParam) []param {
	out := []param{}
	for _, p := range in {
		out = append(out, param{Name: p.Name, Value: p.Value})
	}
	return out
}

// Orders answers GET /orders.
func (a *API) Orders(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.OrderFilter{Channel: q.text("channel"), State: q.one("state", store.OrderStates()), Type: q.one("order_type", market.OrderTypes()),
		ProductID: q.text("product_id"), Source: q.one("source", []string{store.OrderFromNotice, store.OrderFromInstance}),
		OrderID: q.text("order_id"), Q: q.text("q")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().OrderList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showOrder))
}

// Order answers GET /orders/{id}.
func (a *API) Order(c *fiber.Ctx) error {
	n, err := idOf(c, "order.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	d, err := a.store.Reader().OrderDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := orderDetail{order: showOrder(z, d.OrderRow), InstanceID: d.InstanceID, Instances: []orderInstance{}, Lines: []orderLine{}, Params: []param{},
		Messages: []message{}, Tasks: tasks(z, d.Tasks), Timeline: []event{}}
	if d.Usable {
		took := d.TimeToUsable.Seconds()
		out.Usable = &took
	}
	for _, e := range d.Timeline {
		out.Timeline = append(out.Timeline, showEvent(z, e))
	}
	for _, i := range d.Instances {
		out.Instances = append(out.Instances, orderInstance{InstanceID: i.InstanceID, OrderLineID: i.OrderLineID, Purpose: i.Purpose,
			Status: string(i.Status), ProductID: i.ProductID, ProductName: i.ProductName})
	}
	if d.Order != nil {
		out.Params = showParams(d.Order.Params)
		for _, l := range d.Order.Lines {
			out.Lines = append(out.Lines, showLine(l))
		}
	}
	for _, m := range d.Messages {
		out.Messages = append(out.Messages, showMessage(z, m))
	}
	return answer(c, fiber.StatusOK, out)
}

func showLine(l market.OrderLine) orderLine {
	out := orderLine{OrderLineID: l.OrderLineID, ChargingMode: string(l.ChargingMode), PeriodType: l.PeriodType, PeriodNumber: l.PeriodNumber,
		ExpiresAt: moment(l.ExpireTime), Currency: l.Currency, AfterDiscount: l.CurrencyAfterDiscount, Products: []orderProduct{},
		Params: showParams(l.Params)}
	for _, p := range l.Products {
		out.Products = append(out.Products, orderProduct{ProductID: p.ProductID, SkuCode: p.SkuCode, LinearValue: p.LinearValue, size: size(p.Size), ProductName: p.ProductName})
	}
	return out
}
