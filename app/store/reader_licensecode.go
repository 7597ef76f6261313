package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// LicenseCodeStatuses lists the statuses of codes, in the order of their life.
func LicenseCodeStatuses() []string {
	var out []string
	for _, s := range market.CodeStatuses() {
		out = append(out, string(s))
	}
	return out
}

// LicenseCodeFilter says which codes a list holds. Zero fields do not filter.
type LicenseCodeFilter struct {
	Channel       string
	Status        string
	ExpiresBefore time.Time // not released, the soonest first
	Q             string    // see Reader.LicenseCodeList
}

// LicenseCodeRow is a code as it may be shown. Times are UTC; zero means none.
type LicenseCodeRow struct {
	ID             int64
	Channel        string
	Mask           string
	Status         string
	Said           string
	OrderID        string
	OrderLineID    string
	ProductID      string
	CustomerID     string
	Amount         int64
	ExpiresAt      time.Time
	RealEffectTime time.Time
	ActivatedAt    time.Time
	FrozenAt       time.Time
	ReleasedAt     time.Time
	CheckedAt      time.Time
	UsedAt         time.Time
	CreatedAt      time.Time
	LastError      *fault.Record
}

// LicenseCodeEvent is an entry of a code's history.
type LicenseCodeEvent struct {
	At        time.Time
	Kind      string
	Old, New  string
	MessageID int64
	TaskID    int64
	Actor     string
}

// LicenseCodeDetail is one code with its whole life.
type LicenseCodeDetail struct {
	LicenseCodeRow
	Answer   string             // the marketplace's last answer, masked
	Events   []LicenseCodeEvent // newest first
	Tasks    []TaskRow          // oldest first, with their tries
	Unsent   int                // reports of use that wait
	Reported int                // reports of use that were sent in the last 30 days
}

type licenseCodeRow struct {
	ID         int64          `db:"id"`
	Channel    string         `db:"channel"`
	Mask       string         `db:"code_mask"`
	Status     string         `db:"status"`
	Said       string         `db:"said"`
	OrderID    string         `db:"order_id"`
	LineID     string         `db:"order_line_id"`
	ProductID  string         `db:"product_id"`
	CustomerID string         `db:"customer_id"`
	Amount     int64          `db:"amount"`
	Expires    sql.NullTime   `db:"expires_at"`
	Effect     sql.NullTime   `db:"real_effect_time"`
	Activated  sql.NullTime   `db:"activated_at"`
	Frozen     sql.NullTime   `db:"frozen_at"`
	Released   sql.NullTime   `db:"released_at"`
	Checked    sql.NullTime   `db:"checked_at"`
	Used       sql.NullTime   `db:"used_at"`
	Created    time.Time      `db:"created_at"`
	LastError  sql.NullString `db:"last_error"`
}

var licenseCodeList = source{
	list: list{letter: 'h', id: "l.id"},
	columns: `l.id, (SELECT c.slug FROM channels c WHERE c.id = l.channel_id) AS channel, l.code_mask, l.status, l.said, l.order_id,
       l.order_line_id, l.product_id, l.customer_id, l.amount, l.expires_at, l.real_effect_time, l.activated_at, l.frozen_at, l.released_at,
       l.checked_at, l.used_at, l.created_at, l.last_error`,
	table: "license_codes",
	alias: "l",
}

var licenseExpiryList = source{
	list:    list{letter: 'x', at: "l.expires_at", id: "l.id", asc: true},
	columns: licenseCodeList.columns,
	table:   licenseCodeList.table,
	alias:   licenseCodeList.alias,
}

func (f LicenseCodeFilter) source() source {
	if f.ExpiresBefore.IsZero() {
		return licenseCodeList
	}
	return licenseExpiryList
}

func (l *licenseCodeRow) show() (LicenseCodeRow, error) {
	last, err := recordOf(l.LastError)
	return LicenseCodeRow{ID: l.ID, Channel: l.Channel, Mask: l.Mask, Status: l.Status, Said: l.Said, OrderID: l.OrderID, OrderLineID: l.LineID,
		ProductID: l.ProductID, CustomerID: l.CustomerID, Amount: l.Amount, ExpiresAt: utc(l.Expires), RealEffectTime: utc(l.Effect),
		ActivatedAt: utc(l.Activated), FrozenAt: utc(l.Frozen), ReleasedAt: utc(l.Released), CheckedAt: utc(l.Checked), UsedAt: utc(l.Used),
		CreatedAt: l.Created.UTC(), LastError: last}, err
}

