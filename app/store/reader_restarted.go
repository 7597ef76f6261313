package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/outbox"
)

// RestartedRow is a restart as the message or task sees it that was restarted, alone
// or among many. It outlives the attempt and the tries.
type RestartedRow struct {
	ItemRow            // what came of it; ID is the message or the task
	Batch    int64     // the restart that it belongs to
	Mode     string    // all, delivery
	BegunAt  time.Time // UTC
	Actor    string
	Source   string
	Reason   string
	TaskID   int64 // the task that alone was restarted; 0: the message
	TaskKind outbox.Kind
}

type restartedRow struct {
	itemRow
	Batch    int64       `db:"batch_id"`
	Mode     string      `db:"mode"`
	BegunAt  time.Time   `db:"created_at"`
	Actor    string      `db:"actor"`
	Source   string      `db:"source"`
	Reason   string      `db:"reason"`
	TaskID   int64       `db:"task_id"`
	TaskKind outbox.Kind `db:"task_kind"`
}

// restarted are the newest restarts of a message (0: none) and of tasks, newest first.
func (r *Reader) restarted(ctx context.Context, message int64, tasks []int64) (newest []RestartedRow, more bool, err error) {
	var rows []restartedRow
	err = sqlx.SelectContext(ctx, r.q, &rows, `
SELECT i.item_id, i.state, i.outcome, i.given, i.hurried, i.ran, i.code, i.error, i.done_at,
       b.id AS batch_id, b.mode, b.created_at, b.actor, b.source, b.reason,
       CASE b.thing WHEN 'tasks' THEN i.item_id ELSE 0 END AS task_id, COALESCE(t.kind, '') AS task_kind
  FROM restart_items i
  JOIN restart_batches b
    ON b.id = i.batch_id
  LEFT JOIN tasks t
         ON t.id = i.item_id
        AND b.thing = 'tasks'
 WHERE i.item_id = ANY($1::bigint || $2::bigint[])
   AND CASE b.thing WHEN 'tasks' THEN i.item_id = ANY($2) ELSE i.item_id = $1 END
 ORDER BY i.batch_id DESC, i.item_id
 LIMIT $3`, message, pq.Array(tasks), MaxLimit+1)
	if err != nil {
		return nil, false, toFault(err)
	}
	if more = len(rows) > MaxLimit; more {
		rows = rows[:MaxLimit]
	}
	out := make([]RestartedRow, len(rows))
	for n := range rows {
		row := &rows[n]
		item, err := row.show()
		if err != nil {
			return nil, false, err
		}
		out[n] = RestartedRow{ItemRow: item, Batch: row.Batch, Mode: row.Mode, BegunAt: row.BegunAt.UTC(), Actor: row.Actor, Source: row.Source, Reason: row.Reason,
			TaskID: row.TaskID, TaskKind: row.TaskKind}
	}
	return out, more, nil
}

// TaskRestarts are the newest restarts of a task, newest first.
func (r *Reader) TaskRestarts(ctx context.Context, id int64) ([]RestartedRow, error) {
	newest, _, err := r.restarted(ctx, 0, []int64{id})
	return newest, err
}
