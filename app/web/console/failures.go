package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/failures"
	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

const failuresPath = "/failures"

// groupParams are the filters of the list of failure groups.
var groupParams = []string{"status", "channel", "step", "product_id", "assignee"}

func groupURL(id int64) string { return failuresPath + "/" + strconv.FormatInt(id, 10) }

// groupOf is the failure group that a list is narrowed to; one that is no number
// names nothing that exists.
func groupOf(u view.URL) int64 {
	raw := u.Get("group")
	if raw == "" {
		return 0
	}
	if id, err := strconv.ParseInt(raw, 10, 64); err == nil && id > 0 {
		return id
	}
	return -1
}

// Failures is the list of failure groups.
func (k *Console) Failures(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomFailures)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, failuresPath, groupParams...)
	steps := make([]string, 0, len(outbox.Kinds()))
	for _, kind := range outbox.Kinds() {
		steps = append(steps, string(kind))
	}
	me := view.Select{Name: "assignee", Label: view.Say("failures.assignee"), Options: []view.Option{
		{Label: view.Say("failures.anybody"), Selected: u.Get("assignee") == ""},
		{Value: s.Operator.Email, Label: view.Say("failures.mine"), Selected: u.Get("assignee") == s.Operator.Email}}}
	p := view.FailuresPage{Shell: s, Channels: many, List: view.List{Filter: view.Filter{URL: u, Status: u.Get("status"), NoSearch: true,
		Selects: append(byChannel(u, channels), choose(u, "step", "failures.step", "failures.any_step", "task_kind.", steps...), me),
		Chips:   chip(u, "product_id", "filter.product")}}}
	status := fiber.StatusOK
	if err := k.fillFailures(c.UserContext(), &p, u); err != nil {
		if status = k.broken(c, &p.List, err); fragment(c, "results") {
			return err
		}
	}
	if fragment(c, "results") {
		return k.block(c, status, s, view.PageFailures, view.BlockResults, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageFailures, p)
}

func (k *Console) fillFailures(ctx context.Context, p *view.FailuresPage, u view.URL) error {
	f := store.GroupFilter{Channel: u.Get("channel"), Step: u.Get("step"), ProductID: u.Get("product_id"), Assignee: u.Get("assignee")}
	f.Status, f.Waiting = narrowedTo(u)
	found, err := k.read.GroupList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	f.Waiting = false // the tabs count beside each other
	counts, err := k.read.GroupCounts(ctx, f)
	if err != nil {
		return err
	}
	for _, g := range found.Items {
		p.Groups = append(p.Groups, failureRow(p.Shell.Clock, g))
	}
	p.State = view.StateOf(len(p.Groups), filtered(u))
	p.Pager, p.Tabs = pager(u, found), append(tabs("group", u, counts), waitingTab(u, "filter.waiting"))
	return nil
}

func failureRow(clock view.Clock, g store.GroupRow) view.GroupRow {
	return view.GroupRow{ID: g.ID, URL: groupURL(g.ID), Status: g.Status, Step: g.Step, OfTasks: g.OfTasks, Channel: g.Channel,
		Product: orElse(g.ProductName, g.ProductID), Fault: g.Error, First: clock.Time(g.FirstSeenAt), Last: clock.Time(g.LastSeenAt),
		Opened: clock.Time(g.OpenedAt), Resolved: clock.Time(g.ResolvedAt), Reopened: g.Reopened, GivenUp: g.GivenUp.N, Retrying: g.Retrying.N,
		Orders: g.Orders.N, Most: g.MostOrders.N, Deadline: clock.Time(g.Deadline), Note: g.Note, Until: clock.Time(g.SnoozedUntil), Assignee: g.Assignee,
		ClosedBy: by(g.ClosedBy), CloseReason: g.CloseReason, Overtaken: g.Overtaken}
}

