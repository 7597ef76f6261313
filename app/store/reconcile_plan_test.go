package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// reconcilePlans explains what a reconciliation reads a bit at a time.
func reconcilePlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	week := time.Now().Add(-7 * 24 * time.Hour)
	run := store.Run{StartedAt: time.Now(), LostAt: week, ToldAt: week}
	open, err := planner(t, s, "reconcile: open instances", 500).OpenInstances(ctx, 20000, 25)
	require.NoError(t, err)
	require.Len(t, open, 25)
	_, err = planner(t, s, "reconcile: lost purchases", 500).LostPurchases(ctx, run, 25)
	require.NoError(t, err)
	_, err = planner(t, s, "reconcile: told purchases", 500).ToldPurchases(ctx, run, run.StartedAt, 25)
	require.NoError(t, err)
}
