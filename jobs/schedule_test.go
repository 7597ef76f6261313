package jobs_test

import (
	"context"
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
	require.Eventually(t, func() bool { return first.Load() >= 3 }, 20*time.Second, 5*time.Millisecond)
	begin(&second)
	seen := first.Load()
	require.Eventually(t, func() bool { return first.Load() >= seen+5 }, 20*time.Second, 5*time.Millisecond)
	require.Zero(t, second.Load(), "the lease is the first one's")
	one.Stop()
	require.Eventually(t, func() bool { return second.Load() > 0 }, 20*time.Second, 5*time.Millisecond, "left, not lapsed")
}
