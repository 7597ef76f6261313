package console

import (
	"context"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
	"koodesk/app/webhook"
)

const targetsPath = "/event-targets"

func targetURL(id int64) string { return targetsPath + "/" + strconv.FormatInt(id, 10) }

// targetChoice is a subscription as filters name it.
type targetChoice struct {
	ID            int64
	Name, Channel string
}

func (k *Console) targetChoices(ctx context.Context) ([]targetChoice, error) {
	list, err := k.read.EventTargets(ctx, "")
	out := make([]targetChoice, 0, len(list))
	for _, t := range list {
		out = append(out, targetChoice{ID: t.ID, Name: t.Name, Channel: t.Channel})
	}
	return out, err
}

// EventTargets is the list of who hears of events.
func (k *Console) EventTargets(c *fiber.Ctx) error {
	p, err := k.eventTargets(c)
	if err != nil {
		return err
	}
	return k.sendEventTargets(c, fiber.StatusOK, p)
}

func (k *Console) eventTargets(c *fiber.Ctx) (p view.EventTargetsPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomEvents); err != nil {
		return p, err
	}
	p.Shell.Here = targetsPath
	list, err := k.read.EventTargets(c.UserContext(), "")
	if err != nil {
		return p, err
	}
	health, err := k.read.TargetHealths(c.UserContext(), list)
	if err != nil {
		return p, err
	}
	for _, t := range list {
		p.Targets = append(p.Targets, targetRow(p.Shell.Clock, t, health[t.ID]))
	}
	p.Form = targetForm(action(p.Shell, staff.EventTargetsWrite, targetsPath, view.Text{}), nil)
	p.Form.Enabled = true
	p.Form.Channels, p.Form.Channel, err = k.channelChoice(c.UserContext())
	return p, err
}

func (k *Console) sendEventTargets(c *fiber.Ctx, status int, p view.EventTargetsPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageEventTargets, p)
}

func targetRow(clock view.Clock, t store.EventTarget, h store.TargetHealth) view.TargetRow {
	events := view.URL{Path: eventsPath}.With("receiver", strconv.FormatInt(t.ID, 10))
	r := view.TargetRow{ID: t.ID, URL: targetURL(t.ID), Events: events.String(), FailedAt: events.With("status", "failed").String(), Name: t.Name,
		Channel: t.Channel, Address: webhook.Shown(t.URL), Types: t.Types, State: h.State(t.Enabled, clock.Now), LastOK: clock.Time(h.LastOK),
		LastFail: clock.Time(h.LastFail), Waiting: h.Waiting.N, Failed: h.Failed.N}
	if r.State == store.TargetFailing || r.State == store.TargetPaused {
		r.Fault = h.LastError
	}
	return r
}

func targetForm(a view.Action, chosen []string) view.TargetForm {
	f := view.TargetForm{Action: a, Name: view.Field{Name: "name"}, Address: view.Field{Name: "url"}, Secret: view.Field{Name: "secret"}}
	for _, t := range event.Types() {
		if !event.Sent(t) && !slices.Contains(chosen, t) {
			continue
		}
		f.Types = append(f.Types, view.TypeChoice{Type: t, On: slices.Contains(chosen, t)})
	}
	return f
}

// typesOf are the ticked types of events.
func typesOf(c *fiber.Ctx) []string {
	out := []string{}
	for _, t := range fields(c, "types") {
		out = append(out, clean(t, maxParameter))
	}
	return out
}

