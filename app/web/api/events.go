package api

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	events "koodesk/app/event"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Events sends events again, and keeps who hears of them.
type Events interface {
	Resend(ctx context.Context, id int64, by staff.Actor) error
	AddTarget(ctx context.Context, s events.Subscription, by staff.Actor) (id int64, secret string, err error)
	ChangeTarget(ctx context.Context, id int64, ch events.Change, by staff.Actor) (secret string, err error)
	RemoveTarget(ctx context.Context, id int64, by staff.Actor) error
	TestTarget(ctx context.Context, id int64, by staff.Actor) (event int64, err error)
}

type eventShown struct {
	ID         string  `json:"id"`
	Channel    string  `json:"channel"`
	Type       string  `json:"type"`
	WebhookID  string  `json:"webhook_id"`
	Receiver   string  `json:"receiver"` // product, or the id of an event target
	TargetName string  `json:"target_name"`
	Address    string  `json:"address"`
	Status     string  `json:"status"`
	Attempts   int     `json:"attempts"`
	Resends    int     `json:"resends"`
	HTTPStatus int     `json:"http_status"`
	LastError  *shown  `json:"last_error"`
	InstanceID string  `json:"instance_id"`
	OrderID    string  `json:"order_id"`
	LineID     string  `json:"order_line_id"`
	MessageID  *string `json:"message_id"`
	Question   bool    `json:"question"`
	NextAt     moment  `json:"next_try_at"`
	CreatedAt  moment  `json:"created_at"`
	SentAt     moment  `json:"taken_at"`
}

type eventDetail struct {
	eventShown
	Payload   string     `json:"payload"`
	EmptiedAt moment     `json:"emptied_at"`
	Log       []eventTry `json:"attempt_log"`
	More      bool       `json:"attempt_log_cut"`
}

type eventTry struct {
	At         moment `json:"at"`
	Actor      string `json:"actor"`
	Address    string `json:"address"`
	DurationMS int64  `json:"duration_ms"`
	HTTPStatus int    `json:"http_status"`
	Response   string `json:"response"`
	Error      *shown `json:"error"`
}

func showWebhookEvent(z *i18n.Localizer, e store.EventRow) eventShown {
	return eventShown{ID: id(e.ID), Channel: e.Channel, Type: e.Type, WebhookID: e.WebhookID, Receiver: receiver(e), TargetName: e.Target, Address: e.Address,
		Status: e.Status, Attempts: e.Attempts, Resends: e.Resends, HTTPStatus: e.HTTPStatus, LastError: show(z, e.LastError), InstanceID: e.InstanceID,
		OrderID: e.OrderID, LineID: e.LineID, MessageID: idOrNull(e.MessageID), Question: e.Question, NextAt: moment(e.NextAt),
		CreatedAt: moment(e.CreatedAt), SentAt: moment(e.SentAt)}
}

// receiver names whom an event is for; "" when its target was removed.
func receiver(e store.EventRow) string {
	switch {
	case e.ToProduct:
		return store.ToProduct
	case e.TargetID != 0:
		return id(e.TargetID)
	}
	return ""
}

// Events answers GET /events.
func (a *API) Events(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.EventFilter{Type: q.one("type", append(events.Types(), events.Test)), Receiver: q.text("receiver"), Status: q.one("status", store.TaskStatuses()),
		InstanceID: q.text("instance_id"), OrderID: q.text("order_id"), Q: q.text("q"), Waiting: q.yes("waiting_for_person")}
	if n, err := strconv.ParseInt(f.Receiver, 10, 64); f.Receiver != "" && f.Receiver != store.ToProduct && (err != nil || n < 1) {
		q.fail("receiver", "number")
	}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().EventList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showWebhookEvent))
}

// Event answers GET /events/{id}.
func (a *API) Event(c *fiber.Ctx) error {
	n, err := idOf(c, "event.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.event(c, n)
}

func (a *API) event(c *fiber.Ctx, n int64) error {
	e, err := a.store.Reader().EventDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := eventDetail{eventShown: showWebhookEvent(z, e.EventRow), Payload: e.Payload, EmptiedAt: moment(e.EmptiedAt), More: e.More, Log: make([]eventTry, 0, len(e.Tries))}
	for _, t := range e.Tries {
		out.Log = append(out.Log, eventTry{At: moment(t.At), Actor: t.Actor, Address: t.Address, DurationMS: t.Duration.Milliseconds(),
			HTTPStatus: t.HTTPStatus, Response: t.Response, Error: show(z, t.Error)})
	}
	return answer(c, fiber.StatusOK, out)
}

// ResendEvent answers POST /events/{id}/resend.
func (a *API) ResendEvent(c *fiber.Ctx) error {
	n, by, err := act(c, "event.unknown")
	if err == nil {
		err = a.o.Events.Resend(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.event(c, n)
}
