package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// failing claims a task and ends its try.
func failing(t *testing.T, s *store.Store, task int64, cause error, retry bool) {
	t.Helper()
	ctx := context.Background()
	claimed, ok, err := s.Claim(ctx, task, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if cause == nil {
			return tx.Complete(ctx, claimed)
		}
		var at time.Time
		if retry {
			at = tx.Now
		}
		return tx.Fail(ctx, claimed, cause, at)
	}))
}

// bought makes purchases and gives their order queries.
func bought(t *testing.T, s *store.Store, channel int64, n int) []int64 {
	t.Helper()
	out := make([]int64, 0, n)
	for i := range n {
		done, err := s.TakePurchase(context.Background(), purchase(channel, fmt.Sprintf("CS%d-%d", channel, i), fmt.Sprintf("b-%d-%d", channel, i), time.Now()))
		require.NoError(t, err)
		out = append(out, done.TaskID)
	}
	return out
}

func restartAll(t *testing.T, s *store.Store, ids ...int64) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.RestartTasks(ctx, ids, "operator:ann")
		return err
	}))
}

func groups(t *testing.T, s *store.Store, status string) []store.GroupRow {
	t.Helper()
	p, err := s.Reader().GroupList(context.Background(), store.GroupFilter{Status: status}, store.Paging{})
	require.NoError(t, err)
	return p.Items
}

func refusedWith(code string) error {
	return fault.New(fault.Refused, "order_query.credentials_refused", "code", code)
}

// A group is restarted by its messages only if that reaches all of it: one task without a
// message is no message's.
func TestAGroupWithATaskOfNoMessageIsRestartedByItsTasks(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	tasks := bought(t, s, storetest.Channel(t, s, "one", "").ID, 2)
	for _, id := range tasks {
		failing(t, s, id, refusedWith("MKT.0101"), false)
	}
	require.True(t, groups(t, s, store.GroupOpen)[0].Messages)
	exec(t, s.SQL(), `
INSERT INTO tasks (kind, purpose, status, unique_key, order_id, failure_group, last_error)
SELECT kind, purpose, status, 'of no message', 'CS9', failure_group, last_error FROM tasks WHERE kind = 'order_query' LIMIT 1`)
	require.False(t, groups(t, s, store.GroupOpen)[0].Messages)
}

// The life of a group: it opens with the first failure, holds whatever fails for
// the same reason, is resolved by the last that passes, and comes back.
func TestFailuresOfOneCauseAreOneGroup(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	one, other := storetest.Channel(t, s, "one", "").ID, storetest.Channel(t, s, "other", "").ID
	tasks := bought(t, s, one, 3)
	for _, id := range tasks[:2] {
		failing(t, s, id, refusedWith("MKT.0101"), false)
	}
	failing(t, s, tasks[2], refusedWith("MKT.0101"), true)
	failing(t, s, bought(t, s, other, 1)[0], refusedWith("MKT.0101"), false)

	open := groups(t, s, store.GroupOpen)
	require.Len(t, open, 2, "each channel has credentials of its own")
	g := open[1]
	require.Equal(t, []any{"one", "order_query", true, true, "order_query.credentials_refused"}, []any{g.Channel, g.Step, g.OfTasks, g.Messages, g.Error.Key})
	require.Equal(t, []int{2, 1, 3, 3}, []int{g.GivenUp.N, g.Retrying.N, g.Orders.N, g.MostOrders.N})
	require.WithinDuration(t, time.Now().Add(time.Hour), g.Deadline, 2*time.Hour)
	members, err := s.Reader().TaskList(ctx, store.TaskFilter{Group: g.ID}, store.Paging{Limit: 2})
	require.NoError(t, err)
	require.Len(t, members.Items, 2)
	require.NotEmpty(t, members.Older)
	ids, err := s.Reader().MessageIDs(ctx, store.MessageFilter{Group: g.ID, Status: store.MessageFailed}, 0, 10)
	require.NoError(t, err)
	require.Len(t, ids, 2, "the messages that wait for them fail by it too")
	names, err := s.Reader().GroupOrders(ctx, g.ID, 10)
	require.NoError(t, err)
	require.Len(t, names, 3)

	// Another cause at the same step is another group, and takes the member along.
	failing(t, s, tasks[2], refusedWith("MKT.0102"), false)
	require.Len(t, groups(t, s, store.GroupOpen), 3)
	g, err = s.Reader().Group(ctx, g.ID)
	require.NoError(t, err)
	require.Equal(t, 2, g.Orders.N)

	restartAll(t, s, tasks[:2]...)
	g, err = s.Reader().Group(ctx, g.ID)
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, []int{g.GivenUp.N, g.Retrying.N}, "a restart alone puts nothing right")
	failing(t, s, tasks[0], nil, false)
	require.Equal(t, store.GroupOpen, status(t, s, g.ID))
	failing(t, s, tasks[1], nil, false)
	require.Equal(t, store.GroupResolved, status(t, s, g.ID))

	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		note, until := "ask Huawei", tx.Now.Add(time.Hour)
		return tx.ChangeGroup(ctx, g.ID, store.GroupChange{Note: &note, Snooze: &until})
	}))
	more, err := s.TakePurchase(ctx, purchase(one, "CSMORE", "b-more", time.Now()))
	require.NoError(t, err)
	failing(t, s, more.TaskID, refusedWith("MKT.0101"), false)
	g, err = s.Reader().Group(ctx, g.ID)
	require.NoError(t, err)
	require.Equal(t, []any{store.GroupOpen, 1, "ask Huawei", true}, []any{g.Status, g.Reopened, g.Note, g.SnoozedUntil.IsZero()}, "what comes back is news")
}

