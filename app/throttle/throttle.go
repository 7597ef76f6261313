// Package throttle counts tries, so that nobody gets many: in Redis, where all
// processes count together, and in this process when Redis does not answer. It
// knows nothing of what is tried.
package throttle

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// Rate allows so many tries in a time; after that they come back one by one.
type Rate struct {
	Tries int
	In    time.Duration
}

// patience bounds what somebody waits for Redis.
const patience = 300 * time.Millisecond

// Limiter counts tries by key: guessing must not become free of charge by
// breaking Redis. It is safe for concurrent use.
type Limiter struct {
	name   string
	shared *redis_rate.Limiter // nil without Redis
	own    *ownLimiter
	log    *slog.Logger
}

// New makes a limiter; its name keeps its keys apart from others' in Redis.
// Without a client only this process counts.
func New(name string, client redis.UniversalClient, log *slog.Logger) *Limiter {
	l := &Limiter{name: name, own: newOwnLimiter(time.Now), log: log}
	if client != nil {
		l.shared = redis_rate.NewLimiter(client)
	}
	return l
}

// Allow counts a try. It gives 0 if it is allowed, else how long to wait. Keys
// stand in Redis as they are: no secrets, nobody's e-mail address.
func (l *Limiter) Allow(ctx context.Context, key string, r Rate) time.Duration {
	if l.shared != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		got, err := l.shared.Allow(ctx, l.key(key), redis_rate.Limit{Rate: r.Tries, Burst: r.Tries, Period: r.In})
		if err == nil {
			return max(got.RetryAfter, 0)
		}
		l.log.WarnContext(ctx, "tries are counted in this process only: Redis does not answer", "of", l.name, "error", err)
	}
	return l.own.allow(key, r)
}

// Forget drops the tries of a key.
func (l *Limiter) Forget(ctx context.Context, key string) {
	l.own.forget(key)
	if l.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.shared.Reset(ctx, l.key(key)); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		l.log.WarnContext(ctx, "tries could not be forgotten", "of", l.name, "error", err)
	}
}

func (l *Limiter) key(key string) string { return "koodesk:" + l.name + ":" + key }

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

func (o *ownLimiter) allow(key string, r Rate) time.Duration {
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

// Network is what one household or office has: an IPv4 address, or the /64 of
// an IPv6 address, of which a single machine has plenty.
func Network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
