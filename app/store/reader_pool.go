package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// PoolRow is a pool with what is in it. Times are UTC; a zero time means "none".
type PoolRow struct {
	Name      string
	Free      int
	Used      int
	Retired   int
	LowWater  int
	Low       bool // it has LowWater free accounts or fewer, and somebody wants to know
	Told      bool // somebody has been told that it is low
	Long      int  // free accounts that are too long for SaaS V1.0
	Waiting   int  // purchases that found it empty and go on when it is filled
	Products  int  // products that take their accounts from it
	AddedAt   time.Time
	CreatedAt time.Time
}

type poolRow struct {
	Name     string       `db:"name"`
	Free     int          `db:"free"`
	Used     int          `db:"used"`
	Retired  int          `db:"retired"`
	LowWater int          `db:"low_water"`
	Told     bool         `db:"told"`
	Long     int          `db:"long"`
	Waiting  int          `db:"waiting"`
	Products int          `db:"products"`
	Added    sql.NullTime `db:"added_at"`
	Created  time.Time    `db:"created_at"`
}

func (p *poolRow) show() PoolRow {
	return PoolRow{Name: p.Name, Free: p.Free, Used: p.Used, Retired: p.Retired, LowWater: p.LowWater, Waiting: p.Waiting,
		Products: p.Products, Low: p.Free <= p.LowWater && (p.LowWater > 0 || p.Products > 0), Told: p.Told, Long: p.Long,
		AddedAt: utc(p.Added), CreatedAt: p.Created.UTC()}
}

const selectPools = `
SELECT p.name, p.low_water, p.created_at, p.low_since IS NOT NULL AS told,
       COALESCE(a.free, 0) AS free, COALESCE(a.used, 0) AS used, COALESCE(a.retired, 0) AS retired, COALESCE(a.long, 0) AS long, a.added_at,
       (SELECT count(*) FROM products d WHERE d.driver = 'pool' AND d.settings ->> 'pool' = p.name) AS products,
       (SELECT count(*)
          FROM tasks t
          JOIN instances i
            ON i.id = t.instance_pk
          LEFT JOIN messages m
            ON m.id = t.message_id
         WHERE ` + waitsForPool + `
           AND t.last_error #>> '{args,pool}' = p.name) AS waiting
  FROM pools p
  LEFT JOIN (SELECT pool,
                    count(*) FILTER (WHERE status = 'free') AS free,
                    count(*) FILTER (WHERE status = 'used') AS used,
                    count(*) FILTER (WHERE status = 'retired') AS retired,
                    count(*) FILTER (WHERE status = 'free' AND NOT fits_v1) AS long,
                    max(added_at) AS added_at
               FROM pool_accounts
              GROUP BY pool) a
         ON a.pool = p.name`

// Pools lists every pool by its name; there are few.
func (r *Reader) Pools(ctx context.Context) ([]PoolRow, error) {
	var rows []poolRow
	if err := sqlx.SelectContext(ctx, r.q, &rows, selectPools+`
 ORDER BY p.name`); err != nil {
		return nil, toFault(err)
	}
	out := make([]PoolRow, 0, len(rows))
	for i := range rows {
		out = append(out, rows[i].show())
	}
	return out, nil
}

// Pool loads one pool. Fault: not_found "pool.unknown".
func (r *Reader) Pool(ctx context.Context, name string) (PoolRow, error) {
	var row poolRow
	err := fault.New(fault.NotFound, "pool.unknown")
	if !storable(name) {
		return PoolRow{}, err
	}
	if e := toFault(sqlx.GetContext(ctx, r.q, &row, selectPools+`
 WHERE p.name = $1`, name)); e != nil {
		if fault.Is(e, fault.NotFound) {
			return PoolRow{}, err
		}
		return PoolRow{}, e
	}
	return row.show(), nil
}

// AccountRow is a prepared account as it may be shown: no password, and what
// looks like a secret in an address is masked.
type AccountRow struct {
	ID          int64
	Pool        string
	Status      string
	FrontEndURL string
	AdminURL    string
	UserName    string
	HasPassword bool
	Memo        string
	Note        string // people's remark
	InstanceID  string // who has it or, when retired, had it last; "" for none
	Batch       int64
	AddedBy     string
	AddedAt     time.Time
	TakenAt     time.Time
	RetiredAt   time.Time
}

