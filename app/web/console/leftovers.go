package console

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const leftoversPath = "/leftovers"

// Leftovers is the list of what may still be at drivers without an order.
func (k *Console) Leftovers(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomLeftovers)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, leftoversPath, "status", "channel", "instance_id")
	p := view.LeftoversPage{Shell: s, Channels: many, List: view.List{Filter: view.Filter{URL: u, NoSearch: true, Status: u.Get("status"),
		Selects: byChannel(u, channels), Chips: chip(u, "instance_id", "filter.instance")}}}
	return k.answer(c, listed{name: view.PageLeftovers, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillLeftovers(ctx, &p, u) }})
}

func (k *Console) fillLeftovers(ctx context.Context, p *view.LeftoversPage, u view.URL) error {
	f := store.LeftoverFilter{Channel: u.Get("channel"), Status: u.Get("status"), InstanceID: u.Get("instance_id")}
	found, err := k.read.LeftoverList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.LeftoverCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.LeftoverRow, 0, len(found.Items))
	for _, l := range found.Items {
		rows = append(rows, k.leftoverRow(p.Shell, l))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.LeftoverRow) view.Time { return r.Found })
	p.Pager, p.Tabs = pager(u, found), tabs("leftover", u, counts)
	return nil
}

// leftoverRow is a left-over with what can be done about it now: what is kept may
// still be undone or found gone.
func (k *Console) leftoverRow(s view.Shell, l store.LeftoverRow) view.LeftoverRow {
	self := leftoversPath + "/" + strconv.FormatInt(l.ID, 10)
	r := view.LeftoverRow{ID: l.ID, Status: l.Status, Reason: l.Reason, Driver: l.Driver, Channel: l.Channel, InstanceID: l.InstanceID,
		InstanceURL: instanceURL(l.InstanceID), Life: l.Life, OrderID: l.OrderID, Fault: l.Error, Found: s.Clock.Time(l.FoundAt),
		Decided: s.Clock.Time(l.DecidedAt), By: by(l.DecidedBy), Note: l.Note}
	if l.Driver == store.DriverWebhook && l.Reason == store.UndoFailed {
		r.Events = view.URL{Path: eventsPath}.With("instance_id", l.InstanceID).String()
	}
	open, kept := l.Status == store.LeftoverOpen, l.Status == store.LeftoverKept
	if open || kept {
		r.Gone = action(s, staff.LeftoversDecide, self+"/gone", view.Text{})
		switch {
		case l.Reason == store.OrderGivenUp && l.Life != string(market.Released):
			r.Release = action(s, staff.LeftoversDecide, self+"/undo", view.Text{})
		case k.o.Provision.Undoes(l.Driver):
			r.Undo = action(s, staff.LeftoversDecide, self+"/undo", view.Text{})
		}
	}
	if open {
		r.Keep = action(s, staff.LeftoversDecide, self+"/keep", view.Text{})
	}
	return r
}

// UndoLeftover has a left-over's driver undo it again, or the instance of a
// purchase released that KooGallery gave up.
func (k *Console) UndoLeftover(c *fiber.Ctx) error {
	id, err := number(c, "leftover.unknown")
	if err == nil {
		err = k.o.Provision.UndoLeftover(c.UserContext(), id, actor(c))
	}
	said := "leftovers.flash.undoing"
	if field(c, "act") == "release" {
		said = "leftovers.flash.released"
	}
	return k.leftoverDecided(c, err, said)
}

// LeftoverGone notes that a left-over was taken down, or found gone.
func (k *Console) LeftoverGone(c *fiber.Ctx) error {
	id, err := number(c, "leftover.unknown")
	if err == nil {
		err = k.o.Provision.LeftoverGone(c.UserContext(), id, actor(c))
	}
	return k.leftoverDecided(c, err, "leftovers.flash.gone")
}

// KeepLeftover notes that a left-over stays.
func (k *Console) KeepLeftover(c *fiber.Ctx) error {
	id, err := number(c, "leftover.unknown")
	if err == nil {
		err = k.o.Provision.KeepLeftover(c.UserContext(), id, actor(c))
	}
	return k.leftoverDecided(c, err, "leftovers.flash.kept")
}

// leftoverDecided says what came of it, on the list that it was decided in.
func (k *Console) leftoverDecided(c *fiber.Ctx, err error, said string) error {
	return k.told(c, err, said, leftoversPath)
}

// told says what came of an act on the page it was done on: that it was done, or
// why it could not be. home is where to go if the browser does not say.
func (k *Console) told(c *fiber.Ctx, err error, said, home string) error {
	if err := k.done(c, err, view.Say(said), fault.Conflict, fault.Invalid); err != nil {
		return err
	}
	return k.goTo(c, orElse(fromPage(c, c.Get(fiber.HeaderReferer)), home))
}
