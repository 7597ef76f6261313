package jobs_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry"
	"koodesk/jobs"
)

// shop runs jobs whose order_query handler the test gives.
type shop struct {
	t     *testing.T
	store *store.Store
	redis redis.UniversalClient
	opts  jobs.Options
}

func open(t *testing.T, run func(context.Context, outbox.Task) error) *shop {
	t.Helper()
	s := &shop{t: t, store: storetest.Open(t), redis: redistest.Open(t)}
	kinds := jobs.Table(jobs.Handlers{})
	for i := range kinds {
		kinds[i].Run = run
		kinds[i].Tries, kinds[i].Base, kinds[i].Max, kinds[i].Timeout = 3, 20*time.Millisecond, 40*time.Millisecond, 5*time.Second
	}
	s.opts = jobs.Options{Store: s.store, Redis: s.redis, Kinds: kinds, Metrics: telemetry.New(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Poll: 20 * time.Millisecond, Sweep: 50 * time.Millisecond}
	return s
}

func (s *shop) start() *jobs.Jobs {
	s.t.Helper()
	j, err := jobs.New(s.opts)
	require.NoError(s.t, err)
	require.NoError(s.t, j.Start())
	s.t.Cleanup(j.Stop)
	return j
}

func (s *shop) add(n int) []int64 {
	s.t.Helper()
	ids := make([]int64, n)
	require.NoError(s.t, s.store.Write(context.Background(), func(tx *store.Tx) (err error) {
		for i := range ids {
			key := outbox.Key(outbox.OrderQuery, outbox.Purchase, time.Now().UnixNano(), int64(i))
			if ids[i], err = tx.Enqueue(context.Background(), outbox.New{Kind: outbox.OrderQuery, UniqueKey: key}); err != nil {
				return err
			}
		}
		return nil
	}))
	return ids
}

func (s *shop) complete(t outbox.Task) error {
	return s.store.Write(context.Background(), func(tx *store.Tx) error { return tx.Complete(context.Background(), t) })
}

func (s *shop) count(where string) (n int) {
	s.t.Helper()
	require.NoError(s.t, s.store.SQL().QueryRow(`SELECT count(*) FROM tasks WHERE `+where).Scan(&n))
	return n
}

func (s *shop) eventually(n int, where string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.count(where) == n }, 2*time.Minute, 20*time.Millisecond, where)
}

func TestEveryTaskRunsOnce(t *testing.T) {
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
	s.start()
	s.start() // a second process beside the first
	s.eventually(300, `status = 'succeeded'`)
}

func TestBackOffThenGivenUpThenRestarted(t *testing.T) {
	t.Parallel()
	var s *shop
	var broken atomic.Bool
	broken.Store(true)
	s = open(t, func(_ context.Context, task outbox.Task) error {
		if broken.Load() {
			return fault.Wrap(errors.New("no route"), fault.Unavailable, "order_query.unreachable")
		}
		return s.complete(task)
	})
	ids := s.add(1)
	s.start()
	s.eventually(1, `status = 'failed'`)
	var tries string
	require.NoError(t, s.store.SQL().QueryRow(`SELECT string_agg(outcome || number, ' ' ORDER BY id) FROM task_attempts`).Scan(&tries))
	require.Equal(t, "failed1 failed2 failed3", tries)
	broken.Store(false)
	require.NoError(t, s.store.Write(context.Background(), func(tx *store.Tx) error {
		r, err := tx.RestartTasks(context.Background(), ids, "operator:ann")
		require.Equal(t, 1, r.Given)
		return err
	}))
	s.eventually(1, `status = 'succeeded' AND round = 1 AND attempts = 1`)
}

func TestAFaultThatCannotPassIsGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error {
		return fault.New(fault.Invalid, "order_query.no_credentials")
	})
	s.add(1)
	s.start()
	s.eventually(1, `status = 'failed' AND attempts = 1`)
}

func TestAPanicIsAFailedTry(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { panic("boom") })
	s.add(1)
	s.start()
	s.eventually(1, `status = 'failed' AND last_error->>'code' = 'internal'`)
}

func TestEmptiedRedisLosesNothing(t *testing.T) {
	t.Parallel()
	var s *shop
	gate := make(chan struct{})
	s = open(t, func(_ context.Context, task outbox.Task) error {
		<-gate
		return s.complete(task)
	})
	s.add(100)
	s.start()
	s.eventually(100, `enqueued_at IS NOT NULL OR status = 'running'`)
	require.NoError(t, s.redis.FlushDB(context.Background()).Err())
	close(gate)
	s.eventually(100, `status = 'succeeded'`)
}