func status(t *testing.T, s *store.Store, id int64) string {
	t.Helper()
	g, err := s.Reader().Group(context.Background(), id)
	require.NoError(t, err)
	return g.Status
}

// Two that leave at the same moment, or fail while the group is being resolved,
// may leave it wrong for a moment; settling puts that right, and takes in what
// failed without a group.
func TestSettlingPutsGroupsRight(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	channel := storetest.Channel(t, s, "one", "").ID
	tasks := bought(t, s, channel, 30)
	var wg sync.WaitGroup
	for _, id := range tasks {
		wg.Go(func() { failing(t, s, id, refusedWith("MKT.0101"), false) })
	}
	wg.Wait()
	require.Len(t, groups(t, s, ""), 1, "one group, however many fail at once")
	restartAll(t, s, tasks...)
	for _, id := range tasks {
		wg.Go(func() { failing(t, s, id, nil, false) })
	}
	wg.Wait()
	require.NoError(t, s.SettleFailures(ctx))
	g := groups(t, s, "")[0]
	require.Equal(t, store.GroupResolved, g.Status)
	require.Equal(t, 0, g.Reopened)

	_, err := s.SQL().Exec(`UPDATE tasks SET status = 'failed', last_error = '{"code":"unavailable","key":"database.unreachable"}' WHERE id = $1`, tasks[0])
	require.NoError(t, err)
	_, err = s.SQL().Exec(`UPDATE tasks SET status = 'failed', last_error = NULL WHERE id = $1`, tasks[1])
	require.NoError(t, err)
	_, err = s.SQL().Exec(`UPDATE messages SET status = 'failed' WHERE id IN (SELECT message_id FROM tasks WHERE id IN ($1, $2))`, tasks[0], tasks[1])
	require.NoError(t, err)
	require.NoError(t, s.SettleFailures(ctx))
	require.NoError(t, s.SettleFailures(ctx), "again changes nothing")
	open := groups(t, s, store.GroupOpen)
	require.Len(t, open, 2, "what failed before there were groups is taken in")
	for _, o := range open {
		require.Equal(t, []any{1, true}, []any{o.GivenUp.N, o.Messages}, o.Error.Key)
	}
	_, err = s.SQL().Exec(`UPDATE failure_groups SET resolved_at = now() WHERE id = $1`, open[0].ID)
	require.NoError(t, err)
	require.NoError(t, s.SettleFailures(ctx))
	require.Equal(t, store.GroupOpen, status(t, s, open[0].ID))
}

