package console

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// fillQuarantine shows the different contents of a message.
func (k *Console) fillQuarantine(ctx context.Context, p *view.MessagePage, m store.MessageRow, list view.URL) error {
	if m.Conflicts == 0 {
		return nil
	}
	rows, err := k.o.Intake.QuarantineOf(ctx, m.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		p.Quarantine = append(p.Quarantine, quarantined(p.Shell, m, r, list))
	}
	return nil
}

func quarantined(s view.Shell, m store.MessageRow, r store.QuarantineRow, list view.URL) view.Quarantine {
	at := messageURL(m.ID) + "/quarantine/" + strconv.FormatInt(r.ID, 10)
	q := view.Quarantine{ID: r.ID, Status: r.Status, Arrivals: r.Arrivals, First: s.Clock.Time(r.FirstAt), Last: s.Clock.Time(r.LastAt),
		By: by(r.DecidedBy), Decided: s.Clock.Time(r.DecidedAt), Reason: r.Reason, Shell: s,
		Refuse: action(s, staff.MessagesDecide, within(at+"/refuse", list), view.Text{})}
	var why view.Text
	switch {
	case m.Activity == market.GetLicense || m.Activity == market.GetLicenseAsync:
		why = view.Say("why.quarantine_license")
	case !intake.Applicable(m.Activity):
		why = view.Say("why.quarantine_other")
	case r.Overtaken:
		why = view.Say("why.message_overtaken")
	}
	q.Accept = action(s, staff.MessagesDecide, within(at+"/accept", list), why)
	for _, f := range r.Fields {
		q.Fields = append(q.Fields, view.FieldPair(f))
	}
	return q
}

// AcceptContent applies a different content.
func (k *Console) AcceptContent(c *fiber.Ctx) error {
	return k.decideContent(c, k.o.Intake.AcceptContent, "quarantine.flash.accepted")
}

// RefuseContent leaves a message as it is.
func (k *Console) RefuseContent(c *fiber.Ctx) error {
	return k.decideContent(c, k.o.Intake.RefuseContent, "quarantine.flash.refused")
}

func (k *Console) decideContent(c *fiber.Ctx, decide func(context.Context, int64, int64, staff.Actor) error, done string) error {
	id, err := number(c, "message.unknown")
	if err != nil {
		return err
	}
	content, err := strconv.ParseInt(c.Params("content"), 10, 64)
	if err != nil {
		return fault.New(fault.NotFound, "quarantine.unknown")
	}
	err = decide(c.UserContext(), id, content, actor(c))
	if err := k.done(c, err, view.Say(done), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, within(messageURL(id), address(c, "/messages", messageParams...)))
}
