package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// LicenseFilter says which Licenses a list holds. Zero fields do not filter.
type LicenseFilter struct {
	Status     string
	InstanceID string // KooGallery's
	EventID    string
}

// LicenseRow is a License as lists show it, without what it says and what it is
// bound to. Times are UTC; a zero time means "none".
type LicenseRow struct {
	ID          int64
	Protocol    market.Protocol
	InstanceID  string
	EventID     string
	OrderID     string
	HasDevice   bool
	Status      market.LicenseStatus
	Supplier    string
	Pool        string
	SuppliedBy  string
	FileName    string // "" for a text
	Size        int    // bytes; 0 before it is there
	LastError   *fault.Record
	RequestedAt time.Time
	ReadyAt     time.Time
	UploadedAt  time.Time
}

type licenseRow struct {
	ID         int64          `db:"id"`
	Protocol   string         `db:"protocol"`
	InstanceID string         `db:"instance_id"`
	EventID    string         `db:"event_id"`
	OrderID    string         `db:"order_id"`
	HasDevice  bool           `db:"has_device"`
	Status     string         `db:"status"`
	Supplier   string         `db:"supplier"`
	Pool       string         `db:"pool"`
	SuppliedBy string         `db:"supplied_by"`
	FileName   string         `db:"file_name"`
	Size       int            `db:"content_size"`
	LastError  sql.NullString `db:"last_error"`
	Requested  time.Time      `db:"requested_at"`
	Ready      sql.NullTime   `db:"ready_at"`
	Uploaded   sql.NullTime   `db:"uploaded_at"`
}

var licenseList = source{
	list: list{letter: 'l', id: "l.id"},
	columns: `l.id, l.protocol, (SELECT i.instance_id FROM instances i WHERE i.id = l.instance_pk) AS instance_id, l.event_id, l.order_id,
       l.device_sealed IS NOT NULL AS has_device, l.status, l.supplier, l.pool, l.supplied_by, l.file_name, l.content_size,
       l.last_error, l.requested_at, l.ready_at, l.uploaded_at`,
	table: "licenses",
	alias: "l",
}

func (l *licenseRow) show() (LicenseRow, error) {
	last, err := recordOf(l.LastError)
	return LicenseRow{ID: l.ID, Protocol: market.Protocol(l.Protocol), InstanceID: l.InstanceID, EventID: l.EventID, OrderID: l.OrderID,
		HasDevice: l.HasDevice, Status: market.LicenseStatus(l.Status), Supplier: l.Supplier, Pool: l.Pool, SuppliedBy: l.SuppliedBy,
		FileName: l.FileName, Size: l.Size, LastError: last, RequestedAt: l.Requested.UTC(), ReadyAt: utc(l.Ready), UploadedAt: utc(l.Uploaded)}, err
}

func (f LicenseFilter) clause() *clause {
	c := &clause{}
	c.equal("l.status", f.Status)
	c.equal("l.event_id", f.EventID)
	if f.InstanceID != "" {
		c.and("l.instance_pk = (SELECT id FROM instances WHERE instance_id = ?)", f.InstanceID)
	}
	return c
}

// LicenseList reads a page of Licenses, newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) LicenseList(ctx context.Context, f LicenseFilter, p Paging) (Page[LicenseRow], error) {
	return page(ctx, r, licenseList, f.clause(), p, func(l *licenseRow) position { return position{id: l.ID} }, (*licenseRow).show)
}

// LicenseDetail loads one License as lists show it. Fault: not_found
// "license.unknown".
func (r *Reader) LicenseDetail(ctx context.Context, id int64) (LicenseRow, error) {
	var row licenseRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+licenseList.columns+`
  FROM licenses l
 WHERE l.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return LicenseRow{}, fault.New(fault.NotFound, "license.unknown")
	}
	if err != nil {
		return LicenseRow{}, toFault(err)
	}
	return row.show()
}
