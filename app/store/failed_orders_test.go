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

// refusedOrder is a call of an order that we did not take.
type refusedOrder struct {
	order, line, activity string
	hours                 float64 // since it came
	found                 string  // what the diagnosis found first; "": nobody knows
	invalid               bool    // it was proved, and not understood
	by                    string  // our own agent; "": the marketplace
}

// refuse writes what the callback keeps of it.
func (o refusedOrder) write(t *testing.T, s *store.Store, now time.Time) {
	t.Helper()
	_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, first_received_at, last_received_at, updated_at)
    SELECT 1, 'v2', $3, CASE WHEN $6 THEN 'invalid' ELSE 'rejected' END || '/' || gen_random_uuid(), CASE WHEN $6 THEN 'failed' ELSE 'rejected' END,
           CASE WHEN $6 THEN '000002' ELSE '000001' END, $1, $2, at, at, at
      FROM (SELECT $8::timestamptz - make_interval(secs => 3600 * $4::float8) AS at) c
    RETURNING id, first_received_at AS at, result_code
)
INSERT INTO attempts (message_id, at, source, actor, disposition, result_code, diagnosis)
SELECT id, at, 'marketplace', $7, CASE WHEN $6 THEN 'invalid' ELSE 'rejected' END, result_code,
       CASE WHEN $5 <> '' THEN jsonb_build_object('checks', '[]'::jsonb, 'findings', jsonb_build_array(jsonb_build_object('code', $5::text))) END
  FROM m`, o.order, o.line, o.activity, o.hours, o.found, o.invalid, o.by, now)
	require.NoError(t, err, o.order)
}

// A purchase that we refused is lost to the marketplace as any other that failed,
// once for an order however often it came.
func TestRefusedPurchasesAreFailedOrders(t *testing.T) {
	t.Parallel()
	now := time.Now()
	buy := "newInstance"
	for name, c := range map[string]struct {
		refused []refusedOrder
		taken   string // how the order went when it came again: "" it did not, else what was answered and when, in hours before now
		at      float64
		want    []store.FailedOrders
	}{
		"not understood":                            {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, invalid: true}}, want: lost(1)},
		"still tried":                               {refused: []refusedOrder{{order: "1", activity: buy, hours: 1, invalid: true}}, want: atRisk(1)},
		"came in another month":                     {refused: []refusedOrder{{order: "1", activity: buy, hours: 20, invalid: true}}},
		"came first in another one":                 {refused: []refusedOrder{{order: "1", activity: buy, hours: 11, invalid: true}, {order: "1", activity: buy, hours: 9, invalid: true}}},
		"refused, though signed with a key of ours": {refused: []refusedOrder{{order: "1", line: "1-1", activity: buy, hours: 5, found: "clock"}}, want: lost(1)},
		"not proved":                                {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, found: "key_unknown"}}},
		"not looked into":                           {refused: []refusedOrder{{order: "1", activity: buy, hours: 5}}},
		"the simulator's":                           {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, invalid: true, by: "Koodesk"}}},
		"a renewal":                                 {refused: []refusedOrder{{order: "1", activity: "refreshInstance", hours: 5, invalid: true}}},
		"of no order that it says":                  {refused: []refusedOrder{{activity: buy, hours: 5, invalid: true}}},
		"every hour, each time anew":                {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, invalid: true}, {order: "1", activity: buy, hours: 4, invalid: true}, {order: "1", activity: buy, hours: 1, invalid: true}}, want: lost(1)},
		"two lines of one":                          {refused: []refusedOrder{{order: "1", line: "1-1", activity: buy, hours: 5, invalid: true}, {order: "1", line: "1-2", activity: buy, hours: 1, invalid: true}}, want: lost(1)},
		"two":                                       {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, invalid: true}, {order: "2", activity: "upgradeInstance", hours: 5, found: "formula"}}, want: lost(2)},
		"passed when it came again":                 {refused: []refusedOrder{{order: "1", line: "1-1", activity: buy, hours: 5, invalid: true}}, taken: "000000", at: 4},
		"its line was not understood":               {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, invalid: true}}, taken: "000000", at: 4},
		"passed too late":                           {refused: []refusedOrder{{order: "1", line: "1-1", activity: buy, hours: 5, invalid: true}}, taken: "000000", at: 1, want: lost(1)},
		"is worked on":                              {refused: []refusedOrder{{order: "1", line: "1-1", activity: buy, hours: 1, invalid: true}}, taken: "000004", at: 0.5},
		"a stranger's came earlier, and was no call of it": {refused: []refusedOrder{{order: "1", activity: buy, hours: 5, found: "key_unknown"}, {order: "1", activity: buy, hours: 1, found: "clock"}}, want: atRisk(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Open(t)
			storetest.Channel(t, s, "default", "")
			for _, o := range c.refused {
				o.write(t, s, now)
			}
			if c.taken != "" {
				_, err := s.SQL().Exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, order_line_id, first_received_at, last_received_at, updated_at)
    SELECT 1, 'v2', 'newInstance', 'newInstance/1/1-1', CASE WHEN $1 = '000004' THEN 'processing' ELSE 'succeeded' END, '1', '1-1', at, at, at
      FROM (SELECT $3::timestamptz - make_interval(secs => 3600 * $2::float8) AS at) c
    RETURNING id, first_received_at AS at
)
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT id, at, 'marketplace', 'new', $1 FROM m`, c.taken, c.at, now)
				require.NoError(t, err)
			}
			got, err := s.Reader().FailedOrders(context.Background(), now.Add(-10*time.Hour), now)
			require.NoError(t, err)
			require.Equal(t, append([]store.FailedOrders{}, c.want...), got)
		})
	}
}

func lost(n int) []store.FailedOrders {
	return []store.FailedOrders{{Channel: "default", Lost: n}}
}

func atRisk(n int) []store.FailedOrders {
	return []store.FailedOrders{{Channel: "default", AtRisk: n}}
}
