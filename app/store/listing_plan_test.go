package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// Of 40000 messages some 800 are debugging calls of those days, each with its attempt,
// its instance and, of polls, those of the two others; some 1200 fail or took long.
const (
	probeBudget = 5000
	orderBudget = 6000
)

// listingPlans explains what puts a product's place at risk: the start page, the page
// "Listing risk" and the alerts read it again and again. Neither messages nor attempts
// are read whole for it.
func listingPlans(t *testing.T, s *store.Store) {
	ctx, now := context.Background(), time.Now()
	within := func(name string, budget float64) *store.Reader {
		return store.Watch(s, func(query string, args []any) {
			c := explained(t, s, query, args)
			assert.LessOrEqual(t, c.read, budget, "%s reads too many rows:%s\n%s", name, query, c.shape)
			assert.LessOrEqual(t, c.sorted, budget, "%s sorts too many rows:%s\n%s", name, query, c.shape)
		})
	}
	probed, err := within("probes", probeBudget).Probes(ctx, now)
	require.NoError(t, err)
	require.NotEmpty(t, probed)
	failed, err := within("failed orders", orderBudget).FailedOrders(ctx, now.AddDate(0, 0, -27), now)
	require.NoError(t, err)
	require.NotEmpty(t, failed)
	_, err = within("needs: listing", max(probeBudget, orderBudget)).NeedListing(ctx)
	require.NoError(t, err)
}