// Failure is one failure group with its members.
func (k *Console) Failure(c *fiber.Ctx) error {
	id, err := number(c, "failure_group.unknown")
	if err != nil {
		return err
	}
	s, err := k.shell(c, view.RoomFailures)
	if err != nil {
		return err
	}
	g, err := k.read.Group(c.UserContext(), id)
	if err != nil {
		return err
	}
	u := address(c, groupURL(id))
	p := view.FailurePage{Shell: s, Group: failureRow(s.Clock, g), Facts: groupFacts(s.Clock, g), List: view.List{Filter: view.Filter{URL: u}},
		Change: action(s, staff.FailuresWork, groupURL(id), view.Text{}), Close: groupClose(s, g), Restart: groupRestart(s, g), Snoozes: snoozes(g)}
	if p.Group.Status != store.GroupSnoozed {
		p.Group.Until = view.Time{}
	}
	if err := k.members(c.UserContext(), &p, g, u); err != nil {
		return err
	}
	if fragment(c, "results") {
		return k.block(c, fiber.StatusOK, s, view.PageFailure, view.BlockResults, p)
	}
	if p.Assignee, err = k.assignees(c.UserContext(), s, g); err != nil {
		return err
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageFailure, p)
}

// groupRestart leads to what restarting the group's members would do: the messages
// that fail by it or, where no message does, the tasks themselves.
func groupRestart(s view.Shell, g store.GroupRow) view.Action {
	list, need := "/messages", staff.MessagesRestart
	if !g.Messages {
		list, need = "/tasks", staff.TasksRestart
	}
	var why view.Text
	if g.GivenUp.N+g.Retrying.N == 0 {
		why = view.Say("restarts.nothing")
	}
	return action(s, need, newRestartURL(addressOf(list, "").With("group", strconv.FormatInt(g.ID, 10))).String(), why)
}

// groupClose closes the group, if anything of it was given up.
func groupClose(s view.Shell, g store.GroupRow) view.Action {
	var why view.Text
	if g.GivenUp.N == 0 {
		why = view.Say("fault.failure_group.still_tried.what")
	}
	return action(s, staff.FailuresWork, groupURL(g.ID)+"/close", why)
}

func (k *Console) members(ctx context.Context, p *view.FailurePage, g store.GroupRow, u view.URL) error {
	clock := p.Shell.Clock
	if g.OfTasks {
		found, err := k.read.TaskList(ctx, store.TaskFilter{Group: g.ID}, paging(u))
		if err != nil {
			return err
		}
		for _, t := range found.Items {
			row := taskRow(p.Shell, t, k.o.Tries)
			p.Members = append(p.Members, view.Member{URL: row.URL, Pill: "task", Status: row.Status, ID: t.ID, OrderID: t.OrderID, InstanceID: t.InstanceID,
				Fault: t.LastError, At: clock.Time(t.StartedAt), RunAt: row.RunAt, Attempts: t.Attempts})
		}
		p.Pager = pager(u, found)
	} else {
		found, err := k.read.MessageList(ctx, store.MessageFilter{Group: g.ID}, paging(u))
		if err != nil {
			return err
		}
		for _, m := range found.Items {
			p.Members = append(p.Members, view.Member{URL: messageURL(m.ID), Pill: "message", Status: m.Status, ID: m.ID, OrderID: orElse(m.OrderLineID, m.OrderID),
				InstanceID: m.InstanceID, Fault: m.LastError, At: clock.Time(m.LastReceivedAt), Attempts: m.Attempts})
		}
		p.Pager = pager(u, found)
	}
	p.State = view.StateOf(len(p.Members), false)
	return nil
}

func groupFacts(clock view.Clock, g store.GroupRow) []view.Fact {
	product := view.Fact{Label: view.Say("failures.product"), Value: orElse(g.ProductName, g.ProductID)}
	if g.ProductName != "" {
		product.Note = view.Say("failures.product_id", "id", g.ProductID)
	}
	orders := view.Fact{Label: view.Say("failures.orders"), Text: view.Say("failures.orders_now", "n", g.Orders.N)}
	if g.MostOrders.N > g.Orders.N {
		orders.Note = view.Say("failures.orders_most", "count", g.MostOrders.String())
	}
	members := view.Fact{Label: view.Say("failures.members"), Text: view.Say("failures.given_up_n", "count", g.GivenUp.String())}
	if g.Retrying.N > 0 {
		members.Note = view.Say("failures.retrying_n", "count", g.Retrying.String())
	}
	first := view.Fact{Label: view.Say("failures.first"), Time: clock.Time(g.FirstSeenAt)}
	if g.Reopened > 0 {
		first.Note = view.Say("failures.reopened", "n", g.Reopened)
	}
	out := []view.Fact{product, {Label: view.Say("fact.channel"), Value: g.Channel}, orders, members, first,
		{Label: view.Say("failures.last"), Time: clock.Time(g.LastSeenAt)}}
	if !g.Deadline.IsZero() {
		out = append(out, view.Fact{Label: view.Say("failures.deadline"), Time: clock.Time(g.Deadline), Tone: "warn"})
	}
	if !g.ResolvedAt.IsZero() {
		out = append(out, view.Fact{Label: view.Say("failures.resolved"), Time: clock.Time(g.ResolvedAt)})
	}
	return out
}