func TestALostWorkersTaskComesBackWithoutBurningATry(t *testing.T) {
	t.Parallel()
	var s *shop
	s = open(t, func(_ context.Context, task outbox.Task) error { return s.complete(task) })
	ids := s.add(1)
	_, ok, err := s.store.Claim(context.Background(), ids[0], time.Millisecond)
	require.NoError(t, err)
	require.True(t, ok)
	s.start()
	s.eventually(1, `status = 'succeeded' AND attempts = 1`)
	var outcomes string
	require.NoError(t, s.store.SQL().QueryRow(`SELECT string_agg(outcome, ' ' ORDER BY id) FROM task_attempts`).Scan(&outcomes))
	require.Equal(t, "lost succeeded", outcomes)
}

func TestAWorkerThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	ids := s.add(1)
	task, _, err := s.store.Claim(context.Background(), ids[0], time.Nanosecond)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		n, err := s.store.Recover(context.Background())
		return err == nil && n == 1
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "task.lease_lost", fault.From(s.complete(task)).Key)
	require.Equal(t, 1, s.count(`status = 'pending'`))
}

func TestRedisHoldsIdsOnly(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	var s *shop
	s = open(t, func(_ context.Context, task outbox.Task) error {
		<-gate
		return s.complete(task)
	})
	s.add(20)
	s.start()
	s.eventually(20, `enqueued_at IS NOT NULL OR status = 'running'`)
	ctx := context.Background()
	keys, err := s.redis.Keys(ctx, "asynq:*:t:*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	for _, k := range keys {
		msg, err := s.redis.HGet(ctx, k, "msg").Result()
		if errors.Is(err, redis.Nil) { // put away meanwhile
			continue
		}
		require.NoError(t, err)
		require.Contains(t, msg, `{"id":`)
		require.Less(t, strings.IndexByte(msg, '}')-strings.IndexByte(msg, '{'), 30, "the payload is an id")
	}
	close(gate)
	s.eventually(20, `status = 'succeeded'`)
}

func TestAKindWithoutHandlerStopsTheBoot(t *testing.T) {
	t.Parallel()
	_, err := jobs.New(jobs.Options{Kinds: jobs.Table(jobs.Handlers{})})
	require.ErrorContains(t, err, "order_query")
}

func TestStopWithoutStartAndTwice(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	j, err := jobs.New(s.opts)
	require.NoError(t, err)
	j.Stop()
	require.NoError(t, j.Start())
	j.Stop()
	j.Stop()
}

func TestATaskThatKillsItsWorkersIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	ids := s.add(1)
	ctx := context.Background()
	for range 5 {
		_, ok, err := s.store.Claim(ctx, ids[0], time.Nanosecond)
		require.NoError(t, err)
		require.True(t, ok)
		require.Eventually(t, func() bool {
			n, err := s.store.Recover(ctx)
			return err == nil && n == 1
		}, time.Minute, 10*time.Millisecond)
	}
	require.Equal(t, 1, s.count(`status = 'failed' AND last_error->>'key' = 'task.kills_workers'`))
	var lost int
	require.NoError(t, s.store.SQL().QueryRow(`SELECT count(*) FROM task_attempts WHERE outcome = 'lost'`).Scan(&lost))
	require.Equal(t, 5, lost)
}

func TestARowOfANewerProgramHoldsNothingUp(t *testing.T) {
	t.Parallel()
	var s *shop
	s = open(t, func(_ context.Context, task outbox.Task) error { return s.complete(task) })
	_, err := s.store.SQL().Exec(`INSERT INTO tasks (kind, unique_key, run_at) VALUES ('brew_coffee', 'x', now() - interval '1 day')`)
	require.NoError(t, err)
	s.add(3)
	s.start()
	s.eventually(3, `status = 'succeeded'`)
	require.Equal(t, 1, s.count(`kind = 'brew_coffee' AND status = 'pending' AND enqueued_at IS NULL`))
}

// A try that takes longer than a lease keeps its task: nobody else begins it
// meanwhile. Whose task was taken away ends.
func TestALongTryKeepsItsTaskAndEndsWithoutIt(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan outbox.Task, 2), make(chan error, 2)
	s := open(t, func(ctx context.Context, task outbox.Task) error {
		begun <- task
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	for i := range s.opts.Kinds {
		s.opts.Kinds[i].Timeout = time.Hour
	}
	s.opts.Lease = 300 * time.Millisecond // and ten seconds, of which renewals take less than two
	ids := s.add(1)
	s.start()
	task := <-begun
	_, err := s.store.SQL().Exec(`UPDATE tasks SET leased_until = now() + interval '8 seconds'`)
	require.NoError(t, err)
	s.eventually(1, `leased_until > now() + interval '9 seconds'`)
	require.Equal(t, ids[0], task.ID)
	require.Empty(t, begun)
	_, err = s.store.SQL().Exec(`UPDATE tasks SET round = round + 1, status = 'cancelled'`)
	require.NoError(t, err)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		t.Fatal("it works on what it lost")
	}
}
