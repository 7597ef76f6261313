package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"koodesk/app/redisconn"
)

// redisPlace is a database of its own on the Redis server, so that the nonces of
// the load and a product that runs beside it do not meet. The reservations are
// those of the tests.
type redisPlace struct {
	url      string
	registry redis.UniversalClient
	key      string // "": the server has no other database, this is the given one
}

// redisLease is when a killed run gives its database back.
const redisLease = 90 * time.Minute

func openRedis(ctx context.Context, raw string) (*redisPlace, error) {
	registry, err := redisconn.Open(raw)
	if err != nil {
		return nil, err
	}
	p := &redisPlace{url: raw, registry: registry}
	if err := registry.Ping(ctx).Err(); err != nil {
		return p, fmt.Errorf("redis does not answer: %w", err)
	}
	n := 0
	// A cluster has one database only, and a hosted server may not tell.
	if got, err := registry.ConfigGet(ctx, "databases").Result(); err == nil && !strings.Contains(raw, "+cluster://") {
		n, _ = strconv.Atoi(got["databases"])
	}
	for i := n - 1; i > 0; i-- {
		key := "koodesk-test:" + strconv.Itoa(i)
		taken, err := registry.SetNX(ctx, key, "bench", redisLease).Result()
		if err != nil {
			return p, err
		}
		if taken {
			p.key = key
			p.url, err = atDatabase(raw, i)
			return p, errors.Join(err, p.empty(ctx))
		}
	}
	return p, nil
}

// own tells whether nobody else works in this database: only then may workers
// run on its queue.
func (p *redisPlace) own() bool { return p.key != "" }

func (p *redisPlace) empty(ctx context.Context) error {
	c, err := redisconn.Open(p.url)
	if err != nil {
		return err
	}
	return errors.Join(c.FlushDB(ctx).Err(), c.Close())
}

func (p *redisPlace) giveBack() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var err error
	if p.own() {
		err = errors.Join(p.empty(ctx), p.registry.Del(ctx, p.key).Err())
	}
	return errors.Join(err, p.registry.Close())
}

// atDatabase is the address with another database number: the path of a redis
// URL, the parameter db of a unix one.
func atDatabase(raw string, n int) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("REDIS_URL cannot be read") // the parser's text may quote the password
	}
	if u.Scheme == "unix" {
		q := u.Query()
		q.Set("db", strconv.Itoa(n))
		u.RawQuery = q.Encode()
	} else {
		u.Path = "/" + strconv.Itoa(n)
	}
	return u.String(), nil
}
