// Package store holds every SQL statement: Reader for looking, Tx for writing.
// It turns driver errors into faults and seals what must not be readable at
// rest. It decides nothing: what is written, and when, is the use cases'
// business. It knows neither HTTP nor the queue nor any protocol.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// Store is the database.
type Store struct {
	db       *sqlx.DB
	keys     *seal.Keyring
	purchase *sqlx.Stmt
	prepared *prepared
	settled  atomic.Int64 // up to where SettleEvents has looked
}

// Options of Open. MaxConns 0 means 16, which measured best on two cores. Connect
// makes the connections to a URL, which are driver.ExecerContexts; nil means lib/pq's.
type Options struct {
	MaxConns int
	Connect  func(url string) (driver.Connector, error)
}

// Open connects and checks that the database answers. The schema may still be
// missing: migrations run on SQL().
func Open(ctx context.Context, dsn string, keys *seal.Keyring, o Options) (*Store, error) {
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	if o.Connect == nil {
		o.Connect = func(url string) (driver.Connector, error) { return pq.NewConnector(url) }
	}
	connector, err := o.Connect(dsn)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "database.unreachable")
	}
	if !namesJIT(dsn) {
		connector = uncompiled{connector}
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "database.unreachable")
	}
	return &Store{db: db, keys: keys, prepared: newPrepared()}, nil
}

// uncompiled makes connections with jit off: compiling a statement takes PostgreSQL up to
// seconds, and ours, which go along indexes, save milliseconds by it. It is a statement and
// no parameter of the URL, for PgBouncer refuses those that it does not know.
type uncompiled struct{ driver.Connector }

func (u uncompiled) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := u.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.(driver.ExecerContext).ExecContext(ctx, `SET jit = off`, nil); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// namesJIT tells whether a database's URL says jit itself, and so has its way.
func namesJIT(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Query().Has("jit")
}

// SQL is the plain handle, for migrations and health checks.
func (s *Store) SQL() *sql.DB { return s.db.DB }

// Keys is the keyring that the store seals with.
func (s *Store) Keys() *seal.Keyring { return s.keys }

// Close ends every connection.
func (s *Store) Close() error { return s.db.Close() }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return toFault(s.db.PingContext(ctx)) }

// Reader is for looking: selects only.
type Reader struct {
	q    sqlx.QueryerContext
	keys *seal.Keyring
	pool *Store // nil inside a transaction
}

// Reader gives a reader outside any transaction.
func (s *Store) Reader() *Reader { return &Reader{q: s.db, keys: s.keys, pool: s} }

// Tx is one transaction. Its Now is the database's, fixed for the transaction.
type Tx struct {
	tx   *hotTx
	keys *seal.Keyring
	Now  time.Time
}

// Reader looks inside the transaction.
func (t *Tx) Reader() *Reader { return &Reader{q: t.tx, keys: t.keys} }

// Write runs fn in one transaction (READ COMMITTED; rows that matter are locked
// by fn) and commits it if fn returns nil. A deadlock or serialisation failure
// runs fn again, at most three times, so fn must have no effect outside.
//
// Rows are locked in one order wherever many meet, so that two transactions don't wait
// for each other: message, instance, task, delivery or event, several of a kind in the
// order of their ids. What is changed is locked FOR NO KEY UPDATE: a row that refers to
// it may be written meanwhile. An act that changes messages late holds them first (see
// HoldMessages); storetest.LocksInOrder tests an act for it.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error {
	return s.write(ctx, 0, fn)
}

// WriteFor is Write for a task's work, which ends in the message that the task
// belongs to: it is locked first, as it is by the calls that repeat it.
func (s *Store) WriteFor(ctx context.Context, task outbox.Task, fn func(*Tx) error) error {
	return s.write(ctx, task.Settles(), fn)
}

func (s *Store) write(ctx context.Context, message int64, fn func(*Tx) error) error {
	var err error
	for range 3 {
		if err = s.writeOnce(ctx, message, fn); !retryable(err) {
			break
		}
	}
	return err
}

// nowHolding is the time of a transaction that begins with the lock of a message.
const nowHolding = `
WITH m AS (
    SELECT
      FROM messages
     WHERE id = $1
       FOR NO KEY UPDATE
)
SELECT now()
  FROM (SELECT count(*) FROM m) held`

func (t *Tx) begin(ctx context.Context, message int64) error {
	query, args := `SELECT now()`, []any(nil)
	if message != 0 {
		query, args = nowHolding, []any{message}
	}
	err := t.tx.GetContext(ctx, &t.Now, query, args...)
	t.Now = t.Now.UTC()
	return err
}

func (s *Store) writeOnce(ctx context.Context, message int64, fn func(*Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return toFault(err)
	}
	defer func() { _ = tx.Rollback() }() // also when fn panics; nothing after a commit
	hot := &hotTx{Tx: tx, prepared: s.prepared}
	t := &Tx{tx: hot, keys: s.keys}
	if err = t.begin(ctx, message); err == nil {
		err = fn(t)
	}
	if err != nil {
		return toFault(err)
	}
	if err = tx.Commit(); err == nil {
		s.prepared.prepare(ctx, s.db, hot.due)
	}
	return toFault(err)
}

// toFault gives driver errors their class. Faults pass as they are.
func toFault(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Wrap(err, fault.NotFound, "not_found")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, "database.timeout")
	}
	var pe *pq.Error
	if errors.As(err, &pe) {
		switch pe.Code.Class() {
		case "08", "53", "57":
			return fault.Wrap(err, fault.Unavailable, "database.unreachable")
		case "40", "55": // the same may go well in a moment
			return fault.Wrap(err, fault.Unavailable, "database.timeout")
		case "23":
			return fault.Wrap(err, fault.Conflict, "database.conflict", "constraint", pe.Constraint)
		}
		return fault.Wrap(err, fault.Internal, "internal")
	}
	// What is left are dial errors, broken pipes and bad connections.
	return fault.Wrap(err, fault.Unavailable, "database.unreachable")
}

func retryable(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// unique tells whether err is a violation of the named unique constraint.
func unique(err error, constraint string) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && pe.Code == "23505" && pe.Constraint == constraint
}

func nullID(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

func nullTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }

func nullText(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

func nullBytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}
