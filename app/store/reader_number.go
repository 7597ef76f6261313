package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// Things that pages print with a number.
const (
	ThingMessage  = "message"
	ThingTask     = "task"
	ThingEvent    = "event"
	ThingDelivery = "delivery"
	ThingGroup    = "group"
	ThingRestart  = "restart"
	ThingAlert    = "alert"
)

// Things lists them, first those that a number is likeliest to mean.
func Things() []string {
	return []string{ThingMessage, ThingTask, ThingEvent, ThingDelivery, ThingGroup, ThingRestart, ThingAlert}
}

// Numbered is a thing that has a number.
type Numbered struct {
	Thing   string
	Kind    string // activity of a message, kind of a task, a delivery or an alert, type of an event, step of a group, what a restart is of
	State   string // a status of the thing
	Subject string // of an alert: what it is about
	At      time.Time
	Test    bool
	Error   *fault.Record // of a group: the failure itself
}

// ByNumber are the things that have a number, in the order of Things.
func (r *Reader) ByNumber(ctx context.Context, n int64) ([]Numbered, error) {
	var rows []struct {
		Thing   string         `db:"thing"`
		Kind    string         `db:"kind"`
		State   string         `db:"state"`
		At      time.Time      `db:"at"`
		Test    bool           `db:"test"`
		Error   sql.NullString `db:"error"`
		Subject string         `db:"subject"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT 'message' AS thing, activity AS kind, status AS state, first_received_at AS at, test, NULL::jsonb AS error, '' AS subject FROM messages WHERE id = $1
UNION ALL
SELECT 'task', kind, status, created_at, FALSE, NULL, '' FROM tasks WHERE id = $1
UNION ALL
SELECT 'event', type, status, created_at, FALSE, NULL, '' FROM events WHERE id = $1
UNION ALL
SELECT 'delivery', kind, status, created_at, FALSE, NULL, '' FROM deliveries WHERE id = $1
UNION ALL
SELECT 'group', step, CASE WHEN resolved_at IS NOT NULL THEN 'resolved' WHEN snoozed_until > now() THEN 'snoozed' ELSE 'open' END, first_seen_at, FALSE, error, ''
  FROM failure_groups
 WHERE id = $1
UNION ALL
SELECT 'restart', thing, status, created_at, FALSE, NULL, '' FROM restart_batches WHERE id = $1
UNION ALL
SELECT 'alert', kind, CASE WHEN cleared_at IS NULL THEN 'open' ELSE 'cleared' END, opened_at, FALSE, NULL, subject FROM alerts WHERE id = $1`, n)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]Numbered, 0, len(rows))
	for _, thing := range Things() { // a union has no order
		for _, v := range rows {
			if v.Thing != thing {
				continue
			}
			rec, err := recordOf(v.Error)
			if err != nil {
				return nil, err
			}
			out = append(out, Numbered{Thing: thing, Kind: v.Kind, State: v.State, Subject: v.Subject, At: v.At.UTC(), Test: v.Test, Error: rec})
		}
	}
	return out, nil
}
