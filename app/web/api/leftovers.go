package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Leftovers decides about what is left at drivers without an order.
type Leftovers interface {
	UndoLeftover(ctx context.Context, id int64, by staff.Actor) error
	LeftoverGone(ctx context.Context, id int64, by staff.Actor) error
	KeepLeftover(ctx context.Context, id int64, by staff.Actor) error
}

type leftover struct {
	ID             string  `json:"id"`
	InstanceID     string  `json:"instance_id"`
	Channel        string  `json:"channel"`
	OrderID        string  `json:"order_id"`
	ProductID      string  `json:"product_id"`
	InstanceStatus string  `json:"instance_status"`
	Driver         string  `json:"driver"`
	Reason         string  `json:"reason"`
	Status         string  `json:"status"`
	TaskID         *string `json:"task_id"`
	FoundAt        moment  `json:"found_at"`
	DecidedAt      moment  `json:"decided_at"`
	DecidedBy      string  `json:"decided_by"`
	Note           string  `json:"note"`
	Error          *shown  `json:"error"`
}

func showLeftover(z *i18n.Localizer, l store.LeftoverRow) leftover {
	return leftover{ID: id(l.ID), InstanceID: l.InstanceID, Channel: l.Channel, OrderID: l.OrderID, ProductID: l.ProductID,
		InstanceStatus: l.Life, Driver: l.Driver, Reason: l.Reason, Status: l.Status, TaskID: idOrNull(l.TaskID),
		FoundAt: moment(l.FoundAt), DecidedAt: moment(l.DecidedAt), DecidedBy: l.DecidedBy, Note: l.Note, Error: show(z, l.Error)}
}

// Leftovers answers GET /leftovers.
func (a *API) Leftovers(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.LeftoverFilter{Channel: q.text("channel"), Status: q.one("status", store.LeftoverStatuses()), InstanceID: q.text("instance_id")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().LeftoverList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showLeftover))
}

// UndoLeftover answers POST /leftovers/{id}/undo.
func (a *API) UndoLeftover(c *fiber.Ctx) error {
	return a.decideLeftover(c, a.o.Leftovers.UndoLeftover)
}

// LeftoverGone answers POST /leftovers/{id}/gone.
func (a *API) LeftoverGone(c *fiber.Ctx) error {
	return a.decideLeftover(c, a.o.Leftovers.LeftoverGone)
}

// KeepLeftover answers POST /leftovers/{id}/keep.
func (a *API) KeepLeftover(c *fiber.Ctx) error {
	return a.decideLeftover(c, a.o.Leftovers.KeepLeftover)
}

func (a *API) decideLeftover(c *fiber.Ctx, decide func(context.Context, int64, staff.Actor) error) error {
	n, by, err := act(c, "leftover.unknown")
	if err == nil {
		err = decide(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return c.SendStatus(fiber.StatusNoContent)
}
