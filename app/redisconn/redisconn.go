// Package redisconn turns REDIS_URL into a client, whatever way Redis is run:
// alone (TCP or a unix socket), behind sentinels, or as a cluster. It knows
// nothing of what is kept there.
package redisconn

import (
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"koodesk/app/fault"
)

// Open makes a client; it connects when it is first used. Addresses further to
// the first are given as addr=host:port parameters, a sentinels' master as
// master_name=NAME.
func Open(url string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	plain, kind, _ := strings.Cut(scheme, "+")
	switch kind {
	case "cluster":
		o, err := redis.ParseClusterURL(plain + "://" + rest)
		if err != nil {
			return nil, invalid(err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dial, io, io
		return redis.NewClusterClient(o), nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(plain + "://" + rest)
		if err != nil {
			return nil, invalid(err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dial, io, io
		return redis.NewFailoverClient(o), nil
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, invalid(err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dial, io, io
	return redis.NewClient(o), nil
}

// A blocking read of the queue asks for its own, longer limit.
const (
	dial = time.Second
	io   = 3 * time.Second
)

// invalid hides the parser's text, which may quote the password.
func invalid(error) error { return fault.New(fault.Invalid, "redis.url_invalid") }
