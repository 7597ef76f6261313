package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/failures"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Failures is what people do about failure groups.
type Failures interface {
	Change(ctx context.Context, id int64, c failures.Change, by staff.Actor) error
	Close(ctx context.Context, id int64, by staff.Actor) (resolved bool, err error)
}

type failureGroup struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	Channel      string `json:"channel"`
	ProductID    string `json:"product_id"`
	ProductName  string `json:"product_name"`
	Step         string `json:"step"`
	Of           string `json:"of"`
	Error        *shown `json:"error"`
	Remedy       string `json:"remedy"`
	GivenUp      int    `json:"given_up"`
	Retrying     int    `json:"retrying"`
	Affected     int    `json:"orders_affected"`
	MostAffected int    `json:"most_orders_affected"`
	Deadline     moment `json:"deadline"`
	FirstSeenAt  moment `json:"first_seen_at"`
	LastSeenAt   moment `json:"last_seen_at"`
	OpenedAt     moment `json:"opened_at"`
	ResolvedAt   moment `json:"resolved_at"`
	Reopened     int    `json:"reopened"`
	Note         string `json:"note"`
	SnoozedUntil moment `json:"snoozed_until"`
	Assignee     string `json:"assignee"`
	ClosedBy     string `json:"closed_by"`
	CloseReason  string `json:"close_reason"`
	Overtaken    int    `json:"overtaken"`
}

// groupDetail is one group with the orders that it touches now.
type groupDetail struct {
	failureGroup
	Orders []string `json:"orders"`
}

// ordersShown is how many orders a group's detail names.
const ordersShown = 100

func showGroup(z *i18n.Localizer, g store.GroupRow) failureGroup {
	of := "messages"
	if g.OfTasks {
		of = "tasks"
	}
	return failureGroup{ID: id(g.ID), Status: g.Status, Channel: g.Channel, ProductID: g.ProductID, ProductName: g.ProductName, Step: g.Step, Of: of,
		Error: show(z, g.Error), Remedy: z.Remedy(g.Step, g.Error), GivenUp: g.GivenUp.N, Retrying: g.Retrying.N, Affected: g.Orders.N, MostAffected: g.MostOrders.N,
		Deadline: moment(g.Deadline), FirstSeenAt: moment(g.FirstSeenAt), LastSeenAt: moment(g.LastSeenAt), OpenedAt: moment(g.OpenedAt),
		ResolvedAt: moment(g.ResolvedAt), Reopened: g.Reopened, Note: g.Note, SnoozedUntil: moment(g.SnoozedUntil), Assignee: g.Assignee,
		ClosedBy: g.ClosedBy, CloseReason: g.CloseReason, Overtaken: g.Overtaken}
}

// FailureGroups answers GET /failure-groups.
func (a *API) FailureGroups(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.GroupFilter{Status: q.one("status", store.GroupStatuses()), Channel: q.text("channel"), Step: q.text("step"), ProductID: q.text("product_id"),
		Assignee: q.text("assignee"), Waiting: q.yes("waiting_for_person")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().GroupList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showGroup))
}

// FailureGroup answers GET /failure-groups/{id}.
func (a *API) FailureGroup(c *fiber.Ctx) error {
	n, err := idOf(c, "failure_group.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.answerGroup(c, n)
}

func (a *API) answerGroup(c *fiber.Ctx, n int64) error {
	r := a.store.Reader()
	g, err := r.Group(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	orders, err := r.GroupOrders(c.UserContext(), n, ordersShown)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, groupDetail{failureGroup: showGroup(localizer(c), g), Orders: orders})
}

// groupChange is the body of PATCH /failure-groups/{id}: what is left out stays.
type groupChange struct {
	Note         *string `json:"note"`
	SnoozedUntil *string `json:"snoozed_until"`
	Assignee     *string `json:"assignee"`
	Reason       string  `json:"reason"`
}

// ChangeFailureGroup answers PATCH /failure-groups/{id}.
func (a *API) ChangeFailureGroup(c *fiber.Ctx) error {
	n, err := idOf(c, "failure_group.unknown")
	var in groupChange
	if err == nil {
		err = body(c, &in)
	}
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	change := failures.Change{Note: in.Note, Assignee: in.Assignee}
	if in.SnoozedUntil != nil {
		var until time.Time
		if *in.SnoozedUntil != "" {
			if until, err = parseTime(*in.SnoozedUntil); err != nil {
				return a.Problem(c, refuse(wrong{in: "body", name: "snoozed_until", key: "time"}))
			}
		}
		change.Snooze = &until
	}
	if err := a.o.Failures.Change(c.UserContext(), n, change, by); err != nil {
		return a.Problem(c, err)
	}
	return a.answerGroup(c, n)
}

// CloseFailureGroup answers POST /failure-groups/{id}/close.
func (a *API) CloseFailureGroup(c *fiber.Ctx) error {
	n, err := idOf(c, "failure_group.unknown")
	var in struct {
		Reason string `json:"reason"`
	}
	if err == nil {
		err = body(c, &in)
	}
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err == nil {
		_, err = a.o.Failures.Close(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.answerGroup(c, n)
}
