package console

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// notices is what an instance's customer is told.
func (k *Console) notices(ctx context.Context, s view.Shell, i *store.InstanceDetail, list view.URL) (view.Notices, error) {
	told, err := k.o.Deliver.NoticesOf(ctx, i.InstanceID)
	if err != nil {
		return view.Notices{}, err
	}
	at := instanceURL(i.InstanceID)
	n := view.Notices{NextDays: told.Next.Days, NextAt: s.Clock.Time(told.Next.At), Kinds: market.Notices(), Off: told.Off,
		Language: told.Language, Zone: told.Zone, AnyZone: k.o.Deliver.Zone(),
		Set:  action(s, staff.DeliveriesSend, within(at+"/notices", list), view.Text{}),
		Send: action(s, staff.DeliveriesSend, within(at+"/usage-info", list), view.Text{}),
		Effects: []view.Effect{{Will: true, Text: view.Say("notices.effect_sent")}, {Will: true, Text: view.Say("effect.resend_logged")},
			{Text: view.Say("effect.resend_no_access")}}}
	switch {
	case i.Status == market.Released:
		n.Send.Why = view.Say("why.instance_released")
	case i.Access.FrontEndURL == "":
		n.Send.Why = view.Say("why.no_access_yet")
	}
	return n, nil
}

// SendUsageInfo sends the usage information because somebody asked for it.
func (k *Console) SendUsageInfo(c *fiber.Ctx) error {
	return k.aboutNotices(c, "flash.usage_sent", func(ctx context.Context, id string) error {
		return k.o.Deliver.TellAgain(ctx, id, actor(c))
	})
}

// SetNotices stores which messages a customer wants, and how he is written to.
func (k *Console) SetNotices(c *fiber.Ctx) error {
	w := store.Wishes{Language: field(c, "language"), Zone: clean(field(c, "zone"), maxZone)}
	on := c.Request().PostArgs().PeekMulti("on")
	for _, kind := range market.Notices() {
		if !slices.ContainsFunc(on, func(b []byte) bool { return string(b) == kind }) {
			w.Off = append(w.Off, kind)
		}
	}
	return k.aboutNotices(c, "flash.notices_set", func(ctx context.Context, id string) error {
		return k.o.Deliver.SetWishes(ctx, id, w, actor(c))
	})
}

// maxZone is longer than any name of a time zone.
const maxZone = 64

func (k *Console) aboutNotices(c *fiber.Ctx, done string, act func(ctx context.Context, id string) error) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	switch err := act(c.UserContext(), id); {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid):
		flash(c, "bad", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	default:
		flash(c, "ok", view.Say(done))
	}
	return k.goTo(c, within(instanceURL(id), address(c, "/instances", instanceParams...)))
}
