package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/alert"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// Alerts keeps where operators hear of alerts.
type Alerts interface {
	SetTarget(ctx context.Context, s alert.Setting, owner int64, by staff.Actor) (id int64, secret string, err error)
	RemoveTarget(ctx context.Context, id, owner int64, by staff.Actor) error
	TestTarget(ctx context.Context, id, owner int64, by staff.Actor) (message int64, err error)
}

type alertShown struct {
	ID        string            `json:"id"`
	Kind      string            `json:"kind"`
	Subject   string            `json:"subject"`
	Severity  string            `json:"severity"`
	Status    string            `json:"status"`
	Outcome   string            `json:"outcome"`
	Title     string            `json:"title"`
	Facts     map[string]string `json:"facts"`
	Error     *shown            `json:"error"`
	Path      string            `json:"path"`
	OpenedAt  moment            `json:"opened_at"`
	ClearedAt moment            `json:"cleared_at"`
	Until     moment            `json:"until"`
	Returned  int               `json:"returned"`
	Told      int               `json:"told"`
	Untold    int               `json:"untold"`
	Waiting   int               `json:"waiting"`
}

func showAlert(z *i18n.Localizer, a store.AlertRow) alertShown {
	out := alertShown{ID: id(a.ID), Kind: a.Kind, Subject: a.Subject, Severity: market.SeverityName(a.Severity), Status: a.Status, Outcome: a.Outcome,
		Facts: alert.Facts(a.Kind, a.Facts), Error: show(z, a.Error), Path: alert.Path(a.Kind, a.Subject), OpenedAt: moment(a.OpenedAt), ClearedAt: moment(a.ClearedAt),
		Until: moment(a.Until), Returned: a.Returned, Told: a.Told, Untold: a.Untold, Waiting: a.Waiting}
	turn := out.Severity
	if a.Outcome != "" {
		turn = a.Outcome
	}
	out.Title = alert.Say(z, a.Kind, turn, a.Facts)
	return out
}

// Alerts answers GET /alerts.
func (a *API) Alerts(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.AlertFilter{Status: q.one("status", store.AlertStatuses()), Kind: q.one("kind", market.AlertKinds())}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().AlertList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showAlert))
}

type alertDetail struct {
	alertShown
	Changes []alertChange `json:"changes"`
}

type alertChange struct {
	At       moment `json:"at"`
	What     string `json:"what"`
	Severity string `json:"severity"`
}

// Alert answers GET /alerts/{id}.
func (a *API) Alert(c *fiber.Ctx) error {
	n, err := idOf(c, "alert.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	found, changes, err := a.store.Reader().Alert(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	out := alertDetail{alertShown: showAlert(localizer(c), found), Changes: make([]alertChange, 0, len(changes))}
	for _, ch := range changes {
		out.Changes = append(out.Changes, alertChange{At: moment(ch.At), What: ch.What, Severity: market.SeverityName(ch.Severity)})
	}
	return answer(c, fiber.StatusOK, out)
}

type alertSaid struct {
	ID        string `json:"id"`
	Operator  string `json:"operator"`
	Target    string `json:"target"`
	Medium    string `json:"medium"`
	To        string `json:"to"`
	Title     string `json:"title"`
	Alerts    int    `json:"alerts"`
	Test      bool   `json:"test"`
	Status    string `json:"status"`
	Transport string `json:"transport"`
	Attempts  int    `json:"attempts"`
	Error     *shown `json:"error"`
	CreatedAt moment `json:"created_at"`
	SentAt    moment `json:"sent_at"`
}

func showAlertSaid(z *i18n.Localizer, m store.AlertSaid) alertSaid {
	return alertSaid{ID: id(m.ID), Operator: m.Operator, Target: m.Target, Medium: m.Medium, To: m.Mask, Title: m.Title, Alerts: m.Says, Test: m.Test,
		Status: string(m.Status), Transport: m.Transport, Attempts: m.Attempts, Error: show(z, m.Error), CreatedAt: moment(m.CreatedAt), SentAt: moment(m.SentAt)}
}

// AlertMessages answers GET /alert-messages.
func (a *API) AlertMessages(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.AlertSaidFilter{Status: q.one("status", store.AlertSaidStatuses()), Medium: q.one("medium", alert.Media()), Alert: q.number("alert"), Target: q.number("target")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().AlertSaidList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showAlertSaid))
}

type alertTarget struct {
	ID         string   `json:"id"`
	Operator   string   `json:"operator"`
	Name       string   `json:"name"`
	Medium     string   `json:"medium"`
	To         string   `json:"to"`
	HasSecret  bool     `json:"has_secret"`
	Kinds      []string `json:"kinds"`
	Severity   string   `json:"severity"`
	Language   string   `json:"language"`
	QuietHours string   `json:"quiet_hours"`
	Endings    bool     `json:"endings"`
	PerHour    int      `json:"per_hour"`
	Enabled    bool     `json:"enabled"`
	CreatedAt  moment   `json:"created_at"`
	Secret     string   `json:"secret,omitempty"` // made just now
}

