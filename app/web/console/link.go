package console

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// buyerLink is the buyer's access page of an instance, for those who may write
// its access data.
func (k *Console) buyerLink(s view.Shell, i *store.InstanceDetail, list view.URL) view.BuyerLink {
	if !s.May(staff.InstancesAccess) {
		return view.BuyerLink{}
	}
	l := view.BuyerLink{
		Show: true, URL: k.o.Pages.URL(i.InstanceID, i.Link.Generation), OneTime: i.OneTimeLink, Used: i.OneTimeLink && i.Link.Spent(),
		Views: i.Link.Views, LastView: s.Clock.Time(i.Link.LastViewAt), Reveals: i.Link.Reveals, LastReveal: s.Clock.Time(i.Link.LastRevealAt),
		Renew: action(s, staff.InstancesAccess, within(instanceURL(i.InstanceID)+"/link", list), view.Text{}),
		Effects: []view.Effect{{Will: true, Text: view.Say("link.effect_old")}, {Will: true, Text: view.Say("link.effect_new")},
			{Text: view.Say("link.effect_not_sent")}},
	}
	if i.Status == market.Released {
		l.Renew.Why = view.Say("why.instance_released")
	}
	return l
}

// RenewLink gives the buyer's access page a new link.
func (k *Console) RenewLink(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	switch err := k.o.Pages.Renew(c.UserContext(), id, actor(c)); {
	case fault.Is(err, fault.Conflict):
		flash(c, "bad", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	default:
		flash(c, "ok", view.Say("flash.link_renewed"))
	}
	return k.goTo(c, within(instanceURL(id), address(c, "/instances", instanceParams...)))
}

// link is what the buyer did with the access page.
func (l life) link(e store.TimelineEvent) view.Event {
	out := view.Event{Kind: "link_" + e.Kind}
	if e.Count > 1 {
		out.Kind += "_more"
		out.Args = []any{"n", e.Count, "last", l.clock.Exact(e.LastAt)}
	}
	return out
}
