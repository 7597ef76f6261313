package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// The statuses of an alert.
const (
	AlertStands = "open"
	AlertOver   = "cleared"
)

// AlertStatuses lists them.
func AlertStatuses() []string { return []string{AlertStands, AlertOver} }

// AlertFilter says which alerts a list holds. Zero fields do not filter.
type AlertFilter struct {
	Status string
	Kind   string
}

// AlertRow is an alert as it may be shown. Times are UTC; a zero time means
// "none".
type AlertRow struct {
	ID        int64
	Kind      string
	Subject   string
	Severity  int
	Status    string
	Outcome   string // of one that is over: market.AlertResolved, market.AlertLapsed, market.AlertGone
	Facts     map[string]string
	Error     *fault.Record
	OpenedAt  time.Time
	ClearedAt time.Time
	Until     time.Time
	Returned  int // how often it was over and came back
	Told      int // targets that were told and took it
	Untold    int // targets that a message about it could not reach
	Waiting   int // targets that are still to be told
}

type alertRow struct {
	ID       int64          `db:"id"`
	Kind     string         `db:"kind"`
	Subject  string         `db:"subject"`
	Severity int            `db:"severity"`
	Outcome  string         `db:"outcome"`
	Facts    string         `db:"facts"`
	Error    sql.NullString `db:"error"`
	Opened   time.Time      `db:"opened_at"`
	Cleared  sql.NullTime   `db:"cleared_at"`
	Until    sql.NullTime   `db:"until_at"`
	Returned int            `db:"returned"`
	Told     int            `db:"told"`
	Untold   int            `db:"untold"`
	Waiting  int            `db:"waiting"`
}

func alertCount(condition string) string {
	return `(SELECT count(DISTINCT s.target_id) FROM alert_changes c JOIN alert_sayings s ON s.change_id = c.id LEFT JOIN alert_messages m ON m.id = s.message_id
         WHERE c.alert_id = a.id AND ` + condition + `)`
}

var alertList = source{
	list: list{letter: 'z', id: "a.id"},
	columns: `a.id, a.kind, a.subject, a.severity, a.outcome, a.facts, a.error, a.opened_at, a.cleared_at, a.until_at, a.returned,
       ` + alertCount("m.status = 'succeeded'") + ` AS told,
       ` + alertCount("m.status = 'failed'") + ` AS untold,
       ` + alertCount("(s.state = 'waiting' OR m.status IN ('pending', 'running'))") + ` AS waiting`,
	table: "alerts",
	alias: "a",
}

func (a *alertRow) show() (AlertRow, error) {
	out := AlertRow{ID: a.ID, Kind: a.Kind, Subject: a.Subject, Severity: a.Severity, Status: AlertStands, Outcome: a.Outcome,
		OpenedAt: a.Opened.UTC(), ClearedAt: utc(a.Cleared), Until: utc(a.Until), Returned: a.Returned, Told: a.Told, Untold: a.Untold, Waiting: a.Waiting}
	if a.Cleared.Valid {
		out.Status = AlertOver
	}
	if err := json.Unmarshal([]byte(a.Facts), &out.Facts); err != nil {
		return out, fault.Wrap(err, fault.Internal, "internal")
	}
	var err error
	out.Error, err = recordOf(a.Error)
	return out, err
}

var alertStatus = map[string]string{AlertStands: "a.cleared_at IS NULL", AlertOver: "a.cleared_at IS NOT NULL"}

func (f AlertFilter) clause() *clause {
	c := &clause{}
	c.equal("a.kind", f.Kind)
	if cond, ok := alertStatus[f.Status]; ok {
		c.and(cond)
	} else if f.Status != "" {
		c.and("FALSE")
	}
	return c
}

// AlertList reads a page of alerts, the newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) AlertList(ctx context.Context, f AlertFilter, p Paging) (Page[AlertRow], error) {
	return page(ctx, r, alertList, f.clause(), p, func(a *alertRow) position { return position{id: a.ID} }, (*alertRow).show)
}

// AlertCounts counts the alerts of a filter by status; the filter's own status
// does not count.
func (r *Reader) AlertCounts(ctx context.Context, f AlertFilter) (Counts, error) {
	f.Status = ""
	c := f.clause()
	return r.countsWhere(ctx, alertList, "", c, AlertStatuses(), func(status string) string { return alertStatus[status] })
}

// AlertChange is a turn that an alert took.
type AlertChange struct {
	At       time.Time `db:"at"`
	What     string    `db:"what"`
	Severity int       `db:"severity"`
}

// Alert loads an alert and the turns that it took, the newest first. Fault:
// not_found "alert.unknown".
func (r *Reader) Alert(ctx context.Context, id int64) (AlertRow, []AlertChange, error) {
	var row alertRow
	err := toFault(sqlx.GetContext(ctx, r.q, &row, `
SELECT `+alertList.columns+`
  FROM alerts a
 WHERE a.id = $1`, id))
	if fault.Is(err, fault.NotFound) {
		return AlertRow{}, nil, fault.New(fault.NotFound, "alert.unknown")
	}
	if err != nil {
		return AlertRow{}, nil, err
	}
	a, err := row.show()
	if err != nil {
		return a, nil, err
	}
	changes := []AlertChange{}
	err = sqlx.SelectContext(ctx, r.q, &changes, `
SELECT at, what, severity
  FROM alert_changes
 WHERE alert_id = $1
 ORDER BY id DESC
 LIMIT 100`, id)
	for i := range changes {
		changes[i].At = changes[i].At.UTC()
	}
	return a, changes, toFault(err)
}
