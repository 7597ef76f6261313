package throttle

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn/redistest"
)

func TestOwnLimiterGivesTriesBack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o := newOwnLimiter(func() time.Time { return now })
	r := Rate{Tries: 3, In: 3 * time.Minute}
	for range 3 {
		require.Zero(t, o.allow("a", r))
	}
	require.Equal(t, time.Minute, o.allow("a", r))
	now = now.Add(time.Minute)
	require.Zero(t, o.allow("a", r))
	require.Equal(t, time.Minute, o.allow("a", r))
	for i := range 3 * maxKeys {
		o.allow(fmt.Sprint(i), r)
	}
	require.LessOrEqual(t, len(o.full), maxKeys)
}

func TestProcessesCountTogetherAndAloneWithoutRedis(t *testing.T) {
	t.Parallel()
	ctx, quiet := context.Background(), slog.New(slog.NewTextHandler(io.Discard, nil))
	r := Rate{Tries: 2, In: time.Hour}
	c := redistest.Open(t)
	one, other := New("pages", c, quiet), New("pages", c, quiet)
	require.Zero(t, one.Allow(ctx, "k", r))
	require.Zero(t, other.Allow(ctx, "k", r))
	require.Positive(t, one.Allow(ctx, "k", r))
	require.Zero(t, one.Allow(ctx, "another", r))
	require.Zero(t, New("signin", c, quiet).Allow(ctx, "k", r), "names keep limiters apart")
	one.Forget(ctx, "k")
	require.Zero(t, other.Allow(ctx, "k", r))

	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = gone.Close() })
	for _, alone := range []*Limiter{New("pages", gone, quiet), New("pages", nil, quiet)} {
		require.Zero(t, alone.Allow(ctx, "k", r))
		require.Zero(t, alone.Allow(ctx, "k", r))
		require.Positive(t, alone.Allow(ctx, "k", r), "breaking Redis makes nothing free")
	}
}
