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
	"koodesk/app/store"
	"koodesk/app/store/storetest"
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
	require.Eventually(t, func() bool { return s.count(`status = 'running' AND leased_until < now()`) == 1 }, time.Minute, 5*time.Millisecond)
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

// Notices and mails have workers of their own; what Redis lost of them is put back
// as well.
func TestRebuildPutsBackNoticesAndMails(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	j, err := jobs.New(s.opts)
	require.NoError(t, err)
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
		for n := range 13 { // and seven more below
			if _, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Notice, UniqueKey: "notice/" + strconv.Itoa(n)}); err != nil {
				return err
			}
		}
		return nil
	}))
	s.add(5)
	storetest.Channel(t, s.store, "default", "")
	s.messages(4, "email", "email", "")
	s.messages(3, "sms", "slack", "")
	r, err := j.Rebuild(ctx)
	require.NoError(t, err)
	require.Equal(t, jobs.Rebuilt{Put: 39}, r)
	r, err = j.Rebuild(ctx)
	require.NoError(t, err)
	require.Equal(t, jobs.Rebuilt{Had: 39}, r)
	require.NoError(t, s.redis.FlushDB(ctx).Err())
	r, err = j.Rebuild(ctx)
	require.NoError(t, err)
	require.Equal(t, jobs.Rebuilt{Put: 39}, r, "handed over to a Redis that forgot them")
	for queue, n := range map[string]int{jobs.Notices: 16, jobs.NoticeMails: 4, jobs.Mail: 4, jobs.AlertMails: 4, jobs.Texts: 3, jobs.Alerts: 3} {
		queued, err := asynq.NewInspectorFromRedisClient(s.redis).GetQueueInfo(queue)
		require.NoError(t, err)
		require.Equal(t, n, queued.Pending, queue)
	}
}
