package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// FindingStatuses lists the statuses of findings.
func FindingStatuses() []string {
	return []string{FindingOpen, FindingApplied, FindingKept, FindingGone}
}

// FindingFilter says which findings a list holds. Zero fields do not filter.
type FindingFilter struct {
	Kind    string
	Status  string
	Channel string // slug
	Q       string // an order id, an order line id or an instanceId, whole
}

// FindingRow is a difference in a list. Times are UTC; a zero time means "none".
type FindingRow struct {
	ID          int64
	Channel     string // slug
	InstanceID  string // "" when there is no instance
	OrderID     string
	OrderLineID string
	Kind        string
	Ours        string
	Theirs      string
	Repair      string
	Error       *fault.Record
	Status      string
	FoundAt     time.Time
	SeenAt      time.Time
	DecidedBy   string
	DecidedAt   time.Time
	Reason      string
}

type findingRow struct {
	ID         int64          `db:"id"`
	Channel    string         `db:"channel"`
	InstanceID string         `db:"instance_id"`
	OrderID    string         `db:"order_id"`
	LineID     string         `db:"order_line_id"`
	Kind       string         `db:"kind"`
	Ours       string         `db:"ours"`
	Theirs     string         `db:"theirs"`
	Repair     string         `db:"repair"`
	Error      sql.NullString `db:"error"`
	Status     string         `db:"status"`
	FoundAt    time.Time      `db:"found_at"`
	SeenAt     time.Time      `db:"seen_at"`
	DecidedBy  string         `db:"decided_by"`
	DecidedAt  sql.NullTime   `db:"decided_at"`
	Reason     string         `db:"reason"`
}

var findingList = source{
	list: list{letter: 'f', id: "f.id"},
	columns: `f.id, COALESCE((SELECT c.slug FROM channels c WHERE c.id = f.channel_id), '') AS channel,
       COALESCE((SELECT i.instance_id FROM instances i WHERE i.id = f.instance_pk), '') AS instance_id,
       f.order_id, f.order_line_id, f.kind, f.ours, f.theirs, f.repair, f.error, f.status, f.found_at, f.seen_at,
       f.decided_by, f.decided_at, f.reason`,
	table: "reconcile_findings",
	alias: "f",
}

func (f *findingRow) show() (FindingRow, error) {
	rec, err := recordOf(f.Error)
	return FindingRow{ID: f.ID, Channel: f.Channel, InstanceID: f.InstanceID, OrderID: f.OrderID, OrderLineID: f.LineID, Kind: f.Kind,
		Ours: f.Ours, Theirs: f.Theirs, Repair: f.Repair, Error: rec, Status: f.Status, FoundAt: f.FoundAt.UTC(), SeenAt: f.SeenAt.UTC(),
		DecidedBy: f.DecidedBy, DecidedAt: utc(f.DecidedAt), Reason: f.Reason}, err
}

func findingKey(f *findingRow) position { return position{id: f.ID} }

func (f FindingFilter) clause() *clause {
	c := &clause{}
	c.equal("f.kind", f.Kind)
	c.equal("f.status", f.Status)
	if f.Channel != "" {
		c.and("f.channel_id = (SELECT id FROM channels WHERE slug = ?)", f.Channel)
	}
	if f.Q != "" {
		c.and("(f.order_id = ? OR f.order_line_id = ? OR f.instance_pk = (SELECT id FROM instances WHERE instance_id = ?))", f.Q, f.Q, f.Q)
	}
	return c
}

// FindingList reads a page of differences, newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) FindingList(ctx context.Context, f FindingFilter, p Paging) (Page[FindingRow], error) {
	return page(ctx, r, findingList, f.clause(), p, findingKey, (*findingRow).show)
}

// FindingCounts counts the differences of a filter by status; the filter's own
// status does not count.
func (r *Reader) FindingCounts(ctx context.Context, f FindingFilter) (Counts, error) {
	f.Status = ""
	return r.statusCounts(ctx, findingList, "f.status", f.clause(), FindingStatuses())
}

