package replay_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/replay"
)

func TestANonceBelongsToOneMessage(t *testing.T) {
	t.Parallel()
	m := replay.New(redistest.Open(t))
	a, b := sha256.Sum256([]byte("a")), sha256.Sum256([]byte("b"))
	for _, step := range []struct {
		channel int64
		nonce   string
		print   [32]byte
		fresh   bool
	}{
		{1, "n", a, true}, {1, "n", a, true}, {1, "n", b, false}, {1, "other", b, true}, {2, "n", b, true},
	} {
		fresh, err := m.Fresh(context.Background(), step.channel, step.nonce, step.print)
		require.NoError(t, err)
		require.Equal(t, step.fresh, fresh)
	}
}

func TestItIsRememberedForTheWholeWindow(t *testing.T) {
	t.Parallel()
	c := redistest.Open(t)
	_, err := replay.New(c).Fresh(context.Background(), 1, "n", sha256.Sum256(nil))
	require.NoError(t, err)
	ttl, err := c.TTL(context.Background(), "koodesk:nonce:1:n").Result()
	require.NoError(t, err)
	require.Greater(t, ttl, 120*time.Second)
}

func TestWithoutRedisNothingIsRefusedAndItIsTold(t *testing.T) {
	t.Parallel()
	c, err := redisconn.Open("redis://127.0.0.1:1/0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	m := replay.New(c)
	for range 6 { // the breaker opens on the way
		fresh, err := m.Fresh(context.Background(), 1, "n", sha256.Sum256(nil))
		require.Error(t, err)
		require.True(t, fresh)
	}
}
