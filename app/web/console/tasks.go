package console

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// taskParams are the filters of the list of tasks.
var taskParams = []string{"status", "kind", "instance_id", "group", "q"}

func readTasks(u view.URL) store.TaskFilter {
	return store.TaskFilter{Kind: u.Get("kind"), Status: u.Get("status"), InstanceID: u.Get("instance_id"), Q: u.Get("q"), Group: groupOf(u)}
}

// Tasks is the list of follow-up work.
func (k *Console) Tasks(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomTasks)
	if err != nil {
		return err
	}
	u := address(c, "/tasks", taskParams...)
	kinds := make([]string, 0, len(outbox.Kinds()))
	for _, kind := range outbox.Kinds() {
		kinds = append(kinds, string(kind))
	}
	p := view.TasksPage{Shell: s, RestartAll: action(s, staff.TasksRestart, newRestartURL(u).String(), view.Text{}), List: view.List{Bulk: action(s, staff.TasksRestart, newRestartPath, view.Text{}), Filter: view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.tasks_hint"), Status: u.Get("status"),
		Selects: []view.Select{choose(u, "kind", "filter.kind", "filter.any_kind", "task_kind.", kinds...)},
		Chips:   append(chip(u, "instance_id", "filter.instance"), chip(u, "group", "filter.group")...)}}}
	return k.answer(c, listed{name: view.PageTasks, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillTasks(ctx, &p, u) }})
}

func (k *Console) fillTasks(ctx context.Context, p *view.TasksPage, u view.URL) error {
	f := readTasks(u)
	found, err := k.read.TaskList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.TaskCounts(ctx, f)
	if err != nil {
		return err
	}
	rows, err := k.taskRows(ctx, p.Shell, found.Items)
	if err != nil {
		return err
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.TaskRow) view.Time { return r.Created })
	p.Pager, p.Tabs = pager(u, found), tabs("task", u, counts)
	return nil
}

// taskRows are tasks as lists and details show them, with what restarting each
// would do.
func (k *Console) taskRows(ctx context.Context, s view.Shell, tasks []store.TaskRow) ([]view.TaskRow, error) {
	out := make([]view.TaskRow, 0, len(tasks))
	var ids []int64
	for _, t := range tasks {
		r := taskRow(s, t, k.o.Tries)
		if r.Restart.On() {
			ids = append(ids, t.ID)
		}
		out = append(out, r)
	}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := k.read.RestartEffects(ctx, store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: ids})
	if err != nil {
		return nil, err
	}
	for i := range out {
		switch e, ok := found[out[i].ID]; {
		case ok && e.Why != "":
			out[i].Restart.Why = view.Say("fault." + e.Why + ".what")
		case ok:
			out[i].Effects = countedEffects(e.SideEffects)
		}
	}
	return out, nil
}

// taskRow is a task as lists and details show it. tries says after how many of
// them a kind is given up.
func taskRow(s view.Shell, t store.TaskRow, tries map[outbox.Kind]int) view.TaskRow {
	r := view.TaskRow{
		ID: t.ID, Kind: string(t.Kind), Purpose: string(t.Purpose), Status: string(t.Status), Attempts: t.Attempts, Max: tries[t.Kind],
		Created: s.Clock.Time(t.CreatedAt), Waiting: t.Parked, Finished: s.Clock.Time(t.FinishedAt), Fault: t.LastError,
		InstanceID: t.InstanceID, OrderID: t.OrderID, Overtaken: t.OvertakenBy, Restart: action(s, staff.TasksRestart, taskURL(t.ID)+"/restart", whyNoTaskRestart(t)),
	}
	if t.Status == outbox.Succeeded || t.Status == outbox.Cancelled {
		r.Fault = nil // of an earlier try
	}
	if t.Status == outbox.Pending && !t.Parked {
		r.RunAt = s.Clock.Time(t.RunAt)
	}
	if t.InstanceID != "" {
		r.InstanceURL = instanceURL(t.InstanceID)
	}
	if t.DeliveryID != 0 {
		r.DeliveryURL = deliveryURL(t.DeliveryID)
	}
	switch {
	case t.DeliveryID != 0:
		r.URL = r.DeliveryURL
	case t.CodeID != 0:
		r.URL = codeURL(t.CodeID)
	case t.OrderPK != 0:
		r.URL = orderURL(t.OrderPK)
	case t.MessageID != 0:
		r.URL = messageURL(t.MessageID)
	default:
		r.URL = r.InstanceURL
	}
	r.Tries = taskTries(s.Clock, t.Tries)
	return r
}

// taskTries numbers the tries of a task through its rounds, newest first.
func taskTries(clock view.Clock, tries []store.TaskTry) []view.Try {
	out := make([]view.Try, 0, len(tries))
	for i, t := range tries {
		out = append(out, view.Try{N: len(tries) - i, At: clock.Time(t.At), Duration: t.Duration, Status: t.Outcome, Fault: t.Error, By: by(t.Actor)})
	}
	return out
}

func whyNoTaskRestart(t store.TaskRow) view.Text {
	switch {
	case t.Status == outbox.Running:
		return view.Say("why.task_running")
	case t.Status == outbox.Succeeded:
		return view.Say("why.task_done")
	case t.Status == outbox.Cancelled:
		return view.Say("why.task_cancelled")
	case t.Parked:
		return view.Say("why.message_waiting")
	}
	return view.Text{}
}

// whyUnderWay tells that a task of a kind is being done, or is about to be.
func whyUnderWay(tasks []store.TaskRow, kind outbox.Kind, now time.Time) view.Text {
	for _, t := range tasks {
		switch {
		case t.Kind != kind:
		case t.Status == outbox.Running:
			return view.Say("why.task_running")
		case due(t.Status, t.RunAt, now):
			return view.Say("fault.restart.under_way.what")
		}
	}
	return view.Text{}
}

// due tells whether the turn of what is to run at a moment has come, so that there is
// nothing to hurry.
func due(status outbox.Status, at, now time.Time) bool {
	return status == outbox.Pending && !at.IsZero() && !at.After(now)
}

// RestartTask runs one task again, and goes back to the page that asked for it.
func (k *Console) RestartTask(c *fiber.Ctx) error {
	id, err := number(c, "task.unknown")
	if err != nil {
		return err
	}
	r, err := k.o.Restarts.RestartOne(c.UserContext(), store.RestartTasks, store.RestartAll, id, actor(c))
	if err := k.done(c, err, whatRuns(r.Given, r.Hurried), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, orElse(fromPage(c, c.Get(fiber.HeaderReferer)), "/tasks"))
}

// maxReason bounds what somebody says why, in characters.
const maxReason = 200

// actor is who acts, with the reason that the form gives.
func actor(c *fiber.Ctx) staff.Actor {
	a := session.Of(c).Actor
	a.Reason = clean(field(c, "reason"), maxReason)
	return a
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
