package jobs

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/hibiken/asynq"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// Rebuilt is what Rebuild found and did.
type Rebuilt struct {
	Had  int // due tasks that Redis has
	Put  int // due tasks that it had not, and has now
	Lost int // tasks of lost workers that were put back; they are among the due ones
}

// Rebuild restores Redis from PostgreSQL: whatever should be in Redis and is not
// is handed over again. It may be called at any time, beside running workers and
// again, and does what the relay and the sweeper would do in their own time.
func (j *Jobs) Rebuild(ctx context.Context) (Rebuilt, error) {
	q := newQueue(j.o.Redis)
	var r Rebuilt
	var err error
	if r.Lost, err = j.o.Store.Recover(ctx); err != nil {
		return r, err
	}
	if r.Had, err = j.takeBack(ctx, q); err != nil {
		return r, err
	}
	for _, names := range j.names { // what somebody waits for first
		put, had, err := j.putBack(ctx, q, names)
		if err != nil {
			return r, err
		}
		r.Put, r.Had = r.Put+put, r.Had+had
	}
	_, err = q.emptied(ctx) // seen, and put right
	return r, err
}

// putBack hands over every due task of these kinds that Redis has not; had is how
// many of them it had after all.
func (j *Jobs) putBack(ctx context.Context, q *queue, names []string) (put, had int, err error) {
	for idle := 0; idle < 2; { // what is left of an earlier hand-over goes in the first round and is put in the second
		var taken []int64
		var fresh int
		n, err := j.o.Store.Relay(ctx, names, relayBatch, func(due []store.Due) (_ []int64, err error) {
			taken, fresh, err = q.put(ctx, j.kinds, due)
			return taken, err
		})
		if err != nil {
			return put, had, err
		}
		if put, had = put+fresh, had+n-fresh; n == 0 {
			idle++
		} else {
			idle = 0
		}
	}
	return put, had, nil
}

// takeBack takes back what was handed to Redis and is not there, and says how
// much is.
func (j *Jobs) takeBack(ctx context.Context, q *queue) (had int, err error) {
	var last store.Handed
	for {
		handed, err := j.o.Store.HandedOver(ctx, slices.Concat(j.names...), last, relayBatch)
		if err != nil || len(handed) == 0 {
			return had, err
		}
		last = handed[len(handed)-1]
		var gone []int64
		for _, h := range handed {
			has, err := q.has(j.kinds[h.Kind].queue(h.Due), h.ID)
			if err != nil {
				return had, err
			}
			if !has {
				gone = append(gone, h.ID)
			}
		}
		had += len(handed) - len(gone)
		if err := j.o.Store.TakeBack(ctx, gone, last.At); err != nil {
			return had, err
		}
	}
}

// has tells whether a task is in the queue in such a way that a worker will
// come to it.
func (q *queue) has(queue string, id int64) (bool, error) {
	info, err := q.inspector.GetTaskInfo(queue, strconv.FormatInt(id, 10))
	if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.State != asynq.TaskStateArchived && info.State != asynq.TaskStateCompleted, nil
}

// Has tells which of these tasks Redis has in such a way that a worker will come
// to them. Fault: unavailable "queue.unreachable".
func (j *Jobs) Has(ctx context.Context, tasks []store.Due) (map[int64]bool, error) {
	q := newQueue(j.o.Redis)
	out := make(map[int64]bool, len(tasks))
	for _, d := range tasks {
		k, known := j.kinds[d.Kind]
		if !known {
			continue
		}
		has, err := q.has(k.queue(d), d.ID)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "queue.unreachable")
		}
		out[d.ID] = has
	}
	return out, nil
}

// HandOver hands one due task to Redis, as Rebuild does with all of them, and
// tells whether Redis had not got it. The caller has locked the task's row, and
// marks it. Faults: conflict "queue.kind_unknown" for a kind of a newer program,
// "queue.busy" while an earlier try is just ending; unavailable
// "queue.unreachable".
func (j *Jobs) HandOver(ctx context.Context, d store.Due) (fresh bool, err error) {
	k, known := j.kinds[d.Kind]
	if !known {
		return false, fault.New(fault.Conflict, "queue.kind_unknown", "kind", string(d.Kind))
	}
	q := newQueue(j.o.Redis)
	for range 2 { // what is left of an earlier hand-over goes in the first round
		has, added, err := q.putOne(ctx, k, d)
		if err != nil {
			return false, fault.Wrap(err, fault.Unavailable, "queue.unreachable")
		}
		if has {
			return added, nil
		}
	}
	return false, fault.New(fault.Conflict, "queue.busy")
}
