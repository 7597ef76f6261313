package restart_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/restart"
	"koodesk/app/store"
)

const underWay = "restart.under_way"

// refusedAs requires a conflict of this key.
func refusedAs(t *testing.T, key string, err error) {
	t.Helper()
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.Equal(t, key, fault.From(err).Key)
}

// Two presses right after each other are one restart: the second is refused, says so
// beforehand too, leaves no try, no round and no attempt, and hurries nothing.
func TestASecondPressIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   store.RestartSet
		whole store.RestartSet
	}{
		"messages": {store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll}, store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Activity: "newInstance"}}},
		"tasks":    {store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll}, store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: store.TaskFilter{Group: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.failing(2)
			require.NoError(t, d.store.SettleFailures(t.Context()))
			d.exec(`UPDATE tasks SET failure_group = 1`)
			for id := range int64(2) {
				r, err := d.one(c.set.Thing, store.RestartAll, id+1)
				require.NoError(t, err)
				require.Equal(t, []int{1, 0}, []int{r.Given, r.Hurried})
			}
			const stands = `SELECT string_agg(concat_ws(' ', status, round, attempts, run_at), ', ' ORDER BY id) FROM tasks WHERE kind = 'order_query'`
			before := d.text(stands)

			ticked := c.set
			ticked.IDs = []int64{1, 2}
			one, err := d.store.Reader().RestartEffects(t.Context(), ticked)
			require.NoError(t, err)
			require.Equal(t, []string{underWay, underWay}, []string{one[1].Why, one[2].Why})
			_, err = d.one(c.set.Thing, store.RestartAll, 1)
			refusedAs(t, underWay, err)
			for _, set := range []store.RestartSet{ticked, c.whole} {
				p := d.same(set, map[string]int{underWay: 2})
				require.Equal(t, store.SideEffects{}, p.SideEffects)
			}
			require.Equal(t, before, d.text(stands))
			require.Equal(t, "2", d.text(`SELECT count(*) FROM task_attempts`))
			require.Equal(t, "2", d.text(`SELECT count(*) FROM attempts WHERE disposition = 'restart'`))
			require.Equal(t, "5", d.text(`SELECT count(*) FROM restart_items WHERE state = 'refused' AND given + hurried = 0`))
		})
	}
}

// Of two presses at the same moment one is the restart.
func TestOfTwoPressesAtOnceOneIsTheRestart(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(1)
	d.exec(`UPDATE tasks SET status = 'pending', run_at = now() + interval '1 hour'`)
	var done atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := d.one(store.RestartMessages, store.RestartAll, 1); err == nil {
				done.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, done.Load())
	require.Equal(t, "1", d.text(`SELECT count(*) FROM task_attempts`))
	require.Equal(t, "3", d.text(`SELECT count(*) FROM restart_items WHERE error ->> 'key' = '`+underWay+`'`))
}

// What is due already of a message is neither counted nor touched when other work of it
// is restarted, and what is about to be sent is sent as it was asked for.
func TestWhatIsDueAlreadyIsNoPartOfARestart(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	d.exec(`UPDATE deliveries SET status = 'pending', resends = 1 WHERE id = 4`)
	d.exec(`
UPDATE tasks
   SET status = 'pending', finished_at = NULL, run_at = now() - interval '1 minute', enqueued_at = now() - interval '30 seconds'
 WHERE delivery_id = 4`)
	d.exec(`
INSERT INTO tasks (kind, purpose, message_id, unique_key, status, run_at)
VALUES ('event', 'notify', 3, 'a', 'pending', now() + interval '1 hour'), ('event', 'notify', 3, 'b', 'pending', now() - interval '1 second')`)
	const due = `SELECT string_agg(concat_ws(' ', id, run_at, enqueued_at), ', ' ORDER BY id) FROM tasks WHERE delivery_id = 4 OR unique_key = 'b'`
	before := d.text(due)
	set := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{3}}
	p := d.same(set, map[string]int{})
	require.Equal(t, store.SideEffects{Customers: 1, Asks: 1, Calls: 1, Hurried: 1}, p.SideEffects)
	require.Equal(t, "1 1 {}", d.text(`SELECT concat_ws(' ', given, hurried, deliveries) FROM restart_items`))
	require.Equal(t, before, d.text(due))
	require.Equal(t, "false", d.text(`SELECT in_bulk FROM deliveries WHERE id = 4`))
}

