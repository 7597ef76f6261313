package store

import (
	"context"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// PlanNotices shows how PostgreSQL selects due notices: the whole statement, with
// all that it writes, in a transaction that is rolled back.
func PlanNotices(t *testing.T, s *Store) (expiries, events, overtakes string) {
	t.Helper()
	return explain(t, s, dueExpiries, 500, "seller.test", pq.Array(market.ExpiryDays()), "Asia/Shanghai", passOver(NoticeRules{})),
		explain(t, s, dueEvents, 500, "seller.test", passOver(NoticeRules{})),
		explain(t, s, overtaken, pq.Array([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9}))
}

// PlanReplan does so with what follows when the clock was set back: the instances that
// are looked at again first, as JSON.
func PlanReplan(t *testing.T, s *Store) (open, early, late string) {
	t.Helper()
	var batch []int64
	for id := range int64(500) {
		batch = append(batch, id+20000)
	}
	return explainAs(t, s, "ANALYZE, TIMING OFF, FORMAT JSON", openInstances+replanNext, 20000, 500), explain(t, s, tooEarly, pq.Array(batch)), explain(t, s, putOff)
}

func explain(t *testing.T, s *Store, statement string, args ...any) string {
	t.Helper()
	return explainAs(t, s, "ANALYZE, BUFFERS, TIMING off", statement, args...)
}

func explainAs(t *testing.T, s *Store, how, statement string, args ...any) string {
	t.Helper()
	ctx := context.Background()
	tx, err := s.db.BeginTxx(ctx, nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	var lines []string
	require.NoError(t, tx.SelectContext(ctx, &lines, `EXPLAIN (`+how+`) `+statement, args...))
	return strings.Join(lines, "\n")
}
