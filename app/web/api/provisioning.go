package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Claims says who is at an instance that waits for a person.
type Claims interface {
	ClaimInstance(ctx context.Context, instanceID string, takeOver bool, by staff.Actor) (store.Claim, error)
	ReleaseClaim(ctx context.Context, instanceID string, by staff.Actor) error
}

type work struct {
	instance
	WaitsFor  string `json:"waits_for"`
	Purpose   string `json:"purpose"`
	Since     moment `json:"waiting_since"`
	Due       moment `json:"due_at"`
	ClaimedBy string `json:"claimed_by"`
	ClaimedAt moment `json:"claimed_at"`
}

func showWork(z *i18n.Localizer, w store.WorkRow) work {
	return work{instance: showInstance(z, w.InstanceRow), WaitsFor: w.For, Purpose: string(w.Purpose), Since: moment(w.Since), Due: moment(w.Due),
		ClaimedBy: w.Claim.By, ClaimedAt: moment(w.Claim.At)}
}

// Provisioning answers GET /provisioning: what waits for a person, or for the
// seller's own system, the first due first.
func (a *API) Provisioning(c *fiber.Ctx) error {
	q := queryOf(c)
	from, p := q.one("waits_for", store.WaitsFor()), q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	if from == "" {
		from = store.ForPerson
	}
	page, err := a.store.Reader().WorkList(c.UserContext(), from, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showWork))
}

// claimBody is the body of POST /instances/{instance_id}/claim.
type claimBody struct {
	TakeOver bool   `json:"take_over"`
	Reason   string `json:"reason"`
}

type claim struct {
	InstanceID string `json:"instance_id"`
	ClaimedBy  string `json:"claimed_by"`
	ClaimedAt  moment `json:"claimed_at"`
}

// Claim answers POST /instances/{instance_id}/claim.
func (a *API) Claim(c *fiber.Ctx) error {
	var in claimBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	instanceID := part(c, "instance_id")
	got, err := a.o.Claims.ClaimInstance(c.UserContext(), instanceID, in.TakeOver, by)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, claim{InstanceID: instanceID, ClaimedBy: got.By, ClaimedAt: moment(got.At)})
}

// Unclaim answers DELETE /instances/{instance_id}/claim.
func (a *API) Unclaim(c *fiber.Ctx) error {
	instanceID := part(c, "instance_id")
	var in because
	err := body(c, &in)
	var by staff.Actor
	if err == nil {
		by, err = actor(c, in.Reason)
	}
	if err == nil {
		err = a.o.Claims.ReleaseClaim(c.UserContext(), instanceID, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, claim{InstanceID: instanceID})
}
