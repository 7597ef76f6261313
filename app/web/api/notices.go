package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Teller says what customers are told, and tells them when somebody asks for it.
type Teller interface {
	SetWishes(ctx context.Context, instanceID string, w store.Wishes, by staff.Actor) error
	TellAgain(ctx context.Context, instanceID string, by staff.Actor) error
	NoticesOf(ctx context.Context, instanceID string) (deliver.Notices, error)
	Zone() string // of customers who have none of their own
}

type notices struct {
	InstanceID string   `json:"instance_id"`
	Off        []string `json:"off"`
	Language   string   `json:"language"`
	Zone       string   `json:"zone"`
	NextAt     moment   `json:"next_at"`
	NextDays   *int     `json:"next_days"`
}

// Notices answers GET /instances/{instance_id}/notices.
func (a *API) Notices(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	return a.notices(c)
}

func (a *API) notices(c *fiber.Ctx) error {
	n, err := a.o.Teller.NoticesOf(c.UserContext(), part(c, "instance_id"))
	if err != nil {
		return a.Problem(c, err)
	}
	out := notices{InstanceID: part(c, "instance_id"), Off: n.Off, Language: n.Language, Zone: n.Zone, NextAt: moment(n.Next.At)}
	if out.Off == nil {
		out.Off = []string{}
	}
	if !n.Next.At.IsZero() {
		out.NextDays = &n.Next.Days
	}
	return answer(c, fiber.StatusOK, out)
}

// noticesBody is the body of PUT /instances/{instance_id}/notices.
type noticesBody struct {
	Off      []string `json:"off"`
	Language string   `json:"language"`
	Zone     string   `json:"zone"`
	Reason   string   `json:"reason"`
}

// SetNotices answers PUT /instances/{instance_id}/notices.
func (a *API) SetNotices(c *fiber.Ctx) error {
	var in noticesBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err == nil {
		err = a.o.Teller.SetWishes(c.UserContext(), part(c, "instance_id"), store.Wishes{Off: in.Off, Language: in.Language, Zone: in.Zone}, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.notices(c)
}

// because is the body of POST /instances/{instance_id}/usage-info.
type becauseBody struct {
	Reason string `json:"reason"`
}

// SendUsageInfo answers POST /instances/{instance_id}/usage-info.
func (a *API) SendUsageInfo(c *fiber.Ctx) error {
	var in becauseBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err == nil {
		err = a.o.Teller.TellAgain(c.UserContext(), part(c, "instance_id"), by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.notices(c)
}