// AddEventTarget makes a subscription and shows its secret once, or shows the
// form again.
func (k *Console) AddEventTarget(c *fiber.Ctx) error {
	s := event.Subscription{Channel: clean(field(c, "channel"), maxParameter), Name: field(c, "name"), URL: field(c, "url"), Secret: field(c, "secret"),
		Types: typesOf(c), Enabled: field(c, "enabled") != "off"}
	id, made, err := k.o.Events.AddTarget(c.UserContext(), s, actor(c))
	f := fault.From(err)
	if f == nil {
		k.targets.forget()
		return k.targetDone(c, id, made, "events.flash.target_added")
	}
	if f.Code == fault.Internal || f.Code == fault.Unavailable {
		return err
	}
	p, err := k.eventTargets(c)
	if err != nil {
		return err
	}
	form := targetForm(p.Form.Action, s.Types)
	form.Channels, form.Channel, form.Enabled = p.Form.Channels, s.Channel, s.Enabled
	p.Form = form
	k.targetWrong(c, &p.Form, clean(s.Name, maxParameter), clean(s.URL, maxURL), f)
	return k.sendEventTargets(c, statusOf(f.Code), p)
}

// maxURL bounds an address that is shown again.
const maxURL = 2048

// targetWrong puts what was typed, but for secrets, and what was wrong into a form.
func (k *Console) targetWrong(c *fiber.Ctx, form *view.TargetForm, name, address string, f *fault.Error) {
	form.Name.Value, form.Address.Value = name, address
	wrong := what(k.localizer(c), f)
	switch f.Key {
	case "event_target.bad_name", "event_target.exists":
		form.Name.Wrong = wrong
	case "webhook.bad_url", "webhook.plain_http", "webhook.address_refused":
		form.Address.Wrong = wrong
	case "webhook.bad_secret":
		form.Secret.Wrong = wrong
	default:
		form.Fault = record(f)
	}
}

// targetDone goes to a subscription's page; a secret that was made is shown
// there in this answer, and never again.
func (k *Console) targetDone(c *fiber.Ctx, id int64, made, said string) error {
	if made == "" {
		flash(c, "ok", view.Say(said))
		return k.goTo(c, targetURL(id))
	}
	p, err := k.eventTarget(c, id)
	if err != nil {
		return err
	}
	p.Made = made
	p.Shell.Flash = &view.Flash{Tone: "ok", Text: view.Say(said)}
	return k.sendEventTarget(c, fiber.StatusOK, p)
}

// EventTarget is one subscription.
func (k *Console) EventTarget(c *fiber.Ctx) error {
	id, err := number(c, "event_target.unknown")
	if err != nil {
		return err
	}
	p, err := k.eventTarget(c, id)
	if err != nil {
		return err
	}
	return k.sendEventTarget(c, fiber.StatusOK, p)
}

func (k *Console) eventTarget(c *fiber.Ctx, id int64) (p view.EventTargetPage, err error) {
	if p.Shell, err = k.shell(c, view.RoomEvents); err != nil {
		return p, err
	}
	t, err := k.read.EventTargetByID(c.UserContext(), id)
	if err != nil {
		return p, err
	}
	health, err := k.read.TargetHealths(c.UserContext(), []store.EventTarget{*t})
	if err != nil {
		return p, err
	}
	self := targetURL(id)
	s := p.Shell
	p.Shell.Here = self // also when a form is what was answered
	p.Target = targetRow(s.Clock, *t, health[id])
	p.Facts = targetFacts(s.Clock, p.Target, *t)
	p.Form = targetForm(action(s, staff.EventTargetsWrite, self, view.Text{}), t.Types)
	p.Form.Enabled = t.Enabled
	p.Form.Name.Value, p.Form.Address.Value = t.Name, t.URL
	if t.OldSecret != "" && t.OldSecretUntil.After(s.Clock.Now) {
		p.Old = s.Clock.Time(t.OldSecretUntil)
		p.EndOld = action(s, staff.EventTargetsWrite, self+"/end-old", view.Text{})
	}
	p.Renew = action(s, staff.EventTargetsWrite, self+"/secret", view.Text{})
	p.Remove = action(s, staff.EventTargetsWrite, self+"/remove", view.Text{})
	p.Test = action(s, staff.EventsSend, self+"/test", view.Text{})
	if !t.Enabled {
		p.Test.Why = view.Say("why.target_off")
	}
	return p, nil
}

