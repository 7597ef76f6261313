package intake

import (
	"context"
	"sync"
	"time"

	"koodesk/app/fault"
	"koodesk/app/store"
)

// channelTTL is how long a changed channel may still be seen as it was: a key
// that was set at the command line counts this soon.
const channelTTL = 2 * time.Second

// touchEvery bounds how often a key's last use is written.
const touchEvery = time.Minute

// channels keeps the few channels in memory, so that a call does not cost a
// query and five decryptions.
type channels struct {
	store   *store.Store
	mu      sync.Mutex
	known   map[string]cached
	touched map[int64]time.Time
}

type cached struct {
	channel *store.Channel // nil: there is none
	until   time.Time
}

// maxChannels bounds what guessed names can occupy.
const maxChannels = 1000

func newChannels(s *store.Store) *channels {
	return &channels{store: s, known: map[string]cached{}, touched: map[int64]time.Time{}}
}

// Channel finds a channel by its slug. Fault: not_found "channel.unknown". When
// the database does not answer, what was known last still serves to answer in
// the right form.
func (in *Intake) Channel(ctx context.Context, slug string) (*store.Channel, error) {
	c := in.channels
	now := time.Now()
	c.mu.Lock()
	hit, ok := c.known[slug]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.result()
	}
	ch, err := c.store.Reader().ChannelBySlug(ctx, slug)
	if err != nil && !fault.Is(err, fault.NotFound) {
		if ok && hit.channel != nil {
			return hit.channel, nil
		}
		return nil, err
	}
	fresh := cached{channel: ch, until: now.Add(channelTTL)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxChannels {
		clear(c.known)
	}
	c.known[slug] = fresh
	return fresh.result()
}

func (c cached) result() (*store.Channel, error) {
	if c.channel == nil {
		return nil, fault.New(fault.NotFound, "channel.unknown")
	}
	return c.channel, nil
}

// noteCase notes that a key proved a debugging case that was answered with success.
// The call is answered either way: what is lost is one case in a warning.
func (in *Intake) noteCase(ctx context.Context, message, key int64) {
	if err := in.store.NoteCase(ctx, message, key); err != nil {
		in.log.WarnContext(ctx, "the key of a debugging case was not noted", "key", key, "error", err)
	}
}

// Used notes that a key proved a call of the marketplace's.
func (in *Intake) Used(ctx context.Context, key int64, at time.Time) {
	c := in.channels
	c.mu.Lock()
	due := at.Sub(c.touched[key]) >= touchEvery
	if due {
		c.touched[key] = at
	}
	c.mu.Unlock()
	if !due {
		return
	}
	if err := in.store.TouchKey(ctx, key, at); err != nil {
		in.log.WarnContext(ctx, "the last use of a key was not noted", "key", key, "error", err)
	}
}
