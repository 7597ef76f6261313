package console

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/web/view"
)

// SetAccess takes the access data that an operator typed. Wrong fields come back
// with the form, each with what is wrong with it.
func (k *Console) SetAccess(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	given := provision.Access{
		FrontEndURL: strings.TrimSpace(field(c, "front_end_url")), AdminURL: strings.TrimSpace(field(c, "admin_url")),
		UserName: strings.TrimSpace(field(c, "user_name")), Password: field(c, "password"),
		Memo: strings.TrimSpace(strings.ReplaceAll(field(c, "memo"), "\r\n", "\n")), // as browsers send line breaks
	}
	wrong := checkAccess(given)
	if len(wrong) > 0 {
		return k.accessAgain(c, id, given, wrong, nil)
	}
	before, err := k.read.InstanceDetail(c.UserContext(), id)
	if err != nil {
		return err
	}
	err = k.o.Provision.SetAccess(c.UserContext(), id, given, actor(c))
	switch {
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Conflict):
		return k.accessAgain(c, id, given, nil, fault.From(err))
	case err != nil:
		return err
	case before.Access.Version == 0:
		flash(c, "ok", view.Say("flash.access_completed"))
	default:
		flash(c, "ok", view.Say("flash.access_saved"))
	}
	return k.goTo(c, within(instanceURL(id), address(c, "/instances", instanceParams...)))
}

// checkAccess finds what is wrong with each field, by the form's names, where
// the use case would name the first one only.
func checkAccess(a provision.Access) map[string]*fault.Error {
	const fine = "https://a.example"
	wrong := map[string]*fault.Error{}
	for name, one := range map[string]market.AppInfo{
		"front_end_url": {FrontEndURL: a.FrontEndURL},
		"admin_url":     {FrontEndURL: fine, AdminURL: a.AdminURL},
		"user_name":     {FrontEndURL: fine, UserName: a.UserName},
		"password":      {FrontEndURL: fine, Password: a.Password},
		"memo":          {FrontEndURL: fine, Memo: a.Memo},
	} {
		if err := one.Check(); err != nil {
			wrong[name] = fault.From(err)
		}
	}
	return wrong
}

// accessAgain shows the form again with what was typed, except the password.
func (k *Console) accessAgain(c *fiber.Ctx, id string, given provision.Access, wrong map[string]*fault.Error, whole *fault.Error) error {
	s, p, err := k.instance(c, id)
	if err != nil {
		return err
	}
	f := &p.Access.Form
	f.Open, f.Fault, p.Live = true, record(whole), false
	z := k.localizer(c)
	for _, in := range []struct {
		field *view.Field
		value string
	}{{&f.FrontEndURL, given.FrontEndURL}, {&f.AdminURL, given.AdminURL}, {&f.UserName, given.UserName}, {&f.Password, ""}, {&f.Memo, given.Memo}} {
		in.field.Value = in.value
		if e := wrong[in.field.Name]; e != nil {
			in.field.Wrong = fieldWrong(z, e)
		}
	}
	status := fiber.StatusUnprocessableEntity
	if whole != nil {
		status = statusOf(whole.Code)
	}
	return k.sendInstance(c, status, s, p)
}

// fieldWrong says what is wrong with a field, beside the field.
func fieldWrong(z *i18n.Localizer, e *fault.Error) view.Text {
	switch e.Key {
	case "access.field_missing":
		return view.Say("wrong.missing")
	case "access.field_too_long":
		limit, _ := strconv.Atoi(e.Args["limit"])
		return view.Say("wrong.too_long", "limit", limit)
	case "access.field_control":
		return view.Say("wrong.control")
	case "access.field_url":
		return view.Say("wrong.url")
	}
	return what(z, e)
}

// record is a fault as pages show it; nil for none.
func record(f *fault.Error) *fault.Record {
	if f == nil {
		return nil
	}
	return fault.ToRecord(f)
}

// Reveal shows the page of an instance with its password, once, after the
// audit trail has noted who looked and why.
func (k *Console) Reveal(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	password, err := k.o.Provision.RevealPassword(c.UserContext(), id, actor(c))
	f := fault.From(err)
	if f != nil && f.Code != fault.Invalid && f.Code != fault.Conflict {
		return err
	}
	s, p, err := k.instance(c, id)
	if err != nil {
		return err
	}
	if f != nil {
		p.Shell.Flash = &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)}
		return k.sendInstance(c, statusOf(f.Code), s, p)
	}
	p.Access.Revealed, p.Live = password, false
	return k.sendInstance(c, fiber.StatusOK, s, p)
}
