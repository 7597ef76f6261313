package console

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const restartsPath = "/restarts"

func batchURL(id int64) string { return restartsPath + "/" + strconv.FormatInt(id, 10) }

// Restarts is the list of restarts, of one thing or of many.
func (k *Console) Restarts(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomRestarts)
	if err != nil {
		return err
	}
	u := address(c, restartsPath)
	p := view.RestartsPage{Shell: s, List: view.List{Filter: view.Filter{URL: u}}}
	status := fiber.StatusOK
	if err := k.fillRestarts(c.UserContext(), &p, u); err != nil {
		if status = k.broken(c, &p.List, err); fragment(c, "results") {
			return err
		}
	}
	if fragment(c, "results") {
		return k.block(c, status, s, view.PageRestarts, view.BlockResults, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageRestarts, p)
}

func (k *Console) fillRestarts(ctx context.Context, p *view.RestartsPage, u view.URL) error {
	found, err := k.read.BatchList(ctx, paging(u))
	if err != nil {
		return err
	}
	rows := make([]view.BatchRow, 0, len(found.Items))
	for _, b := range found.Items {
		rows = append(rows, batchRow(p.Shell.Clock, b))
	}
	p.State, p.Pager = view.StateOf(len(rows), filtered(u)), pager(u, found)
	p.Days = view.ByDay(rows, func(r view.BatchRow) view.Time { return r.Created })
	return nil
}

func batchRow(clock view.Clock, b store.BatchRow) view.BatchRow {
	return view.BatchRow{ID: b.ID, URL: batchURL(b.ID), One: b.One, Thing: b.Thing, Mode: b.Mode, Status: b.Status, Filter: filterFacts(clock, b.Thing, b.Filter), Total: b.Total,
		Done: b.Restarted + b.Refused, Restarted: b.Restarted, Refused: b.Refused, Passed: b.Passed, Failed: b.Failed, Open: b.Open(),
		PerSecond: b.PerSecond, By: by(b.Actor), Reason: b.Reason, ChangedBy: by(b.ChangedBy), Created: clock.Time(b.CreatedAt),
		Finished: clock.Time(b.FinishedAt), Fault: b.Error}
}

// Restart is one restart with what became of its items.
func (k *Console) Restart(c *fiber.Ctx) error {
	id, err := number(c, "restart.unknown_batch")
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomRestarts)
	if err != nil {
		return err
	}
	b, err := k.read.Batch(c.UserContext(), id)
	if err != nil {
		return err
	}
	u := address(c, batchURL(id), "bad")
	p := restartPage(s, b, u)
	if b.One != 0 {
		err = k.fillAlone(c.UserContext(), &p, b)
	} else {
		err = k.fillItems(c.UserContext(), k.localizer(c), &p, b, u)
	}
	if err != nil {
		return err
	}
	if fragment(c, "live") {
		return k.block(c, fiber.StatusOK, s, view.PageRestart, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageRestart, p)
}

func restartPage(s view.Shell, b store.BatchRow, u view.URL) view.RestartPage {
	row := batchRow(s.Clock, b)
	p := view.RestartPage{Shell: s, Batch: row, Told: b.Mode == store.RestartDelivery, Bad: u.Get("bad") == "1", Here: u.String(),
		Live:   b.Status == store.BatchRunning || b.Open() > 0,
		Pause:  action(s, staff.MessagesRestart, row.URL+"/pause", whyNoChange(b, store.BatchRunning)),
		Resume: action(s, staff.MessagesRestart, row.URL+"/resume", whyNoChange(b, store.BatchPaused)),
		Cancel: action(s, staff.MessagesRestart, row.URL+"/cancel", whyNoChange(b, store.BatchRunning, store.BatchPaused))}
	if b.One != 0 {
		return p
	}
	p.Tabs = []view.Tab{{Label: view.Say("list.all"), URL: u.Without("bad"), Count: b.Total, Active: !p.Bad},
		{Label: view.Say("restarts.bad"), URL: u.With("bad", "1"), Count: b.Refused + b.Failed, Active: p.Bad, Tone: "bad"}}
	rate := view.Say("restarts.rate_free")
	if b.PerSecond > 0 {
		rate = view.Say("restarts.rate", "n", b.PerSecond)
	}
	p.Facts = []view.Fact{{Label: view.Say("restarts.fact.by"), Value: row.By}, {Label: view.Say("restarts.fact.begun"), Time: row.Created},
		{Label: view.Say("restarts.fact.finished"), Time: row.Finished}, {Label: view.Say("restarts.fact.rate"), Text: rate},
		{Label: view.Say("restarts.fact.mode"), Text: view.Say("restarts.mode." + b.Mode)}}
	p.Facts = append(p.Facts, whyFacts(row)...)
	return p
}

