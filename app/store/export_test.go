package store

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// watched notes every statement before it runs.
type watched struct {
	db   *sqlx.DB
	note func(query string, args []any)
}

func (w watched) QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	w.note(q, args)
	return w.db.QueryContext(ctx, q, args...)
}

func (w watched) QueryxContext(ctx context.Context, q string, args ...any) (*sqlx.Rows, error) {
	w.note(q, args)
	return w.db.QueryxContext(ctx, q, args...)
}

func (w watched) QueryRowxContext(ctx context.Context, q string, args ...any) *sqlx.Row {
	w.note(q, args)
	return w.db.QueryRowxContext(ctx, q, args...)
}

// Watch gives a reader whose statements are shown to note.
func Watch(s *Store, note func(query string, args []any)) *Reader {
	return &Reader{q: watched{db: s.db, note: note}, keys: s.keys}
}

// RowsRead is how many rows of the tables were read by the transaction, and how
// many of them by scanning a table whole, counted from some moment before it.
func (t *Tx) RowsRead(ctx context.Context, tables []string) (all, scanned int, err error) {
	err = t.tx.QueryRowxContext(ctx, `
SELECT COALESCE(sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0), COALESCE(sum(seq_tup_read), 0)
  FROM pg_stat_xact_user_tables
 WHERE relname = ANY($1)
    OR relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent::regclass::text = ANY($1))`, pq.Array(tables)).Scan(&all, &scanned)
	return all, scanned, err
}

// Walked are the kinds that are walked row by row, and the logs that are by month.
var Walked, Monthly = []string{KeepPayloads, KeepDeliveries, KeepEvents, KeepAlerts, KeepSayings}, []string{KeepAttempts, KeepTries}

// RetentionQueries are the statements of a kind's walk, of what was open, and of a
// log's month.
func RetentionQueries(kind string) (walk, act, month string) {
	if m, ok := monthly[kind]; ok {
		month = stayQuery(m, true)
	}
	return retiringQuery(keeps[kind]), keeps[kind].act, month
}

// SendsMail is asked of each task that is handed over.
const SendsMail = sendsMail

// RetireRejectedQuery is that of RetireRejected.
const RetireRejectedQuery = retireRejected

// LicenseTimes is licenseTimes where every License is supplied, planned for whatever
// instance: statements that are used often are.
func (t *Tx) LicenseTimes(ctx context.Context, i *Instance) error {
	if err := t.PlanOnce(ctx); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO products (id, channel_id, product_id, driver, settings) OVERRIDING SYSTEM VALUE
VALUES (-1, $1, '*', 'manual', '{"license": "manual"}')`, i.ChannelID)
	if err != nil {
		return err
	}
	return t.licenseTimes(ctx, i)
}

// EraseQueries are the statements by which what an erasure begins with is erased, of
// rows $1.
func EraseQueries(kind string) []string {
	of := erasings(kind)
	out := []string{of.lock, of.busy}
	for _, s := range of.empty {
		out = append(out, s.query)
	}
	if kind == EraseInstances {
		out = append(out, ordersOfInstances)
	}
	return out
}

// HeldQueries are the statements that find what is held of a customer, or of an order.
func HeldQueries() (ofCustomer, ofOrder []string) {
	for _, h := range heldOf {
		if h.ofCustomer != "" {
			ofCustomer = append(ofCustomer, h.ofCustomer)
		}
		ofOrder = append(ofOrder, h.ofOrder)
	}
	return ofCustomer, ofOrder
}

// InUse counts what of it is in use.
const InUse = inUse

// ErasableQuery finds what is due by rule.
func ErasableQuery(kind string) string { return erasable[kind] }

// The others find orders that are due, and what has come to the erased.
var ErasableOrders, LateCalls = erasableOrders, lateCalls

// Prepared are the statements about tasks that the transaction's connection has prepared,
// and how often they have run.
func (t *Tx) Prepared(ctx context.Context) (n, runs int, err error) {
	err = t.tx.QueryRowxContext(ctx, `SELECT count(*), COALESCE(sum(generic_plans + custom_plans), 0) FROM pg_prepared_statements WHERE statement LIKE '%FROM tasks t%'`).Scan(&n, &runs)
	return n, runs, err
}
