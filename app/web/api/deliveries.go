package api

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

type delivery struct {
	ID         string  `json:"id"`
	Channel    string  `json:"channel"`
	InstanceID string  `json:"instance_id"`
	MessageID  *string `json:"message_id"`
	Kind       string  `json:"kind"`
	Medium     string  `json:"medium"`
	Language   string  `json:"language"`
	To         string  `json:"to"`
	Subject    string  `json:"subject"`
	Status     string  `json:"status"`
	Transport  string  `json:"transport"`
	Attempts   int     `json:"attempts"`
	Resends    int     `json:"resends"`
	LastError  *shown  `json:"last_error"`
	CreatedAt  moment  `json:"created_at"`
	SentAt     moment  `json:"sent_at"`
	Days       *int    `json:"days"`
	HeldUntil  moment  `json:"held_until"`
	HeldWhy    string  `json:"held_why"`
}

type deliveryDetail struct {
	delivery
	Text        *string      `json:"text"`
	MessageRef  string       `json:"message_ref"`
	ProviderRef string       `json:"provider_ref"`
	Tasks       []taskDetail `json:"tasks"`
}

func showDelivery(z *i18n.Localizer, d store.DeliveryRow) delivery {
	return delivery{
		ID: id(d.ID), Channel: d.Channel, InstanceID: d.InstanceID, MessageID: idOrNull(d.MessageID), Kind: d.Kind, Medium: d.Medium,
		Language: d.Language, To: d.To, Subject: d.Subject, Status: d.Status, Transport: d.Transport, Attempts: d.Attempts,
		Resends: d.Resends, LastError: show(z, d.LastError), CreatedAt: moment(d.CreatedAt), SentAt: moment(d.SentAt),
		Days: d.Days, HeldUntil: moment(d.HeldUntil), HeldWhy: d.HeldWhy,
	}
}

// Deliveries answers GET /deliveries.
func (a *API) Deliveries(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.DeliveryFilter{Medium: q.one("medium", media), Kind: q.one("kind", deliveryKinds),
		Status: q.one("status", store.TaskStatuses()), InstanceID: q.text("instance_id")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().DeliveryList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showDelivery))
}

// Delivery answers GET /deliveries/{id}.
func (a *API) Delivery(c *fiber.Ctx) error {
	n, err := idOf(c, "delivery.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.delivery(c, n)
}

func (a *API) delivery(c *fiber.Ctx, n int64) error {
	d, err := a.store.Reader().DeliveryDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := deliveryDetail{delivery: showDelivery(z, d.DeliveryRow), MessageRef: d.MessageRef, ProviderRef: d.ProviderRef, Tasks: tasks(z, d.Tasks)}
	if d.Rendered {
		out.Text = &d.Text
	}
	return answer(c, fiber.StatusOK, out)
}

// resend is the body of POST /deliveries/{id}/resend.
type resend struct {
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// ResendDelivery answers POST /deliveries/{id}/resend.
func (a *API) ResendDelivery(c *fiber.Ctx) error {
	n, err := idOf(c, "delivery.unknown")
	var in resend
	if err == nil {
		err = body(c, &in)
	}
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err == nil {
		err = a.o.Resend.Resend(c.UserContext(), n, in.To, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.delivery(c, n)
}