// What waits for somebody, with or without an end, is run now like an automatic retry, and
// is counted as such by the preview and by the restart.
func TestWhatWaitsForSomebodyIsCountedAlike(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(1)
	d.exec(`UPDATE tasks SET status = 'pending', finished_at = NULL, parked_at = now(), run_at = now() + interval '1 hour' WHERE kind = 'order_query'`)
	d.exec(`INSERT INTO tasks (kind, purpose, message_id, unique_key, status, run_at, parked_at) VALUES ('provision', 'purchase', 1, 'p', 'pending', '9999-12-31', now())`)
	for n, set := range []store.RestartSet{
		{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{1}},
		{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1, 2}},
	} {
		p := d.same(set, map[string]int{})
		require.Equal(t, 2, p.SideEffects.Hurried)
		require.Equal(t, "0 2", d.text(fmt.Sprintf(`SELECT concat_ws(' ', sum(given), sum(hurried)) FROM restart_items WHERE batch_id = %d`, n+1)))
		d.exec(`UPDATE tasks SET run_at = now() + interval '1 hour'`)
	}
}

// What is about to be sent is not sent again: alone, of its message, or of many.
func TestWhatIsAboutToBeSentIsNotSentAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	require.NoError(t, d.deliver.Resend(t.Context(), 1, "", ann))
	refusedAs(t, underWay, d.deliver.Resend(t.Context(), 1, "", ann))
	require.Equal(t, "1", d.text(`SELECT resends FROM deliveries WHERE id = 1`))
	require.NoError(t, d.deliver.Resend(t.Context(), 1, "13900000000", ann), "to another number it is")
	require.Equal(t, "1", d.text(`SELECT count(*) FROM tasks WHERE delivery_id = 1`))

	// Of the first message another is still to be told.
	tell := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1, 2, 3}}
	p := d.same(tell, map[string]int{})
	require.Equal(t, store.SideEffects{Mails: 1, SMS: 2}, p.SideEffects)
	require.Equal(t, "1 {2}, 1 {3}, 1 {4}", d.text(`SELECT string_agg(concat_ws(' ', given, deliveries), ', ' ORDER BY item_id) FROM restart_items`))
	tasks := d.text(`SELECT count(*) FROM tasks`)
	p = d.same(tell, map[string]int{underWay: 3})
	require.Equal(t, store.SideEffects{}, p.SideEffects)
	_, err := d.one(store.RestartMessages, store.RestartDelivery, 1)
	refusedAs(t, underWay, err)
	require.Equal(t, tasks, d.text(`SELECT count(*) FROM tasks`))
	require.Equal(t, "2 1 1 2", d.text(`SELECT string_agg(resends::text, ' ' ORDER BY id) FROM deliveries`))
}

// A due task whose job was lost is no restart's business, and does not need one.
func TestALostJobIsBroughtBackWithoutARestart(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(1)
	_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: failed}, ann)
	require.NoError(t, err)
	d.exec(`UPDATE tasks SET enqueued_at = now() - interval '3 minutes', run_at = now() - interval '3 minutes'`)
	_, err = d.one(store.RestartTasks, store.RestartAll, 1)
	refusedAs(t, underWay, err)
	stuck, err := d.store.Reader().StuckCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, stuck[store.StuckLost].N)
	n, err := d.store.Forget(t.Context(), time.Minute)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	n2, err := d.store.Relay(t.Context(), []string{"order_query"}, 10, func(due []store.Due) ([]int64, error) { return []int64{due[0].ID}, nil })
	require.NoError(t, err)
	require.Equal(t, 1, n2)
}