// repairable narrows a filter to what is open and has a repair. A filter that names
// no kind leaves out what no order answers for: an instance may be frozen for
// violation or arrears, and a purchase that no call came for may have been given up.
func (f FindingFilter) repairable() *clause {
	f.Status = FindingOpen
	c := f.clause()
	c.and("f.repair <> ''")
	if f.Kind == "" {
		c.and(`f.repair <> 'unfreeze'
   AND (f.repair <> 'take_over' OR EXISTS (
       SELECT 1
         FROM messages m
        WHERE m.activity = 'newInstance'
          AND NOT m.test
          AND m.channel_id = f.channel_id
          AND m.order_id = f.order_id
          AND m.order_id <> ''
          AND m.order_line_id = f.order_line_id))`)
	}
	return c
}

// RepairableFindings lists the open differences of a filter that have a repair,
// oldest first, whatever status the filter names.
func (r *Reader) RepairableFindings(ctx context.Context, f FindingFilter) ([]int64, error) {
	c := f.repairable()
	var ids []int64
	err := sqlx.SelectContext(ctx, r.q, &ids, `
SELECT f.id
  FROM reconcile_findings f`+c.where()+`
 ORDER BY f.id`, c.args...)
	return ids, toFault(err)
}

// CountRepairable is how many RepairableFindings lists, up to 1,000.
func (r *Reader) CountRepairable(ctx context.Context, f FindingFilter) (int, error) {
	c := f.repairable()
	var n int
	err := sqlx.GetContext(ctx, r.q, &n, `
SELECT count(*)
  FROM (SELECT 1
          FROM reconcile_findings f`+c.where()+`
         LIMIT 1001) AS bounded`, c.args...)
	return countOf(n).N, toFault(err)
}

// RunRow is a reconciliation as people see it. Times are UTC.
type RunRow struct {
	ID         int64
	Daily      bool
	Status     string // running, done, failed
	StartedBy  string
	StartedAt  time.Time
	FinishedAt time.Time // zero while it is under way
	Asked      int       // instances that were asked for
	Skipped    int       // instances whose channel has no AK/SK
	Open       int       // instances that are not released; an estimate while it is under way, 0 afterwards
	Error      *fault.Record
}

// Runs lists the last reconciliations, newest first.
func (r *Reader) Runs(ctx context.Context, limit int) ([]RunRow, error) {
	var rows []struct {
		ID       int64          `db:"id"`
		Daily    bool           `db:"daily"`
		Status   string         `db:"status"`
		By       string         `db:"started_by"`
		Started  time.Time      `db:"started_at"`
		Finished sql.NullTime   `db:"finished_at"`
		Asked    int            `db:"asked"`
		Skipped  int            `db:"skipped"`
		Open     int            `db:"open"`
		Error    sql.NullString `db:"last_error"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT r.id, r.day IS NOT NULL AS daily, r.status, r.started_by, r.started_at, r.finished_at, r.asked, r.skipped, r.last_error,
       CASE WHEN r.status = 'running'
            THEN r.asked + r.skipped + (SELECT count(*)
                                          FROM (SELECT 1 FROM instances i WHERE i.released_at IS NULL AND i.id > r.last_pk LIMIT 100000) rest)
            ELSE 0 END AS open
  FROM reconciliations r
 ORDER BY r.id DESC
 LIMIT $1`, limit)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]RunRow, 0, len(rows))
	for _, row := range rows {
		rec, err := recordOf(row.Error)
		if err != nil {
			return nil, err
		}
		out = append(out, RunRow{ID: row.ID, Daily: row.Daily, Status: row.Status, StartedBy: row.By, StartedAt: row.Started.UTC(),
			FinishedAt: utc(row.Finished), Asked: row.Asked, Skipped: row.Skipped, Open: row.Open, Error: rec})
	}
	return out, nil
}
