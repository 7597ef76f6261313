package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// An order has failed for the marketplace when it was not told better in its time,
// whatever became of it later.
func TestFailedOrdersAreThoseOfTheMarketplace(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	now := time.Now()
	for _, c := range []struct {
		order, activity, status string
		hours                   int     // since it came
		code                    string  // of the answer then
		told                    float64 // hours after that it was told success; 0: never
		done                    float64 // and its work was done; 0: never
		by, asked               string  // our own agent that called then, and that was told; "": the marketplace
		answer                  string  // that it was told then
	}{
		{"given up", "newInstance", "failed", 5, "000004", 0, 0, "", "", "000000"},
		{"repaired too late", "newInstance", "succeeded", 5, "000004", 4, 4, "", "", "000000"},
		{"done too late, and never asked for", "newInstance", "succeeded", 5, "000004", 0, 4, "", "", "000000"},
		{"a failed upgrade", "upgradeInstance", "failed", 5, "000005", 0, 0, "", "", "000000"},
		{"an upgrade restarted too late", "upgradeInstance", "succeeded", 5, "000005", 4, 0, "", "", "000000"},
		{"repaired in time", "newInstance", "succeeded", 5, "000004", 2, 2, "", "", "000000"},
		{"done in time, and not asked for since", "newInstance", "succeeded", 5, "000004", 0, 2, "", "", "000000"},
		{"done late, but told success", "upgradeInstance", "failed", 5, "000000", 0.1, 0, "", "", "000000"},
		{"renewals fail no order", "refreshInstance", "failed", 5, "000005", 0, 0, "", "", "000000"},
		{"before the month", "newInstance", "failed", 20, "000004", 0, 0, "", "", "000000"},
		{"still tried", "newInstance", "processing", 1, "000004", 0, 0, "", "", "000000"},
		{"the simulator's", "newInstance", "failed", 5, "000004", 0, 0, "Koodesk", "", "000000"},
		{"the simulator's, still tried", "newInstance", "processing", 1, "000004", 0, 0, "Koodesk", "", "000000"},
		{"only the simulator was told in time", "newInstance", "failed", 5, "000004", 2, 0, "", "Koodesk", "000000"},
		{"only the simulator was told that it goes on", "newInstance", "succeeded", 5, "000005", 1, 2, "", "Koodesk", "000004"},
	} {
		_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, first_received_at, last_received_at, updated_at, last_error)
    SELECT 1, 'v2', $2, $1, $3, $1, $8::timestamptz - make_interval(hours => $4), $8, $8, CASE WHEN $3 <> 'succeeded' THEN '{}'::jsonb END
    RETURNING id, first_received_at AS at
), a AS (
    INSERT INTO attempts (message_id, at, source, actor, disposition, result_code)
    SELECT id, at, 'marketplace', $9, 'new', $5 FROM m
     UNION ALL
    SELECT id, at + make_interval(secs => 3600 * $6::float8), 'marketplace', $10, 'repeat', $11 FROM m WHERE $6::float8 > 0
)
INSERT INTO tasks (kind, purpose, message_id, unique_key, status, finished_at)
SELECT 'provision', 'purchase', id, $1, 'succeeded', at + make_interval(secs => 3600 * $7::float8) FROM m WHERE $7::float8 > 0`,
			c.order, c.activity, c.status, c.hours, c.code, c.told, c.done, now, c.by, c.asked, c.answer)
		require.NoError(t, err, c.order)
	}
	got, err := s.Reader().FailedOrders(context.Background(), now.Add(-10*time.Hour), now)
	require.NoError(t, err)
	require.Equal(t, []store.FailedOrders{{Channel: "default", Lost: 7, AtRisk: 1}}, got)
}
