package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/stuck"
)

// Stuck shows work that does not go on, and has it go on.
type Stuck interface {
	List(ctx context.Context, kind string, p store.Paging) (store.Page[stuck.Row], error)
	Repair(ctx context.Context, kind string, id int64, by staff.Actor) (did string, err error)
}

type stuckWork struct {
	Kind        string  `json:"kind"`
	ID          string  `json:"id"`
	Since       moment  `json:"since"`
	TaskID      *string `json:"task_id"`
	Task        string  `json:"task"`
	Purpose     string  `json:"purpose"`
	Attempts    int     `json:"attempts"`
	NextAt      moment  `json:"next_at"`
	MessageID   *string `json:"message_id"`
	InstanceID  string  `json:"instance_id"`
	Others      int     `json:"others"`
	OrderID     string  `json:"order_id"`
	ProductName string  `json:"product_name"`
	Deadline    moment  `json:"deadline"`
	Polls       int     `json:"polls"`
	PolledAt    moment  `json:"polled_at"`
	RepairedAt  moment  `json:"repaired_at"`
	Redis       string  `json:"redis"`
	Error       *shown  `json:"error"`
}

func showStuck(z *i18n.Localizer, r stuck.Row) stuckWork {
	return stuckWork{Kind: r.Kind, ID: id(r.ID), Since: moment(r.Since), TaskID: idOrNull(r.TaskID), Task: string(r.Task), Purpose: string(r.Purpose),
		Attempts: r.Attempts, NextAt: moment(r.NextAt), MessageID: idOrNull(r.MessageID), InstanceID: r.InstanceID, Others: r.Others, OrderID: r.OrderID,
		ProductName: r.Product, Deadline: moment(r.Deadline), Polls: r.Polls, PolledAt: moment(r.PolledAt), RepairedAt: moment(r.RepairedAt), Redis: r.Redis, Error: show(z, r.Error)}
}

// Stuck answers GET /stuck.
func (a *API) Stuck(c *fiber.Ctx) error {
	q := queryOf(c)
	kind := q.one("kind", store.StuckKinds())
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.o.Stuck.List(c.UserContext(), kind, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showStuck))
}

// repaired is the answer to a repair.
type repaired struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Did  string `json:"did"`
}

// RepairStuck answers POST /stuck/{kind}/{id}/repair.
func (a *API) RepairStuck(c *fiber.Ctx) error {
	n, by, err := act(c, "stuck.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	kind := part(c, "kind")
	did, err := a.o.Stuck.Repair(c.UserContext(), kind, n, by)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, repaired{Kind: kind, ID: id(n), Did: did})
}
