package store

import (
	"fmt"
	"time"

	"github.com/lib/pq"
)

// firstSeen begins a statement that keeps an answer: if the answer is the first to
// give the marketplace the front-end addresses of these instances, the moment goes
// to them in the same statement. They are its parameters from number n on. Others'
// answers may do the same for some of them, so they are locked in one order.
func firstSeen(instances []int64, at time.Time, n int) (with string, args []any) {
	if len(instances) == 0 {
		return "", nil
	}
	return fmt.Sprintf(`
WITH seen AS (
    UPDATE instances
       SET url_seen_at = $%d
     WHERE id IN (SELECT id
                    FROM instances
                   WHERE id = ANY($%d)
                     AND url_seen_at IS NULL
                   ORDER BY id
                     FOR NO KEY UPDATE)
)`, n, n+1), []any{at, pq.Array(instances)}
}
