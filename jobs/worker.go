package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// lateness is how much longer than what it covers a task's lease lasts, so that a
// worker can still renew it, or write down how the try ended.
const lateness = 10 * time.Second

// process runs one handed-over task: claim, work, and write down how it ended.
// It returns an error only when that could not be written; Asynq then brings
// the task again.
func (j *Jobs) process(ctx context.Context, at *asynq.Task) error {
	k, ok := j.kinds[outbox.Kind(at.Type())]
	if !ok {
		return fmt.Errorf("jobs: unknown kind %q: %w", at.Type(), asynq.SkipRetry)
	}
	var p payload
	if err := json.Unmarshal(at.Payload(), &p); err != nil {
		return fmt.Errorf("jobs: payload of %s: %w: %w", k.Name, err, asynq.SkipRetry)
	}
	t, ok, err := j.o.Store.Claim(ctx, p.ID, j.lease(k))
	if err != nil || !ok {
		return err
	}
	return j.try(ctx, k, t)
}

// lease is how long a claim of a task holds: short, so that what a dead worker had
// goes on soon. A try that may take longer renews it.
func (j *Jobs) lease(k Kind) time.Duration { return min(k.Timeout, j.o.Lease) + lateness }

func (j *Jobs) try(ctx context.Context, k Kind, t outbox.Task) error {
	start := time.Now()
	cause := j.run(ctx, k, t)
	j.o.Metrics.TaskSeconds.WithLabelValues(string(k.Name)).Observe(time.Since(start).Seconds())
	if cause == nil {
		j.o.Metrics.Tasks.WithLabelValues(string(k.Name), "succeeded").Inc()
		j.Wake() // what comes next is due at once
		return nil
	}
	if f := fault.From(cause); f.Key == "task.lease_lost" {
		j.o.Log.Warn("a try ended after its lease; its result was not written", "task", t.ID, "kind", k.Name)
		return nil
	}
	// The try's own time may be over; writing down how it ended must still work.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateness)
	defer cancel()
	return j.fail(ctx, k, t, cause)
}

// run calls the use case with the kind's time limit; a panic is a failed try.
func (j *Jobs) run(ctx context.Context, k Kind, t outbox.Task) (err error) {
	ctx, cancel := context.WithTimeout(ctx, k.Timeout)
	defer cancel()
	if k.Timeout <= j.o.Lease {
		return k.safely(ctx, t)
	}
	lease := j.lease(k)
	j.hold(ctx, lease, func(ctx context.Context) (bool, error) { return j.o.Store.Renew(ctx, t, lease) }, func(ctx context.Context) { err = k.safely(ctx, t) })
	return err
}

func (k Kind) safely(ctx context.Context, t outbox.Task) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Wrap(fmt.Errorf("panic: %v\n%s", r, debug.Stack()), fault.Internal, "internal")
		}
	}()
	return k.Run(ctx, t)
}

func (j *Jobs) fail(ctx context.Context, k Kind, t outbox.Task, cause error) error {
	if f := fault.From(cause); f.Retry.Free {
		return j.postpone(ctx, t, f)
	}
	retryAt := k.next(t, cause, time.Now())
	final := retryAt.IsZero()
	err := j.o.Store.WriteFor(ctx, t, func(tx *store.Tx) error {
		if k.OnFail != nil {
			if err := k.OnFail(ctx, tx, t, cause, final); err != nil {
				return err
			}
		}
		return tx.Fail(ctx, t, cause, retryAt)
	})
	if f := fault.From(err); f != nil && f.Key == "task.lease_lost" {
		return nil
	}
	outcome := "retry"
	level := j.o.Log.Warn
	if final {
		outcome, level = "given_up", j.o.Log.Error
	}
	j.o.Metrics.Tasks.WithLabelValues(string(k.Name), outcome).Inc()
	said := []any{"task", t.ID, "kind", k.Name, "try", t.Attempt, "round", t.Round, "given_up", final, "error", cause}
	if !final {
		said = append(said, "next", retryAt)
	}
	level("a task's try failed", said...)
	return err
}

// postpone puts a task back that could not even be tried.
func (j *Jobs) postpone(ctx context.Context, t outbox.Task, f *fault.Error) error {
	err := j.o.Store.Write(ctx, func(tx *store.Tx) error { return tx.Postpone(ctx, t, f, tx.Now.Add(f.Retry.After)) })
	if fault.From(err) != nil && fault.From(err).Key == "task.lease_lost" {
		return nil
	}
	j.o.Log.Debug("a task waits for its turn", "task", t.ID, "kind", t.Kind, "why", f.Key, "for", f.Retry.After)
	return err
}

// Start begins relaying, working and sweeping. It returns when all of it runs.
func (j *Jobs) Start() error {
	j.queue = newQueue(j.o.Redis)
	var servers []*asynq.Server
	for n, queues := range groups {
		workers := j.o.Workers
		if n > 0 {
			workers = max(workers/2, 1)
		}
		server := j.server(workers, queues)
		if err := server.Start(asynq.HandlerFunc(j.process)); err != nil {
			for _, s := range servers {
				s.Shutdown()
			}
			return fmt.Errorf("jobs: %w", err)
		}
		servers = append(servers, server)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j.stop, j.done = cancel, make(chan struct{})
	go func() {
		defer close(j.done)
		swept := make(chan struct{})
		go func() { defer close(swept); j.sweep(ctx) }()
		timed := make(chan struct{})
		go func() { defer close(timed); j.schedule(ctx) }()
		j.relay(ctx)
		<-swept
		<-timed
		var ended sync.WaitGroup
		for _, s := range servers {
			ended.Go(s.Shutdown)
		}
		ended.Wait()
	}()
	return nil
}

func (j *Jobs) server(workers int, queues map[string]int) *asynq.Server {
	return asynq.NewServerFromRedisClient(j.o.Redis, asynq.Config{
		Concurrency:       workers,
		Queues:            queues,
		TaskCheckInterval: 100 * time.Millisecond,
		// Only infrastructure errors come here; tasks have their own back-off.
		RetryDelayFunc:  func(int, error, *asynq.Task) time.Duration { return 2 * time.Second },
		ShutdownTimeout: 20 * time.Second,
		Logger:          asynqLog{j.o.Log},
	})
}

// Stop ends everything; work in hand gets 20 s to finish. Calling it again, or
// without Start, does nothing.
func (j *Jobs) Stop() {
	if j.stop == nil {
		return
	}
	j.stop()
	<-j.done
}
