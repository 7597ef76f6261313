package console

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/reconcile"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const reconcilePath = "/reconcile"

// findingParams are the filters of the differences.
var findingParams = []string{"status", "kind", "channel", "q"}

func readFindings(u view.URL) store.FindingFilter {
	return store.FindingFilter{Kind: u.Get("kind"), Status: u.Get("status"), Channel: u.Get("channel"), Q: u.Get("q")}
}

// Reconcile is the list of differences between the marketplace and us.
func (k *Console) Reconcile(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomReconcile)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, reconcilePath, findingParams...)
	p := view.ReconcilePage{Shell: s, Hour: reconcile.Hour, Channels: many, List: view.List{
		Filter: view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.findings_hint"), Status: u.Get("status"),
			Selects: append(byChannel(u, channels), choose(u, "kind", "filter.finding_kind", "filter.any_finding_kind", "reconcile.kind.", reconcile.Kinds()...))},
		Bulk: action(s, staff.ReconcileDecide, reconcilePath+"/apply", view.Text{})},
		Keep: action(s, staff.ReconcileDecide, reconcilePath+"/keep", view.Text{})}
	return k.answer(c, listed{name: view.PageReconcile, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillFindings(ctx, &p, u) },
		whole: func(ctx context.Context) error {
			if p.State == view.ListEmpty { // which has looked already
				return nil
			}
			return k.lastRun(ctx, &p)
		}})
}

func (k *Console) fillFindings(ctx context.Context, p *view.ReconcilePage, u view.URL) error {
	f := readFindings(u)
	found, err := k.read.FindingList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.FindingCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.FindingRow, 0, len(found.Items))
	for _, d := range found.Items {
		rows = append(rows, findingRow(p.Shell, d))
	}
	if p.Repairable, err = k.read.CountRepairable(ctx, f); err != nil {
		return err
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.FindingRow) view.Time { return r.Found })
	p.Pager, p.Tabs = pager(u, found), tabs("finding", u, counts)
	if p.State != view.ListEmpty {
		return nil
	}
	if err := k.lastRun(ctx, p); err != nil {
		return err
	}
	if !p.Run.Agree() {
		p.EmptyDo = view.Say("reconcile.empty_unsure")
	}
	return nil
}

// lastRun adds how the last reconciliation stands.
func (k *Console) lastRun(ctx context.Context, p *view.ReconcilePage) error {
	runs, err := k.read.Runs(ctx, 1)
	if err != nil {
		return err
	}
	p.Start = action(p.Shell, staff.ReconcileDecide, reconcilePath+"/start", view.Text{})
	if len(runs) == 0 {
		p.Run.None = true
		return nil
	}
	r := runs[0]
	p.Run = view.RunState{Running: r.Status == store.RunRunning, Failed: r.Status == store.RunFailed, Asked: r.Asked, Open: r.Open, Skipped: r.Skipped,
		Finished: p.Shell.Clock.Time(r.FinishedAt), Fault: r.Error}
	if p.Run.Running {
		p.Start.Why = view.Say("why.reconcile_running")
	}
	return nil
}

func findingRow(s view.Shell, d store.FindingRow) view.FindingRow {
	r := view.FindingRow{ID: d.ID, Kind: d.Kind, Status: d.Status, Channel: d.Channel, OrderLine: orElse(d.OrderLineID, d.OrderID), InstanceID: d.InstanceID,
		Ours: findingValue(s, d, d.Ours), Theirs: findingValue(s, d, d.Theirs), Repair: d.Repair, Fault: d.Error, Found: s.Clock.Time(d.FoundAt),
		By: by(d.DecidedBy), Decided: s.Clock.Time(d.DecidedAt), Reason: d.Reason,
		Keep: action(s, staff.ReconcileDecide, reconcilePath+"/keep", view.Text{})}
	if d.InstanceID != "" {
		r.InstanceURL = instanceURL(d.InstanceID)
	}
	if d.Status != store.FindingOpen {
		r.Keep.Why = view.Say("why.finding_decided")
	}
	return r
}

// findingValue is one side of a difference as people read it.
func findingValue(s view.Shell, d store.FindingRow, raw string) view.Value {
	if t, err := time.Parse(time.RFC3339, raw); err == nil {
		return view.Value{Time: s.Clock.Time(t)}
	}
	switch {
	case raw == "" && d.Kind != reconcile.Unanswered:
		return view.Value{Text: view.Say("reconcile.nothing")}
	case d.Kind == reconcile.Cancelled && raw == d.Theirs:
		return view.Value{Text: view.Say("reconcile.unsubscribed")}
	case slices.Contains(store.InstanceStatuses(), raw):
		return view.Value{Text: view.Say("status.instance." + raw)}
	}
	return view.Value{Raw: raw}
}

// StartReconcile begins a run.
func (k *Console) StartReconcile(c *fiber.Ctx) error {
	_, err := k.o.Reconcile.Start(c.UserContext(), actor(c))
	if err := k.done(c, err, view.Say("reconcile.flash.started"), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, reconcilePath)
}

// ApplyFindings approves repairs: the ticked ones, one, or all of a filter.
func (k *Console) ApplyFindings(c *fiber.Ctx) error {
	ids, err := k.chosenFindings(c)
	if err != nil {
		return err
	}
	done, err := k.o.Reconcile.ApplySome(c.UserContext(), ids, actor(c))
	return k.decided(c, "reconcile.flash.applied", done, err)
}

// KeepFindings leaves differences as they are.
func (k *Console) KeepFindings(c *fiber.Ctx) error {
	who := actor(c)
	who.Reason = clean(field(c, "note"), maxReason)
	done, err := k.o.Reconcile.KeepSome(c.UserContext(), tickedIDs(c), who)
	return k.decided(c, "reconcile.flash.kept", done, err)
}

// decided says how many differences were decided, why others were not, and what
// broke it off.
func (k *Console) decided(c *fiber.Ctx, text string, done reconcile.Decided, err error) error {
	if err != nil && done.Done == 0 {
		return err
	}
	z, tone, said := k.localizer(c), "ok", view.Say(text, "n", done.Done)
	if err != nil {
		k.o.Log.ErrorContext(c.UserContext(), "deciding about differences broke off", "done", done.Done, "error", err)
		tone, said = "warn", view.Say("reconcile.flash.broken_off", "done", said, "why", what(z, fault.From(err)))
	} else if len(done.Refused) > 0 {
		tone, said = "warn", view.Say("reconcile.flash.partly", "done", said, "why", reasons(z, done.Refused))
	}
	flash(c, tone, said)
	return k.goTo(c, orElse(local(field(c, "return_to")), reconcilePath))
}

func (k *Console) chosenFindings(c *fiber.Ctx) ([]int64, error) {
	if field(c, "all") != "1" {
		return tickedIDs(c), nil
	}
	path, query, _ := strings.Cut(local(field(c, "return_to")), "?")
	if path != reconcilePath {
		return nil, fault.New(fault.Invalid, "http.bad_request")
	}
	return k.read.RepairableFindings(c.UserContext(), readFindings(addressOf(path, query, findingParams...)))
}

// tickedIDs are the ids that a form sent.
func tickedIDs(c *fiber.Ctx) []int64 {
	var ids []int64
	for _, raw := range ticked(c) {
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil && n > 0 {
			ids = append(ids, n)
		}
	}
	return ids
}
