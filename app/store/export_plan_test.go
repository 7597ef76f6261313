package store

import (
	"context"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// Explained are statements that no reader runs, each explained as it runs and then
// taken back.
func Explained(t *testing.T, s *Store, handed Handed) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, c := range map[string]struct {
		statement string
		args      []any
	}{
		"settle events":      {settleEvents, []any{0}},
		"take slice":         {takeSlice, []any{25}},
		"next slice":         {nextSlice, nil},
		"handed over":        {handedOver, []any{time.Time{}, 0, pq.Array([]string{"provision", "deliver"}), 500}},
		"handed over, later": {handedOver, []any{handed.At, handed.ID, pq.Array([]string{"provision", "deliver"}), 500}},
	} {
		tx, err := s.db.BeginTxx(context.Background(), nil)
		require.NoError(t, err)
		var text string
		err = tx.Get(&text, `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) `+c.statement, c.args...)
		require.NoError(t, tx.Rollback())
		require.NoError(t, err, name)
		out[name] = text
	}
	return out
}
