package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
	"koodesk/app/store"
)

// underWay is the seeded batch that is running: 10000 items, half of them done.
const underWay = 1000

// restartPlans explains what restarts read: a preview what matches, and with it
// a few rows for each; everything else only what it is about.
func restartPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	const matched = 5 * 800
	messages := func(f store.MessageFilter) store.RestartSet {
		return store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: f}
	}
	tasks := func(f store.TaskFilter) store.RestartSet {
		return store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: f}
	}
	for name, c := range map[string]struct {
		set     store.RestartSet
		matches int
		budget  float64
	}{
		"failed messages":    {messages(store.MessageFilter{Status: store.MessageFailed}), 800, matched},
		"messages of group":  {messages(store.MessageFilter{Group: 1}), 20, 200},
		"messages of order":  {messages(store.MessageFilter{Status: store.MessageFailed, OrderID: "CS50"}), 4, 200},
		"messages of a shop": {messages(store.MessageFilter{Status: store.MessageFailed, Channel: "small"}), 400, matched},
		"ticked messages":    {store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{50, 100, 150}}, 3, 20},
		"ticked tasks":       {store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{50, 100, 150}}, 3, 20},
		"failed tasks":       {tasks(store.TaskFilter{Status: "failed"}), 400, matched},
		"tasks of group":     {tasks(store.TaskFilter{Group: 2}), 20, 200},
	} {
		p, err := planner(t, s, "preview: "+name, c.budget).RestartPreview(ctx, c.set)
		require.NoError(t, err)
		require.Equal(t, c.matches, p.Total, name)
		if c.set.IDs != nil {
			each, err := planner(t, s, "effects: "+name, c.budget).RestartEffects(ctx, c.set)
			require.NoError(t, err)
			require.Len(t, each, c.matches, name)
		}
		reads(t, s, "a batch: "+name, c.budget, func(tx *store.Tx) error {
			_, n, err := tx.AddBatch(ctx, store.NewBatch{RestartSet: c.set, Actor: "operator:7", Source: "operator"})
			require.Equal(t, c.matches, n, name)
			return err
		})
	}
	r := planner(t, s, "restarts", 400)
	p, err := r.BatchList(ctx, store.Paging{})
	require.NoError(t, err)
	_, err = r.BatchList(ctx, store.Paging{Cursor: p.Older})
	require.NoError(t, err)
	_, err = r.Batch(ctx, underWay)
	require.NoError(t, err)
	for _, bad := range []bool{false, true} {
		items, err := r.ItemList(ctx, underWay, bad, store.Paging{})
		require.NoError(t, err)
		require.Len(t, items.Items, 50)
		_, err = r.ItemList(ctx, underWay, bad, store.Paging{Cursor: items.Older})
		require.NoError(t, err)
	}
	why, err := planner(t, s, "why refused", 800).RefusedWhy(ctx, underWay)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"restart.running": 250}, why)
	workPlans(t, s)
}

// workPlans holds the statements that work a batch off to what they touch.
func workPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	reads(t, s, "a slice", 100, func(tx *store.Tx) error {
		ids, err := tx.LockItems(ctx, underWay, 25)
		require.Len(t, ids, 25)
		require.EqualValues(t, 5001, ids[0])
		return err
	})
	slicePlans(t, s)
	reads(t, s, "an end", 20, func(tx *store.Tx) error {
		ended, err := tx.EndBatch(ctx, underWay)
		require.False(t, ended)
		return err
	})
	reads(t, s, "a kick", 20, func(tx *store.Tx) error {
		_, _, ok, err := tx.KickBatch(ctx, 0)
		require.True(t, ok)
		return err
	})
	reads(t, s, "idle ones", 500, func(tx *store.Tx) error {
		_, err := tx.BatchIdle(ctx, time.Minute)
		return err
	})
	reads(t, s, "how they ended", 500, func(tx *store.Tx) error {
		n, err := tx.SettleRestarts(ctx, 1000)
		require.Equal(t, 24, n, "the others are under way, or were refused since")
		return err
	})
	reads(t, s, "what a message told", 10, func(tx *store.Tx) error {
		_, err := tx.DeliveriesOfMessage(ctx, 4711)
		return err
	})
}

