package callback

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// errFlood means that a channel gets more unproved calls than are worth writing
// down.
var errFlood = errors.New("callback: too many unproved calls")

// Unproved calls that are logged per channel: a short burst whole (somebody is
// setting up a key), and a trickle for ever.
const (
	floodRate  = 2 // per second
	floodBurst = 100
)

// floods limits what strangers can make us write, per channel. Proved calls
// never meet it.
type floods struct {
	mu  sync.Mutex
	per map[int64]*rate.Limiter
}

func newFloods() *floods { return &floods{per: map[int64]*rate.Limiter{}} }

func (f *floods) allow(channel int64, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.per[channel]
	if l == nil {
		l = rate.NewLimiter(floodRate, floodBurst)
		f.per[channel] = l
	}
	return l.AllowN(now, 1)
}
