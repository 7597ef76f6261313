package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/jmoiron/sqlx"
)

// prepared keeps the statements of transactions prepared on the connections of
// the pool. A statement with parameters that is not prepared takes two round
// trips, and the server parses and plans it each time; that was nearly half of
// what a callback other than newInstance cost.
type prepared struct {
	mu    sync.Mutex
	uses  map[string]int
	busy  map[string]bool // being prepared
	ready map[string]*sqlx.Stmt
}

const (
	prepareAfter = 3   // uses: what a command runs once is not worth it
	maxPrepared  = 250 // texts that are looked at, should some be put together at run time
)

func newPrepared() *prepared {
	return &prepared{uses: map[string]int{}, busy: map[string]bool{}, ready: map[string]*sqlx.Stmt{}}
}

// find gives a statement that is ready; else it tells whether it is worth
// preparing.
func (p *prepared) find(query string) (stmt *sqlx.Stmt, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.ready[query]; stmt != nil {
		return stmt, false
	}
	if n, seen := p.uses[query]; seen || len(p.uses) < maxPrepared {
		p.uses[query] = n + 1
	}
	return nil, p.uses[query] >= prepareAfter
}

// claim tells whether the caller is the one to prepare it.
func (p *prepared) claim(query string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[query] || p.ready[query] != nil {
		return false
	}
	p.busy[query] = true
	return true
}

// prepare makes the statements ready. It takes a connection, so the caller must
// hold none: the pool could be empty. What cannot be prepared goes on unprepared
// and says what is wrong with it when it is used.
func (p *prepared) prepare(ctx context.Context, db *sqlx.DB, queries []string) {
	for _, q := range queries {
		if !p.claim(q) {
			continue
		}
		stmt, err := db.PreparexContext(ctx, q) // lives as long as the pool
		p.mu.Lock()
		delete(p.busy, q)
		if err == nil {
			p.ready[q] = stmt
		} else {
			p.uses[q] = 0
		}
		p.mu.Unlock()
	}
}

// often reads one row by a statement without parameters that every page needs:
// planning it can take several times as long as running it, and without
// parameters its plan is everybody's.
func (r *Reader) often(ctx context.Context, query string, dest ...any) error {
	if r.pool == nil {
		return r.q.QueryRowxContext(ctx, query).Scan(dest...)
	}
	stmt, due := r.pool.prepared.find(query)
	if stmt != nil {
		return stmt.QueryRowxContext(ctx).Scan(dest...)
	}
	err := r.q.QueryRowxContext(ctx, query).Scan(dest...)
	if due {
		r.pool.prepared.prepare(ctx, r.pool.db, []string{query})
	}
	return err
}

// hotTx is a transaction that uses what is prepared. database/sql prepares a
// statement once on each connection that runs it.
type hotTx struct {
	*sqlx.Tx
	prepared *prepared
	due      []string // to be prepared once the connection is given back
	uses     map[string]int
	own      map[string]*sqlx.Stmt // end with the transaction
}

func (t *hotTx) stmt(ctx context.Context, query string) *sqlx.Stmt {
	stmt, due := t.prepared.find(query)
	if due {
		t.due = append(t.due, query)
	}
	if stmt == nil {
		return t.repeated(ctx, query)
	}
	return t.StmtxContext(ctx, stmt)
}

// repeated gives a statement that this transaction goes on using before it is ready for
// all: one that does the same to many rows would plan each of them.
func (t *hotTx) repeated(ctx context.Context, query string) *sqlx.Stmt {
	if t.uses == nil {
		t.uses, t.own = map[string]int{}, map[string]*sqlx.Stmt{}
	}
	if t.uses[query]++; t.uses[query] == prepareAfter+1 {
		if stmt, err := t.PreparexContext(ctx, query); err == nil {
			t.own[query] = stmt
		}
	}
	return t.own[query]
}

func (t *hotTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s := t.stmt(ctx, query); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

func (t *hotTx) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	if s := t.stmt(ctx, query); s != nil {
		return s.GetContext(ctx, dest, args...)
	}
	return t.Tx.GetContext(ctx, dest, query, args...)
}

func (t *hotTx) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	if s := t.stmt(ctx, query); s != nil {
		return s.SelectContext(ctx, dest, args...)
	}
	return t.Tx.SelectContext(ctx, dest, query, args...)
}

func (t *hotTx) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	if s := t.stmt(ctx, query); s != nil {
		return s.QueryxContext(ctx, args...)
	}
	return t.Tx.QueryxContext(ctx, query, args...)
}

func (t *hotTx) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	if s := t.stmt(ctx, query); s != nil {
		return s.QueryRowxContext(ctx, args...)
	}
	return t.Tx.QueryRowxContext(ctx, query, args...)
}

// PlanOnce has each statement of the transaction planned once on its connection, for
// whatever it is asked about, and not for the first few values anew, or for all of them
// where it guesses that to be better. It is for transactions that do the same to many
// rows, each found by its id.
func (t *Tx) PlanOnce(ctx context.Context) error {
	_, err := t.tx.ExecContext(ctx, `SET LOCAL plan_cache_mode = force_generic_plan`)
	return toFault(err)
}
