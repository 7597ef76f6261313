package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// restartFrom is what a set holds as a FROM, under the alias x, with its arguments.
func (r *Reader) restartFrom(ctx context.Context, s RestartSet) (string, *clause, error) {
	table, src := "messages", messageList
	c := &clause{}
	var err error
	switch {
	case s.Thing == RestartTasks && s.IDs != nil:
		table = "tasks"
	case s.Thing == RestartTasks:
		table, src = "tasks", taskList
		c, err = r.taskClauseOf(ctx, s.Tasks, unlimited)
	case s.IDs == nil:
		c, err = r.messageClauseOf(ctx, s.Messages, unlimited)
	}
	if err != nil {
		return "", nil, err
	}
	if s.IDs != nil {
		return "(SELECT x.* FROM " + table + " x WHERE x.id = ANY(" + c.arg(pq.Array(s.IDs)) + ")) x", c, nil
	}
	inner := "(SELECT " + src.alias + ".* FROM " + src.from(c) + c.where() + ") x"
	return inner, &clause{args: c.args}, nil
}

// keptWords are the Words of a set as its batch keeps them for ever: what was searched
// for is masked unless it is an id of something, or begins one. It may be a customer's
// name.
func (r *Reader) keptWords(ctx context.Context, s RestartSet) (map[string]string, error) {
	words := s.Words()
	q := strings.TrimSpace(words["q"])
	if q == "" || strings.Contains(q, "•") || rowNumber.MatchString(q) {
		return words, nil
	}
	found, err := r.search(ctx, q, 1, nil, anyMessage)
	if err == nil && len(found) == 0 {
		words["q"] = MaskName(q)
	}
	return words, err
}

// rowNumber is the number of a message or a task, as it is searched for.
var rowNumber = regexp.MustCompile(`^#?[0-9]{1,6}$`)

// Words is the filter for people: names and values, without a customer's address.
func (s RestartSet) Words() map[string]string {
	all := map[string]string{}
	if s.IDs == nil && s.Thing == RestartTasks {
		f := s.Tasks
		all = map[string]string{"kind": f.Kind, "status": f.Status, "instance_id": f.InstanceID, "q": f.Q, "group": groupWord(f.Group)}
	}
	if s.IDs == nil && s.Thing == RestartMessages {
		all = s.Messages.words()
	}
	for name, v := range all {
		switch {
		case v == "":
			delete(all, name)
		case name == "q" && strings.Contains(v, "@"):
			all[name] = MaskEmail(v)
		case name == "q" && phoneLike(v):
			all[name] = MaskPhone(market.FoldPhone(v))
		}
	}
	return all
}

// broken is chosenBroken of what is no batch yet.
func (s RestartSet) broken() bool {
	w := s.Words()
	return len(w) == 0 || w["status"] == MessageFailed || w["group"] != ""
}

// phoneLike tells whether a search may have been for a phone number: nothing but
// what such a number is written with, and enough of it. A row's id of so many
// digits is masked too, which costs less than keeping a number for ever.
func phoneLike(q string) bool {
	return strings.Trim(q, "+0123456789 -()") == "" && len(market.FoldPhone(q)) >= 7
}

// groupWord names a failure group; "" for none.
func groupWord(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

func (f MessageFilter) words() map[string]string {
	all := map[string]string{"channel": f.Channel, "protocol": f.Protocol, "activity": f.Activity, "status": f.Status, "order_id": f.OrderID,
		"instance_id": f.InstanceID, "q": f.Q, "group": groupWord(f.Group)}
	if f.Quarantined {
		all["quarantined"] = "1"
	}
	if f.Test != nil {
		all["test"] = "0"
		if *f.Test {
			all["test"] = "1"
		}
	}
	if !f.Since.IsZero() {
		all["since"] = f.Since.Format(time.RFC3339)
	}
	if !f.Until.IsZero() {
		all["until"] = f.Until.Format(time.RFC3339)
	}
	return all
}

// BatchRow is a restart as people see it, of one or of many. Times are UTC.
type BatchRow struct {
	ID         int64
	One        int64 // the message or task that was named alone; 0: several, or what a filter found
	Thing      string
	Mode       string
	Status     string
	Filter     map[string]string
	Total      int
	Restarted  int
	Refused    int
	Passed     int
	Failed     int
	PerSecond  int
	Actor      string
	Reason     string
	ChangedBy  string
	CreatedAt  time.Time
	FinishedAt time.Time // zero while it is not over
	Error      *fault.Record
}

// Waiting is how many items were not come to.
func (b BatchRow) Waiting() int { return b.Total - b.Restarted - b.Refused }

// Open is how many restarted items are still under way.
func (b BatchRow) Open() int { return b.Restarted - b.Passed - b.Failed }

type batchRow struct {
	ID        int64          `db:"id"`
	One       int64          `db:"one"`
	Thing     string         `db:"thing"`
	Mode      string         `db:"mode"`
	Status    string         `db:"status"`
	Filter    []byte         `db:"filter"`
	Total     int            `db:"total"`
	Restarted int            `db:"restarted"`
	Refused   int            `db:"refused"`
	Passed    int            `db:"passed"`
	Failed    int            `db:"failed"`
	PerSecond int            `db:"per_second"`
	Actor     string         `db:"actor"`
	Reason    string         `db:"reason"`
	ChangedBy string         `db:"changed_by"`
	Created   time.Time      `db:"created_at"`
	Finished  sql.NullTime   `db:"finished_at"`
	Error     sql.NullString `db:"last_error"`
}

var batchList = source{
	list: list{letter: 'b', id: "b.id"},
	columns: `b.id, b.thing, b.mode, b.status, b.filter, b.total, b.restarted, b.refused, b.passed, b.failed, b.per_second, b.actor, b.reason, b.changed_by, b.created_at, b.finished_at, b.last_error,
       COALESCE(CASE WHEN b.total = 1 AND b.filter = '{}' THEN (SELECT i.item_id FROM restart_items i WHERE i.batch_id = b.id) END, 0) AS one`,
	table: "restart_batches",
	alias: "b",
}

func (b *batchRow) show() (BatchRow, error) {
	rec, err := recordOf(b.Error)
	if err != nil {
		return BatchRow{}, err
	}
	out := BatchRow{ID: b.ID, One: b.One, Thing: b.Thing, Mode: b.Mode, Status: b.Status, Total: b.Total, Restarted: b.Restarted, Refused: b.Refused,
		Passed: b.Passed, Failed: b.Failed, PerSecond: b.PerSecond, Actor: b.Actor, Reason: b.Reason, ChangedBy: b.ChangedBy,
		CreatedAt: b.Created.UTC(), FinishedAt: utc(b.Finished), Error: rec}
	if err := json.Unmarshal(b.Filter, &out.Filter); err != nil {
		return out, fault.Wrap(err, fault.Internal, "internal")
	}
	return out, nil
}

// BatchList reads a page of restart batches, newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) BatchList(ctx context.Context, p Paging) (Page[BatchRow], error) {
	return page(ctx, r, batchList, &clause{}, p, func(b *batchRow) position { return position{id: b.ID} }, (*batchRow).show)
}