// LicenseCodeList reads a page of codes, newest first. Q finds a whole code, a
// whole customer id or product id, and the beginning of an order id. Fault:
// invalid "cursor.invalid".
func (r *Reader) LicenseCodeList(ctx context.Context, f LicenseCodeFilter, p Paging) (Page[LicenseCodeRow], error) {
	c, err := r.licenseCodeClause(ctx, f)
	if err != nil {
		return Page[LicenseCodeRow]{}, err
	}
	key := func(l *licenseCodeRow) position { return position{at: l.Expires.Time, id: l.ID} }
	return page(ctx, r, f.source(), c, p, key, (*licenseCodeRow).show)
}

// LicenseCodeCounts counts the codes of a filter by status; the filter's own
// status does not count.
func (r *Reader) LicenseCodeCounts(ctx context.Context, f LicenseCodeFilter) (Counts, error) {
	f.Status = ""
	c, err := r.licenseCodeClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, licenseCodeList, "l.status", c, LicenseCodeStatuses())
}

func (r *Reader) licenseCodeClause(ctx context.Context, f LicenseCodeFilter) (*clause, error) {
	c := &clause{}
	if err := r.channelIs(ctx, c, "l.channel_id", f.Channel); err != nil {
		return nil, err
	}
	c.equal("l.status", f.Status)
	if !f.ExpiresBefore.IsZero() {
		c.and("l.expires_at < ? AND l.released_at IS NULL", f.ExpiresBefore)
	}
	if q := strings.TrimSpace(f.Q); q != "" {
		found, err := r.searchLicenseCodes(ctx, q)
		if err != nil {
			return nil, err
		}
		c.only(found)
	}
	return c, nil
}

func (r *Reader) searchLicenseCodes(ctx context.Context, q string) ([]int64, error) {
	if !storable(q) || len(q) > 200 {
		return nil, nil
	}
	ids := []int64{}
	err := sqlx.SelectContext(ctx, r.q, &ids, `
SELECT id FROM (
       (SELECT id
          FROM license_codes
         WHERE code_bidx = ANY($3)
         LIMIT $4)
        UNION
       (SELECT id
          FROM license_codes
         WHERE customer_id = $1
           AND customer_id <> ''
         ORDER BY id DESC
         LIMIT $4)
        UNION
       (SELECT id
          FROM license_codes
         WHERE product_id = $1
           AND product_id <> ''
         ORDER BY id DESC
         LIMIT $4)
        UNION
       (SELECT id
          FROM license_codes
         WHERE order_id LIKE $2
           AND order_id <> ''
         ORDER BY order_id USING ~>~
         LIMIT $4)) AS found`, q, prefix(q), pq.ByteaArray(r.keys.Indexes(q)), maxFound)
	return ids, toFault(err)
}

// LicenseCodeDetail loads a code with its life. Fault: not_found
// "license_code.unknown".
func (r *Reader) LicenseCodeDetail(ctx context.Context, id int64) (*LicenseCodeDetail, error) {
	var row struct {
		licenseCodeRow
		Answer   []byte `db:"answer_sealed"`
		Unsent   int    `db:"unsent"`
		Reported int    `db:"reported"`
	}
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+licenseCodeList.columns+`, l.answer_sealed,
       (SELECT count(*) FROM license_usage u WHERE u.code_id = l.id AND u.reported_at IS NULL) AS unsent,
       (SELECT count(*) FROM license_usage u WHERE u.code_id = l.id AND u.reported_at > now() - interval '30 days') AS reported
  FROM license_codes l
 WHERE l.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "license_code.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	d := &LicenseCodeDetail{Unsent: row.Unsent, Reported: row.Reported}
	if d.LicenseCodeRow, err = row.show(); err != nil {
		return nil, err
	}
	answer, err := r.keys.Open(seal.LicenseCode, row.Answer)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	d.Answer = MaskBody(answer)
	if d.Events, err = r.licenseCodeEvents(ctx, id); err != nil {
		return nil, err
	}
	c := &clause{}
	c.and("t.license_code_id = ?", id)
	d.Tasks, err = r.tasksWithTries(ctx, c)
	return d, err
}

func (r *Reader) licenseCodeEvents(ctx context.Context, id int64) ([]LicenseCodeEvent, error) {
	var rows []struct {
		At      time.Time `db:"at"`
		Kind    string    `db:"kind"`
		Old     string    `db:"old_value"`
		New     string    `db:"new_value"`
		Message int64     `db:"message_id"`
		Task    int64     `db:"task_id"`
		Actor   string    `db:"actor"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT at, kind, old_value, new_value, COALESCE(message_id, 0) AS message_id, COALESCE(task_id, 0) AS task_id, actor
  FROM license_code_events
 WHERE code_id = $1
 ORDER BY id DESC
 LIMIT 500`, id)
	out := make([]LicenseCodeEvent, 0, len(rows))
	for _, e := range rows {
		out = append(out, LicenseCodeEvent{At: e.At.UTC(), Kind: e.Kind, Old: e.Old, New: e.New, MessageID: e.Message, TaskID: e.Task, Actor: e.Actor})
	}
	return out, toFault(err)
}