// A call that cannot be understood fails by itself, without any task; when it
// comes again understandable, that is its repair. Debugging calls are in no group.
func TestMessagesThatFailByThemselves(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	channel := storetest.Channel(t, s, "one", "").ID
	say := func(key string, test bool, status string, cause error) {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
			a := store.Arrival{Channel: channel, Key: key, ReceivedAt: time.Now(),
				Call: market.Call{Protocol: market.V2, Activity: market.RefreshInstance, OrderID: "R1", OrderLineID: "R1-1", Test: test}}
			m, err := tx.OpenMessage(ctx, a)
			if err != nil {
				return err
			}
			return tx.CloseMessage(ctx, m.ID, a, store.Outcome{Status: status, Code: market.InvalidParameter, Disposition: store.Invalid, Err: cause, Source: "marketplace"})
		}))
	}
	bad := fault.New(fault.Invalid, "call.field_missing", "field", "expireTime")
	say("invalid/1", true, store.MessageFailed, bad)
	require.Empty(t, groups(t, s, ""))
	say("invalid/2", false, store.MessageFailed, bad)
	g := groups(t, s, store.GroupOpen)
	require.Len(t, g, 1)
	require.Equal(t, []any{"refreshInstance", false, true, 1}, []any{g[0].Step, g[0].OfTasks, g[0].Messages, g[0].Orders.N})
	need, err := s.Reader().NeedGroups(ctx)
	require.NoError(t, err)
	require.Equal(t, []any{1, strconv.FormatInt(g[0].ID, 10), "refreshInstance"}, []any{need.Count.N, need.Key, need.Label})
	say("refreshInstance/R1", false, store.MessageSucceeded, nil)
	for range 2 {
		require.NoError(t, s.SettleFailures(ctx))
		require.Empty(t, groups(t, s, store.GroupOpen))
	}
}

// The error's particulars make no other group; what tells causes apart does.
func TestWhatMakesAnotherGroup(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	channel := storetest.Channel(t, s, "one", "").ID
	tasks := bought(t, s, channel, 6)
	for i, cause := range []error{
		fault.New(fault.Refused, "order_query.no_order", "order", "CS1"), fault.New(fault.Refused, "order_query.no_order", "order", "CS2"),
		errors.New(`pq: relation "x1" has 12 rows of 10e758d0-31ad-4c4b-8f1b-81d03469a10e`), errors.New(`pq: relation "y2" has 13 rows of 20e758d0-31ad-4c4b-8f1b-81d03469a10e`),
		errors.New("another defect"), fault.New(fault.Unavailable, "pool.empty", "pool", "a"),
	} {
		failing(t, s, tasks[i], cause, false)
	}
	require.Len(t, groups(t, s, ""), 4)

	// One mail server that is down is one group, whatever was bought.
	_, err := s.SQL().Exec(`UPDATE instances SET product_id = 'P' || id`)
	require.NoError(t, err)
	var deliveries []int64
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		for pk := int64(1); pk <= 2; pk++ {
			id, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Deliver, InstancePK: pk, UniqueKey: fmt.Sprint("deliver", pk)})
			if err != nil {
				return err
			}
			deliveries = append(deliveries, id)
		}
		return nil
	}))
	for _, id := range deliveries {
		failing(t, s, id, fault.New(fault.Unavailable, "mail.unreachable", "server", "smtp.example.com"), false)
	}
	require.Len(t, groups(t, s, ""), 5)

	// What fails at a product's own step is that product's.
	restartAll(t, s, tasks[:2]...)
	for _, id := range tasks[:2] {
		failing(t, s, id, fault.New(fault.Refused, "order_query.no_order"), false)
	}
	apart := groups(t, s, "")
	require.Len(t, apart, 7)
	require.ElementsMatch(t, []string{"P1", "P2"}, []string{apart[0].ProductID, apart[1].ProductID})
	require.WithinRange(t, apart[0].LastSeenAt, apart[0].FirstSeenAt, time.Now())
}

