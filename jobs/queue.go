package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"koodesk/app/outbox"
	"koodesk/app/store"
)

// epochKey stands in Redis as long as Redis has not lost its data.
const epochKey = "koodesk:epoch"

// payload is all that Redis knows of a task.
type payload struct {
	ID int64 `json:"id"`
}

// queue is the hand-over to Asynq.
type queue struct {
	client    *asynq.Client
	inspector *asynq.Inspector
	redis     redis.UniversalClient
}

func newQueue(r redis.UniversalClient) *queue {
	return &queue{client: asynq.NewClientFromRedisClient(r), inspector: asynq.NewInspectorFromRedisClient(r), redis: r}
}

// emptied tells whether Redis has lost its data since somebody last looked, and
// marks it as seen.
func (q *queue) emptied(ctx context.Context) (bool, error) {
	fresh, err := q.redis.SetNX(ctx, epochKey, "1", 0).Result()
	return fresh, err
}

// put hands tasks over and says which the queue has, and how many of them it had
// not before. On an error the rest is left for the next time.
func (q *queue) put(ctx context.Context, kinds map[outbox.Kind]Kind, due []store.Due) (taken []int64, fresh int, err error) {
	for _, d := range due {
		has, added, err := q.putOne(ctx, kinds[d.Kind], d)
		if err != nil {
			return taken, fresh, err
		}
		if has {
			taken = append(taken, d.ID)
		}
		if added {
			fresh++
		}
	}
	return taken, fresh, nil
}

func (q *queue) putOne(ctx context.Context, k Kind, d store.Due) (has, added bool, err error) {
	body, err := json.Marshal(payload{ID: d.ID})
	if err != nil {
		return false, false, err
	}
	name, queue := strconv.FormatInt(d.ID, 10), k.queue(d)
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(string(k.Name), body),
		asynq.TaskID(name), asynq.Queue(queue), asynq.MaxRetry(25), asynq.Timeout(k.Timeout+lateness))
	if !errors.Is(err, asynq.ErrTaskIDConflict) {
		return err == nil, err == nil, err
	}
	has, err = q.settle(queue, name)
	return has, false, err
}

// settle looks at a task that the queue has under the same id already.
func (q *queue) settle(queue, name string) (has bool, err error) {
	info, err := q.inspector.GetTaskInfo(queue, name)
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return false, nil // gone in between: next time
	}
	if err != nil {
		return false, err
	}
	switch info.State {
	case asynq.TaskStatePending:
		return true, nil
	case asynq.TaskStateRetry, asynq.TaskStateScheduled:
		return true, q.inspector.RunTask(queue, name)
	case asynq.TaskStateActive:
		return false, nil // a try that is just ending: next time
	default: // archived or completed: what is left of an earlier hand-over
		return false, q.inspector.DeleteTask(queue, name)
	}
}

// relay moves due tasks to Redis until the context ends.
func (j *Jobs) relay(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	down := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		case <-timer.C:
		}
		err := j.relayAll(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != down {
			down = err != nil
			if down {
				j.o.Log.Error("the relay cannot hand tasks over; it goes on trying", "error", err)
			} else {
				j.o.Log.Info("the relay hands tasks over again")
			}
		}
		wait := j.o.Poll
		if down {
			wait = max(wait, time.Second)
		}
		timer.Reset(wait)
	}
}

const relayBatch = 200

func (j *Jobs) relayAll(ctx context.Context) error {
	empty, err := j.queue.emptied(ctx)
	if err != nil {
		return err
	}
	if empty {
		n, err := j.o.Store.Forget(ctx, 0)
		if err != nil {
			// Not seen after all: look again next time.
			return errors.Join(err, j.queue.redis.Del(ctx, epochKey).Err())
		}
		if n > 0 {
			j.o.Metrics.QueueRebuilt.Inc()
			j.o.Log.Warn("Redis has lost its tasks; they are handed over again", "tasks", n)
		}
	}
	for more := true; more; {
		more = false
		// What somebody waits for is handed over before each batch of the rest.
		for _, names := range j.names {
			n, err := j.o.Store.Relay(ctx, names, relayBatch, func(due []store.Due) ([]int64, error) {
				taken, _, err := j.queue.put(ctx, j.kinds, due)
				return taken, err
			})
			if err != nil {
				return err
			}
			more = more || n == relayBatch
		}
	}
	return nil
}

// asynqLog passes Asynq's own words on.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
