package store

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
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