// putOff are the times for which a group can be put off.
var putOff = []struct {
	name string
	by   time.Duration
}{{"1h", time.Hour}, {"4h", 4 * time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"30d", 30 * 24 * time.Hour}}

func snoozes(g store.GroupRow) []view.Option {
	var out []view.Option
	for _, s := range putOff {
		out = append(out, view.Option{Value: s.name, Label: view.Say("failures.snooze." + s.name)})
	}
	if g.Status == store.GroupSnoozed {
		out = append(out, view.Option{Value: "off", Label: view.Say("failures.snooze.off")})
	}
	return out
}

// assignees are the operators who could take the group on, the reader first.
func (k *Console) assignees(ctx context.Context, s view.Shell, g store.GroupRow) ([]view.Option, error) {
	people, err := k.read.Operators(ctx)
	if err != nil {
		return nil, err
	}
	out := []view.Option{{Label: view.Say("failures.nobody"), Selected: g.Assignee == ""}}
	for _, p := range people {
		if p.Role.May(staff.FailuresWork) && (!p.Disabled || p.Email == g.Assignee) {
			o := view.Option{Value: p.Email, Selected: p.Email == g.Assignee}
			if strings.EqualFold(p.Email, s.Operator.Email) {
				o.Label = view.Say("failures.me", "email", p.Email)
			}
			out = append(out, o)
		}
	}
	return out, nil
}

// ChangeFailure changes what the form sends of a group: its note, until when it
// is put off, or whose it is.
func (k *Console) ChangeFailure(c *fiber.Ctx) error {
	id, err := number(c, "failure_group.unknown")
	if err != nil {
		return err
	}
	var change failures.Change
	form := c.Request().PostArgs()
	if form.Has("note") {
		note := multiline(field(c, "note"))
		change.Note = &note
	}
	if form.Has("assignee") {
		who := clean(field(c, "assignee"), maxEmail)
		change.Assignee = &who
	}
	if form.Has("snooze") {
		until, err := k.snoozeUntil(field(c, "snooze"))
		if err != nil {
			return err
		}
		change.Snooze = &until
	}
	return k.groupChanged(c, id, k.o.Failures.Change(c.UserContext(), id, change, session.Of(c).Actor), "failures.saved")
}

// CloseFailure closes a group about which nothing more will be done.
func (k *Console) CloseFailure(c *fiber.Ctx) error {
	id, err := number(c, "failure_group.unknown")
	if err != nil {
		return err
	}
	actor := session.Of(c).Actor
	actor.Reason = clean(field(c, "reason"), maxReason)
	resolved, err := k.o.Failures.Close(c.UserContext(), id, actor)
	done := "failures.closed"
	if !resolved {
		done = "failures.closed_partly"
	}
	return k.groupChanged(c, id, err, done)
}

func (k *Console) groupChanged(c *fiber.Ctx, id int64, err error, done string) error {
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.Invalid), err != nil && fault.From(err).Key == "operator.unknown":
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	default:
		flash(c, "ok", view.Say(done))
	}
	return k.goTo(c, groupURL(id))
}

func (k *Console) snoozeUntil(name string) (time.Time, error) {
	if name == "off" {
		return time.Time{}, nil
	}
	for _, s := range putOff {
		if s.name == name {
			return k.o.Now().Add(s.by).UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "http.bad_request")
}

// multiline is a text of several lines that a form sent.
func multiline(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i], failures.MaxNote+1)
	}
	return strings.Join(lines, "\n")
}
