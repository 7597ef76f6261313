package restart_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/restart"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/web/callback"
)

var ann = staff.Actor{Name: "operator:ann@seller.example", Role: staff.Operator, Source: "operator", Reason: "the shop is back"}

// desk is restarts on a database of their own.
type desk struct {
	t       *testing.T
	store   *store.Store
	batches *restart.Batches
	deliver *deliver.Deliverer
	intake  *intake.Intake
	channel *store.Channel
}

func open(t *testing.T) *desk {
	t.Helper()
	s := storetest.Open(t)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := deliver.New(deliver.Options{Store: s, Email: email.None{}, SMS: sms.Log{Log: quiet}, Domain: "koodesk.example", Log: quiet})
	require.NoError(t, err)
	life := provision.New(provision.Options{Store: s, Deliverer: d, Log: quiet})
	in := intake.New(intake.Options{Store: s, Lifecycle: life, Dialects: []intake.Dialect{callback.Dialect{}}, Log: quiet, Wake: func() {}})
	return &desk{t: t, store: s, deliver: d, intake: in, channel: storetest.Channel(t, s, "default", ""), batches: restart.New(restart.Options{Store: s, Restart: in, Resend: d, Log: quiet})}
}

func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	_, err := d.store.SQL().Exec(query, args...)
	require.NoError(d.t, err)
}

func (d *desk) text(query string) string {
	d.t.Helper()
	var s string
	require.NoError(d.t, d.store.SQL().QueryRow(`SELECT COALESCE((`+query+`)::text, '')`).Scan(&s))
	return s
}

