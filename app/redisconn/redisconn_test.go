package redisconn_test

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn"
)

func TestEveryWayToRunRedis(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]redis.UniversalClient{
		"redis://:p@127.0.0.1:6379/2":                                                    &redis.Client{},
		"rediss://127.0.0.1:6379":                                                        &redis.Client{},
		"unix:///tmp/redis.sock?db=1":                                                    &redis.Client{},
		"redis+cluster://127.0.0.1:7000?addr=127.0.0.1:7001":                             &redis.ClusterClient{},
		"redis+sentinel://127.0.0.1:26379/0?addr=127.0.0.1:26380&master_name=the-master": &redis.Client{},
	} {
		c, err := redisconn.Open(url)
		require.NoError(t, err, url)
		require.IsType(t, want, c, url)
		require.NoError(t, c.Close())
	}
}

func TestAWrongURLIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	_, err := redisconn.Open("redis://:hunter2@127.0.0.1:6379/not-a-number")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