// Batch reads one restart batch. Fault: not_found "restart.unknown_batch".
func (r *Reader) Batch(ctx context.Context, id int64) (BatchRow, error) {
	var row batchRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+batchList.columns+`
  FROM restart_batches b
 WHERE b.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return BatchRow{}, fault.New(fault.NotFound, "restart.unknown_batch")
	}
	if err != nil {
		return BatchRow{}, toFault(err)
	}
	return row.show()
}

// ItemRow is one item of a restart batch.
type ItemRow struct {
	ID      int64
	State   string
	Outcome string
	Given   int
	Hurried int
	Ran     bool
	Code    string
	Error   *fault.Record // why it was refused
	DoneAt  time.Time
	What    string // activity of the message, kind of the task
	Line    string
}

type itemRow struct {
	ID      int64          `db:"item_id"`
	State   string         `db:"state"`
	Outcome string         `db:"outcome"`
	Given   int            `db:"given"`
	Hurried int            `db:"hurried"`
	Ran     bool           `db:"ran"`
	Code    string         `db:"code"`
	Error   sql.NullString `db:"error"`
	DoneAt  sql.NullTime   `db:"done_at"`
	What    string         `db:"what"`
	Line    string         `db:"line"`
}

func (i *itemRow) show() (ItemRow, error) {
	rec, err := recordOf(i.Error)
	return ItemRow{ID: i.ID, State: i.State, Outcome: i.Outcome, Given: i.Given, Hurried: i.Hurried, Ran: i.Ran, Code: i.Code,
		Error: rec, DoneAt: utc(i.DoneAt), What: i.What, Line: i.Line}, err
}

var itemList = source{
	list: list{letter: 'r', id: "i.item_id", asc: true},
	columns: `i.item_id, i.state, i.outcome, i.given, i.hurried, i.ran, i.code, i.error, i.done_at,
       COALESCE(CASE b.thing WHEN 'tasks' THEN (SELECT t.kind FROM tasks t WHERE t.id = i.item_id)
                             ELSE (SELECT m.activity FROM messages m WHERE m.id = i.item_id) END, '') AS what,
       COALESCE(CASE b.thing WHEN 'tasks' THEN (SELECT t.order_line_id FROM tasks t WHERE t.id = i.item_id)
                             ELSE (SELECT m.order_line_id FROM messages m WHERE m.id = i.item_id) END, '') AS line`,
	table: "restart_batches b JOIN restart_items",
	alias: "i ON i.batch_id = b.id",
}

// ItemList reads a page of a batch's items in the order they are done; only
// those that were refused or failed again if bad. Fault: invalid "cursor.invalid".
func (r *Reader) ItemList(ctx context.Context, batch int64, bad bool, p Paging) (Page[ItemRow], error) {
	c := &clause{}
	c.and("b.id = ? AND i.batch_id = ?", batch, batch)
	if bad {
		c.and("(i.state = 'refused' OR i.outcome = 'failed')")
	}
	return page(ctx, r, itemList, c, p, func(i *itemRow) position { return position{id: i.ID} }, (*itemRow).show)
}

// RefusedWhy counts the refused items of a batch by the key of the fault.
func (r *Reader) RefusedWhy(ctx context.Context, batch int64) (map[string]int, error) {
	var rows []struct {
		Key string `db:"key"`
		N   int    `db:"n"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT COALESCE(error ->> 'key', 'internal') AS key, count(*) AS n
  FROM restart_items
 WHERE batch_id = $1
   AND state = 'refused'
 GROUP BY 1`, batch)
	out := make(map[string]int, len(rows))
	for _, row := range rows {
		out[row.Key] = row.N
	}
	return out, toFault(err)
}
