package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/retention"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Eraser erases customers on request.
type Eraser interface {
	EraseCustomer(ctx context.Context, q retention.Request, by staff.Actor) (retention.Result, error)
}

// eraseBody is the body of POST /customers/erase.
type eraseBody struct {
	Channel    string `json:"channel"`
	CustomerID string `json:"customer_id"`
	OrderID    string `json:"order_id"`
	Reason     string `json:"reason"`
	Force      bool   `json:"force"`
	DryRun     bool   `json:"dry_run"`
}

// erased is the answer to it.
type erased struct {
	RecordID *string            `json:"record_id"`
	At       moment             `json:"at"`
	DryRun   bool               `json:"dry_run"`
	Before   bool               `json:"before"`
	InUse    int                `json:"in_use"`
	Erased   store.ErasedCounts `json:"erased"`
	Left     store.ErasureLeft  `json:"left"`
}

// EraseCustomer answers POST /customers/erase.
func (a *API) EraseCustomer(c *fiber.Ctx) error {
	var in eraseBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	r, err := a.o.Retention.EraseCustomer(c.UserContext(),
		retention.Request{Channel: in.Channel, Whose: store.Whose{Customer: in.CustomerID, Order: in.OrderID}, Force: in.Force, DryRun: in.DryRun}, by)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, erased{RecordID: idOrNull(r.Record), At: moment(r.At), DryRun: in.DryRun, Before: r.Before, InUse: r.InUse, Erased: r.Counts, Left: r.Left})
}
