package api

import (
	"context"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/reconcile"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Reconciler compares open orders with the marketplace's.
type Reconciler interface {
	Start(ctx context.Context, by staff.Actor) (id int64, err error)
	Apply(ctx context.Context, id int64, by staff.Actor) error
	ApplySome(ctx context.Context, ids []int64, by staff.Actor) (reconcile.Decided, error)
	Keep(ctx context.Context, id int64, by staff.Actor) error
}

type difference struct {
	ID          string `json:"id"`
	Channel     string `json:"channel"`
	Kind        string `json:"kind"`
	Status      string `json:"status"`
	InstanceID  string `json:"instance_id"`
	OrderID     string `json:"order_id"`
	OrderLineID string `json:"order_line_id"`
	Ours        string `json:"ours"`
	Theirs      string `json:"theirs"`
	Repair      string `json:"repair"`
	Error       *shown `json:"error"`
	FoundAt     moment `json:"found_at"`
	SeenAt      moment `json:"seen_at"`
	DecidedAt   moment `json:"decided_at"`
	DecidedBy   string `json:"decided_by"`
	Reason      string `json:"reason"`
}

func showFinding(z *i18n.Localizer, f store.FindingRow) difference {
	return difference{ID: id(f.ID), Channel: f.Channel, Kind: f.Kind, Status: f.Status, InstanceID: f.InstanceID, OrderID: f.OrderID,
		OrderLineID: f.OrderLineID, Ours: f.Ours, Theirs: f.Theirs, Repair: f.Repair, Error: show(z, f.Error), FoundAt: moment(f.FoundAt),
		SeenAt: moment(f.SeenAt), DecidedAt: moment(f.DecidedAt), DecidedBy: f.DecidedBy, Reason: f.Reason}
}

type run struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Daily      bool   `json:"daily"`
	StartedBy  string `json:"started_by"`
	StartedAt  moment `json:"started_at"`
	FinishedAt moment `json:"finished_at"`
	Asked      int    `json:"asked"`
	Skipped    int    `json:"skipped"`
	Error      *shown `json:"error"`
}

// Reconciliations answers GET /reconciliations: the last 30 runs.
func (a *API) Reconciliations(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	rows, err := a.store.Reader().Runs(c.UserContext(), 30)
	if err != nil {
		return a.Problem(c, err)
	}
	items := make([]run, 0, len(rows))
	for _, r := range rows {
		items = append(items, run{ID: id(r.ID), Status: r.Status, Daily: r.Daily, StartedBy: r.StartedBy, StartedAt: moment(r.StartedAt),
			FinishedAt: moment(r.FinishedAt), Asked: r.Asked, Skipped: r.Skipped, Error: show(localizer(c), r.Error)})
	}
	return answer(c, fiber.StatusOK, map[string]any{"items": items, "next_cursor": nil})
}

// StartReconciliation answers POST /reconciliations.
func (a *API) StartReconciliation(c *fiber.Ctx) error {
	var in because
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	n, err := a.o.Reconcile.Start(c.UserContext(), by)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusAccepted, map[string]string{"id": id(n), "status": store.RunRunning})
}

// Findings answers GET /findings.
func (a *API) Findings(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.FindingFilter{Kind: q.one("kind", reconcile.Kinds()), Status: q.one("status", store.FindingStatuses()), Channel: q.text("channel"), Q: q.text("q")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().FindingList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showFinding))
}

// ApplyFinding answers POST /findings/{id}/apply.
func (a *API) ApplyFinding(c *fiber.Ctx) error {
	return a.decide(c, a.o.Reconcile.Apply, store.FindingApplied)
}

// applySome is the body of POST /findings/apply.
type applySome struct {
	IDs    []string `json:"ids"`
	Filter *struct {
		Kind    string `json:"kind"`
		Channel string `json:"channel"`
		Q       string `json:"q"`
	} `json:"filter"`
	Reason string `json:"reason"`
}

// chosen are the differences that are named, or all of the filter.
func (in applySome) chosen(ctx context.Context, r *store.Reader) ([]int64, error) {
	if in.Filter == nil {
		return named(in.IDs)
	}
	if in.IDs != nil {
		return nil, refuse(wrong{in: "body", name: "filter", key: "either", args: []any{"other", "ids"}})
	}
	f := store.FindingFilter{Kind: in.Filter.Kind, Channel: in.Filter.Channel, Q: in.Filter.Q}
	if f.Kind != "" && !slices.Contains(reconcile.Kinds(), f.Kind) {
		return nil, refuse(wrong{in: "body", name: "filter.kind", key: "choice", args: []any{"choices", strings.Join(reconcile.Kinds(), ", ")}})
	}
	return r.RepairableFindings(ctx, f)
}

// ApplyFindings answers POST /findings/apply: each by itself, and what breaks it
// off comes with what was done before.
func (a *API) ApplyFindings(c *fiber.Ctx) error {
	var in applySome
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	by, err := actor(c, in.Reason)
	if err != nil {
		return a.Problem(c, err)
	}
	ids, err := in.chosen(c.UserContext(), a.store.Reader())
	if err != nil {
		return a.Problem(c, err)
	}
	done, err := a.o.Reconcile.ApplySome(c.UserContext(), ids, by)
	if err != nil && done.Done == 0 {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, map[string]any{"matched": len(ids), "applied": done.Done, "refused": done.Refused,
		"error": show(localizer(c), fault.ToRecord(err))})
}

// KeepFinding answers POST /findings/{id}/keep.
func (a *API) KeepFinding(c *fiber.Ctx) error {
	return a.decide(c, a.o.Reconcile.Keep, store.FindingKept)
}

func (a *API) decide(c *fiber.Ctx, do func(context.Context, int64, staff.Actor) error, status string) error {
	n, by, err := act(c, "finding.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	if err := do(c.UserContext(), n, by); err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, map[string]string{"id": id(n), "status": status})
}
