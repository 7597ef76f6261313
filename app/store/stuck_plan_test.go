package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// stuckPlans explains what the page of stuck work and the start page read of each
// kind: its index from its oldest entry on, and of what stands behind a row only
// that. Nothing is read of the tables' healthy rows.
func stuckPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	for kind, budget := range map[string]float64{store.StuckUnhanded: 2 * 51, store.StuckLost: 2 * 51, store.StuckLease: 2 * 51,
		store.StuckCreation: 25 * 51, // each with its calls, also those that name it beside others
		store.StuckPoll:     20 * 51, // each with its three instances, and their calls
	} {
		r := planner(t, s, "stuck "+kind, budget)
		p, err := r.StuckList(ctx, kind, store.Paging{})
		require.NoError(t, err)
		require.Len(t, p.Items, 50, kind)
		next, err := r.StuckList(ctx, kind, store.Paging{Cursor: p.Older})
		require.NoError(t, err)
		require.NotEmpty(t, next.Items, kind)
		back, err := r.StuckList(ctx, kind, store.Paging{Cursor: next.Newer})
		require.NoError(t, err)
		require.Equal(t, p.Items, back.Items, kind)
	}
	var of string
	require.NoError(t, s.SQL().QueryRow(`EXPLAIN (FORMAT JSON) SELECT `+store.SendsMail+` FROM tasks t`).Scan(&of))
	require.Contains(t, of, "SubPlan")
	require.NotContains(t, of, "hashed", "also of many tasks only their own deliveries are read")
	counts, err := planner(t, s, "stuck counts", 7000).StuckCounts(ctx)
	require.NoError(t, err)
	require.Greater(t, counts[store.StuckUnhanded].N, 600)
	need, err := planner(t, s, "stuck needs", 7000).NeedStuck(ctx)
	require.NoError(t, err)
	require.Equal(t, store.Count{N: 1000, More: true}, need.Count)
}