// slicePlans holds what a slice does to each of its items to what it touches when it is
// planned for whatever item: of the seeded ones some have failed and some are done, with
// tasks of all kinds, an event and a delivery each.
func slicePlans(t *testing.T, s *store.Store) {
	ctx, by := context.Background(), "operator:7"
	ids := make([]int64, 25)
	for n := range ids {
		ids[n] = int64(5001 + n*4)
	}
	slice := func(thing string, budget float64, lock func(*store.Tx) error, each func(tx *store.Tx, id int64) error) {
		reads(t, s, "a slice of "+thing, budget, func(tx *store.Tx) error {
			err := errors.Join(tx.PlanOnce(ctx), lock(tx))
			for _, id := range ids {
				err = errors.Join(err, each(tx, id), tx.ItemDone(ctx, underWay, id, store.RestartResult{}, nil),
					tx.Audit(ctx, staff.Audit{Actor: by, Action: "restart", Target: "message/1"}))
			}
			return errors.Join(err, tx.CountItems(ctx, underWay, store.Tally{Restarted: len(ids)}))
		})
	}
	slice("messages", 900, func(tx *store.Tx) error {
		_, err := tx.Succeeded(ctx, ids)
		return errors.Join(tx.LockForMessages(ctx, ids...), err)
	}, func(tx *store.Tx, id int64) error {
		m, err := tx.LockMessage(ctx, id)
		tasks, taskErr := tx.TaskIDs(ctx, id)
		r, restartErr := tx.RestartTasks(ctx, tasks, by)
		_, toldErr := tx.ToldAlready(ctx, id, 0)
		_, instanceErr := tx.Reader().Instances(ctx, m.ChannelID, []string{m.InstanceID})
		_, statusErr := tx.MessageStatus(ctx, id)
		_ = tx.TaskOvertaken(ctx, m, 0) // may refuse
		return errors.Join(err, taskErr, restartErr, toldErr, instanceErr, statusErr, tx.ReopenDeliveriesOf(ctx, id), tx.ReopenEventsOf(ctx, id, 0),
			tx.CloseMessage(ctx, id, store.Arrival{ReceivedAt: tx.Now}, store.Outcome{Status: m.Status, Code: m.ResultCode, Disposition: store.Restart, Source: "operator", Actor: by}),
			tx.SettleMessage(ctx, id), tx.DeliveriesInBulk(ctx, r.Tells))
	})
	slice("tasks", 700, func(tx *store.Tx) error { return tx.LockForTasks(ctx, ids...) }, func(tx *store.Tx, id int64) error {
		m, err := tx.LockMessageOfTask(ctx, id)
		r, _, restartErr := tx.RestartTask(ctx, m, id, by)
		_, toldErr := tx.ToldAlready(ctx, 0, id)
		return errors.Join(err, restartErr, toldErr, tx.ReopenDeliveryOfTask(ctx, id), tx.ReopenEventsOf(ctx, 0, id), tx.SettleMessage(ctx, m.ID), tx.DeliveriesInBulk(ctx, r.Tells))
	})
	slice("messages told again", 200, func(tx *store.Tx) error {
		return errors.Join(tx.LockForMessages(ctx, ids...), tx.LockForTelling(ctx, ids...))
	}, func(tx *store.Tx, id int64) error {
		_, err := tx.DeliveriesOfMessage(ctx, id)
		return err
	})
}

// reads holds what a transaction does to a budget of rows of the big tables, of
// which it scans none whole, and takes it back.
func reads(t *testing.T, s *store.Store, name string, budget float64, do func(tx *store.Tx) error) {
	t.Helper()
	back := errors.New("only looked")
	err := s.Write(context.Background(), func(tx *store.Tx) error {
		all, scanned, err := tx.RowsRead(context.Background(), bigTables)
		require.NoError(t, err)
		require.NoError(t, do(tx), name)
		allNow, scannedNow, err := tx.RowsRead(context.Background(), bigTables)
		require.NoError(t, err)
		assert.LessOrEqual(t, float64(allNow-all), budget, "%s reads too many rows", name)
		assert.Zero(t, scannedNow-scanned, "%s scans a table", name)
		return back
	})
	require.ErrorIs(t, err, back)
}
