package api

import (
	"time"

	"github.com/gofiber/fiber/v2"

	events "koodesk/app/event"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/webhook"
)

type eventTarget struct {
	ID       string   `json:"id"`
	Channel  string   `json:"channel"`
	Name     string   `json:"name"`
	URL      string   `json:"url"` // without its query, which may hold a secret
	Types    []string `json:"types"`
	Enabled  bool     `json:"enabled"`
	OldUntil moment   `json:"old_secret_until"`
	Secret   string   `json:"secret,omitempty"` // once, when it was made here

	State       string `json:"state"`
	LastTakenAt moment `json:"last_taken_at"`
	LastFailAt  moment `json:"last_failed_at"`
	LastError   *shown `json:"last_error"`
	Waiting     int    `json:"waiting"`
	Failed      int    `json:"failed"`

	CreatedAt moment `json:"created_at"`
	UpdatedAt moment `json:"updated_at"`
}

func (a *API) showTargets(c *fiber.Ctx, list []store.EventTarget) ([]eventTarget, error) {
	health, err := a.store.Reader().TargetHealths(c.UserContext(), list)
	if err != nil {
		return nil, err
	}
	z, now := localizer(c), time.Now()
	out := make([]eventTarget, 0, len(list))
	for _, t := range list {
		h := health[t.ID]
		one := eventTarget{ID: id(t.ID), Channel: t.Channel, Name: t.Name, URL: webhook.Shown(t.URL), Types: append([]string{}, t.Types...), Enabled: t.Enabled,
			State: h.State(t.Enabled, now), LastTakenAt: moment(h.LastOK), LastFailAt: moment(h.LastFail), LastError: show(z, h.LastError),
			Waiting: h.Waiting.N, Failed: h.Failed.N, CreatedAt: moment(t.CreatedAt), UpdatedAt: moment(t.UpdatedAt)}
		if t.OldSecret != "" && t.OldSecretUntil.After(now) {
			one.OldUntil = moment(t.OldSecretUntil)
		}
		out = append(out, one)
	}
	return out, nil
}

// EventTargets answers GET /event-targets; there are few, so that they are one
// page.
func (a *API) EventTargets(c *fiber.Ctx) error {
	q := queryOf(c)
	channel := q.text("channel")
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	targets, err := a.store.Reader().EventTargets(c.UserContext(), channel)
	var items []eventTarget
	if err == nil {
		items, err = a.showTargets(c, targets)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, list[eventTarget]{Items: items})
}

// EventTarget answers GET /event-targets/{id}.
func (a *API) EventTarget(c *fiber.Ctx) error {
	n, err := idOf(c, "event_target.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.eventTarget(c, fiber.StatusOK, n, "")
}

func (a *API) eventTarget(c *fiber.Ctx, status int, n int64, secret string) error {
	t, err := a.store.Reader().EventTargetByID(c.UserContext(), n)
	var shown []eventTarget
	if err == nil {
		shown, err = a.showTargets(c, []store.EventTarget{*t})
	}
	if err != nil {
		return a.Problem(c, err)
	}
	shown[0].Secret = secret
	return answer(c, status, shown[0])
}

// targetBody is the body of POST /event-targets.
type targetBody struct {
	Channel string   `json:"channel"`
	Name    string   `json:"name"`
	URL     string   `json:"url"`
	Secret  string   `json:"secret"`
	Types   []string `json:"types"`
	Enabled *bool    `json:"enabled"`
	Reason  string   `json:"reason"`
}

// AddEventTarget answers POST /event-targets.
func (a *API) AddEventTarget(c *fiber.Ctx) error {
	var in targetBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	var missing []wrong
	for _, f := range []struct{ name, value string }{{"channel", in.Channel}, {"name", in.Name}, {"url", in.URL}} {
		if f.value == "" {
			missing = append(missing, wrong{in: "body", name: f.name, key: "missing"})
		}
	}
	if len(missing) > 0 {
		return a.Problem(c, refuse(missing...))
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	n, secret, err := a.o.Events.AddTarget(c.UserContext(), events.Subscription{Channel: in.Channel, Name: in.Name, URL: in.URL, Secret: in.Secret,
		Types: in.Types, Enabled: in.Enabled == nil || *in.Enabled}, by)
	if err != nil {
		return a.Problem(c, err)
	}
	return a.eventTarget(c, fiber.StatusCreated, n, secret)
}

// targetChange is the body of PUT /event-targets/{id}; what is left out stays.
type targetChange struct {
	URL       *string   `json:"url"`
	Types     *[]string `json:"types"`
	Enabled   *bool     `json:"enabled"`
	Secret    string    `json:"secret"`
	NewSecret bool      `json:"new_secret"`
	EndOld    bool      `json:"end_old_secret"`
	Reason    string    `json:"reason"`
}

// SetEventTarget answers PUT /event-targets/{id}.
func (a *API) SetEventTarget(c *fiber.Ctx) error {
	n, err := idOf(c, "event_target.unknown")
	var in targetChange
	if err == nil {
		err = body(c, &in)
	}
	secret := ""
	if err == nil {
		by, bad := actor(c, in.Reason)
		if bad != nil {
			return a.Problem(c, bad)
		}
		secret, err = a.o.Events.ChangeTarget(c.UserContext(), n, events.Change{URL: in.URL, Types: in.Types, Enabled: in.Enabled, Secret: in.Secret,
			Renew: in.NewSecret, EndOld: in.EndOld}, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.eventTarget(c, fiber.StatusOK, n, secret)
}

// RemoveEventTarget answers DELETE /event-targets/{id}.
func (a *API) RemoveEventTarget(c *fiber.Ctx) error {
	n, err := idOf(c, "event_target.unknown")
	if err == nil {
		err = a.o.Events.RemoveTarget(c.UserContext(), n, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, map[string]string{"id": id(n), "status": "removed"})
}

// TestEventTarget answers POST /event-targets/{id}/test.
func (a *API) TestEventTarget(c *fiber.Ctx) error {
	n, by, err := act(c, "event_target.unknown")
	if err == nil {
		n, err = a.o.Events.TestTarget(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.event(c, n)
}
