package api

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/provision"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

type instance struct {
	InstanceID  string   `json:"instance_id"`
	Channel     string   `json:"channel"`
	OrderID     string   `json:"order_id"`
	OrderLineID string   `json:"order_line_id"`
	ProductID   string   `json:"product_id"`
	SkuCode     string   `json:"sku_code"`
	ProductName string   `json:"product_name"`
	Status      string   `json:"status"`
	Waiting     bool     `json:"waiting_for_person"`
	Driver      string   `json:"driver"`
	ExpiresAt   moment   `json:"expires_at"`
	CreatedAt   moment   `json:"created_at"`
	Customer    customer `json:"customer"`
	Access      access   `json:"access"`
	LastError   *shown   `json:"last_error"`
}

type customer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	RealName string `json:"real_name"`
	Email    string `json:"email"`
	Phone    string `json:"phone"`
}

type access struct {
	FrontEndURL string `json:"front_end_url"`
	AdminURL    string `json:"admin_url"`
	UserName    string `json:"user_name"`
	HasPassword bool   `json:"has_password"`
	WipedAt     moment `json:"password_wiped_at"`
	Memo        string `json:"memo"`
	Version     int    `json:"version"`
}

type instanceDetail struct {
	instance
	BusinessID  string `json:"business_id"`
	LinearValue int64  `json:"linear_value"`
	size
	OrderType     string          `json:"order_type"`
	ChargingMode  string          `json:"charging_mode"`
	PeriodType    string          `json:"period_type"`
	PeriodNumber  int             `json:"period_number"`
	OrderKnownAt  moment          `json:"order_known_at"`
	ProvisionedAt moment          `json:"provisioned_at"`
	FrozenAt      moment          `json:"frozen_at"`
	ReleasedAt    moment          `json:"released_at"`
	Orders        []instanceOrder `json:"orders"`
	Timeline      []event         `json:"timeline"`
	Messages      []message       `json:"messages"`
	Deliveries    []delivery      `json:"deliveries"`
	Tasks         []taskDetail    `json:"tasks"`
}

type event struct {
	At         moment  `json:"at"`
	Type       string  `json:"type"`
	Kind       string  `json:"kind"`
	Scene      string  `json:"scene"`
	Purpose    string  `json:"purpose"`
	Medium     string  `json:"medium"`
	Old        string  `json:"old"`
	New        string  `json:"new"`
	Status     string  `json:"status"`
	ResultCode string  `json:"result_code"`
	Count      int     `json:"count"`
	Counted    int     `json:"counted"`
	LastAt     moment  `json:"last_at"`
	Number     int     `json:"number"`
	DurationMS float64 `json:"duration_ms"`
	MessageID  *string `json:"message_id"`
	TaskID     *string `json:"task_id"`
	DeliveryID *string `json:"delivery_id"`
	InstanceID string  `json:"instance_id"`
	Others     int     `json:"others"`
	Actor      string  `json:"actor"`
	Reason     string  `json:"reason"`
	Error      *shown  `json:"error"`
}

func showInstance(z *i18n.Localizer, i store.InstanceRow) instance {
	return instance{
		InstanceID: i.InstanceID, Channel: i.Channel, OrderID: i.OrderID, OrderLineID: i.OrderLineID, ProductID: i.ProductID,
		SkuCode: i.SkuCode, ProductName: i.ProductName, Status: string(i.Status), Waiting: i.Waiting, Driver: i.Driver,
		ExpiresAt: moment(i.ExpiresAt), CreatedAt: moment(i.CreatedAt),
		Customer: customer{ID: i.Customer.ID, Name: i.Customer.Name, RealName: i.Customer.RealName, Email: i.Customer.Email,
			Phone: i.Customer.Phone},
		Access: access{FrontEndURL: i.Access.FrontEndURL, AdminURL: i.Access.AdminURL, UserName: i.Access.UserName,
			HasPassword: i.Access.HasPassword, WipedAt: moment(i.Access.WipedAt), Memo: i.Access.Memo, Version: i.Access.Version},
		LastError: show(z, i.Fault),
	}
}

func showEvent(z *i18n.Localizer, e store.TimelineEvent) event {
	return event{
		At: moment(e.At), Type: e.Sort, Kind: e.Kind, Scene: e.Scene, Purpose: e.Purpose, Medium: e.Medium, Old: e.Old, New: e.New,
		Status: e.Status, ResultCode: e.ResultCode, Count: e.Count, Counted: e.Counted, LastAt: moment(e.LastAt), Number: e.Number,
		DurationMS: milliseconds(e.Duration), MessageID: idOrNull(e.MessageID), TaskID: idOrNull(e.TaskID),
		DeliveryID: idOrNull(e.DeliveryID), InstanceID: e.InstanceID, Others: e.Others, Actor: e.Actor, Reason: e.Reason, Error: show(z, e.Error),
	}
}

// Instances answers GET /instances.
func (a *API) Instances(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.InstanceFilter{Channel: q.text("channel"), ProductID: q.text("product_id"), SkuCode: q.text("sku_code"),
		Status: q.one("status", store.InstanceStatuses()), Q: q.text("q"), ExpiresBefore: q.time("expires_before"), Waiting: q.yes("waiting_for_person")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().InstanceList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showInstance))
}

// Instance answers GET /instances/{instance_id}.
func (a *API) Instance(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	return a.instance(c, part(c, "instance_id"))
}

func (a *API) instance(c *fiber.Ctx, instanceID string) error {
	i, err := a.store.Reader().InstanceDetail(c.UserContext(), instanceID)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := instanceDetail{
		instance: showInstance(z, i.InstanceRow), BusinessID: i.BusinessID, LinearValue: i.LinearValue, size: size(i.Size), OrderType: i.OrderType,
		ChargingMode: i.ChargingMode, PeriodType: i.PeriodType, PeriodNumber: i.PeriodNumber, OrderKnownAt: moment(i.OrderKnownAt),
		ProvisionedAt: moment(i.ProvisionedAt), FrozenAt: moment(i.FrozenAt), ReleasedAt: moment(i.ReleasedAt),
		Orders: []instanceOrder{}, Timeline: []event{}, Messages: []message{}, Deliveries: []delivery{}, Tasks: tasks(z, i.Tasks),
	}
	for _, o := range i.Orders {
		out.Orders = append(out.Orders, instanceOrder{order: showOrder(z, o.OrderRow), Purpose: o.Purpose})
	}
	for _, e := range i.Timeline {
		out.Timeline = append(out.Timeline, showEvent(z, e))
	}
	for _, m := range i.Messages {
		out.Messages = append(out.Messages, showMessage(z, m))
	}
	for _, d := range i.Deliveries {
		out.Deliveries = append(out.Deliveries, showDelivery(z, d))
	}
	return answer(c, fiber.StatusOK, out)
}

// accessBody is the body of PUT /instances/{instance_id}/access.
type accessBody struct {
	FrontEndURL string `json:"front_end_url"`
	AdminURL    string `json:"admin_url"`
	UserName    string `json:"user_name"`
	Password    string `json:"password"`
	Memo        string `json:"memo"`
}

// SetAccess answers PUT /instances/{instance_id}/access.
func (a *API) SetAccess(c *fiber.Ctx) error {
	var in accessBody
	err := body(c, &in)
	instanceID := part(c, "instance_id")
	if err == nil {
		err = a.o.Access.SetAccess(c.UserContext(), instanceID, provision.Access(in), session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.instance(c, instanceID)
}
