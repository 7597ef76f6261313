// Package redistest gives each test a Redis database of its own on the server
// that REDIS_URL names. It is for tests only.
package redistest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn"
)

// lease is how long a test may keep its database; a killed test run gives it
// back after that.
const lease = 15 * time.Minute

// URL reserves an empty database for the test and returns its address. The
// reservations stand in database 0, so that test processes do not meet.
func URL(t testing.TB) string {
	t.Helper()
	raw := os.Getenv("REDIS_URL")
	require.NotEmpty(t, raw, "REDIS_URL is not set: run `make test`, or export what `make -s services` prints")
	registry := connect(t, at(t, raw, 0))
	ctx := context.Background()
	n := databases(t, registry)
	var mine int
	require.Eventually(t, func() bool {
		for i := 1; i < n; i++ {
			ok, err := registry.SetNX(ctx, key(i), os.Getpid(), lease).Result()
			require.NoError(t, err)
			if ok {
				mine = i
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond, "all %d Redis databases are in use", n)
	own := at(t, raw, mine)
	c := connect(t, own)
	require.NoError(t, c.FlushDB(ctx).Err())
	t.Cleanup(func() { require.NoError(t, registry.Del(ctx, key(mine)).Err()) })
	return own
}

// Open gives the test a client on a database of its own.
func Open(t testing.TB) redis.UniversalClient {
	t.Helper()
	return connect(t, URL(t))
}

func key(i int) string { return fmt.Sprintf("koodesk-test:%d", i) }

func connect(t testing.TB, address string) redis.UniversalClient {
	t.Helper()
	c, err := redisconn.Open(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func databases(t testing.TB, c redis.UniversalClient) int {
	t.Helper()
	got, err := c.ConfigGet(context.Background(), "databases").Result()
	require.NoError(t, err)
	n, err := strconv.Atoi(got["databases"])
	require.NoError(t, err)
	return n
}

// at is the address with another database number: the path of a redis URL, the
// parameter db of a unix one.
func at(t testing.TB, raw string, db int) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	if u.Scheme == "unix" {
		q := u.Query()
		q.Set("db", strconv.Itoa(db))
		u.RawQuery = q.Encode()
	} else {
		u.Path = "/" + strconv.Itoa(db)
	}
	return u.String()
}