// groupPlans explains what the start page, the list of groups and one group read.
func groupPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.GroupFilter
	pairs([]named[F]{
		{"open", func(f *F) { f.Status = store.GroupOpen }},
		{"resolved", func(f *F) { f.Status = store.GroupResolved }},
		{"waiting", func(f *F) { f.Waiting = true }},
		{"nothing", func(f *F) {}},
	}, func(name string, f F) {
		_, err := planner(t, s, "groups "+name, pageBudget).GroupList(ctx, f, store.Paging{})
		require.NoError(t, err)
		_, err = planner(t, s, "group counts "+name, countBudget).GroupCounts(ctx, f)
		require.NoError(t, err)
	})
	r := planner(t, s, "a group", 300)
	_, err := r.Group(ctx, 2)
	require.NoError(t, err)
	_, err = r.GroupOrders(ctx, 2, 100)
	require.NoError(t, err)
	need, err := planner(t, s, "needs: groups", 500).NeedGroups(ctx)
	require.NoError(t, err)
	require.Equal(t, 40, need.Count.N)
	for name, read := range map[string]func(*store.Reader, context.Context) (store.Need, error){"access": (*store.Reader).NeedAccess, "licenses": (*store.Reader).NeedLicenses,
		"deliveries": (*store.Reader).NeedDeliveries, "findings": (*store.Reader).NeedFindings, "leftovers": (*store.Reader).NeedLeftovers,
		"keys": (*store.Reader).NeedKeys, "pools": (*store.Reader).NeedPools, "license pools": (*store.Reader).NeedLicensePools, "conflicts": (*store.Reader).NeedConflicts} {
		_, err := read(planner(t, s, "needs: "+name, 1001), ctx)
		require.NoError(t, err, name)
	}
	_, err = planner(t, s, "needs: events", 2*1001).NeedEvents(ctx) // each with its task
	require.NoError(t, err)
}

// A failure group, its alert and the result of a restart outlive the customer that
// they began with, so they never have what a product or a mail system said of him.
func TestWhatOutlivesACustomerHasNobodysWords(t *testing.T) {
	t.Parallel()
	const marker = "ann@example.com"
	s := storetest.Open(t)
	ch := storetest.Channel(t, s, "default", "")
	ctx := context.Background()
	cause := fault.Wrap(errors.New("550 "+marker), fault.Refused, "webhook.refused", "result_code", "000100", "message", "no seat for "+marker)
	defect := errors.New("cannot write 4711 of " + marker)
	tasks := bought(t, s, ch.ID, 2)
	failing(t, s, tasks[0], cause, false)
	failing(t, s, tasks[1], defect, false)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if _, err := s.SQL().Exec(`INSERT INTO restart_batches (thing, mode, status, filter, total, actor, source, reason, per_second) VALUES ('tasks', 'all', 'running', '{}', 1, 'x', 'operator', '', 1)`); err != nil {
			return err
		}
		if _, err := s.SQL().Exec(`INSERT INTO restart_items (batch_id, item_id) VALUES (1, $1)`, tasks[0]); err != nil {
			return err
		}
		if err := tx.ItemDone(ctx, 1, tasks[0], store.RestartResult{}, cause); err != nil {
			return err
		}
		return tx.OpenAlerts(ctx, market.AlertGroup)
	}))
	for _, table := range []string{"failure_groups", "alerts", "restart_items"} {
		var all string
		require.NoError(t, s.SQL().QueryRow(`SELECT string_agg(error::text, ' ' ORDER BY error::text) FROM `+table).Scan(&all))
		require.NotContains(t, all, marker, table)
		require.Contains(t, all, `"message": "…"`, table)
		require.Contains(t, all, `"result_code": "000100"`, table)
	}
	var text string
	require.NoError(t, s.SQL().QueryRow(`SELECT error ->> 'detail' FROM failure_groups WHERE error ->> 'key' = 'internal'`).Scan(&text))
	require.Equal(t, "cannot write # of #", text, "a defect is known by what it said")
	require.NoError(t, s.SQL().QueryRow(`SELECT last_error::text FROM tasks WHERE id = $1`, tasks[0]).Scan(&text))
	require.Contains(t, text, "no seat for "+marker, "the task has it whole, until its customer is erased")
}