func (k *Console) sendEventTarget(c *fiber.Ctx, status int, p view.EventTargetPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageEventTarget, p)
}

func targetFacts(clock view.Clock, r view.TargetRow, t store.EventTarget) []view.Fact {
	failed := view.Fact{Label: view.Say("events.failed"), Value: strconv.Itoa(r.Failed)}
	if r.Failed > 0 {
		failed.Tone, failed.URL = "bad", r.FailedAt
	}
	return []view.Fact{
		{Label: view.Say("fact.channel"), Value: t.Channel},
		{Label: view.Say("events.address"), Value: r.Address, Mono: true, Copy: true},
		{Label: view.Say("events.last_ok"), Time: r.LastOK},
		{Label: view.Say("events.last_fail"), Time: r.LastFail},
		{Label: view.Say("events.waiting"), Value: strconv.Itoa(r.Waiting)},
		failed,
		{Label: view.Say("fact.created"), Time: clock.Time(t.CreatedAt)},
		{Label: view.Say("events.changed"), Time: clock.Time(t.UpdatedAt)},
	}
}

// SetEventTarget changes where and what a subscription hears.
func (k *Console) SetEventTarget(c *fiber.Ctx) error {
	id, err := number(c, "event_target.unknown")
	if err != nil {
		return err
	}
	url, types, on := field(c, "url"), typesOf(c), field(c, "enabled") != "off"
	_, err = k.o.Events.ChangeTarget(c.UserContext(), id, event.Change{URL: &url, Types: &types, Enabled: &on}, actor(c))
	f := fault.From(err)
	switch {
	case f == nil:
		return k.targetDone(c, id, "", "events.flash.target_saved")
	case f.Code != fault.Invalid && f.Code != fault.Refused:
		return err
	}
	p, err := k.eventTarget(c, id)
	if err != nil {
		return err
	}
	form := targetForm(p.Form.Action, types)
	form.Enabled = on
	p.Form = form
	k.targetWrong(c, &p.Form, p.Target.Name, clean(url, maxURL), f)
	return k.sendEventTarget(c, fiber.StatusUnprocessableEntity, p)
}

// RenewTargetSecret replaces a subscription's secret by one that is made and
// shown once.
func (k *Console) RenewTargetSecret(c *fiber.Ctx) error {
	return k.changeTarget(c, event.Change{Renew: true}, "events.flash.secret_renewed")
}

// EndTargetOldSecret ends a replaced secret before its day is over.
func (k *Console) EndTargetOldSecret(c *fiber.Ctx) error {
	return k.changeTarget(c, event.Change{EndOld: true}, "events.flash.old_ended")
}

func (k *Console) changeTarget(c *fiber.Ctx, ch event.Change, said string) error {
	id, err := number(c, "event_target.unknown")
	if err != nil {
		return err
	}
	made, err := k.o.Events.ChangeTarget(c.UserContext(), id, ch, actor(c))
	if err != nil {
		return err
	}
	return k.targetDone(c, id, made, said)
}

// TestEventTarget sends a test event and shows it.
func (k *Console) TestEventTarget(c *fiber.Ctx) error {
	id, err := number(c, "event_target.unknown")
	if err != nil {
		return err
	}
	sent, err := k.o.Events.TestTarget(c.UserContext(), id, actor(c))
	switch {
	case fault.Is(err, fault.Conflict):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
		return k.goTo(c, targetURL(id))
	case err != nil:
		return err
	}
	flash(c, "ok", view.Say("events.flash.tested"))
	return k.goTo(c, eventURL(sent))
}

// RemoveEventTarget ends a subscription.
func (k *Console) RemoveEventTarget(c *fiber.Ctx) error {
	id, err := number(c, "event_target.unknown")
	if err != nil {
		return err
	}
	if err := k.o.Events.RemoveTarget(c.UserContext(), id, actor(c)); err != nil {
		return err
	}
	k.targets.forget()
	flash(c, "ok", view.Say("events.flash.target_removed"))
	return k.goTo(c, targetsPath)
}
