package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/staff"
)

// Operator is an operator with what signing in needs to know.
type Operator struct {
	staff.Person
	PasswordHash string
	Epoch        int // sessions with another epoch are over
}

// NewOperator is an operator to be written.
type NewOperator struct {
	Email        string
	PasswordHash string
	Role         staff.Role
	Locale       string
	MustChange   bool // the password was given out by somebody else
}

type operatorRow struct {
	ID           int64        `db:"id"`
	Email        string       `db:"email"`
	PasswordHash string       `db:"password_hash"`
	Role         string       `db:"role"`
	Locale       string       `db:"locale"`
	MustChange   bool         `db:"must_change"`
	Created      time.Time    `db:"created_at"`
	Disabled     sql.NullTime `db:"disabled_at"`
	LastLogin    sql.NullTime `db:"last_login_at"`
	Epoch        int          `db:"session_epoch"`
}

const operatorColumns = `id, email, password_hash, role, locale, must_change, created_at, disabled_at, last_login_at, session_epoch`

func (o *operatorRow) operator() *Operator {
	return &Operator{
		Person: staff.Person{ID: o.ID, Email: o.Email, Role: staff.Role(o.Role), Locale: o.Locale, MustChange: o.MustChange,
			CreatedAt: o.Created.UTC(), LastLoginAt: utc(o.LastLogin), Disabled: o.Disabled.Valid},
		PasswordHash: o.PasswordHash,
		Epoch:        o.Epoch,
	}
}

// AddOperator writes an operator. Fault: conflict "operator.exists".
func (t *Tx) AddOperator(ctx context.Context, n NewOperator) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO operators (email, password_hash, role, locale, must_change)
VALUES ($1, $2, $3, $4, $5)
RETURNING id`, n.Email, n.PasswordHash, string(n.Role), n.Locale, n.MustChange)
	if unique(err, "operators_email") {
		return 0, fault.New(fault.Conflict, "operator.exists", "email", n.Email)
	}
	return id, toFault(err)
}

// OperatorByEmail finds an operator by the address, in any case. Fault:
// not_found "operator.unknown".
func (r *Reader) OperatorByEmail(ctx context.Context, email string) (*Operator, error) {
	c := &clause{}
	c.and("lower(email) = lower(?)", email)
	return r.operator(ctx, c)
}

// OperatorByID finds an operator. Fault: not_found "operator.unknown".
func (r *Reader) OperatorByID(ctx context.Context, id int64) (*Operator, error) {
	c := &clause{}
	c.and("id = ?", id)
	return r.operator(ctx, c)
}

func (r *Reader) operator(ctx context.Context, c *clause) (*Operator, error) {
	var row operatorRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+operatorColumns+`
  FROM operators`+c.where(), c.args...)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "operator.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	return row.operator(), nil
}

// Operators lists every operator by address.
func (r *Reader) Operators(ctx context.Context) ([]staff.Person, error) {
	var rows []operatorRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+operatorColumns+`
  FROM operators
 ORDER BY lower(email)`)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]staff.Person, 0, len(rows))
	for i := range rows {
		out = append(out, rows[i].operator().Person)
	}
	return out, nil
}

// SetPassword gives an operator a password and ends the sessions of before; the
// new epoch is what a session that goes on must carry.
func (t *Tx) SetPassword(ctx context.Context, id int64, hash string, mustChange bool) (epoch int, err error) {
	err = t.tx.GetContext(ctx, &epoch, `
UPDATE operators
   SET password_hash = $2,
       must_change = $3,
       session_epoch = session_epoch + 1
 WHERE id = $1
RETURNING session_epoch`, id, hash, mustChange)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, fault.New(fault.NotFound, "operator.unknown")
	}
	return epoch, toFault(err)
}

// RenewPasswordHash replaces a password's hash by one of another cost, if the
// password is still the same; sessions go on.
func (t *Tx) RenewPasswordHash(ctx context.Context, id int64, old, fresh string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE operators
   SET password_hash = $3
 WHERE id = $1
   AND password_hash = $2`, id, old, fresh)
	return toFault(err)
}

// SetLocale keeps the language that an operator chose.
func (t *Tx) SetLocale(ctx context.Context, id int64, locale string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE operators
   SET locale = $2
 WHERE id = $1`, id, locale)
	return toFault(err)
}

// DisableOperator ends an operator's right to sign in, and every session. Nothing
// of what waited to be told to them is kept for the day when they come back.
// Fault: not_found "operator.unknown".
func (t *Tx) DisableOperator(ctx context.Context, id int64) error {
	r, err := t.tx.ExecContext(ctx, `
UPDATE operators
   SET disabled_at = COALESCE(disabled_at, now()),
       session_epoch = session_epoch + 1
 WHERE id = $1`, id)
	if err != nil {
		return toFault(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.NotFound, "operator.unknown")
	}
	return t.dropSayingsOf(ctx, id)
}

// TouchLogin records that an operator has signed in.
func (t *Tx) TouchLogin(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE operators
   SET last_login_at = now()
 WHERE id = $1`, id)
	return toFault(err)
}
