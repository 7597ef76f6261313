package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// Statuses of failure groups.
const (
	GroupOpen     = "open"
	GroupSnoozed  = "snoozed"
	GroupResolved = "resolved"
)

// GroupStatuses lists the statuses of failure groups.
func GroupStatuses() []string { return []string{GroupOpen, GroupSnoozed, GroupResolved} }

// GroupFilter says which failure groups a list holds. Zero fields do not filter.
type GroupFilter struct {
	Channel   string // slug
	Status    string
	Waiting   bool   // only those that somebody must decide about
	Step      string // kind of task or activity
	ProductID string
	Assignee  string // address of an operator
}

// GroupRow is what fails for one reason at one step. Times are UTC; a zero time
// means "none". What is counted is counted up to 1000, of groups with more than 100
// members in a list as of the last SettleFailures.
type GroupRow struct {
	ID           int64
	Channel      string // slug; "" where the work is of no channel
	ProductID    string // "" before the product is known, or where it plays no part
	ProductName  string
	Step         string // kind of task, or activity of the messages
	OfTasks      bool   // its members are tasks; else messages without a task
	Messages     bool   // messages fail by it, and restarting these reaches all of it
	Error        *fault.Record
	Status       string
	FirstSeenAt  time.Time
	LastSeenAt   time.Time
	OpenedAt     time.Time // this time
	ResolvedAt   time.Time
	Reopened     int
	GivenUp      Count     // members that nobody tries again by itself
	Retrying     Count     // members that are tried again by themselves
	Orders       Count     // orders that it touches now
	MostOrders   Count     // the most that it touched at a time
	Deadline     time.Time // the first of its messages' retry_until that is still to come
	Note         string
	SnoozedUntil time.Time
	Assignee     string // address of an operator
	ClosedBy     string // who closed it though its members have not passed
	CloseReason  string
	Overtaken    int // members whose place later calls have taken, since it was opened last
}

type groupRow struct {
	ID          int64          `db:"id"`
	Channel     string         `db:"channel"`
	ProductID   string         `db:"product_id"`
	ProductName string         `db:"product_name"`
	Step        string         `db:"step"`
	OfTasks     bool           `db:"of_tasks"`
	Messages    bool           `db:"messages"`
	Error       sql.NullString `db:"error"`
	Status      string         `db:"status"`
	First       time.Time      `db:"first_seen_at"`
	Last        time.Time      `db:"last_seen_at"`
	Opened      time.Time      `db:"opened_at"`
	Resolved    sql.NullTime   `db:"resolved_at"`
	Reopened    int            `db:"reopened"`
	GivenUp     int            `db:"given_up"`
	Retrying    int            `db:"retrying"`
	Orders      int            `db:"orders"`
	MostOrders  int            `db:"most_orders"`
	Deadline    sql.NullTime   `db:"deadline"`
	Note        string         `db:"note"`
	Snoozed     sql.NullTime   `db:"snoozed_until"`
	Assignee    string         `db:"assignee"`
	ClosedBy    string         `db:"closed_by"`
	CloseReason string         `db:"close_reason"`
	Overtaken   int            `db:"overtaken"`
}

// allOfMessages says of a group g that none of its tasks is without a message.
const allOfMessages = `(SELECT t.id FROM tasks t WHERE t.failure_group = g.id AND t.message_id IS NULL ORDER BY t.id DESC LIMIT 1) IS NULL`

// taskOrder is the order of the task t: its own, or its instance's.
const taskOrder = `COALESCE(NULLIF(t.order_id, ''), (SELECT i.order_id FROM instances i WHERE i.id = t.instance_pk), '')`

// countMembers counts what belongs to the group g, up to one more than most. The
// orders are only told apart, in no order that anybody sees.
func countMembers(most int) string {
	limit := strconv.Itoa(most + 1)
	return `
        SELECT count(*) FILTER (WHERE given_up) AS given_up,
               count(*) FILTER (WHERE NOT given_up) AS retrying,
               count(DISTINCT order_id COLLATE "C") FILTER (WHERE order_id <> '') AS orders
          FROM ((SELECT t.status = 'failed' AS given_up, ` + taskOrder + ` AS order_id
                   FROM tasks t
                  WHERE t.failure_group = g.id
                    AND g.of_tasks
                  LIMIT ` + limit + `)
                UNION ALL
                (SELECT m.status = 'failed', m.order_id
                   FROM messages m
                  WHERE m.failure_group = g.id
                    AND NOT g.of_tasks
                  LIMIT ` + limit + `)) member`
}

// mostListed is how many members of a group a list counts itself. Of a bigger one it
// has what SettleFailures counted last.
const mostListed = 100

var (
	groupMembers  = countMembers(1000)
	listedMembers = `
        SELECT ` + atLeast("given_up") + `, ` + atLeast("retrying") + `, ` + atLeast("orders") + `
          FROM (` + countMembers(mostListed) + `) few`
)

// atLeast is a number of few members, unless there are more of them.
func atLeast(number string) string {
	return `CASE WHEN few.given_up + few.retrying > ` + strconv.Itoa(mostListed) + ` THEN GREATEST(g.` + number + `, few.` + number + `) ELSE few.` + number + ` END AS ` + number
}

const groupStatus = `CASE WHEN g.resolved_at IS NOT NULL THEN 'resolved' WHEN g.snoozed_until > now() THEN 'snoozed' ELSE 'open' END`