func showAlertTarget(t store.AlertTarget) alertTarget {
	out := alertTarget{ID: id(t.ID), Operator: t.Operator, Name: t.Name, Medium: t.Medium, To: t.Mask, HasSecret: t.HasSecret, Kinds: t.Kinds,
		Severity: market.SeverityName(t.Severity), Language: t.Language, QuietHours: t.QuietHours, Endings: t.Endings, PerHour: t.PerHour,
		Enabled: t.Enabled, CreatedAt: moment(t.CreatedAt)}
	if out.Kinds == nil {
		out.Kinds = []string{}
	}
	return out
}

// AlertTargets answers GET /alert-targets.
func (a *API) AlertTargets(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	found, err := a.store.Reader().AlertTargets(c.UserContext(), 0)
	if err != nil {
		return a.Problem(c, err)
	}
	items := make([]alertTarget, 0, len(found))
	for _, t := range found {
		items = append(items, showAlertTarget(t))
	}
	return answer(c, fiber.StatusOK, list[alertTarget]{Items: items})
}

type alertTargetChange struct {
	Name       *string   `json:"name"`
	Address    *string   `json:"address"`
	Secret     *string   `json:"secret"`
	Kinds      *[]string `json:"kinds"`
	Severity   *string   `json:"severity"`
	Language   *string   `json:"language"`
	QuietHours *string   `json:"quiet_hours"`
	Endings    *bool     `json:"endings"`
	PerHour    *int      `json:"per_hour"`
	Enabled    *bool     `json:"enabled"`
}

// apply writes what is given over what is there.
func (in alertTargetChange) apply(s *alert.Setting) {
	put(&s.Name, in.Name)
	put(&s.Address, in.Address)
	put(&s.Kinds, in.Kinds)
	put(&s.Severity, in.Severity)
	put(&s.Language, in.Language)
	put(&s.QuietHours, in.QuietHours)
	put(&s.Endings, in.Endings)
	put(&s.PerHour, in.PerHour)
	put(&s.Enabled, in.Enabled)
	put(&s.Secret, in.Secret)
	s.NoSecret = in.Secret != nil && *in.Secret == ""
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// AddAlertTarget answers POST /alert-targets.
func (a *API) AddAlertTarget(c *fiber.Ctx) error {
	var in struct {
		Operator string `json:"operator"`
		Medium   string `json:"medium"`
		alertTargetChange
	}
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	o, err := a.store.Reader().OperatorByEmail(c.UserContext(), in.Operator)
	if err != nil {
		return a.Problem(c, err)
	}
	s := alert.Setting{OperatorID: o.ID, Medium: in.Medium, Language: o.Locale, Endings: true, Enabled: true}
	in.apply(&s)
	return a.setTarget(c, s, fiber.StatusCreated)
}

// ChangeAlertTarget answers PATCH /alert-targets/{id}.
func (a *API) ChangeAlertTarget(c *fiber.Ctx) error {
	n, err := idOf(c, "alert_target.unknown")
	var in alertTargetChange
	if err == nil {
		err = body(c, &in)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	t, err := a.store.Reader().AlertTarget(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	s := alert.Setting{ID: n, Name: t.Name, Kinds: t.Kinds, Severity: market.SeverityName(t.Severity), Language: t.Language, QuietHours: t.QuietHours,
		Endings: t.Endings, PerHour: t.PerHour, Enabled: t.Enabled}
	in.apply(&s)
	return a.setTarget(c, s, fiber.StatusOK)
}

func (a *API) setTarget(c *fiber.Ctx, s alert.Setting, status int) error {
	n, secret, err := a.o.Alerts.SetTarget(c.UserContext(), s, 0, session.Of(c).Actor)
	if err != nil {
		return a.Problem(c, err)
	}
	t, err := a.store.Reader().AlertTarget(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	out := showAlertTarget(t)
	out.Secret = secret
	return answer(c, status, out)
}

// RemoveAlertTarget answers DELETE /alert-targets/{id}.
func (a *API) RemoveAlertTarget(c *fiber.Ctx) error {
	n, by, err := act(c, "alert_target.unknown")
	if err == nil {
		err = a.o.Alerts.RemoveTarget(c.UserContext(), n, 0, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// TestAlertTarget answers POST /alert-targets/{id}/test.
func (a *API) TestAlertTarget(c *fiber.Ctx) error {
	n, by, err := act(c, "alert_target.unknown")
	var message int64
	if err == nil {
		message, err = a.o.Alerts.TestTarget(c.UserContext(), n, 0, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusAccepted, map[string]string{"message_id": id(message)})
}
