package console

import (
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/alert"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// AlertTargets is where the reader hears of alerts; who may manage them sees the
// others' too.
func (k *Console) AlertTargets(c *fiber.Ctx) error { return k.sendTargets(c, "") }

func (k *Console) sendTargets(c *fiber.Ctx, secret string) error {
	s, err := k.shell(c, view.RoomAlerts)
	if err != nil {
		return err
	}
	s.Here = alert.TargetsPath
	me := session.Of(c).Person.ID
	p := view.AlertTargetsPage{Shell: s, All: s.May(staff.AlertsManage), Secret: secret}
	of := me
	if p.All {
		of = 0
	}
	found, err := k.read.AlertTargets(c.UserContext(), of)
	if err != nil {
		return err
	}
	for _, t := range found {
		if row := alertTargetRow(t); t.OperatorID == me {
			p.Mine = append(p.Mine, row)
		} else {
			p.Others = append(p.Others, row)
		}
	}
	for _, m := range alert.Media() {
		p.Add = append(p.Add, view.AddTarget{Medium: m, URL: alert.TargetsPath + "/new?medium=" + m})
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, p.Shell, view.PageAlertTargets, p)
}

func alertTargetURL(id int64) string { return alert.TargetsPath + "/" + strconv.FormatInt(id, 10) }

func alertTargetRow(t store.AlertTarget) view.AlertTargetRow {
	self := alertTargetURL(t.ID)
	r := view.AlertTargetRow{ID: t.ID, URL: self, Name: t.Name, Operator: t.Operator, Medium: t.Medium, Mask: t.Mask, Kinds: t.Kinds,
		Severity: market.SeverityName(t.Severity), PerHour: t.PerHour, Language: t.Language, Endings: t.Endings, Enabled: t.Enabled,
		Edit: view.Action{URL: self, Show: true}, Test: view.Action{URL: self + "/test", Show: true}, Remove: view.Action{URL: self + "/remove", Show: true}}
	if t.QuietHours != market.NoQuietHours {
		r.Quiet = t.QuietHours
	}
	if !t.Enabled {
		r.Test.Why = view.Say("fault.alert_target.off.what")
	}
	return r
}

// owner is whose targets the reader may touch; 0 is everybody's.
func owner(c *fiber.Ctx) int64 {
	who := session.Of(c).Person
	if who.Role.May(staff.AlertsManage) {
		return 0
	}
	return who.ID
}

// NewAlertTarget is the form of a new target.
func (k *Console) NewAlertTarget(c *fiber.Ctx) error {
	medium := c.Query("medium")
	if !slices.Contains(alert.Media(), medium) {
		return fiber.ErrNotFound
	}
	who := session.Of(c).Person
	t := store.AlertTarget{Medium: medium, Severity: market.Warning, Language: who.Locale, Endings: true, PerHour: 12, Enabled: true,
		QuietHours: market.NoQuietHours}
	if medium == alert.Email {
		t.Address = who.Email
	}
	return k.sendTarget(c, fiber.StatusOK, t, t.Address, nil)
}

// AlertTarget is the form of a target that is there.
func (k *Console) AlertTarget(c *fiber.Ctx) error {
	t, err := k.target(c)
	if err != nil {
		return err
	}
	return k.sendTarget(c, fiber.StatusOK, t, "", nil)
}

func (k *Console) target(c *fiber.Ctx) (store.AlertTarget, error) {
	id, err := number(c, "alert_target.unknown")
	if err != nil {
		return store.AlertTarget{}, err
	}
	t, err := k.read.AlertTarget(c.UserContext(), id)
	if err == nil && owner(c) != 0 && t.OperatorID != owner(c) {
		err = fault.New(fault.NotFound, "alert_target.unknown")
	}
	return t, err
}

func (k *Console) sendTarget(c *fiber.Ctx, status int, t store.AlertTarget, address string, f *fault.Error) error {
	s, err := k.shell(c, view.RoomAlerts)
	if err != nil {
		return err
	}
	p := alertTargetForm(s, t, address)
	if t.ID != 0 && t.OperatorID != session.Of(c).Person.ID {
		p.Operator = t.Operator
	}
	p.Shell.Here = p.Action.URL
	if p.New {
		p.Shell.Here = p.Back + "/new?medium=" + t.Medium
	}
	if f != nil {
		targetWrong(k.localizer(c), &p, f)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageAlertTarget, p)
}

func alertTargetForm(s view.Shell, t store.AlertTarget, address string) view.AlertTargetPage {
	p := view.AlertTargetPage{Shell: s, Medium: t.Medium, New: t.ID == 0, Mask: t.Mask, HasSecret: t.HasSecret, Back: alert.TargetsPath,
		Action: view.Action{URL: alert.TargetsPath, Show: true}, TakesKey: alert.TakesSecret(t.Medium), Endings: t.Endings, Enabled: t.Enabled,
		Name: view.Field{Name: "name", Value: t.Name}, Address: view.Field{Name: "address", Value: address}, Secret: view.Field{Name: "secret"},
		Quiet: view.Field{Name: "quiet_hours"}, PerHour: view.Field{Name: "per_hour", Value: strconv.Itoa(t.PerHour)}}
	if !p.New {
		p.Action.URL = alertTargetURL(t.ID)
	}
	if t.QuietHours != market.NoQuietHours {
		p.Quiet.Value = t.QuietHours
	}
	for _, kind := range market.AlertKinds() {
		p.Kinds = append(p.Kinds, view.Option{Value: kind, Label: view.Say("alert.kind." + kind), Selected: slices.Contains(t.Kinds, kind)})
	}
	p.Severity = []view.Option{{Value: "warning", Label: view.Say("alert.form.any_severity"), Selected: t.Severity != market.Critical},
		{Value: "critical", Label: view.Say("alert.form.severity_critical"), Selected: t.Severity == market.Critical}}
	for _, l := range i18n.Locales() {
		p.Language = append(p.Language, view.Option{Value: string(l), Label: view.Say("locale." + string(l)), Selected: t.Language == string(l)})
	}
	return p
}

// targetWrong puts a fault beside the field that it is about.
func targetWrong(z *i18n.Localizer, p *view.AlertTargetPage, f *fault.Error) {
	switch f.Key {
	case "alert_target.bad_name", "alert_target.name_taken":
		p.Name.Wrong = what(z, f)
	case "alert_target.bad_address", "webhook.bad_url", "webhook.plain_http", "webhook.address_refused":
		p.Address.Wrong = what(z, f)
	case "alert_target.bad_secret", "webhook.bad_secret":
		p.Secret.Wrong = what(z, f)
	default:
		p.Fault = record(f)
	}
}

// AddAlertTarget makes a target of the reader's.
func (k *Console) AddAlertTarget(c *fiber.Ctx) error {
	return k.saveTarget(c, store.AlertTarget{Medium: field(c, "medium")})
}

// SetAlertTarget changes a target.
func (k *Console) SetAlertTarget(c *fiber.Ctx) error {
	t, err := k.target(c)
	if err != nil {
		return err
	}
	return k.saveTarget(c, t)
}

func (k *Console) saveTarget(c *fiber.Ctx, t store.AlertTarget) error {
	perHour, err := strconv.Atoi(orElse(field(c, "per_hour"), "12"))
	if err != nil {
		perHour = -1
	}
	s := alert.Setting{ID: t.ID, OperatorID: session.Of(c).Person.ID, Name: field(c, "name"), Medium: t.Medium, Address: field(c, "address"),
		Secret: field(c, "secret"), NoSecret: field(c, "no_secret") == "1", Kinds: fields(c, "kinds"), Severity: field(c, "severity"),
		Language: field(c, "language"), QuietHours: field(c, "quiet_hours"), PerHour: perHour, Endings: field(c, "endings") == "1", Enabled: field(c, "enabled") == "1"}
	_, secret, err := k.o.Alerts.SetTarget(c.UserContext(), s, owner(c), actor(c))
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.Refused) {
		if !slices.Contains(alert.Media(), t.Medium) {
			return err
		}
		t.Name, t.Kinds, t.Severity, t.Language, t.QuietHours = s.Name, s.Kinds, market.SeverityOf(s.Severity), s.Language, s.QuietHours
		t.Endings, t.Enabled, t.PerHour = s.Endings, s.Enabled, s.PerHour
		return k.sendTarget(c, statusOf(fault.CodeOf(err)), t, s.Address, fault.From(err))
	}
	if err != nil {
		return err
	}
	if secret != "" {
		return k.sendTargets(c, secret)
	}
	flash(c, "ok", view.Say("alert.flash.saved"))
	return k.goTo(c, alert.TargetsPath)
}

// RemoveAlertTarget ends a target.
func (k *Console) RemoveAlertTarget(c *fiber.Ctx) error {
	id, err := number(c, "alert_target.unknown")
	if err == nil {
		err = k.o.Alerts.RemoveTarget(c.UserContext(), id, owner(c), actor(c))
	}
	return k.told(c, err, "alert.flash.removed", alert.TargetsPath)
}

// TestAlertTarget sends a test to a target.
func (k *Console) TestAlertTarget(c *fiber.Ctx) error {
	id, err := number(c, "alert_target.unknown")
	if err == nil {
		_, err = k.o.Alerts.TestTarget(c.UserContext(), id, owner(c), actor(c))
	}
	if fault.Is(err, fault.RateLimited) {
		err = fault.New(fault.Conflict, fault.From(err).Key, "max", fault.From(err).Args["max"])
	}
	return k.told(c, err, "alert.flash.tested", alert.TargetsPath)
}
