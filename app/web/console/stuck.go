package console

import (
	"context"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/stuck"
	"koodesk/app/web/view"
)

const stuckPath = "/stuck"

func stuckKindURL(kind string) string { return stuckPath + "?kind=" + kind }

// Stuck is the list of work that should go on by itself and does not, one kind
// at a time.
func (k *Console) Stuck(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomStuck)
	if err != nil {
		return err
	}
	u := address(c, stuckPath, "kind")
	p := view.StuckPage{Shell: s, List: view.List{Filter: view.Filter{URL: u, NoSearch: true}}}
	return k.answer(c, listed{name: view.PageStuck, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillStuck(ctx, &p, u) }})
}

func (k *Console) fillStuck(ctx context.Context, p *view.StuckPage, u view.URL) error {
	counts, err := k.o.Stuck.Counts(ctx)
	if err != nil {
		return err
	}
	p.Kind, p.Tabs = kindShown(u.Get("kind"), counts), nil
	for _, kind := range store.StuckKinds() {
		p.Tabs = append(p.Tabs, view.Tab{Label: view.Say("stuck.kind." + kind), Value: kind, URL: u.With("kind", kind), Count: counts[kind].N,
			Active: kind == p.Kind, Tone: "bad"})
	}
	found, err := k.o.Stuck.List(ctx, p.Kind, paging(u))
	if err != nil {
		return err
	}
	for _, r := range found.Items {
		p.Rows = append(p.Rows, stuckRow(p.Shell, r))
	}
	p.State = view.StateOf(len(p.Rows), anyStuck(counts) || u.Get("before") != "" || u.Get("after") != "")
	p.Pager = pager(u, found)
	return nil
}

// kindShown is the kind that was asked for, or the first that there is some of.
func kindShown(asked string, counts store.Counts) string {
	kinds := store.StuckKinds()
	first := ""
	for _, kind := range kinds {
		if kind == asked {
			return kind
		}
		if first == "" && counts[kind].N > 0 {
			first = kind
		}
	}
	return orElse(first, kinds[0])
}

func anyStuck(counts store.Counts) bool {
	for _, n := range counts {
		if n.N > 0 {
			return true
		}
	}
	return false
}

func stuckRow(s view.Shell, r stuck.Row) view.StuckRow {
	out := view.StuckRow{ID: r.ID, Kind: string(r.Task), Purpose: string(r.Purpose), TaskID: r.TaskID, InstanceID: r.InstanceID, Others: r.Others, OrderID: r.OrderID,
		Product: r.Product, Since: s.Clock.Time(r.Since), Attempts: r.Attempts, Next: s.Clock.Time(r.NextAt), Deadline: s.Clock.Time(r.Deadline),
		Polls: r.Polls, Polled: s.Clock.Time(r.PolledAt), Repaired: s.Clock.Time(r.RepairedAt), Redis: r.Redis, Fault: r.Error}
	if r.InstanceID != "" {
		out.InstanceURL = instanceURL(r.InstanceID)
	}
	switch {
	case r.StuckRow.Kind == store.StuckCreation:
		out.URL = out.InstanceURL
	case r.MessageID != 0:
		out.URL = messageURL(r.MessageID)
	default:
		out.URL = out.InstanceURL
	}
	var why view.Text
	switch r.Redis {
	case stuck.RedisHas:
		why = view.Say("stuck.why.in_redis")
	case stuck.RedisUnknown:
		why = view.Say("stuck.why.no_redis")
	}
	if !r.RepairedAt.IsZero() {
		why = view.Say("stuck.why.answered")
	}
	out.Repair = action(s, staff.StuckRepair, stuckPath+"/"+r.StuckRow.Kind+"/"+strconv.FormatInt(r.ID, 10)+"/repair", why)
	return out
}

// RepairStuck has one piece of stuck work go on, and says what it did: also that
// nothing had to be done any more, or could be.
func (k *Console) RepairStuck(c *fiber.Ctx) error {
	id, err := number(c, "stuck.unknown")
	if err != nil {
		return err
	}
	kind, err := url.PathUnescape(c.Params("kind"))
	if err != nil {
		return fault.New(fault.NotFound, "stuck.unknown")
	}
	did, err := k.o.Stuck.Repair(c.UserContext(), kind, id, actor(c))
	home := stuckKindURL(kind)
	switch {
	case fault.Is(err, fault.Unavailable): // Redis: nothing was done, and the page can say why
		flash(c, "bad", trouble(k.localizer(c), fault.From(err)))
	case err == nil && (did == stuck.Nothing || did == stuck.Already):
		flash(c, "info", view.Say("stuck.flash."+did))
	default:
		return k.told(c, err, "stuck.flash."+did, home)
	}
	return k.goTo(c, orElse(fromPage(c, c.Get(fiber.HeaderReferer)), home))
}
