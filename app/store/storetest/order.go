package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// Row is a row of a table, by its id.
type Row struct {
	Table string
	ID    int64
}

// LocksInOrder runs an act once for each of the rows, which are given in the order
// that store.Write tells, while another transaction holds that row: as long as the act
// waits for it, it must hold none of the rows behind, or the two could wait for each
// other for ever. begin makes the rows anew and gives the act, whose own error is the
// caller's business.
func LocksInOrder(t *testing.T, rows []Row, begin func(t *testing.T) (s *store.Store, act func() error)) {
	for n, held := range rows {
		t.Run(held.String(), func(t *testing.T) {
			t.Parallel()
			s, act := begin(t)
			other, err := s.SQL().BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { _ = other.Rollback() }()
			lock := func(r Row, how string) error {
				var id int64
				return other.QueryRow(`SELECT id FROM `+r.Table+` WHERE id = $1 FOR NO KEY UPDATE`+how, r.ID).Scan(&id)
			}
			require.NoError(t, lock(held, ""))
			done := make(chan error, 1)
			go func() { done <- act() }()
			if waits(t, s, done) {
				for _, later := range rows[n+1:] {
					require.NoError(t, lock(later, " NOWAIT"), "the act waits for %s and holds %s", held, later)
				}
			}
			require.NoError(t, other.Rollback())
			require.NoError(t, <-done)
		})
	}
}

// String names the row in tests.
func (r Row) String() string { return r.Table + " " + string(rune('0'+r.ID)) }

// waits tells whether somebody waits for a lock; false when the act is done without.
func waits(t *testing.T, s *store.Store, done chan error) (yes bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := s.SQL().QueryRow(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&yes)
		return err == nil && (yes || len(done) > 0)
	}, time.Minute, 5*time.Millisecond)
	return yes
}
