package signin

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// rate allows so many tries in a time; after that they come back one by one.
type rate struct {
	Tries int
	In    time.Duration
}

// patience bounds what somebody at the door waits for Redis.
const patience = 300 * time.Millisecond

// limiter counts tries in Redis, so that all processes count together, and in
// this process when Redis does not answer: guessing must not become free of
// charge by breaking Redis.
type limiter struct {
	shared *redis_rate.Limiter // nil without Redis
	own    *ownLimiter
	log    *slog.Logger
}

func newLimiter(client redis.UniversalClient, log *slog.Logger) *limiter {
	l := &limiter{own: newOwnLimiter(time.Now), log: log}
	if client != nil {
		l.shared = redis_rate.NewLimiter(client)
	}
	return l
}

// allow counts a try. It gives 0 if it is allowed, else how long to wait.
func (l *limiter) allow(ctx context.Context, key string, r rate) time.Duration {
	if l.shared != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		got, err := l.shared.Allow(ctx, limitKey(key), redis_rate.Limit{Rate: r.Tries, Burst: r.Tries, Period: r.In})
		if err == nil {
			return max(got.RetryAfter, 0)
		}
		l.log.WarnContext(ctx, "sign-in tries are counted in this process only: Redis does not answer", "error", err)
	}
	return l.own.allow(key, r)
}

// forget drops the tries of a key.
func (l *limiter) forget(ctx context.Context, key string) {
	l.own.forget(key)
	if l.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.shared.Reset(ctx, limitKey(key)); err != nil && !cancelled(err) {
		l.log.WarnContext(ctx, "sign-in tries could not be forgotten", "error", err)
	}
}

func limitKey(key string) string { return "koodesk:signin:" + key }

// ownLimiter is the same algorithm (GCRA) in memory.
type ownLimiter struct {
	mu   sync.Mutex
	now  func() time.Time
	full map[string]time.Time // when the key's tries are all given back
}

// maxKeys bounds the memory; beyond it the keys that are nearly free again go.
const maxKeys = 10000

func newOwnLimiter(now func() time.Time) *ownLimiter {
	return &ownLimiter{now: now, full: map[string]time.Time{}}
}

func (o *ownLimiter) allow(key string, r rate) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	each := r.In / time.Duration(r.Tries)
	full := o.full[key]
	if full.Before(now) {
		full = now
	}
	if wait := full.Add(each).Sub(now.Add(r.In)); wait > 0 {
		return wait
	}
	if len(o.full) >= maxKeys {
		o.clean(now)
	}
	o.full[key] = full.Add(each)
	return 0
}

// clean drops the keys that are free again; if that does not make room, those
// with one or two tries.
func (o *ownLimiter) clean(now time.Time) {
	for _, spare := range []time.Duration{0, 2 * time.Minute} {
		for key, full := range o.full {
			if full.Before(now.Add(spare)) {
				delete(o.full, key)
			}
		}
		if len(o.full) < maxKeys {
			return
		}
	}
	clear(o.full)
}

func (o *ownLimiter) forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.full, key)
}
