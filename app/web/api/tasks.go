package api

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// taskKinds and deliveryKinds are the published ones, those of later releases
// included.
var (
	taskKinds     = publishedKinds()
	deliveryKinds = []string{"usage_info", "expiry_notice", "frozen", "unfrozen", "renewed", "released", "license_ready"}
	media         = []string{"email", "sms"}
)

func publishedKinds() []string {
	kinds := []string{"usage_push"}
	for _, k := range outbox.Kinds() {
		kinds = append(kinds, string(k))
	}
	return kinds
}

type task struct {
	ID          string  `json:"id"`
	Kind        string  `json:"kind"`
	Purpose     string  `json:"purpose"`
	Status      string  `json:"status"`
	MessageID   *string `json:"message_id"`
	InstanceID  string  `json:"instance_id"`
	DeliveryID  *string `json:"delivery_id"`
	CodeID      *string `json:"license_code_id"`
	OrderPK     *string `json:"order"`
	OrderID     string  `json:"order_id"`
	OrderLineID string  `json:"order_line_id"`
	Attempts    int     `json:"attempts"`
	NextRunAt   moment  `json:"next_run_at"`
	Waiting     bool    `json:"waiting_for_person"`
	CreatedAt   moment  `json:"created_at"`
	StartedAt   moment  `json:"started_at"`
	FinishedAt  moment  `json:"finished_at"`
	LastError   *shown  `json:"last_error"`
	OvertakenBy *string `json:"overtaken_by"`
}

type taskDetail struct {
	task
	AttemptLog []try `json:"attempt_log"`
}

// taskAlone is a task with the restarts of it alone: those of its message are there.
type taskAlone struct {
	taskDetail
	Restarts []ownRestart `json:"restarts"`
}

type try struct {
	At         moment  `json:"at"`
	Number     int     `json:"number"`
	Round      int     `json:"round"`
	Outcome    string  `json:"outcome"`
	DurationMS float64 `json:"duration_ms"`
	Actor      string  `json:"actor"`
	Error      *shown  `json:"error"`
}

func showTask(z *i18n.Localizer, t store.TaskRow) task {
	out := task{
		ID: id(t.ID), Kind: string(t.Kind), Purpose: string(t.Purpose), Status: string(t.Status), MessageID: idOrNull(t.MessageID),
		InstanceID: t.InstanceID, DeliveryID: idOrNull(t.DeliveryID), CodeID: idOrNull(t.CodeID), OrderPK: idOrNull(t.OrderPK), OrderID: t.OrderID, OrderLineID: t.LineID, Attempts: t.Attempts,
		Waiting: t.Parked, CreatedAt: moment(t.CreatedAt), StartedAt: moment(t.StartedAt), FinishedAt: moment(t.FinishedAt),
		LastError: show(z, t.LastError), OvertakenBy: idOrNull(t.OvertakenBy),
	}
	if t.Status == "pending" && !t.Parked {
		out.NextRunAt = moment(t.RunAt)
	}
	return out
}

func tasks(z *i18n.Localizer, rows []store.TaskRow) []taskDetail {
	out := make([]taskDetail, 0, len(rows))
	for _, t := range rows {
		out = append(out, showTaskDetail(z, t))
	}
	return out
}

func showTaskDetail(z *i18n.Localizer, t store.TaskRow) taskDetail {
	out := taskDetail{task: showTask(z, t), AttemptLog: []try{}}
	for _, r := range t.Tries {
		out.AttemptLog = append(out.AttemptLog, try{At: moment(r.At), Number: r.Number, Round: r.Round, Outcome: r.Outcome,
			DurationMS: milliseconds(r.Duration), Actor: r.Actor, Error: show(z, r.Error)})
	}
	return out
}

// Tasks answers GET /tasks.
func (a *API) Tasks(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.TaskFilter{Kind: q.one("kind", taskKinds), Status: q.one("status", store.TaskStatuses()), InstanceID: q.text("instance_id"), Group: q.number("group")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().TaskList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showTask))
}

// Task answers GET /tasks/{id}.
func (a *API) Task(c *fiber.Ctx) error {
	n, err := idOf(c, "task.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	t, err := a.store.Reader().TaskDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	restarts, err := a.store.Reader().TaskRestarts(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	return answer(c, fiber.StatusOK, taskAlone{taskDetail: showTaskDetail(z, *t), Restarts: ownRestarts(z, restarts)})
}

// RestartTask answers POST /tasks/{id}/restart.
func (a *API) RestartTask(c *fiber.Ctx) error {
	n, by, err := act(c, "task.unknown")
	if err != nil {
		return a.Problem(c, err)
	}
	r, err := a.o.Restarts.RestartOne(c.UserContext(), store.RestartTasks, store.RestartAll, n, by)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, explain(localizer(c), n, r))
}
