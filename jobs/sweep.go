package jobs

import (
	"context"
	"time"
)

// keepRejected is how many claims that could not be proved are kept per channel.
const keepRejected = 2000

// sweep looks for work that nobody holds any more and for what may go. Every
// process does it; the statements pass over rows that another one is at.
func (j *Jobs) sweep(ctx context.Context) {
	tick := time.NewTicker(j.o.Sweep)
	defer tick.Stop()
	for n := 0; ; n++ {
		j.sweepOnce(ctx, n%6 == 0)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (j *Jobs) sweepOnce(ctx context.Context, tidy bool) {
	lost, err := j.o.Store.Recover(ctx)
	j.note(ctx, "put back the tasks of lost workers", err)
	if lost > 0 {
		j.o.Metrics.TasksRecovered.Add(float64(lost))
		j.o.Log.Warn("the tasks of lost workers were put back", "tasks", lost)
		j.Wake()
	}
	stale, err := j.o.Store.Forget(ctx, j.o.Handed)
	j.note(ctx, "hand stale tasks over again", err)
	if stale > 0 {
		j.o.Log.Info("tasks that no worker has begun are handed over again: a backlog, or the queue lost them", "tasks", stale)
		j.Wake()
	}
	rows, err := j.o.Store.TaskCounts(ctx)
	j.note(ctx, "count the tasks", err)
	for status, n := range rows {
		j.o.Metrics.TaskRows.WithLabelValues(status).Set(float64(n))
	}
	for _, m := range j.o.Measures {
		j.note(ctx, "measure the "+m.Name, m.Run(ctx))
	}
	if !tidy {
		return
	}
	_, err = j.o.Store.PruneRejected(ctx, keepRejected)
	j.note(ctx, "prune rejected calls", err)
	_, err = j.o.Store.Sessions().Purge(ctx)
	j.note(ctx, "delete sessions that are over", err)
}

func (j *Jobs) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		j.o.Log.Error("the sweeper could not "+what+"; it tries again", "error", err)
	}
}
