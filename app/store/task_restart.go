package store

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// Restarted says what restarting tasks did.
type Restarted struct {
	Given   int     // given-up tasks that begin a new round
	Hurried int     // waiting tasks that run now instead of later
	Running int     // tasks that are being worked on: left alone
	Due     int     // tasks whose turn has come already: left alone
	Tells   []int64 // deliveries, one for each of the given and hurried tasks that sends one
	Settles bool    // the status of the message goes by one of the given and hurried tasks
}

// Touched is how many tasks will run now because of it.
func (r Restarted) Touched() int { return r.Given + r.Hurried }

// Already is how many tasks were on their way before.
func (r Restarted) Already() int { return r.Running + r.Due }

// Refused is why a restart is refused: some of it runs, the conflict "restart.running", or
// is due already, "restart.under_way"; nil if neither.
func (r Restarted) Refused() error {
	switch {
	case r.Running > 0:
		return fault.New(fault.Conflict, "restart.running")
	case r.Due > 0:
		return UnderWay()
	}
	return nil
}

// UnderWay is the conflict "restart.under_way", of what is due already.
func UnderWay() error { return fault.New(fault.Conflict, "restart.under_way") }

// taskDue says of a task t that its turn has come: a worker is about to begin it. It is
// by the statement's time: who waited for another restart's lock has begun before it did.
const taskDue = `(t.status = 'pending' AND t.run_at <= statement_timestamp())`

// RestartTasks begins a new round of the given-up tasks among ids and lets the
// waiting ones run now; each of these leaves an attempt row. Running ones and those that
// are due already, such as by a restart just before, are only counted: there is nothing
// to hurry. Should Redis have lost a due task's job, a restart would not bring it back
// sooner than what looks after that: the relay notices at once when Redis was emptied,
// the sweeper hands over again what no worker has begun for a minute, and then it is
// stuck work with a repair.
func (t *Tx) RestartTasks(ctx context.Context, ids []int64, actor string) (Restarted, error) {
	var out Restarted
	rows, err := t.tx.QueryxContext(ctx, `
SELECT t.id, t.status, COALESCE(t.delivery_id, 0) AS delivery, `+taskDue+` AS due, `+settles+` AS settles
  FROM tasks t
 WHERE t.id = ANY($1)
 ORDER BY t.id
   FOR NO KEY UPDATE`, pq.Array(ids))
	if err != nil {
		return out, toFault(err)
	}
	given, waiting, err := splitTasks(rows, &out)
	if err != nil {
		return out, err
	}
	out.Given, out.Hurried = len(given), len(waiting)
	_, err = t.tx.ExecContext(ctx, `
WITH r AS (
    UPDATE tasks
       SET status = 'pending',
           round = round + CASE WHEN id = ANY($1) THEN 1 ELSE 0 END,
           attempts = CASE WHEN id = ANY($1) THEN 0 ELSE attempts END,
           run_at = now(),
           enqueued_at = NULL,
           finished_at = NULL
     WHERE id = ANY($1)
        OR id = ANY($2)
    RETURNING id, round
)
INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
SELECT id, round, 0, now(), 'restarted', $3
  FROM r`, pq.Array(given), pq.Array(waiting), actor)
	return out, toFault(err)
}

// RestartTask is RestartTasks for one task, of a message if it has one, whose subject is
// locked. overtaken is the conflict of TaskOvertaken for which it must not begin a new
// round: that is judged while the task still stands as given up.
func (t *Tx) RestartTask(ctx context.Context, m StoredMessage, id int64, actor string) (r Restarted, overtaken, err error) {
	overtaken = t.TaskOvertaken(ctx, m, id)
	if overtaken != nil && !fault.Is(overtaken, fault.Conflict) {
		return r, nil, overtaken
	}
	if r, err = t.RestartTasks(ctx, []int64{id}, actor); err != nil || r.Given == 0 {
		return r, nil, err
	}
	return r, overtaken, nil
}

func splitTasks(rows *sqlx.Rows, out *Restarted) (given, waiting []int64, err error) {
	defer rows.Close()
	for rows.Next() {
		var id, delivery int64
		var status outbox.Status
		var due, settles bool
		if err := rows.Scan(&id, &status, &delivery, &due, &settles); err != nil {
			return nil, nil, toFault(err)
		}
		switch {
		case due:
			out.Due++
			continue
		case status == outbox.Running:
			out.Running++
			continue
		case status == outbox.Failed:
			given = append(given, id)
		case status == outbox.Pending:
			waiting = append(waiting, id)
		default:
			continue
		}
		out.Settles = out.Settles || settles
		if delivery != 0 {
			out.Tells = append(out.Tells, delivery)
		}
	}
	return given, waiting, toFault(rows.Err())
}

// TaskIDs lists the tasks of a message that are not done, oldest first, without
// those that would tell its customer a second time or undo what came later.
func (t *Tx) TaskIDs(ctx context.Context, message int64) ([]int64, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT t.id
  FROM tasks t
 WHERE t.message_id = $1
   AND t.status IN ('pending', 'running', 'failed')
   AND NOT `+toldAlready+`
   AND NOT `+overtakenTask+`
 ORDER BY t.id`, message)
	return ids, toFault(err)
}
