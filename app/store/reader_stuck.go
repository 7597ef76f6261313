package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// StuckRow is a piece of stuck work. Times are UTC; fields that its kind does not
// have are zero.
type StuckRow struct {
	Kind       string
	ID         int64     // of a task, an instance or a message, by the kind
	Since      time.Time // due, handed over, lease over, bought, ready
	TaskID     int64
	Task       outbox.Kind
	Mail       bool // the task sends one
	Purpose    outbox.Purpose
	Attempts   int
	NextAt     time.Time // of a creation: when it is tried again by itself; zero: never
	MessageID  int64
	InstanceID string
	Others     int // of a poll: further instances that it asked for and that are in the same state
	OrderID    string
	Product    string    // name
	Deadline   time.Time // KooGallery's for a creation; zero: none is published
	Polls      int       // how often KooGallery has asked for the access data
	PolledAt   time.Time // the last time
	RepairedAt time.Time // of a poll: answered again with all of it, and not asked for since; zero: it was not
	Error      *fault.Record
}

type stuckRow struct {
	ID         int64          `db:"id"`
	At         time.Time      `db:"at"`
	Since      time.Time      `db:"since"`
	TaskID     int64          `db:"task_id"`
	Task       string         `db:"task"`
	Mail       bool           `db:"mail"`
	Purpose    string         `db:"purpose"`
	Attempts   int            `db:"attempts"`
	Next       sql.NullTime   `db:"next_at"`
	MessageID  int64          `db:"message_id"`
	InstanceID string         `db:"instance_id"`
	Others     int            `db:"others"`
	OrderID    string         `db:"order_id"`
	Product    string         `db:"product"`
	Deadline   sql.NullTime   `db:"deadline"`
	Polls      int            `db:"polls"`
	Polled     sql.NullTime   `db:"polled_at"`
	Repaired   sql.NullTime   `db:"repaired_at"`
	Error      sql.NullString `db:"error"`
}

// taskStuck is what is read of stuck tasks, which are ordered by at.
func taskStuck(letter byte, at string) source {
	return source{list: list{letter: letter, at: at, id: "t.id", asc: true}, table: "tasks", alias: "t",
		columns: `t.id, ` + at + ` AS at, ` + at + ` AS since, t.id AS task_id, t.kind AS task, ` + sendsMail + ` AS mail, t.purpose, t.attempts, NULL::timestamptz AS next_at,
       COALESCE(t.message_id, 0) AS message_id, COALESCE((SELECT i.instance_id FROM instances i WHERE i.id = t.instance_pk), '') AS instance_id, 0 AS others,
       t.order_id, '' AS product, NULL::timestamptz AS deadline, 0 AS polls, NULL::timestamptz AS polled_at, NULL::timestamptz AS repaired_at, t.last_error AS error`}
}

var stuckLists = map[string]source{
	StuckUnhanded: taskStuck('A', "t.run_at"),
	StuckLost:     taskStuck('j', "t.enqueued_at"),
	StuckLease:    taskStuck('B', "t.leased_until"),
	StuckCreation: {list: list{letter: 'C', id: "i.id", asc: true}, table: "instances",
		alias: `i LEFT JOIN LATERAL (
       SELECT id, kind, purpose, attempts, run_at, last_error
         FROM tasks
        WHERE instance_pk = i.id
          AND kind IN ('order_query', 'provision')
          AND status = 'pending'
        ORDER BY id DESC
        LIMIT 1) t ON true`,
		columns: `i.id, i.created_at AS at, i.created_at AS since, COALESCE(t.id, 0) AS task_id, COALESCE(t.kind, '') AS task, FALSE AS mail,
       COALESCE(t.purpose, '') AS purpose, COALESCE(t.attempts, 0) AS attempts, t.run_at AS next_at, 0 AS message_id, i.instance_id, 0 AS others, i.order_id,
       i.product_name AS product, ` + calls("max(m.retry_until)", "newInstance' AND m.result_code <> '000000") + ` AS deadline,
       COALESCE(` + calls("sum(m.attempts - m.restarts)", "queryInstance") + `, 0) AS polls, ` + calls("max(m.last_received_at)", "queryInstance") + ` AS polled_at,
       NULL::timestamptz AS repaired_at, t.last_error AS error`},
	StuckPoll: {list: list{letter: 'q', at: "m.last_received_at", id: "m.id", asc: true}, table: "messages",
		alias: strings.TrimPrefix(stuckFrom[StuckPoll], "messages "),
		columns: `m.id, m.last_received_at AS at, i.provisioned_at AS since, 0::bigint AS task_id, '' AS task, FALSE AS mail, '' AS purpose, 0 AS attempts,
       NULL::timestamptz AS next_at, m.id AS message_id, i.instance_id, i.others, i.order_id, i.product_name AS product, NULL::timestamptz AS deadline,
       m.attempts - m.restarts AS polls,
       m.last_received_at AS polled_at, CASE WHEN ` + answeredAgain + ` THEN m.answered_again_at END AS repaired_at, NULL AS error`},
}

