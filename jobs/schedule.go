package jobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Timed is work that the clock causes. Run looks whether it is due and writes
// what follows; it is called about every Every, by one process at a time, and
// must do no harm when it is called twice: a lease can lapse under a process that
// was stopped for a while.
type Timed struct {
	Name  string
	Every time.Duration
	Apart bool // it takes long, and has a loop and a lease of its own
	Run   func(context.Context) error
}

// clockLease is that of whoever runs the clock. Should its holder die, another
// process takes over within it.
const clockLease = 30 * time.Second

// DefaultTick is how often the clock is looked at.
const DefaultTick = 5 * time.Second

// schedule runs the timed work, in as many loops as it needs, until ctx ends.
func (j *Jobs) schedule(ctx context.Context) {
	var together []Timed
	var loops sync.WaitGroup
	for _, t := range j.o.Timed {
		if t.Apart {
			loops.Go(func() { j.clock(ctx, "schedule/"+t.Name, []Timed{t}) })
		} else {
			together = append(together, t)
		}
	}
	loops.Go(func() { j.clock(ctx, "schedule", together) })
	loops.Wait()
}

// clock runs timed work while this process holds the lease.
func (j *Jobs) clock(ctx context.Context, lease string, work []Timed) {
	if len(work) == 0 {
		return
	}
	holder := newHolder()
	take := func(ctx context.Context) (bool, error) { return j.o.Store.Lease(ctx, lease, holder, j.o.ClockLease) }
	last := make([]time.Time, len(work))
	tick := time.NewTicker(j.o.Tick)
	defer tick.Stop()
	for {
		held, err := take(ctx)
		if err != nil && ctx.Err() == nil {
			j.o.Log.Error("the clock's lease could not be taken; it is tried again", "lease", lease, "error", err)
		}
		if held {
			j.hold(ctx, j.o.ClockLease, take, func(ctx context.Context) { j.timed(ctx, work, last) })
		}
		select {
		case <-ctx.Done():
			j.leave(lease, holder)
			return
		case <-tick.C:
		}
	}
}

func (j *Jobs) timed(ctx context.Context, work []Timed, last []time.Time) {
	for n, t := range work {
		now := time.Now()
		if now.Sub(last[n]) < t.Every || ctx.Err() != nil {
			continue
		}
		last[n] = now
		if err := t.safely(ctx); err != nil && ctx.Err() == nil {
			j.o.Log.Error("timed work failed; it is tried again", "work", t.Name, "error", err)
			continue
		}
		j.Wake()
	}
}

// safely runs the work; a panic is its failure and nobody else's.
func (t Timed) safely(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return t.Run(ctx)
}

// leave gives the lease up, so that another process need not wait for its end.
func (j *Jobs) leave(lease, holder string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = j.o.Store.Lease(ctx, lease, holder, 0)
}

func newHolder() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
