package console

import (
	"context"
	"sync"
	"time"
)

// remembered keeps what was read for a while. While one request reads it again
// the others go on with what there is.
type remembered[T any] struct {
	load func(context.Context) (T, error)

	mu      sync.Mutex
	value   T
	there   bool
	loading bool
	until   time.Time
}

// get gives the value, read again when it is older than last.
func (r *remembered[T]) get(ctx context.Context, now time.Time, last time.Duration) (T, error) {
	r.mu.Lock()
	if r.there && (r.loading || now.Before(r.until)) {
		defer r.mu.Unlock()
		return r.value, nil
	}
	r.loading = true
	r.mu.Unlock()

	v, err := r.load(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loading = false
	if err == nil {
		r.value, r.there, r.until = v, true, now.Add(last)
	}
	return v, err
}

// forget has the value read again by the next request: it was changed just now.
func (r *remembered[T]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until = time.Time{}
}