// failing writes n failed purchases, each with an order query that was given up.
func (d *desk) failing(n int) {
	d.t.Helper()
	d.exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, instance_id, attempts, first_received_at, last_received_at)
    SELECT $2, 'v2', 'newInstance', 'key-' || n, 'failed', '000004', 'CS' || n, 'CS' || n || '-000001', '', 1, now(), now()
      FROM generate_series(1, $1::int) AS n
    RETURNING id
)
INSERT INTO tasks (kind, purpose, message_id, unique_key, status, attempts, finished_at)
SELECT 'order_query', 'purchase', id, 'order_query/' || id, 'failed', 10, now()
  FROM m`, n, d.channel.ID)
}

var failed = store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageFailed}}

// work does the restart tasks as a worker would.
func (d *desk) work(ctx context.Context) {
	d.t.Helper()
	var due []store.Due
	_, err := d.store.Relay(ctx, []string{"restart"}, 10, func(got []store.Due) (taken []int64, err error) {
		due = got
		for _, t := range got {
			taken = append(taken, t.ID)
		}
		return taken, nil
	})
	require.NoError(d.t, err)
	var wg sync.WaitGroup
	for _, t := range due {
		task, ok, err := d.store.Claim(ctx, t.ID, time.Minute)
		require.NoError(d.t, err)
		require.True(d.t, ok)
		wg.Go(func() { require.NoError(d.t, d.batches.Work(ctx, task)) })
	}
	wg.Wait()
}

func TestASmallSetIsDoneAtOnceAndKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(30)
	d.exec(`UPDATE tasks SET status = 'running', leased_until = now() + interval '1 hour' WHERE id = 30`)
	p, err := d.batches.Preview(t.Context(), failed, ann)
	require.NoError(t, err)
	require.Equal(t, 30, p.Total)
	require.Equal(t, map[string]int{"restart.running": 1}, p.Refused)
	require.Equal(t, store.SideEffects{Customers: 29, Asks: 29}, p.SideEffects)
	require.Equal(t, map[string][]int64{"restart.running": {30}}, p.Which)
	require.Len(t, p.Samples, 5)
	require.Equal(t, []store.PreviewGroup{{What: "newInstance", Step: "order_query", N: 29}, {What: "newInstance", N: 1, Refused: 1}}, p.Groups)

	b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: failed}, ann)
	require.NoError(t, err)
	require.Equal(t, []any{store.BatchDone, 30, 29, 1}, []any{b.Status, b.Total, b.Restarted, b.Refused})
	require.Equal(t, "29", d.text(`SELECT count(*) FROM attempts WHERE disposition = 'restart' AND actor = '`+ann.Name+`'`))
	why, err := d.store.Reader().RefusedWhy(t.Context(), b.ID)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"restart.running": 1}, why)
	require.Equal(t, "the shop is back", d.text(`SELECT reason FROM audit WHERE action = 'restart.start'`))

	d.exec(`UPDATE messages SET status = CASE WHEN id <= 10 THEN 'failed' ELSE 'succeeded' END WHERE id < 30`)
	require.NoError(t, d.batches.Settle(t.Context()))
	b, err = d.store.Reader().Batch(t.Context(), b.ID)
	require.NoError(t, err)
	require.Equal(t, []int{19, 10, 0}, []int{b.Passed, b.Failed, b.Open()})
	bad, err := d.store.Reader().ItemList(t.Context(), b.ID, true, store.Paging{})
	require.NoError(t, err)
	require.Len(t, bad.Items, 11)
}

// A slow batch comes to what was right again before its turn, by the marketplace's
// next call or by somebody's hand: that is passed over, unless it was chosen for
// having succeeded.
func TestABatchPassesOverWhatCameRightMeanwhile(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(5)
	b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: failed, PerSecond: 1}, ann)
	require.NoError(t, err)
	require.Equal(t, store.BatchRunning, b.Status)
	d.exec(`UPDATE tasks SET status = 'succeeded' WHERE message_id IN (2, 4)`)
	d.exec(`UPDATE messages SET status = 'succeeded' WHERE id IN (2, 4)`)
	d.exec(`UPDATE restart_batches SET per_second = 0`)
	d.work(t.Context())
	what := func(batch int64) string {
		return d.text(fmt.Sprintf(`SELECT string_agg(concat_ws(' ', item_id, state, error ->> 'key'), ', ' ORDER BY item_id) FROM restart_items WHERE batch_id = %d`, batch))
	}
	require.Equal(t, "1 restarted, 2 refused restart.done, 3 restarted, 4 refused restart.done, 5 restarted", what(b.ID))
	again := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageSucceeded}}
	b, err = d.batches.Start(t.Context(), restart.Order{RestartSet: again}, ann)
	require.NoError(t, err)
	require.NotContains(t, what(b.ID), "restart.done")
}

// Two processes at once, and one that dies in the middle of a slice: each item
// is restarted exactly once.
func TestNoItemIsDoneTwice(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(400)
	b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: failed}, ann)
	require.NoError(t, err)
	require.Equal(t, store.BatchRunning, b.Status)
	dying, die := context.WithCancel(t.Context())
	die()
	require.Error(t, d.batches.Work(dying, outbox.Task{}))
	require.NoError(t, d.store.Write(t.Context(), func(tx *store.Tx) error {
		for n := range 2 { // as if another process had its own
			if _, err := tx.Enqueue(t.Context(), outbox.New{Kind: outbox.Restart, UniqueKey: fmt.Sprint("other/", n)}); err != nil {
				return err
			}
		}
		return nil
	}))
	for running := true; running; { // a slow machine's task ends before the batch does
		d.work(t.Context())
		b, err = d.store.Reader().Batch(t.Context(), b.ID)
		require.NoError(t, err)
		running = b.Status == store.BatchRunning
	}
	require.Equal(t, []any{store.BatchDone, 400, 400, 0}, []any{b.Status, b.Total, b.Restarted, b.Refused})
	require.Equal(t, "400 400", d.text(`SELECT concat_ws(' ', count(*), count(DISTINCT message_id)) FROM attempts WHERE disposition = 'restart'`))
	require.Equal(t, "400 1", d.text(`SELECT concat_ws(' ', count(*), max(round)) FROM tasks WHERE kind = 'order_query' AND status = 'pending'`))
}

// What is done to each item is planned once on a connection, for whatever item, and
// not for each anew: that took longer than doing it.
func TestWhatIsDoneToEachItemIsPlannedOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(50)
	_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: failed}, ann) // in two slices: the second finds the statements prepared
	require.NoError(t, err)
	var often, custom int
	for range d.store.SQL().Stats().OpenConnections { // each tells of its own
		c, err := d.store.SQL().Conn(t.Context())
		require.NoError(t, err)
		defer c.Close()
		var o, n int
		require.NoError(t, c.QueryRowContext(t.Context(), `
