package store

import (
	"context"
	"time"
)

// Health is what the database says of itself.
type Health struct {
	Version           string    `db:"version"`
	Fsync             string    `db:"fsync"`
	SynchronousCommit string    `db:"synchronous_commit"`
	Now               time.Time `db:"now"`
}

// Health asks the database about itself.
func (s *Store) Health(ctx context.Context) (Health, error) {
	var h Health
	err := s.db.GetContext(ctx, &h, `
SELECT current_setting('server_version') AS version,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       clock_timestamp() AS now`)
	return h, toFault(err)
}
