package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
)

// LeftoverStatuses lists the statuses of left-overs.
func LeftoverStatuses() []string {
	return []string{LeftoverOpen, LeftoverUndoing, LeftoverGone, LeftoverKept}
}

// LeftoverFilter says which left-overs a list holds. Zero fields do not filter.
type LeftoverFilter struct {
	Channel    string // slug
	Status     string
	InstanceID string
}

// LeftoverRow is a left-over as it may be shown. Times are UTC.
type LeftoverRow struct {
	ID         int64
	InstanceID string
	Channel    string // slug
	OrderID    string
	ProductID  string
	Life       string // status of the instance
	Driver     string
	Reason     string
	Status     string
	TaskID     int64 // 0: none
	Error      *fault.Record
	FoundAt    time.Time
	DecidedAt  time.Time // zero: not yet
	DecidedBy  string
	Note       string
}

type leftoverListRow struct {
	ID         int64          `db:"id"`
	InstanceID string         `db:"instance_id"`
	Channel    string         `db:"channel"`
	OrderID    string         `db:"order_id"`
	ProductID  string         `db:"product_id"`
	Life       string         `db:"life"`
	Driver     string         `db:"driver"`
	Reason     string         `db:"reason"`
	Status     string         `db:"status"`
	TaskID     int64          `db:"task_id"`
	Error      sql.NullString `db:"error"`
	Found      time.Time      `db:"found_at"`
	Decided    sql.NullTime   `db:"decided_at"`
	DecidedBy  string         `db:"decided_by"`
	Note       string         `db:"note"`
}

var leftoverList = source{
	list: list{letter: 'n', id: "l.id"},
	columns: `l.id, i.instance_id, (SELECT c.slug FROM channels c WHERE c.id = i.channel_id) AS channel, i.order_id, i.product_id,
       i.status AS life, l.driver, l.reason, l.status, COALESCE(l.task_id, 0) AS task_id, l.error, l.found_at, l.decided_at,
       l.decided_by, l.note`,
	table: "leftovers",
	alias: "l JOIN instances i ON i.id = l.instance_pk",
}

func (l *leftoverListRow) show() (LeftoverRow, error) {
	out := LeftoverRow{ID: l.ID, InstanceID: l.InstanceID, Channel: l.Channel, OrderID: l.OrderID, ProductID: l.ProductID, Life: l.Life,
		Driver: l.Driver, Reason: l.Reason, Status: l.Status, TaskID: l.TaskID, FoundAt: l.Found.UTC(), DecidedAt: utc(l.Decided),
		DecidedBy: l.DecidedBy, Note: l.Note}
	var err error
	out.Error, err = recordOf(l.Error)
	return out, err
}

func (r *Reader) leftoverClause(ctx context.Context, f LeftoverFilter) (*clause, error) {
	c := &clause{}
	c.equal("l.status", f.Status)
	c.equal("i.instance_id", f.InstanceID)
	return c, r.channelIs(ctx, c, "i.channel_id", f.Channel)
}

// LeftoverList reads a page of left-overs, the newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) LeftoverList(ctx context.Context, f LeftoverFilter, p Paging) (Page[LeftoverRow], error) {
	c, err := r.leftoverClause(ctx, f)
	if err != nil {
		return Page[LeftoverRow]{}, err
	}
	key := func(l *leftoverListRow) position { return position{id: l.ID} }
	return page(ctx, r, leftoverList, c, p, key, (*leftoverListRow).show)
}

// LeftoverCounts counts the left-overs of a filter by status; the filter's own
// status does not count.
func (r *Reader) LeftoverCounts(ctx context.Context, f LeftoverFilter) (Counts, error) {
	f.Status = ""
	c, err := r.leftoverClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, leftoverList, "l.status", c, LeftoverStatuses())
}