SELECT count(*), COALESCE(sum(custom_plans), 0)
  FROM pg_prepared_statements
 WHERE generic_plans + custom_plans >= 20`).Scan(&o, &n))
		often, custom = often+o, custom+n
	}
	require.Greater(t, often, 5)
	require.Zero(t, custom)
}

func TestARateIsKeptAndABatchCanBePausedResumedAndCancelled(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	d.failing(60)
	b, err := d.batches.Start(ctx, restart.Order{RestartSet: failed, PerSecond: 4}, ann)
	require.NoError(t, err)
	s, _, ok, err := d.store.TakeSlice(ctx, 25)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1, s.N)
	d.exec(`UPDATE restart_batches SET next_at = next_at + interval '1 hour'`)
	_, wait, ok, err := d.store.TakeSlice(ctx, 25)
	require.NoError(t, err)
	require.False(t, ok, "not before its time")
	require.Greater(t, wait, 50*time.Minute)
	require.LessOrEqual(t, wait, time.Hour+250*time.Millisecond, "four a second: the next in a quarter of one")

	require.NoError(t, d.batches.Pause(ctx, b.ID, ann))
	require.Equal(t, "restart.batch_already", fault.From(d.batches.Pause(ctx, b.ID, ann)).Key)
	_, wait, ok, err = d.store.TakeSlice(ctx, 25)
	require.NoError(t, err)
	require.False(t, ok)
	require.Negative(t, wait, "none is running, so nobody waits for one")
	d.work(ctx)
	require.Equal(t, "60", d.text(`SELECT count(*) FROM restart_items WHERE state = 'waiting'`), "a paused one is left alone")
	require.NoError(t, d.batches.Resume(ctx, b.ID, ann))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE kind = 'restart' AND status = 'pending'`))
	require.NoError(t, d.batches.Cancel(ctx, b.ID, ann))
	require.Equal(t, "restart.batch_over", fault.From(d.batches.Resume(ctx, b.ID, ann)).Key)
	require.Equal(t, "restart.unknown_batch", fault.From(d.batches.Cancel(ctx, 99, ann)).Key)
	d.work(ctx)
	require.Equal(t, "60", d.text(`SELECT count(*) FROM messages WHERE status = 'failed'`))
	require.Equal(t, "restart.cancel restart.pause restart.resume restart.start", d.text(`SELECT string_agg(action, ' ' ORDER BY action) FROM audit`))
}

func TestWhatIsNotBegun(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	b, err := d.batches.Start(ctx, restart.Order{RestartSet: failed}, ann)
	require.NoError(t, err)
	require.Zero(t, b.ID, "nothing matches")
	d.failing(100)
	for key, o := range map[string]restart.Order{
		"restart.moved": {RestartSet: failed, Expected: 50},
		"restart.rate":  {RestartSet: failed, PerSecond: -1},
		"restart.mode":  {RestartSet: store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartDelivery}},
	} {
		_, err := d.batches.Start(ctx, o, ann)
		require.Equal(t, key, fault.From(err).Key)
	}
	require.Equal(t, "0", d.text(`SELECT count(*) FROM restart_batches`))
	told := failed
	told.Mode = store.RestartDelivery
	told.Messages.OrderID = "CS7"
	b, err = d.batches.Start(ctx, restart.Order{RestartSet: told}, ann)
	require.NoError(t, err)
	require.Equal(t, 1, b.Refused, "nobody was told anything")
	require.Equal(t, "restart.nothing_told", d.text(`SELECT error ->> 'key' FROM restart_items`))
}

// A given-up task pauses the batches with the reason; a batch that nobody works
// off is found by the clock.
func TestABatchIsNeverLeftBehind(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	d.failing(60)
	b, err := d.batches.Start(ctx, restart.Order{RestartSet: failed}, ann)
	require.NoError(t, err)
	d.exec(`UPDATE tasks SET status = 'cancelled' WHERE kind = 'restart'`)
	d.exec(`UPDATE restart_batches SET next_at = now() - interval '1 minute'`)
	require.NoError(t, d.batches.Settle(ctx))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE kind = 'restart' AND status = 'pending'`))
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		return d.batches.OnFail(ctx, tx, outbox.Task{}, fault.New(fault.Unavailable, "database.unreachable"), true)
	}))
	b, err = d.store.Reader().Batch(ctx, b.ID)
	require.NoError(t, err)
	require.Equal(t, store.BatchPaused, b.Status)
	require.Equal(t, "database.unreachable", b.Error.Key)
}
