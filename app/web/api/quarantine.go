package api

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

type quarantined struct {
	ID              string      `json:"id"`
	Status          string      `json:"status"`
	Arrivals        int         `json:"arrivals"`
	FirstReceivedAt moment      `json:"first_received_at"`
	LastReceivedAt  moment      `json:"last_received_at"`
	DecidedAt       moment      `json:"decided_at"`
	DecidedBy       string      `json:"decided_by"`
	Reason          string      `json:"reason"`
	Fields          []fieldPair `json:"fields"`
}

type fieldPair struct {
	Name   string `json:"name"`
	Own    string `json:"own"`
	Other  string `json:"other"`
	Differ bool   `json:"differ"`
}

func showQuarantined(q store.QuarantineRow) quarantined {
	out := quarantined{ID: id(q.ID), Status: q.Status, Arrivals: q.Arrivals, FirstReceivedAt: moment(q.FirstAt), LastReceivedAt: moment(q.LastAt),
		DecidedAt: moment(q.DecidedAt), DecidedBy: q.DecidedBy, Reason: q.Reason, Fields: make([]fieldPair, 0, len(q.Fields))}
	for _, f := range q.Fields {
		out.Fields = append(out.Fields, fieldPair(f))
	}
	return out
}

// AcceptContent answers POST /messages/{id}/quarantine/{content}/accept.
func (a *API) AcceptContent(c *fiber.Ctx) error {
	return a.decideContent(c, a.o.Contents.AcceptContent)
}

// RefuseContent answers POST /messages/{id}/quarantine/{content}/refuse.
func (a *API) RefuseContent(c *fiber.Ctx) error {
	return a.decideContent(c, a.o.Contents.RefuseContent)
}

func (a *API) decideContent(c *fiber.Ctx, decide func(context.Context, int64, int64, staff.Actor) error) error {
	n, by, err := act(c, "message.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	content, err := strconv.ParseInt(c.Params("content"), 10, 64)
	if err != nil {
		return a.Problem(c, fault.New(fault.NotFound, "quarantine.unknown"))
	}
	if err := decide(c.UserContext(), n, content, by); err != nil {
		return a.Problem(c, err)
	}
	return c.SendStatus(fiber.StatusNoContent)
}
