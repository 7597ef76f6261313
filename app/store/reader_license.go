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
	Channel    string // slug
	Status     string
	Waiting    bool   // only those that wait for a person
	InstanceID string // KooGallery's
	EventID    string
}

// LicenseRow is a License as lists show it, without what it says and what it is
// bound to. Times are UTC; a zero time means "none".
type LicenseRow struct {
	ID          int64
	Channel     string
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
	Channel    string         `db:"channel"`
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
	columns: `l.id, (SELECT c.slug FROM channels c WHERE c.id = l.channel_id) AS channel, l.protocol, (SELECT i.instance_id FROM instances i WHERE i.id = l.instance_pk) AS instance_id, l.event_id, l.order_id,
       l.device_sealed IS NOT NULL AS has_device, l.status, l.supplier, l.pool, l.supplied_by, l.file_name, l.content_size,
       l.last_error, l.requested_at, l.ready_at, l.uploaded_at`,
	table: "licenses",
	alias: "l",
}

func (l *licenseRow) show() (LicenseRow, error) {
	last, err := recordOf(l.LastError)
	return LicenseRow{ID: l.ID, Channel: l.Channel, Protocol: market.Protocol(l.Protocol), InstanceID: l.InstanceID, EventID: l.EventID, OrderID: l.OrderID,
		HasDevice: l.HasDevice, Status: market.LicenseStatus(l.Status), Supplier: l.Supplier, Pool: l.Pool, SuppliedBy: l.SuppliedBy,
		FileName: l.FileName, Size: l.Size, LastError: last, RequestedAt: l.Requested.UTC(), ReadyAt: utc(l.Ready), UploadedAt: utc(l.Uploaded)}, err
}

func (r *Reader) licenseClause(ctx context.Context, f LicenseFilter) (*clause, error) {
	c := &clause{}
	c.equal("l.status", f.Status)
	if f.Waiting {
		c.and("l.id IN (SELECT t.license_id FROM " + waitingLicenses + ")")
	}
	c.equal("l.event_id", f.EventID)
	if f.InstanceID != "" {
		c.and("l.instance_pk = (SELECT id FROM instances WHERE instance_id = ?)", f.InstanceID)
	}
	return c, r.channelIs(ctx, c, "l.channel_id", f.Channel)
}

// LicenseCounts counts the Licenses of a filter by status; the filter's own status
// does not count.
func (r *Reader) LicenseCounts(ctx context.Context, f LicenseFilter) (Counts, error) {
	f.Status = ""
	c, err := r.licenseClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, licenseList, "l.status", c, market.LicenseStatuses())
}

// LicenseList reads a page of Licenses, newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) LicenseList(ctx context.Context, f LicenseFilter, p Paging) (Page[LicenseRow], error) {
	c, err := r.licenseClause(ctx, f)
	if err != nil {
		return Page[LicenseRow]{}, err
	}
	return page(ctx, r, licenseList, c, p, func(l *licenseRow) position { return position{id: l.ID} }, (*licenseRow).show)
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

// LicenseWhole is one License with what it was asked for with and what was done
// for it.
type LicenseWhole struct {
	LicenseRow
	ProductName string
	Order       string // the purchase of its instance
	Device      string // masked
	EffectiveAt time.Time
	ExpiresAt   time.Time
	Version     int // of the content; 0: there is none
	MessageID   int64
	Released    bool      // its instance is over
	Tasks       []TaskRow // oldest first, with their tries
}

// LicenseWhole loads one License with its tasks. Fault: not_found
// "license.unknown".
func (r *Reader) LicenseWhole(ctx context.Context, id int64) (*LicenseWhole, error) {
	row, err := r.LicenseDetail(ctx, id)
	if err != nil {
		return nil, err
	}
	l, err := r.License(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &LicenseWhole{LicenseRow: row, Device: maskDevice(l.Device), EffectiveAt: l.EffectiveAt, ExpiresAt: l.ExpiresAt, Version: l.Version, MessageID: l.MessageID}
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT product_name, order_id, released_at IS NOT NULL
  FROM instances
 WHERE id = $1`, l.InstancePK).Scan(&out.ProductName, &out.Order, &out.Released))
	if err != nil {
		return nil, err
	}
	c := &clause{}
	c.and("t.license_id = ?", id)
	out.Tasks, err = r.tasksWithTries(ctx, c)
	return out, err
}

// maskDevice keeps the last four characters of a fingerprint that is long enough
// not to be given away by them.
func maskDevice(s string) string {
	r := []rune(s)
	switch {
	case s == "":
		return ""
	case len(r) < 12:
		return masked
	}
	return "••••" + string(r[len(r)-4:])
}