// whyFacts are a restart's reason and who changed it, as far as there are any.
func whyFacts(b view.BatchRow) (out []view.Fact) {
	if b.Reason != "" {
		out = append(out, view.Fact{Label: view.Say("restarts.fact.reason"), Value: b.Reason})
	}
	if b.ChangedBy != "" {
		out = append(out, view.Fact{Label: view.Say("restarts.fact.changed"), Value: b.ChangedBy})
	}
	return out
}

// whyNoChange tells why a restart cannot be changed now: it must stand at one of
// these.
func whyNoChange(b store.BatchRow, at ...string) view.Text {
	if slices.Contains(at, b.Status) {
		return view.Text{}
	}
	return view.Say("restarts.why." + b.Status)
}

func (k *Console) fillItems(ctx context.Context, z *i18n.Localizer, p *view.RestartPage, b store.BatchRow, u view.URL) error {
	found, err := k.read.ItemList(ctx, b.ID, p.Bad, paging(u))
	if err != nil {
		return err
	}
	for _, i := range found.Items {
		p.Items = append(p.Items, batchItem(p.Shell.Clock, b.Thing, i))
	}
	p.Pager = pager(u, found)
	if b.Refused == 0 {
		return nil
	}
	why, err := k.read.RefusedWhy(ctx, b.ID)
	p.Reasons = refusals(z, b.Thing, why, nil)
	return err
}

func batchItem(clock view.Clock, thing string, i store.ItemRow) view.BatchItem {
	return view.BatchItem{ID: i.ID, URL: itemURL(thing, i.ID), What: i.What, Message: thing == store.RestartMessages, Line: i.Line, State: orElse(i.Outcome, i.State),
		Given: i.Given, Hurried: i.Hurried, Ran: i.Ran, Code: i.Code, Fault: i.Error, Finished: clock.Time(i.DoneAt)}
}

// ownRestarts are restarts as the page of the message has them.
func ownRestarts(clock view.Clock, rows []store.RestartedRow) []view.OwnRestart {
	out := make([]view.OwnRestart, 0, len(rows))
	for _, r := range rows {
		one := view.OwnRestart{BatchItem: batchItem(clock, store.RestartMessages, r.ItemRow), Batch: r.Batch, BatchURL: batchURL(r.Batch), At: clock.Time(r.BegunAt),
			By: by(r.Actor), Reason: r.Reason, Mode: r.Mode}
		if r.TaskID != 0 {
			one.BatchItem = batchItem(clock, store.RestartTasks, r.ItemRow)
			one.Task = view.Say("task_kind." + string(r.TaskKind))
		}
		out = append(out, one)
	}
	return out
}

// restartOfAttempt is the restart that an attempt belongs to, nil if it is not among
// them.
func restartOfAttempt(all []view.OwnRestart, a store.AttemptRow) *view.OwnRestart {
	for n, r := range all {
		if r.Batch == a.RestartID && (a.TaskID == 0 || r.ID == a.TaskID) {
			return &all[n]
		}
	}
	return nil
}

// itemURL is where a message or task of a restart is shown.
func itemURL(thing string, id int64) string {
	if thing == store.RestartTasks {
		return view.URL{Path: "/tasks", Query: url.Values{"q": {"#" + strconv.FormatInt(id, 10)}}}.String()
	}
	return messageURL(id)
}

// refusals lists why items are refused, the most frequent first, with some of them.
func refusals(z *i18n.Localizer, thing string, counts map[string]int, which map[string][]int64) []view.Reason {
	var out []view.Reason
	for key, n := range counts {
		r := view.Reason{N: n, Text: what(z, fault.New(fault.Conflict, key))}
		for _, id := range which[key] {
			one := view.PreviewItem{ID: id}
			if key != "message.unknown" && key != "task.unknown" {
				one.URL = itemURL(thing, id)
			}
			r.Which = append(r.Which, one)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b view.Reason) int { return b.N - a.N })
	return out
}

// PauseRestart, ResumeRestart and CancelRestart change a restart that is not over.
func (k *Console) PauseRestart(c *fiber.Ctx) error {
	return k.changeRestart(c, k.o.Restarts.Pause, "restarts.flash.paused")
}

// ResumeRestart goes on with a paused restart.
func (k *Console) ResumeRestart(c *fiber.Ctx) error {
	return k.changeRestart(c, k.o.Restarts.Resume, "restarts.flash.resumed")
}

// CancelRestart ends a restart.
func (k *Console) CancelRestart(c *fiber.Ctx) error {
	return k.changeRestart(c, k.o.Restarts.Cancel, "restarts.flash.cancelled")
}

func (k *Console) changeRestart(c *fiber.Ctx, do func(context.Context, int64, staff.Actor) error, said string) error {
	id, err := number(c, "restart.unknown_batch")
	if err != nil {
		return err
	}
	err = do(c.UserContext(), id, actor(c))
	if err := k.done(c, err, view.Say(said), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, batchURL(id))
}
