package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// TestRetentionReadsOnlyItsBatch explains each statement of the walks in the middle
// of big tables: no table is read whole, and of what stands behind a row only that.
func TestRetentionReadsOnlyItsBatch(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	seed(t, s)
	ids := make([]int64, 500)
	for i := range ids {
		ids[i] = 20001 + int64(i)
	}
	before := time.Now().AddDate(1, 0, 0)
	for _, kind := range store.Kept() {
		walk, act := store.RetentionQueries(kind)
		c := explained(t, s, walk, []any{20000, before, 500})
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 500.0, "%s\n%s", kind, c.shape)
		c = explained(t, s, act, []any{pq.Array(ids), before})
		require.Empty(t, c.whole, "%s\n%s", kind, c.shape)
		require.LessOrEqual(t, c.read, 6000.0, "%s\n%s", kind, c.shape)
	}
	c := explained(t, s, store.RetireRejectedQuery, []any{before, 50})
	require.Empty(t, c.whole, c.shape)
	require.LessOrEqual(t, c.read, 300.0, c.shape)
	n, err := s.Retire(context.Background(), store.KeepAttempts, before, 500)
	require.NoError(t, err)
	require.Equal(t, 500, n)
}
