package jobs

import (
	"context"
	"time"
)

// hold does work under a lease that was granted for so long, and renews it
// meanwhile. The work's context ends when somebody else has the lease, or may have
// it, since it could not be renewed for as long as it was granted.
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
	tick := time.NewTicker(granted / 6)
	defer tick.Stop()
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		switch held, err := renew(ctx); {
		case err == nil && held:
			since = now
		case err == nil || now.Sub(since) > granted:
			end()
		case ctx.Err() == nil:
			j.o.Log.Warn("a lease could not be renewed; it is tried again", "error", err)
		}
	}
}
