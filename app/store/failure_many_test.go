package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A list of failure groups counts the members of small ones itself and has those of
// big ones from the clock, so it costs the same however many there are; the page of
// one counts them all, from the index alone.
func TestBigGroupsAreCountedByTheClock(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "one", "")
	storetest.Fill(t, s, []string{`
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
SELECT n, 1, 'newInstance', n IN ('tasks', 'few tasks'), '{"code":"internal","key":"internal"}' FROM unnest(ARRAY['messages', 'tasks', 'few messages', 'few tasks']) AS n`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, business_id, first_received_at, last_received_at, failure_group)
SELECT 1, 'v2', 'newInstance', n, CASE WHEN n % 3 = 0 THEN 'processing' ELSE 'failed' END, 'CS' || n / 2, n, now(), now() - n * interval '1 second', CASE WHEN n <= 600 THEN 1 WHEN n <= 650 THEN 3 ELSE 0 END FROM generate_series(1, 8000) AS n`, `
INSERT INTO tasks (kind, unique_key, status, order_id, failure_group)
SELECT 'provision', n, CASE WHEN n % 3 = 0 THEN 'pending' ELSE 'failed' END, 'CS' || n / 2, CASE WHEN n <= 600 THEN 2 WHEN n <= 650 THEN 4 ELSE 0 END FROM generate_series(1, 8000) AS n`})
	_, err := s.SQL().Exec(`VACUUM messages, tasks`) // as the database does by itself: what is counted stands in the index
	require.NoError(t, err)
	type numbers map[int64][3]int
	listed := func() numbers {
		out := numbers{}
		for _, g := range groups(t, s, "") {
			out[g.ID] = [3]int{g.GivenUp.N, g.Retrying.N, g.Orders.N}
		}
		return out
	}
	big, small := [3]int{400, 200, 301}, [3]int{34, 16, 26}
	before := listed()
	require.Equal(t, small, before[3])
	require.Equal(t, small, before[4])
	for _, id := range []int64{1, 2} {
		require.Equal(t, 101, before[id][0]+before[id][1], "not counted by the clock yet")
		g, err := s.Reader().Group(ctx, id)
		require.NoError(t, err)
		require.Equal(t, big, [3]int{g.GivenUp.N, g.Retrying.N, g.Orders.N})
	}
	require.NoError(t, s.SettleFailures(ctx))
	require.Equal(t, numbers{1: big, 2: big, 3: small, 4: small}, listed())

	_, err = planner(t, s, "big groups", 600).GroupList(ctx, store.GroupFilter{}, store.Paging{})
	require.NoError(t, err)
	r := store.Watch(s, func(query string, args []any) {
		require.NotRegexp(t, `(Index|Heap|Seq) Scan (messages|tasks) rows \d{3,}`, explained(t, s, query, args).shape, "members are read from the index alone")
	})
	for _, id := range []int64{1, 2} {
		_, err := r.Group(ctx, id)
		require.NoError(t, err)
		_, err = r.GroupOrders(ctx, id, 100)
		require.NoError(t, err)
	}

	_, err = s.SQL().Exec(`UPDATE messages SET failure_group = NULL WHERE failure_group = 1 AND id > 80`)
	require.NoError(t, err)
	require.Equal(t, [3]int{54, 26, 41}, listed()[1], "few are left: counted at once")
}
