package console

import (
	"context"
	"sync"
	"time"
)

// remembered keeps what was read for a while.
type remembered[T any] struct {
	load func(context.Context) (T, error)

	mu    sync.Mutex
	value T
	until time.Time
}

// get gives the value, read again when it is older than last.
func (r *remembered[T]) get(ctx context.Context, now time.Time, last time.Duration) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.until) {
		return r.value, nil
	}
	v, err := r.load(ctx)
	if err != nil {
		return v, err
	}
	r.value, r.until = v, now.Add(last)
	return v, nil
}
