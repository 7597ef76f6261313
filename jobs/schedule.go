package jobs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"time"
)

// Timed is work that the clock causes. Run looks whether it is due and writes
// what follows; it is called about every Every, by one process at a time, and
// must do no harm when it is called twice: a lease can lapse under a process that
// was stopped for a while.
type Timed struct {
	Name  string
	Every time.Duration
	Run   func(context.Context) error
}

// The lease of whoever runs the clock. Should its holder die, another process
// takes over within scheduleLease.
const (
	scheduleLease = 30 * time.Second
	scheduleTick  = 5 * time.Second
)

// schedule runs the timed work while this process holds the lease.
func (j *Jobs) schedule(ctx context.Context) {
	if len(j.o.Timed) == 0 {
		return
	}
	holder := newHolder()
	last := make([]time.Time, len(j.o.Timed))
	tick := time.NewTicker(j.o.Tick)
	defer tick.Stop()
	for {
		held, err := j.o.Store.Lease(ctx, "schedule", holder, scheduleLease)
		if err != nil && ctx.Err() == nil {
			j.o.Log.Error("the clock's lease could not be taken; it is tried again", "error", err)
		}
		if held {
			j.timed(ctx, last)
		}
		select {
		case <-ctx.Done():
			j.leave(holder)
			return
		case <-tick.C:
		}
	}
}

func (j *Jobs) timed(ctx context.Context, last []time.Time) {
	for n, t := range j.o.Timed {
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
func (j *Jobs) leave(holder string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = j.o.Store.Lease(ctx, "schedule", holder, 0)
}

func newHolder() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
