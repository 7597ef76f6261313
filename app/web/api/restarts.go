package api

import (
	"cmp"
	"context"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/intake"
	"koodesk/app/restart"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Restarts restarts messages and tasks, one or many.
type Restarts interface {
	RestartOne(ctx context.Context, thing, mode string, id int64, by staff.Actor) (intake.Restarted, error)
	Preview(ctx context.Context, s store.RestartSet, by staff.Actor) (*store.RestartPreview, error)
	Start(ctx context.Context, o restart.Order, by staff.Actor) (store.BatchRow, error)
	Pause(ctx context.Context, id int64, by staff.Actor) error
	Resume(ctx context.Context, id int64, by staff.Actor) error
	Cancel(ctx context.Context, id int64, by staff.Actor) error
}

// restartedAll is what a restart of many did so far.
type restartedAll struct {
	Matched     int     `json:"matched"`
	Restarted   int     `json:"restarted"`
	Refused     int     `json:"refused"`
	Explanation string  `json:"explanation"`
	BatchID     *string `json:"batch_id"`
	Status      string  `json:"status"`
}

// previewed is what a restart would find.
type previewed struct {
	Matched    int                 `json:"matched"`
	Refused    map[string]int      `json:"refused"`
	RefusedIDs map[string][]string `json:"refused_ids"`
	Groups     []previewGroup      `json:"groups"`
	Rest       previewRest         `json:"rest"`
	Samples    []sample            `json:"samples"`
	Mails      int                 `json:"mails"`
	SMS        int                 `json:"sms"`
	Customers  int                 `json:"customers"`
	Hurried    int                 `json:"hurried"`
	Calls      int                 `json:"calls"`
	Asks       int                 `json:"asks"`
	Alerts     int                 `json:"alerts"`
	Reruns     int                 `json:"reruns"`
}

type previewGroup struct {
	What      string `json:"what"`
	ProductID string `json:"product_id"`
	Step      string `json:"step"`
	Count     int    `json:"count"`
	Refused   int    `json:"refused"`
}

// previewRest is what groups leave out.
type previewRest struct {
	Kinds   int `json:"kinds"`
	N       int `json:"count"`
	Refused int `json:"refused"`
}

type sample struct {
	ID          string `json:"id"`
	What        string `json:"what"`
	OrderLineID string `json:"order_line_id"`
	InstanceID  string `json:"instance_id"`
	LastError   *shown `json:"last_error"`
}

// RestartMessages answers POST /messages/restart.
func (a *API) RestartMessages(c *fiber.Ctx) error {
	var in restartAll
	err := body(c, &in)
	if err == nil {
		err = in.beside()
	}
	s := store.RestartSet{Thing: store.RestartMessages, Mode: in.Mode}
	if err == nil {
		f := in.which()
		err = chosen(&s, in.IDs, f != (messageFilter{}), func() (err error) {
			s.Messages, err = f.filter()
			return err
		})
	}
	if err == nil {
		err = modeIsKnown(in.Mode)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	s.Mode = cmp.Or(s.Mode, store.RestartAll)
	return a.restartSet(c, s, in.PerSecond, in.Reason)
}

// chosen puts into a set what is named, or what is filtered: not both.
func chosen(s *store.RestartSet, ids []string, filtered bool, filter func() error) (err error) {
	switch {
	case ids == nil:
		return filter()
	case filtered:
		return refuse(wrong{in: "body", name: "filter", key: "either", args: []any{"other", "ids"}})
	}
	s.IDs, err = named(ids)
	return err
}

func modeIsKnown(mode string) error {
	if mode == "" || mode == store.RestartAll || mode == store.RestartDelivery {
		return nil
	}
	return refuse(wrong{in: "body", name: "mode", key: "choice", args: []any{"choices", store.RestartAll + ", " + store.RestartDelivery}})
}

// taskFilter is the filter of POST /tasks/restart: the parameters of GET /tasks.
type taskFilter struct {
	Kind       string `json:"kind"`
	Status     string `json:"status"`
	InstanceID string `json:"instance_id"`
	Group      string `json:"group"`
}

// restartTasks is the body of POST /tasks/restart.
type restartTasks struct {
	IDs       []string   `json:"ids"`
	Filter    taskFilter `json:"filter"`
	Reason    string     `json:"reason"`
	PerSecond int        `json:"per_second"`
}

func (f taskFilter) filter() (store.TaskFilter, error) {
	out := store.TaskFilter{Kind: f.Kind, Status: f.Status, InstanceID: f.InstanceID}
	if f == (taskFilter{}) {
		return out, fault.New(fault.Invalid, "restart.filter_empty")
	}
	q := &query{values: map[string][]string{}}
	if f.Kind != "" {
		q.values["filter.kind"] = []string{f.Kind}
		q.one("filter.kind", taskKinds)
	}
	if f.Status != "" {
		q.values["filter.status"] = []string{f.Status}
		q.one("filter.status", store.TaskStatuses())
	}
	if f.Group != "" {
		q.values["filter.group"] = []string{f.Group}
		out.Group = q.number("filter.group")
	}
	for i := range q.wrong {
		q.wrong[i].in = "body"
	}
	return out, q.err()
}

// RestartTasks answers POST /tasks/restart.
func (a *API) RestartTasks(c *fiber.Ctx) error {
	var in restartTasks
	err := body(c, &in)
	s := store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll}
	if err == nil {
		err = chosen(&s, in.IDs, in.Filter != (taskFilter{}), func() (err error) {
			s.Tasks, err = in.Filter.filter()
			return err
		})
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.restartSet(c, s, in.PerSecond, in.Reason)
}

// restartSet previews or begins the restart of a set.
func (a *API) restartSet(c *fiber.Ctx, s store.RestartSet, perSecond int, reason string) error {
	q := queryOf(c)
	look := q.flag("preview")
	by, err := actor(c, reason)
	if err == nil {
		err = q.err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	if look != nil && *look {
		p, err := a.o.Restarts.Preview(c.UserContext(), s, by)
		if err != nil {
			return a.Problem(c, err)
		}
		return answer(c, fiber.StatusOK, showPreview(z, p))
	}
	b, err := a.o.Restarts.Start(c.UserContext(), restart.Order{RestartSet: s, PerSecond: perSecond}, by)
	if err != nil {
		return a.Problem(c, err)
	}
	out := restartedAll{Matched: b.Total, Restarted: b.Restarted, Refused: b.Refused, BatchID: idOrNull(b.ID), Status: b.Status}
	status := fiber.StatusOK
	switch {
	case b.ID == 0:
		out.Status, out.Explanation = store.BatchDone, z.T("api.restart.none")
	case b.Status == store.BatchDone:
		out.Explanation = z.T("api.restart.bulk", "matched", b.Total, "restarted", b.Restarted, "refused", b.Refused)
	default:
		status, out.Explanation = fiber.StatusAccepted, z.T("api.restart.begun", "matched", b.Total, "id", b.ID)
	}
	return answer(c, status, out)
}

func showPreview(z *i18n.Localizer, p *store.RestartPreview) previewed {
	out := previewed{Matched: p.Total, Refused: p.Refused, RefusedIDs: map[string][]string{}, Groups: []previewGroup{}, Rest: previewRest(p.Rest), Samples: []sample{}, Mails: p.Mails, SMS: p.SMS,
		Customers: p.Customers, Hurried: p.Hurried, Calls: p.Calls, Asks: p.Asks, Alerts: p.Alerts, Reruns: p.Reruns}
	for why, ids := range p.Which {
		for _, n := range ids {
			out.RefusedIDs[why] = append(out.RefusedIDs[why], id(n))
		}
	}
	for _, g := range p.Groups {
		out.Groups = append(out.Groups, previewGroup{What: g.What, ProductID: g.Product, Step: g.Step, Count: g.N, Refused: g.Refused})
	}
	for _, s := range p.Samples {
		out.Samples = append(out.Samples, sample{ID: id(s.ID), What: s.What, OrderLineID: s.OrderLine, InstanceID: s.InstanceID, LastError: show(z, s.Error)})
	}
	return out
}

type batch struct {
	ID         string            `json:"id"`
	Thing      string            `json:"thing"`
	Mode       string            `json:"mode"`
	Status     string            `json:"status"`
	Filter     map[string]string `json:"filter"`
	PerSecond  int               `json:"per_second"`
	Matched    int               `json:"matched"`
	Waiting    int               `json:"waiting"`
	Restarted  int               `json:"restarted"`
	Refused    int               `json:"refused"`
	Passed     int               `json:"passed"`
	Failed     int               `json:"failed"`
	Actor      string            `json:"actor"`
	Reason     string            `json:"reason"`
	ChangedBy  string            `json:"changed_by"`
	CreatedAt  moment            `json:"created_at"`
	FinishedAt moment            `json:"finished_at"`
	Error      *shown            `json:"error"`
}

type batchDetail struct {
	batch
	Items      []item  `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

type item struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	Outcome     string `json:"outcome"`
	Restarted   int    `json:"restarted"`
	Hurried     int    `json:"hurried"`
	CallRun     bool   `json:"call_run"`
	ResultCode  string `json:"result_code"`
	What        string `json:"what"`
	OrderLineID string `json:"order_line_id"`
	Error       *shown `json:"error"`
	DoneAt      moment `json:"done_at"`
}

func showBatch(z *i18n.Localizer, b store.BatchRow) batch {
	return batch{ID: id(b.ID), Thing: b.Thing, Mode: b.Mode, Status: b.Status, Filter: b.Filter, PerSecond: b.PerSecond, Matched: b.Total,
		Waiting: b.Waiting(), Restarted: b.Restarted, Refused: b.Refused, Passed: b.Passed, Failed: b.Failed, Actor: b.Actor, Reason: b.Reason,
		ChangedBy: b.ChangedBy, CreatedAt: moment(b.CreatedAt), FinishedAt: moment(b.FinishedAt), Error: show(z, b.Error)}
}

func showItem(z *i18n.Localizer, i store.ItemRow) item {
	return item{ID: id(i.ID), State: i.State, Outcome: i.Outcome, Restarted: i.Given, Hurried: i.Hurried, CallRun: i.Ran, ResultCode: i.Code,
		What: i.What, OrderLineID: i.Line, Error: show(z, i.Error), DoneAt: moment(i.DoneAt)}
}

// ownRestart is a restart as the message or task has it that was restarted.
type ownRestart struct {
	ID         string  `json:"id"`
	TaskID     *string `json:"task_id"`
	Mode       string  `json:"mode"`
	At         moment  `json:"at"`
	Actor      string  `json:"actor"`
	Source     string  `json:"source"`
	Reason     string  `json:"reason"`
	State      string  `json:"state"`
	Outcome    string  `json:"outcome"`
	Restarted  int     `json:"restarted"`
	Hurried    int     `json:"hurried"`
	CallRun    bool    `json:"call_run"`
	ResultCode string  `json:"result_code"`
	Error      *shown  `json:"error"`
}

func ownRestarts(z *i18n.Localizer, rows []store.RestartedRow) []ownRestart {
	out := make([]ownRestart, 0, len(rows))
	for _, r := range rows {
		out = append(out, ownRestart{ID: id(r.Batch), TaskID: idOrNull(r.TaskID), Mode: r.Mode, At: moment(r.BegunAt), Actor: r.Actor, Source: r.Source, Reason: r.Reason,
			State: r.State, Outcome: r.Outcome, Restarted: r.Given, Hurried: r.Hurried, CallRun: r.Ran, ResultCode: r.Code, Error: show(z, r.Error)})
	}
	return out
}

// Batches answers GET /restarts.
func (a *API) Batches(c *fiber.Ctx) error {
	q := queryOf(c)
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().BatchList(c.UserContext(), p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showBatch))
}

// Batch answers GET /restarts/{id}: the batch with a page of its items.
func (a *API) Batch(c *fiber.Ctx) error {
	n, err := idOf(c, "restart.unknown_batch")
	q := queryOf(c)
	p := q.paging()
	bad := q.flag("bad")
	if err == nil {
		err = q.err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	b, err := a.store.Reader().Batch(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	items, err := a.store.Reader().ItemList(c.UserContext(), n, bad != nil && *bad, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	z := localizer(c)
	out := batchDetail{batch: showBatch(z, b), Items: []item{}}
	for _, i := range items.Items {
		out.Items = append(out.Items, showItem(z, i))
	}
	if items.Older != "" {
		out.NextCursor = &items.Older
	}
	return answer(c, fiber.StatusOK, out)
}

// PauseBatch answers POST /restarts/{id}/pause.
func (a *API) PauseBatch(c *fiber.Ctx) error { return a.changeBatch(c, a.o.Restarts.Pause) }

// ResumeBatch answers POST /restarts/{id}/resume.
func (a *API) ResumeBatch(c *fiber.Ctx) error { return a.changeBatch(c, a.o.Restarts.Resume) }

// CancelBatch answers POST /restarts/{id}/cancel.
func (a *API) CancelBatch(c *fiber.Ctx) error { return a.changeBatch(c, a.o.Restarts.Cancel) }

func (a *API) changeBatch(c *fiber.Ctx, do func(context.Context, int64, staff.Actor) error) error {
	n, by, err := act(c, "restart.unknown_batch")
	if err == nil {
		err = do(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	b, err := a.store.Reader().Batch(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, showBatch(localizer(c), b))
}
