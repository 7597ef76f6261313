package jobs_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/jobs"
)

// What Redis has lost is there again, what it has is left alone, and what is not
// due, in hand or over is none of its business; a second time finds nothing to
// do. Every task then runs once.
func TestRebuildPutsBackWhatRedisLost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var s *shop
	var ran sync.Map
	s = open(t, func(_ context.Context, task outbox.Task) error {
		if _, twice := ran.LoadOrStore(task.ID, true); twice {
			t.Errorf("task %d ran twice", task.ID)
		}
		return s.complete(task)
	})
	j, err := jobs.New(s.opts)
	require.NoError(t, err)
	rebuilt := func() jobs.Rebuilt {
		r, err := j.Rebuild(ctx)
		require.NoError(t, err)
		return r
	}
	require.Zero(t, rebuilt(), "nothing to do")

	ids := s.add(500)
	require.Equal(t, jobs.Rebuilt{Put: 500}, rebuilt(), "written, and handed over by nobody yet")
	require.Equal(t, jobs.Rebuilt{Had: 500}, rebuilt())

	require.NoError(t, s.redis.FlushDB(ctx).Err())
	s.hold(ids[0], time.Hour)        // a worker has it in hand
	s.hold(ids[1], time.Millisecond) // its worker died
	_, err = s.store.SQL().Exec(`UPDATE tasks SET enqueued_at = NULL, run_at = now() + interval '1 hour' WHERE id = $1`, ids[2])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.count(`status = 'running' AND leased_until < now()`) == 1 }, 5*time.Second, 5*time.Millisecond)
	require.Equal(t, jobs.Rebuilt{Put: 498, Lost: 1}, rebuilt())
	require.Equal(t, jobs.Rebuilt{Had: 498}, rebuilt(), "again does nothing")

	inspector := asynq.NewInspectorFromRedisClient(s.redis)
	for _, id := range ids[100:200] {
		require.NoError(t, inspector.DeleteTask(jobs.Urgent, strconv.FormatInt(id, 10)))
	}
	require.Equal(t, jobs.Rebuilt{Had: 398, Put: 100}, rebuilt(), "Redis has lost a part")
	require.NoError(t, j.Start())
	t.Cleanup(j.Stop)
	s.eventually(498, `status = 'succeeded'`)
	require.Equal(t, 1, s.count(`status = 'pending'`))
	require.Equal(t, 1, s.count(`status = 'running'`))
	require.Equal(t, "1", s.redis.Get(ctx, "koodesk:epoch").Val(), "the relay need not find it out once more")
}

// hold claims a task as a worker that goes on for so long.
func (s *shop) hold(id int64, lease time.Duration) {
	s.t.Helper()
	_, ok, err := s.store.Claim(context.Background(), id, lease)
	require.NoError(s.t, err)
	require.True(s.t, ok)
}

// A rebuild beside working workers disturbs nothing.
func TestRebuildBesideWorkers(t *testing.T) {
	t.Parallel()
	var s *shop
	var ran sync.Map
	s = open(t, func(_ context.Context, task outbox.Task) error {
		if _, twice := ran.LoadOrStore(task.ID, true); twice {
			t.Errorf("task %d ran twice", task.ID)
		}
		return s.complete(task)
	})
	s.add(300)
	j := s.start()
	for range 5 {
		_, err := j.Rebuild(context.Background())
		require.NoError(t, err)
	}
	s.eventually(300, `status = 'succeeded'`)
	r, err := j.Rebuild(context.Background())
	require.NoError(t, err)
	require.Zero(t, r)
}

// Notices have a queue and workers of their own, and are rebuilt with the rest.
func TestRebuildHandsNoticesOverToo(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	j, err := jobs.New(s.opts)
	require.NoError(t, err)
	_, err = s.store.SQL().Exec(`INSERT INTO tasks (kind, unique_key) VALUES ('notice', 'a'), ('notice', 'b')`)
	require.NoError(t, err)
	for _, want := range []jobs.Rebuilt{{Put: 2}, {Had: 2}} {
		r, err := j.Rebuild(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, r)
	}
	require.NoError(t, s.redis.FlushDB(t.Context()).Err())
	r, err := j.Rebuild(t.Context())
	require.NoError(t, err)
	require.Equal(t, jobs.Rebuilt{Put: 2}, r)
}
