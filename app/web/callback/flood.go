package callback

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"koodesk/app/intake"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
)

// errFlood means that a channel gets more unproved calls than are worth writing
// down.
var errFlood = errors.New("callback: too many unproved calls")

// Unproved calls that are logged per lane: a short burst whole (somebody is
// setting up a key), and a trickle for ever.
const (
	floodRate  = 2 // per second
	floodBurst = 100
)

// floodWindow is how long those beyond are only counted, before one line of the
// log and one row tell of them.
const floodWindow = time.Minute

// lane is what has a limit of its own: of a channel's unproved calls those that a
// key explains, of which operators are alerted, and all others, which scanners make.
type lane struct {
	channel int64
	kind    string // "keyed", or ""
}

func laneOf(channel int64, reason string) lane {
	switch reason {
	case saas2.ErrSignatureWrong.Key, saas2.ErrSkewed.Key, saas1.ErrTokenWrong.Key, saas2.ErrNoKey.Key:
		return lane{channel, "keyed"}
	}
	return lane{channel, ""}
}

// floods limits what strangers can make us write, per lane. Proved calls never
// meet it.
type floods struct {
	mu      sync.Mutex
	per     map[lane]*flood
	telling sync.Mutex // held while one window is told of
	tell    func(dropped)
}

// flood is a lane's limit and its window; N is 0 while there is none.
type flood struct {
	limiter *rate.Limiter
	dropped dropped
}

// dropped are the calls of one window that were answered 429.
type dropped struct {
	intake.Flood
	slug string
}

func newFloods(tell func(dropped)) *floods { return &floods{per: map[lane]*flood{}, tell: tell} }

// allow tells whether a refused call may be written down; if not, it is counted.
func (f *floods) allow(k *call, reason string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	of, now := laneOf(k.channel.ID, reason), k.arrived.ReceivedAt
	l := f.per[of]
	if l == nil {
		l = &flood{limiter: rate.NewLimiter(floodRate, floodBurst)}
		f.per[of] = l
	}
	if l.limiter.AllowN(now, 1) {
		return true
	}
	d := &l.dropped
	if d.N == 0 {
		d.From = now
		time.AfterFunc(floodWindow, func() { f.end(of) })
	}
	d.N++
	d.slug, d.Channel, d.Kind = k.channel.Slug, of.channel, of.kind
	d.Until, d.Protocol, d.IP, d.Reason = now, k.arrived.Call.Protocol, k.arrived.IP, reason
	return false
}

// end closes a lane's window and tells what was in it, if anything was.
func (f *floods) end(of lane) {
	f.telling.Lock()
	defer f.telling.Unlock()
	f.mu.Lock()
	l := f.per[of]
	d := l.dropped
	l.dropped = dropped{}
	f.mu.Unlock()
	if d.N > 0 {
		f.tell(d)
	}
}

// endAll closes every window.
func (f *floods) endAll() {
	f.mu.Lock()
	all := slices.Collect(maps.Keys(f.per))
	f.mu.Unlock()
	for _, of := range all {
		f.end(of)
	}
}

// flooded writes of a window what one line and one row can hold.
func (h *Handler) flooded(d dropped) {
	ctx, cancel := context.WithTimeout(h.ward.ctx, sickTime)
	defer cancel()
	h.o.Log.WarnContext(ctx, "too many calls that could not be proved authentic; these were answered 429 and not kept", "channel", d.slug,
		"count", d.N, "from", d.From, "until", d.Until, "last_ip", d.IP, "last_reason", d.Reason)
	if err := h.o.Intake.Flooded(ctx, d.Flood); err != nil {
		h.o.Log.WarnContext(ctx, "a flood was not noted among the refused calls", "channel", d.slug, "error", err)
	}
}
