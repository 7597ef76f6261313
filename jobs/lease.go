package jobs

import (
	"context"
	"time"
)

// hold does work under a lease that was granted for so long, and renews it
// meanwhile. The work's context ends when somebody else has the lease, and in good
// time before somebody else may have it, should it not be renewed.
func (j *Jobs) hold(ctx context.Context, granted time.Duration, renew func(context.Context) (held bool, err error), work func(context.Context)) {
	ctx, end := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		j.renew(ctx, end, granted, renew)
	}()
	defer func() {
		end()
		<-over
	}()
	work(ctx)
}

func (j *Jobs) renew(ctx context.Context, end context.CancelFunc, granted time.Duration, renew func(context.Context) (held bool, err error)) {
	step := granted / 6
	tick := time.NewTicker(step)
	defer tick.Stop()
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		asked, stop := context.WithTimeout(ctx, step) // a database that hangs must not hold on to it
		held, err := renew(asked)
		stop()
		switch {
		case err == nil && held:
			since = now
		case err == nil || time.Since(since) > granted-2*step:
			end()
		case ctx.Err() == nil:
			j.o.Log.Warn("a lease could not be renewed; it is tried again", "error", err)
		}
	}
}
