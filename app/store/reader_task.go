package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// TaskStatuses lists the statuses of tasks, which are those of deliveries too.
func TaskStatuses() []string {
	return []string{string(outbox.Pending), string(outbox.Running), string(outbox.Succeeded), string(outbox.Failed), string(outbox.Cancelled)}
}

// TaskFilter says which tasks a list holds. Zero fields do not filter.
type TaskFilter struct {
	Kind       string
	Status     string
	InstanceID string // KooGallery's
	Q          string // see Reader.TaskList
	Group      int64  // of failure_groups
}

// TaskRow is a piece of follow-up work. Times are UTC; a zero time means "none".
type TaskRow struct {
	ID          int64
	Kind        outbox.Kind
	Purpose     outbox.Purpose
	Status      outbox.Status
	MessageID   int64 // 0: none
	InstanceID  string
	DeliveryID  int64 // 0: none
	CodeID      int64 // of the authorization code that it is about; 0: none
	OrderPK     int64 // of the order line that it is about; 0: none
	OrderID     string
	LineID      string
	Attempts    int       // tries in the present round
	Round       int       // restarts begin a new one
	RunAt       time.Time // pending: not before
	Parked      bool      // pending until a person does something
	CreatedAt   time.Time
	StartedAt   time.Time
	FinishedAt  time.Time
	LastError   *fault.Record
	OvertakenBy int64     // the later task that has taken its place, given up as it is; 0: none
	Tries       []TaskTry // newest first; only where a detail asks for them
}

// TaskTry is one try of a task, or what a person did to it.
type TaskTry struct {
	At       time.Time
	Round    int
	Number   int // of the try in its round; 0 for a restart
	Duration time.Duration
	Outcome  string // succeeded, failed, lost, restarted, cancelled
	Actor    string
	Error    *fault.Record
}

type taskRow struct {
	ID         int64          `db:"id"`
	Kind       string         `db:"kind"`
	Purpose    string         `db:"purpose"`
	Status     string         `db:"status"`
	MessageID  int64          `db:"message_id"`
	InstanceID string         `db:"instance_id"`
	DeliveryID int64          `db:"delivery_id"`
	CodeID     int64          `db:"license_code_id"`
	OrderPK    int64          `db:"order_pk"`
	OrderID    string         `db:"order_id"`
	LineID     string         `db:"order_line_id"`
	Attempts   int            `db:"attempts"`
	Round      int            `db:"round"`
	RunAt      time.Time      `db:"run_at"`
	Created    time.Time      `db:"created_at"`
	Started    sql.NullTime   `db:"started_at"`
	Finished   sql.NullTime   `db:"finished_at"`
	LastError  sql.NullString `db:"last_error"`
	Overtaken  int64          `db:"overtaken_by"`
}

var taskList = source{
	list: list{letter: 't', id: "t.id"},
	columns: `t.id, t.kind, t.purpose, t.status, COALESCE(t.message_id, 0) AS message_id,
       COALESCE((SELECT i.instance_id FROM instances i WHERE i.id = t.instance_pk), '') AS instance_id,
       COALESCE(t.delivery_id, 0) AS delivery_id, COALESCE(t.license_code_id, 0) AS license_code_id,
       COALESCE(t.order_pk, 0) AS order_pk, t.order_id, t.order_line_id, t.attempts, t.round, t.run_at,
       t.created_at, t.started_at, t.finished_at, t.last_error,
       CASE WHEN t.status = 'failed' THEN COALESCE(t.overtaken_by, 0) ELSE 0 END AS overtaken_by`,
	table: "tasks",
	alias: "t",
}

// parkedYear: a run_at behind it is no time but means "until a person acts".
const parkedYear = 9000

const untilPerson = `timestamptz '9000-01-01 00:00:00+00'`

func (t *taskRow) show() (TaskRow, error) {
	last, err := recordOf(t.LastError)
	run := t.RunAt.UTC()
	return TaskRow{
		ID: t.ID, Kind: outbox.Kind(t.Kind), Purpose: outbox.Purpose(t.Purpose), Status: outbox.Status(t.Status),
		MessageID: t.MessageID, InstanceID: t.InstanceID, DeliveryID: t.DeliveryID, CodeID: t.CodeID, OrderPK: t.OrderPK, OrderID: t.OrderID, LineID: t.LineID,
		Attempts: t.Attempts, Round: t.Round, RunAt: run, Parked: run.Year() > parkedYear,
		CreatedAt: t.Created.UTC(), StartedAt: utc(t.Started), FinishedAt: utc(t.Finished), LastError: last, OvertakenBy: t.Overtaken,
	}, err
}

func taskKey(t *taskRow) position { return position{id: t.ID} }

