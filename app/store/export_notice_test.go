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
	ctx := context.Background()
	explain := func(statement string, args ...any) string {
		tx, err := s.db.BeginTxx(ctx, nil)
		require.NoError(t, err)
		defer func() { _ = tx.Rollback() }()
		var lines []string
		require.NoError(t, tx.SelectContext(ctx, &lines, `EXPLAIN (ANALYZE, BUFFERS, TIMING off) `+statement, args...))
		return strings.Join(lines, "\n")
	}
	return explain(dueExpiries, 500, "seller.test", pq.Array(market.ExpiryDays()), "Asia/Shanghai", passOver(NoticeRules{})),
		explain(dueEvents, 500, "seller.test", passOver(NoticeRules{})),
		explain(overtaken, pq.Array([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9}))
}
