package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/jobs"
)

// The clock's work is done by one process at a time, and by another one as soon
// as that one has left.
func TestOneProcessRunsTheClock(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	var first, second atomic.Int64
	begin := func(n *atomic.Int64) *jobs.Jobs {
		o := s.opts
		o.Tick = 10 * time.Millisecond
		o.Timed = []jobs.Timed{{Name: "count", Run: func(context.Context) error { n.Add(1); return nil }}}
		j, err := jobs.New(o)
		require.NoError(t, err)
		require.NoError(t, j.Start())
		t.Cleanup(j.Stop)
		return j
	}
	one := begin(&first)
	require.Eventually(t, func() bool { return first.Load() >= 3 }, time.Minute, 5*time.Millisecond)
	begin(&second)
	seen := first.Load()
	require.Eventually(t, func() bool { return first.Load() >= seen+5 }, time.Minute, 5*time.Millisecond)
	require.Zero(t, second.Load(), "the lease is the first one's")
	one.Stop()
	require.Eventually(t, func() bool { return second.Load() > 0 }, time.Minute, 5*time.Millisecond, "left, not lapsed")
}

// Work that takes longer than the lease keeps it; work whose lease another process
// has after all is ended.
func TestLongTimedWorkKeepsItsLeaseAndEndsWithoutIt(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	s.opts.Tick, s.opts.ClockLease = 10*time.Millisecond, 6*time.Second
	begun, ended := make(chan struct{}, 100), make(chan error, 100)
	s.opts.Timed = []jobs.Timed{{Name: "long", Every: time.Hour, Run: func(ctx context.Context) error {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}}
	s.start()
	<-begun
	until := func() (at time.Time) {
		require.NoError(t, s.store.SQL().QueryRow(`SELECT until FROM leases WHERE name = 'schedule'`).Scan(&at))
		return at
	}
	first := until()
	require.Eventually(t, func() bool { return until().After(first) }, time.Minute, 20*time.Millisecond, "it is renewed in the middle of the work")
	_, err := s.store.SQL().Exec(`UPDATE leases SET holder = 'another process', until = now() + interval '1 hour'`)
	require.NoError(t, err)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		t.Fatal("two processes run the clock")
	}
	require.Empty(t, begun)
}

// Work with a loop of its own holds up nothing else, however long it takes.
func TestWorkWithALoopOfItsOwnHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	s.opts.Tick = 10 * time.Millisecond
	begun := make(chan struct{}, 1)
	var others atomic.Int64
	s.opts.Timed = []jobs.Timed{
		{Name: "retention", Every: time.Hour, Apart: true, Run: func(ctx context.Context) error {
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}},
		{Name: "notices", Run: func(context.Context) error { others.Add(1); return nil }},
	}
	s.start()
	<-begun
	seen := others.Load()
	require.Eventually(t, func() bool { return others.Load() >= seen+3 }, time.Minute, 5*time.Millisecond)
}

// One failure does not stop the clock: neither for the work that failed nor for
// what comes after it.
func TestAFailureDoesNotStopTheClock(t *testing.T) {
	t.Parallel()
	s := open(t, func(context.Context, outbox.Task) error { return nil })
	var failing, panicking, after atomic.Int64
	s.opts.Tick = 10 * time.Millisecond
	s.opts.Timed = []jobs.Timed{
		{Name: "fails", Run: func(context.Context) error { failing.Add(1); return errors.New("no") }},
		{Name: "panics", Run: func(context.Context) error { panicking.Add(1); panic("no") }},
		{Name: "goes on", Run: func(context.Context) error { after.Add(1); return nil }},
	}
	s.start()
	require.Eventually(t, func() bool { return failing.Load() >= 3 && panicking.Load() >= 3 && after.Load() >= 3 }, time.Minute, 5*time.Millisecond)
}

// Rows of long ago, and rows that were written before the clock was put back, go
// on like any other.
func TestOldRowsAndAClockThatWasPutBackHoldNothingUp(t *testing.T) {
	t.Parallel()
	var s *shop
	s = open(t, func(_ context.Context, task outbox.Task) error { return s.complete(task) })
	ids := s.add(3)
	_, err := s.store.SQL().Exec(`
UPDATE tasks
   SET created_at = now() - interval '400 days',
       run_at = now() - interval '400 days',
       enqueued_at = CASE id WHEN $1 THEN now() + interval '1 hour' WHEN $2 THEN now() - interval '399 days' END`, ids[0], ids[1])
	require.NoError(t, err)
	s.opts.Handed = time.Hour
	s.start()
	s.eventually(3, `status = 'succeeded'`)
}
