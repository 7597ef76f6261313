package console

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

const provisioningPath = "/provisioning"

// Provisioning is the work list: what waits for access data.
func (k *Console) Provisioning(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomProvisioning)
	if err != nil {
		return err
	}
	_, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, provisioningPath, "from")
	p := view.ProvisioningPage{Shell: s, Channels: many, List: view.List{Filter: view.Filter{URL: u}}}
	me := session.Of(c).Actor.Name
	return k.answer(c, listed{name: view.PageProvisioning, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillWork(ctx, &p, u, me) }})
}

func (k *Console) fillWork(ctx context.Context, p *view.ProvisioningPage, u view.URL, me string) error {
	from := store.ForPerson
	if u.Get("from") == store.ForSystem {
		from = store.ForSystem
	}
	found, err := k.read.WorkList(ctx, from, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.WorkCounts(ctx)
	if err != nil {
		return err
	}
	for _, w := range found.Items {
		p.Rows = append(p.Rows, view.WorkRow{Instance: instanceRow(p.Shell.Clock, w.InstanceRow, view.URL{}), Form: instanceURL(w.InstanceID) + "#access",
			Driver: w.Driver, Purpose: string(w.Purpose), Fault: w.Fault, Hold: hold(p.Shell, w.InstanceID, w.Work, me)})
	}
	p.State = view.StateOf(len(p.Rows), u.Get("before") != "" || u.Get("after") != "")
	p.Pager = pager(u, found)
	for _, tab := range store.WaitsFor() {
		value := tab
		if tab == store.ForPerson {
			value = "" // where the list begins
		}
		p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("provisioning.from." + tab), Value: tab, URL: u.With("from", value), Count: counts[tab].N, Active: tab == from})
	}
	return nil
}

// hold is who is at an instance; me is the reader as the audit names people.
func hold(s view.Shell, instanceID string, w store.Work, me string) view.Hold {
	if w.For == "" {
		return view.Hold{}
	}
	self := instanceURL(instanceID)
	h := view.Hold{Waits: true, System: w.For == store.ForSystem, Since: s.Clock.Time(w.Since), Due: s.Clock.Time(w.Due),
		By: by(w.Claim.By), At: s.Clock.Time(w.Claim.At), Mine: w.Claim.By == me}
	switch {
	case h.By == "":
		h.Claim = action(s, staff.InstancesAccess, self+"/claim", view.Text{})
	case h.Mine:
		h.GiveUp = action(s, staff.InstancesAccess, self+"/unclaim", view.Text{})
	default:
		h.TakeOver = action(s, staff.InstancesAccess, self+"/claim", view.Text{})
	}
	return h
}

// Claim notes that the reader sets an instance up, and leads to the form. With a
// reason it takes the instance over from whoever has it.
func (k *Console) Claim(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	takeOver := field(c, "take_over") == "1"
	_, err = k.o.Provision.ClaimInstance(c.UserContext(), id, takeOver, actor(c))
	return k.claimed(c, id, err, "flash.claimed")
}

// GiveUp lets somebody else set the instance up.
func (k *Console) GiveUp(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	return k.claimed(c, id, k.o.Provision.ReleaseClaim(c.UserContext(), id, actor(c)), "flash.unclaimed")
}

// claimed says what came of it, where it was asked for; a claim leads to the form.
func (k *Console) claimed(c *fiber.Ctx, id string, err error, said string) error {
	back := orElse(fromPage(c, c.Get(fiber.HeaderReferer)), instanceURL(id))
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
		return k.goTo(c, back)
	case err != nil:
		return err
	}
	flash(c, "ok", view.Say(said))
	if said == "flash.claimed" {
		back = instanceURL(id) + "#access"
	}
	return k.goTo(c, back)
}
