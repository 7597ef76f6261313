// Package replay remembers the nonces of proved calls for as long as their
// timestamps could be used again, in Redis. Losing that memory (Redis down or
// emptied) loses no call: signature and time window still stand.
package replay

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// Keep is how long a nonce is remembered: both sides of the ±60 s window, and
// a little for the clocks.
const Keep = 130 * time.Second

// limit bounds what a callback waits for Redis.
const limit = 250 * time.Millisecond

// Memory is the memory of nonces.
type Memory struct {
	client  redis.UniversalClient
	breaker *gobreaker.CircuitBreaker[string]
}

// New makes a memory. After a few failures in a row it does not ask Redis for
// two seconds, so that calls do not queue up behind a dead server.
func New(client redis.UniversalClient) *Memory {
	return &Memory{client: client, breaker: gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
		Name:        "replay",
		Timeout:     2 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 3 },
	})}
}

// Fresh remembers the nonce with the call's fingerprint. It is false when the
// nonce was used for a different call. The very same call again is fresh: the
// marketplace may repeat what it did not get an answer to. An error means that
// Redis did not answer, and nothing was remembered.
func (m *Memory) Fresh(ctx context.Context, channel int64, nonce string, fingerprint [32]byte) (bool, error) {
	mine, key := encode(fingerprint), keyOf(channel, nonce)
	held, err := m.breaker.Execute(func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		pipe := m.client.Pipeline()
		pipe.SetNX(ctx, key, mine, Keep)
		get := pipe.Get(ctx, key)
		if _, err := pipe.Exec(ctx); err != nil {
			return "", err
		}
		return get.Val(), nil
	})
	if err != nil {
		return true, err
	}
	return held == mine, nil
}

// Seen is what the memory holds of a nonce.
type Seen struct {
	At   time.Time // when it came first; zero: it is not known
	Same bool      // with this very call
}

// Look asks what is known of a nonce and remembers nothing.
func (m *Memory) Look(ctx context.Context, channel int64, nonce string, fingerprint [32]byte, now time.Time) (Seen, error) {
	key := keyOf(channel, nonce)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pipe := m.client.Pipeline()
	held, left := pipe.Get(ctx, key), pipe.PTTL(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		if errors.Is(err, redis.Nil) {
			return Seen{}, nil
		}
		return Seen{}, err
	}
	if left.Val() <= 0 {
		return Seen{}, nil
	}
	return Seen{At: now.Add(left.Val() - Keep), Same: held.Val() == encode(fingerprint)}, nil
}

func keyOf(channel int64, nonce string) string {
	return "koodesk:nonce:" + strconv.FormatInt(channel, 10) + ":" + nonce
}

func encode(fingerprint [32]byte) string { return base64.RawStdEncoding.EncodeToString(fingerprint[:]) }
