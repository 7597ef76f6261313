package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func eventPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.EventFilter
	pairs([]named[F]{
		{"type", func(f *F) { f.Type = "instance.frozen" }},
		{"rare type", func(f *F) { f.Type = "order.notified" }},
		{"unknown type", func(f *F) { f.Type = "usage.quota" }},
		{"product", func(f *F) { f.Receiver = store.ToProduct }},
		{"target", func(f *F) { f.Receiver = "1" }},
		{"quiet target", func(f *F) { f.Receiver = "2" }},
		{"unused target", func(f *F) { f.Receiver = "3" }},
		{"failed", func(f *F) { f.Status = "failed" }},
		{"waiting", func(f *F) { f.Waiting = true }},
		{"succeeded", func(f *F) { f.Status = "succeeded" }},
		{"cancelled", func(f *F) { f.Status = "cancelled" }},
		{"instance", func(f *F) { f.InstanceID = "inst-77" }},
		{"order", func(f *F) { f.OrderID = "CS77" }},
		{"q order", func(f *F) { f.Q = "CS777" }},
		{"q webhook-id", func(f *F) { f.Q = "msg-777" }},
		{"q instance", func(f *F) { f.Q = "inst-777" }},
	}, func(name string, f F) {
		r := planner(t, s, "events "+name, pageBudget)
		p, err := r.EventList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if p.Older != "" {
			_, err = r.EventList(ctx, f, store.Paging{Cursor: p.Older})
			require.NoError(t, err)
		}
		if len(p.Items) > 0 {
			_, _, err = r.EventNeighbours(ctx, f, p.Items[0].ID)
			require.NoError(t, err)
		}
		_, err = planner(t, s, "event counts "+name, countBudget).EventCounts(ctx, f)
		require.NoError(t, err)
	})
	_, err := planner(t, s, "targets", countBudget).TargetHealths(ctx, []store.EventTarget{{ID: 1}, {ID: 2}, {ID: 3}})
	require.NoError(t, err)
	_, err = planner(t, s, "need events", pageBudget).NeedEvents(ctx)
	require.NoError(t, err)
	_, err = planner(t, s, "who hears of the end", pageBudget).Receivers(ctx, 1, "instance.released", "P-1", "", 77, true)
	require.Equal(t, "secret.cannot_open", fault.From(err).Key, "it found the product, whose secret is none here")
	_, err = planner(t, s, "pool of an instance", pageBudget).PoolOfInstance(ctx, "inst-77")
	require.NoError(t, err)
}

// Whoever ends a task ends what it still had to say.
func TestEventsOfEndedTasksAreSettled(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	ctx := context.Background()
	_, err := s.SQL().Exec(`
WITH k AS (
    INSERT INTO tasks (kind, status, unique_key)
    SELECT 'provision', t, 'key-' || t || e FROM unnest(ARRAY['pending', 'running', 'succeeded', 'failed', 'cancelled']) t, unnest(ARRAY['pending', 'running', 'succeeded', 'failed', 'cancelled']) e
    RETURNING id, status, unique_key
)
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, payload_sealed, status)
SELECT 1, status, 'msg-' || id, unique_key, true, '', id, '\x00', substr(unique_key, 5 + length(status)) FROM k`)
	require.NoError(t, err)
	want := map[string]string{
		"succeeded pending": "cancelled", "succeeded running": "cancelled", "succeeded failed": "cancelled",
		"cancelled pending": "cancelled", "cancelled running": "cancelled", "cancelled failed": "cancelled",
		"failed pending": "failed", "failed running": "failed",
	}
	for range 2 {
		require.NoError(t, s.SettleEvents(ctx))
		rows, err := s.SQL().Query(`SELECT type, substr(unique_key, 5 + length(type)), status FROM events`)
		require.NoError(t, err)
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var task, before, now string
			require.NoError(t, rows.Scan(&task, &before, &now))
			expected := before
			if ended, ok := want[task+" "+before]; ok {
				expected = ended
			}
			require.Equal(t, expected, now, "a %s event of a %s task", before, task)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 25, n)
	}
}

// However many events were given up, each look goes through some of them, the next
// one goes on, and after the last it begins anew.
func TestGivenUpEventsAreSettledInTurn(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx := context.Background()
	_, err := s.SQL().Exec(`
WITH k AS (
    INSERT INTO tasks (kind, status, unique_key)
    SELECT 'provision', CASE WHEN n IN (500, 501, 700) THEN 'cancelled' ELSE 'failed' END, 'key-' || n FROM generate_series(1, 700) n
    RETURNING id, unique_key
)
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, payload_sealed, status)
SELECT 1, 'instance.frozen', unique_key, unique_key, true, '', id, '\x00', 'failed' FROM k ORDER BY id`)
	require.NoError(t, err)
	for _, want := range []int{1, 3, 3, 4} {
		if want == 4 { // behind where it is now: the turn after comes back to it
			_, err := s.SQL().Exec(`UPDATE tasks SET status = 'cancelled' WHERE unique_key = 'key-1'`)
			require.NoError(t, err)
			require.NoError(t, s.SettleEvents(ctx))
		}
		require.NoError(t, s.SettleEvents(ctx))
		var settled int
		require.NoError(t, s.SQL().QueryRow(`SELECT count(*) FROM events WHERE status = 'cancelled'`).Scan(&settled))
		require.Equal(t, want, settled)
	}
}

func TestATargetsStateIsReadFromItsEvents(t *testing.T) {
	t.Parallel()
	now := time.Now()
	open := &fault.Record{Key: "webhook.breaker_open"}
	for want, c := range map[string]struct {
		health store.TargetHealth
		off    bool
	}{
		store.TargetUnused:  {},
		store.TargetOK:      {health: store.TargetHealth{LastOK: now, LastFail: now.Add(-time.Minute), LastError: open}},
		store.TargetFailing: {health: store.TargetHealth{LastOK: now.Add(-time.Hour), LastFail: now.Add(-time.Minute), LastError: open}},
		store.TargetPaused:  {health: store.TargetHealth{LastFail: now.Add(-time.Second), LastError: open}},
		store.TargetOff:     {health: store.TargetHealth{LastOK: now}, off: true},
	} {
		require.Equal(t, want, c.health.State(!c.off, now))
	}
}