type accountRow struct {
	ID          int64        `db:"id"`
	Pool        string       `db:"pool"`
	Status      string       `db:"status"`
	FrontEndURL string       `db:"front_end_url"`
	AdminURL    string       `db:"admin_url"`
	UserName    string       `db:"user_name"`
	HasPassword bool         `db:"has_password"`
	Memo        string       `db:"memo"`
	Note        string       `db:"note"`
	InstanceID  string       `db:"instance_id"`
	Batch       int64        `db:"batch"`
	AddedBy     string       `db:"added_by"`
	Added       time.Time    `db:"added_at"`
	Taken       sql.NullTime `db:"taken_at"`
	Retired     sql.NullTime `db:"retired_at"`
}

var accountList = source{
	list: list{letter: 'c', id: "a.id"},
	columns: `a.id, a.pool, a.status, a.front_end_url, a.admin_url, a.user_name, a.password_sealed IS NOT NULL AS has_password, a.memo,
       a.note, COALESCE((SELECT i.instance_id FROM instances i WHERE i.id = a.instance_pk), '') AS instance_id, a.batch, a.added_by,
       a.added_at, a.taken_at, a.retired_at`,
	table: "pool_accounts",
	alias: "a",
}

func (a *accountRow) show() (AccountRow, error) {
	return AccountRow{ID: a.ID, Pool: a.Pool, Status: a.Status, FrontEndURL: MaskQuery(a.FrontEndURL), AdminURL: MaskQuery(a.AdminURL),
		UserName: a.UserName, HasPassword: a.HasPassword, Memo: a.Memo, Note: a.Note, InstanceID: a.InstanceID, Batch: a.Batch,
		AddedBy: a.AddedBy, AddedAt: a.Added.UTC(), TakenAt: utc(a.Taken), RetiredAt: utc(a.Retired)}, nil
}

// AccountFilter says which accounts of a pool a list holds. Zero fields do not
// filter; Q finds a part of a user name or of an address.
type AccountFilter struct {
	Pool   string
	Status string
	Q      string
}

func (f AccountFilter) clause() *clause {
	c := &clause{}
	c.and("a.pool = ?", f.Pool)
	c.equal("a.status", f.Status)
	if q := strings.TrimSpace(f.Q); q != "" {
		part := "%" + prefix(q)
		c.and("(a.user_name ILIKE ? OR a.front_end_url ILIKE ?)", part, part)
	}
	return c
}

// Accounts reads a page of a pool's accounts, the newest first. Fault: invalid
// "cursor.invalid".
func (r *Reader) Accounts(ctx context.Context, f AccountFilter, p Paging) (Page[AccountRow], error) {
	key := func(a *accountRow) position { return position{id: a.ID} }
	return page(ctx, r, accountList, f.clause(), p, key, (*accountRow).show)
}

// Account loads one account of a pool. Fault: not_found "pool.account_unknown".
func (r *Reader) Account(ctx context.Context, pool string, id int64) (AccountRow, error) {
	c := AccountFilter{Pool: pool}.clause()
	c.and("a.id = ?", id)
	var row accountRow
	err := toFault(sqlx.GetContext(ctx, r.q, &row, `
SELECT `+accountList.columns+`
  FROM pool_accounts a`+c.where(), c.args...))
	if fault.Is(err, fault.NotFound) {
		return AccountRow{}, fault.New(fault.NotFound, "pool.account_unknown")
	}
	if err != nil {
		return AccountRow{}, err
	}
	return row.show()
}

// AccountCounts counts a pool's accounts by status; the filter's own status does
// not count.
func (r *Reader) AccountCounts(ctx context.Context, f AccountFilter) (Counts, error) {
	f.Status = ""
	return r.statusCounts(ctx, accountList, "a.status", f.clause(), AccountStatuses())
}

// PoolOfInstance names the pool whose account an instance has; "" if it has none.
func (r *Reader) PoolOfInstance(ctx context.Context, instanceID string) (name string, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT a.pool
  FROM instances i
  JOIN pool_accounts a
    ON a.instance_pk = i.id
 WHERE i.instance_id = $1
   AND a.status = 'used'`, instanceID).Scan(&name)
	if fault.Is(toFault(err), fault.NotFound) {
		return "", nil
	}
	return name, toFault(err)
}