// calls reads something of the calls of an activity about instance i.
func calls(what, activity string) string {
	return `(SELECT ` + what + ` FROM ` + messagesAbout("= i.instance_id") + ` m WHERE m.channel_id = i.channel_id AND NOT m.test AND m.activity = '` + activity + `')`
}

func (s *stuckRow) show(kind string) (StuckRow, error) {
	out := StuckRow{Kind: kind, ID: s.ID, Since: s.Since.UTC(), TaskID: s.TaskID, Task: outbox.Kind(s.Task), Mail: s.Mail, Purpose: outbox.Purpose(s.Purpose),
		Attempts: s.Attempts, NextAt: utc(s.Next), MessageID: s.MessageID, InstanceID: s.InstanceID, Others: s.Others, OrderID: s.OrderID, Product: s.Product,
		Deadline: utc(s.Deadline), Polls: s.Polls, PolledAt: utc(s.Polled), RepairedAt: utc(s.Repaired)}
	if out.NextAt.Year() > parkedYear {
		out.NextAt = time.Time{}
	}
	var err error
	out.Error, err = recordOf(s.Error)
	return out, err
}

// StuckList reads a page of stuck work of one kind, the longest stuck first, or
// (kind "") of all kinds one after the other; that can be read forwards only.
// Faults: not_found "stuck.unknown" for an unknown kind; invalid "cursor.invalid".
func (r *Reader) StuckList(ctx context.Context, kind string, p Paging) (Page[StuckRow], error) {
	if kind == "" {
		return r.stuckAll(ctx, p)
	}
	s, ok := stuckLists[kind]
	if !ok {
		return Page[StuckRow]{}, fault.New(fault.NotFound, "stuck.unknown")
	}
	c := &clause{}
	c.and(stuckWhere[kind])
	key := func(s *stuckRow) position { return position{at: s.At, id: s.ID} }
	return page(ctx, r, s, c, p, key, func(s *stuckRow) (StuckRow, error) { return s.show(kind) })
}

func (r *Reader) stuckAll(ctx context.Context, p Paging) (Page[StuckRow], error) {
	var out Page[StuckRow]
	kinds := StuckKinds()
	for p.Cursor != "" { // it is of one kind's list, where reading goes on
		if len(kinds) == 0 {
			return out, fault.New(fault.Invalid, "cursor.invalid")
		}
		if _, err := stuckLists[kinds[0]].decode(p.Cursor); err == nil {
			break
		}
		kinds = kinds[1:]
	}
	limit := p.limit()
	for _, kind := range kinds {
		if len(out.Items) == limit {
			out.Older = stuckLists[kind].encode(position{at: time.UnixMicro(0)})
			return out, nil
		}
		found, err := r.StuckList(ctx, kind, Paging{Cursor: p.Cursor, Limit: limit - len(out.Items)})
		if err != nil {
			return Page[StuckRow]{}, err
		}
		if out.Items, p.Cursor = append(out.Items, found.Items...), ""; found.Older != "" {
			out.Older = found.Older
			return out, nil
		}
	}
	return out, nil
}

// countStuck counts a kind, as a column.
func countStuck(kind string) string {
	return `(SELECT count(*) FROM (SELECT 1 FROM ` + stuckFrom[kind] + ` WHERE ` + stuckWhere[kind] + ` LIMIT 1001) AS b)`
}

// stuckCounts counts every kind, as columns.
var stuckCounts = func() string {
	var out []string
	for _, kind := range StuckKinds() {
		out = append(out, countStuck(kind))
	}
	return strings.Join(out, ",\n       ")
}()

// StuckCounts counts stuck work by its kind.
func (r *Reader) StuckCounts(ctx context.Context) (Counts, error) {
	n := make([]int, len(StuckKinds()))
	to := make([]any, len(n))
	for i := range n {
		to[i] = &n[i]
	}
	if err := r.q.QueryRowxContext(ctx, `
SELECT `+stuckCounts).Scan(to...); err != nil {
		return nil, toFault(err)
	}
	out := Counts{}
	for i, kind := range StuckKinds() {
		out[kind] = countOf(n[i])
	}
	return out, nil
}

// NeedStuck is the stuck work of every kind; key and label name the kind of what
// has been stuck for longest.
func (r *Reader) NeedStuck(ctx context.Context) (Need, error) {
	return r.need(ctx, needStuck)
}

var needStuck = func() string {
	var parts []string
	for _, kind := range StuckKinds() {
		l := stuckLists[kind]
		since := map[string]string{StuckCreation: "i.created_at", StuckPoll: "i.provisioned_at"}[kind]
		if since == "" {
			since = l.at
		}
		parts = append(parts, `
        SELECT '`+kind+`' AS key, `+countStuck(kind)+` AS some,
               (SELECT `+since+` FROM `+stuckFrom[kind]+` WHERE `+stuckWhere[kind]+` ORDER BY `+l.order(false)+` LIMIT 1) AS since`)
	}
	return `
SELECT (sum(due.some) OVER ())::int AS n, due.key, due.key AS label, NULL AS error, due.since, NULL::timestamptz AS until
  FROM (` + strings.Join(parts, "\n         UNION ALL") + `) due
 WHERE due.some > 0
 ORDER BY due.since
 LIMIT 1`
}()