func (f TaskFilter) clause() *clause {
	c := &clause{}
	c.equal("t.kind", f.Kind)
	c.equal("t.status", f.Status)
	if f.Group != 0 {
		c.and("t.failure_group = ?", f.Group)
	}
	if f.InstanceID != "" {
		c.and("t.instance_pk = (SELECT id FROM instances WHERE instance_id = ?)", f.InstanceID)
	}
	return c
}

func (r *Reader) taskClause(ctx context.Context, f TaskFilter) (*clause, error) {
	return r.taskClauseOf(ctx, f, maxFound)
}

func (r *Reader) taskClauseOf(ctx context.Context, f TaskFilter, most int) (*clause, error) {
	c := f.clause()
	return c, r.followersOf(ctx, c, f.Q, "tasks", most)
}

// TaskList reads a page of tasks, newest first. Q finds a task by its id, and
// those of the instances and messages that it finds as in InstanceList and
// MessageList. Fault: invalid "cursor.invalid".
func (r *Reader) TaskList(ctx context.Context, f TaskFilter, p Paging) (Page[TaskRow], error) {
	c, err := r.taskClause(ctx, f)
	if err != nil {
		return Page[TaskRow]{}, err
	}
	return page(ctx, r, taskList, c, p, taskKey, (*taskRow).show)
}

// TaskCounts counts the tasks of a filter by status; the filter's own status
// does not count.
func (r *Reader) TaskCounts(ctx context.Context, f TaskFilter) (Counts, error) {
	f.Status = ""
	c, err := r.taskClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, taskList, "t.status", c, TaskStatuses())
}

// TaskNeighbours gives the tasks before and after one in a filtered list; 0 at
// the ends.
func (r *Reader) TaskNeighbours(ctx context.Context, f TaskFilter, id int64) (newer, older int64, err error) {
	c, err := r.taskClause(ctx, f)
	if err != nil {
		return 0, 0, err
	}
	n, o, err := r.neighbours(ctx, taskList, c, time.Time{}, id, "t.id")
	return idOf(n), idOf(o), err
}

// TaskDetail loads a task with its tries. Fault: not_found "task.unknown".
func (r *Reader) TaskDetail(ctx context.Context, id int64) (*TaskRow, error) {
	c := &clause{}
	c.and("t.id = ?", id)
	tasks, err := r.tasksWithTries(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		return nil, fault.New(fault.NotFound, "task.unknown")
	}
	return &tasks[0], nil
}

// tasksWithTries loads the tasks of one thing (few), oldest first, with their
// tries.
func (r *Reader) tasksWithTries(ctx context.Context, c *clause) ([]TaskRow, error) {
	var rows []taskRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+taskList.columns+`
  FROM tasks t`+c.where()+`
 ORDER BY t.id
 LIMIT 200`, c.args...)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]TaskRow, 0, len(rows))
	ids := make([]int64, 0, len(rows))
	for i := range rows {
		t, err := rows[i].show()
		if err != nil {
			return nil, err
		}
		out, ids = append(out, t), append(ids, t.ID)
	}
	tries, err := r.tries(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Tries = tries[out[i].ID]
	}
	return out, nil
}

func (r *Reader) tries(ctx context.Context, tasks []int64) (map[int64][]TaskTry, error) {
	if len(tasks) == 0 {
		return nil, nil
	}
	var rows []struct {
		TaskID     int64          `db:"task_id"`
		Round      int            `db:"round"`
		Number     int            `db:"number"`
		At         time.Time      `db:"at"`
		DurationUS int64          `db:"duration_us"`
		Outcome    string         `db:"outcome"`
		Actor      string         `db:"actor"`
		Error      sql.NullString `db:"error"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT a.task_id, a.round, a.number, a.at, a.duration_us, a.outcome, a.actor, a.error
  FROM unnest($1::bigint[]) AS wanted (id)
  JOIN LATERAL (
       SELECT *
         FROM task_attempts
        WHERE task_id = wanted.id
        ORDER BY id DESC
        LIMIT 100) a ON TRUE
 ORDER BY a.task_id, a.id DESC`, pq.Array(tasks))
	if err != nil {
		return nil, toFault(err)
	}
	out := make(map[int64][]TaskTry, len(tasks))
	for _, t := range rows {
		rec, err := recordOf(t.Error)
		if err != nil {
			return nil, err
		}
		out[t.TaskID] = append(out[t.TaskID], TaskTry{At: t.At.UTC(), Round: t.Round, Number: t.Number,
			Duration: time.Duration(t.DurationUS) * time.Microsecond, Outcome: t.Outcome, Actor: t.Actor, Error: rec})
	}
	return out, nil
}