var groupList = source{
	list: list{letter: 'g', at: "g.last_seen_at", id: "g.id"},
	columns: `g.id, COALESCE((SELECT c.slug FROM channels c WHERE c.id = g.channel_id), '') AS channel, g.product_id,
       COALESCE((SELECT i.product_name FROM instances i WHERE i.product_id = g.product_id AND g.product_id <> '' ORDER BY i.id DESC LIMIT 1), '') AS product_name,
       g.step, g.of_tasks, (SELECT m.id FROM messages m WHERE m.failure_group = g.id ORDER BY m.last_received_at DESC, m.id DESC LIMIT 1) IS NOT NULL AND ` + allOfMessages + ` AS messages, g.error, ` + groupStatus + ` AS status,
       g.first_seen_at, g.last_seen_at, g.opened_at, g.resolved_at, g.closed_by, g.close_reason, g.overtaken, g.reopened, n.given_up, n.retrying, n.orders, g.most_orders,
       (SELECT m.retry_until FROM messages m WHERE m.failure_group = g.id AND m.retry_until > now() ORDER BY m.retry_until LIMIT 1) AS deadline,
       g.note, g.snoozed_until, COALESCE((SELECT o.email FROM operators o WHERE o.id = g.assignee_id), '') AS assignee`,
	table: "failure_groups",
	alias: "g CROSS JOIN LATERAL (" + listedMembers + ") n",
}

func (g *groupRow) show() (GroupRow, error) {
	rec, err := recordOf(g.Error)
	return GroupRow{ID: g.ID, Channel: g.Channel, ProductID: g.ProductID, ProductName: g.ProductName, Step: g.Step, OfTasks: g.OfTasks, Messages: g.Messages, Error: rec,
		Status: g.Status, FirstSeenAt: g.First.UTC(), LastSeenAt: g.Last.UTC(), OpenedAt: g.Opened.UTC(), ResolvedAt: utc(g.Resolved), ClosedBy: g.ClosedBy, CloseReason: g.CloseReason, Overtaken: g.Overtaken, Reopened: g.Reopened,
		GivenUp: countOf(g.GivenUp), Retrying: countOf(g.Retrying), Orders: countOf(g.Orders), MostOrders: countOf(max(g.MostOrders, g.Orders)),
		Deadline: utc(g.Deadline), Note: g.Note, SnoozedUntil: utc(g.Snoozed), Assignee: g.Assignee}, err
}

func (f GroupFilter) clause() *clause {
	c := &clause{}
	if f.Status != "" {
		c.and(groupStatus+" = ?", f.Status)
	}
	if f.Status == GroupOpen || f.Status == GroupSnoozed {
		c.and("g.resolved_at IS NULL") // names the index
	}
	if f.Waiting {
		c.and(deciding)
	}
	c.equal("g.step", f.Step)
	c.equal("g.product_id", f.ProductID)
	if f.Channel != "" {
		c.and("g.channel_id = (SELECT id FROM channels WHERE slug = ?)", f.Channel)
	}
	if f.Assignee != "" {
		c.and("g.assignee_id = (SELECT id FROM operators WHERE lower(email) = lower(?))", f.Assignee)
	}
	return c
}

// GroupList reads a page of failure groups, the last seen first. Fault: invalid
// "cursor.invalid".
func (r *Reader) GroupList(ctx context.Context, f GroupFilter, p Paging) (Page[GroupRow], error) {
	key := func(g *groupRow) position { return position{at: g.Last, id: g.ID} }
	return page(ctx, r, groupList, f.clause(), p, key, (*groupRow).show)
}

// GroupCounts counts the failure groups of a filter by status; the filter's own
// status does not count.
func (r *Reader) GroupCounts(ctx context.Context, f GroupFilter) (Counts, error) {
	f.Status = ""
	bare := groupList
	bare.alias = "g"
	return r.statusCounts(ctx, bare, groupStatus, f.clause(), GroupStatuses())
}

// Group loads one failure group. Fault: not_found "failure_group.unknown".
func (r *Reader) Group(ctx context.Context, id int64) (GroupRow, error) {
	c := &clause{}
	c.and("g.id = ?", id)
	one := groupList
	one.alias = "g CROSS JOIN LATERAL (" + groupMembers + ") n"
	var row groupRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+one.columns+`
  FROM `+one.from(c)+c.where(), c.args...)
	if fault.Is(toFault(err), fault.NotFound) {
		return GroupRow{}, fault.New(fault.NotFound, "failure_group.unknown")
	}
	if err != nil {
		return GroupRow{}, toFault(err)
	}
	return row.show()
}

// GroupOrders lists the orders that a group touches now, up to limit of them.
func (r *Reader) GroupOrders(ctx context.Context, id int64, limit int) ([]string, error) {
	orders := []string{}
	err := sqlx.SelectContext(ctx, r.q, &orders, `
SELECT DISTINCT order_id
  FROM ((SELECT `+taskOrder+` AS order_id
           FROM tasks t
          WHERE t.failure_group = $1
          ORDER BY t.id DESC
          LIMIT 1000)
        UNION ALL
        (SELECT m.order_id
           FROM messages m
          WHERE m.failure_group = $1
          ORDER BY m.last_received_at DESC, m.id DESC
          LIMIT 1000)) member
 WHERE order_id <> ''
 ORDER BY order_id DESC
 LIMIT $2`, id, limit)
	return orders, toFault(err)
}
