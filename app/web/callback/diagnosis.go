package callback

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/diagnose"
	"koodesk/app/protocol/saas2"
)

// Bounds of what waits to be diagnosed. One is done at a time, so that however
// many calls are refused, no more than one processor is busy with why; what is
// beyond the bounds is logged without a cause.
const (
	maxSick      = 256
	maxSickBytes = 32 << 20
	sickTime     = 5 * time.Second // for one, database and Redis included
	giveTime     = 2 * time.Second // for PostgreSQL to end the statement of one that is given up
)

// ward is where refused calls are diagnosed, one by one, after they were
// answered: neither the answer nor the time that it took can tell what is found.
type ward struct {
	waiting chan struct{}
	bytes   atomic.Int64
	one     sync.Mutex
	group   sync.WaitGroup
	door    sync.Mutex // held while one comes in, or it is shut
	shut    bool
	ctx     context.Context
	give    context.CancelFunc // up what is not done yet, floods too
}

func newWard() *ward {
	w := &ward{waiting: make(chan struct{}, maxSick)}
	w.ctx, w.give = context.WithCancel(context.Background())
	return w
}

// sick is one refused call.
type sick struct {
	call    diagnose.Call
	channel int64
	slug    string
	ip      string
	attempt int64
	own     bool // of our self-check or simulator
	cause   *fault.Error
}

// later diagnoses a call in the background; false when there is no room, or no
// time any more.
func (w *ward) later(s sick, examine func(context.Context, sick)) bool {
	w.door.Lock()
	defer w.door.Unlock()
	if w.shut {
		return false
	}
	size := int64(len(s.call.Body))
	if w.bytes.Add(size) > maxSickBytes {
		w.bytes.Add(-size)
		return false
	}
	select {
	case w.waiting <- struct{}{}:
	default:
		w.bytes.Add(-size)
		return false
	}
	w.group.Go(func() {
		defer func() {
			<-w.waiting
			w.bytes.Add(-size)
		}()
		w.one.Lock()
		defer w.one.Unlock()
		examine(w.ctx, s)
	})
	return true
}

// Close lets the diagnoses that wait be done, for at most the given time; what
// is left then is logged without a cause, and so is whatever is refused later. A
// flood that is under way is told of as far as it went, within that time too. A
// statement whose cancellation is lost on its way to PostgreSQL is not waited for.
func (h *Handler) Close(limit time.Duration) {
	w := h.ward
	late := time.AfterFunc(limit, w.give)
	defer late.Stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.floods.endAll()
		w.door.Lock()
		w.shut = true
		w.door.Unlock()
		w.group.Wait()
	}()
	select {
	case <-done:
	case <-time.After(max(limit, 0) + giveTime):
		h.o.Log.Error("what was to be said of refused calls is given up: the database does not answer")
	}
}

// sickOf copies what the diagnosis needs out of a request that is about to end.
func sickOf(c *fiber.Ctx, k *call, cause *fault.Error) sick {
	r := k.arrived.Request
	return sick{
		call: diagnose.Call{Generation: k.form, Method: r.Method, Query: r.Query, Body: r.Body, ContentType: string(c.Request().Header.ContentType()),
			At: k.arrived.ReceivedAt, Class: k.class(), Reason: cause.Key,
			Token: c.Get(headerToken), Sign: c.Get(headerSign), Timestamp: c.Get(headerTimestamp), Nonce: c.Get(headerNonce)},
		channel: k.channel.ID, slug: k.channel.Slug, ip: k.arrived.IP, own: k.arrived.Own, cause: cause,
	}
}

// examine finds out why a call was refused, keeps it with the attempt and writes
// the one line of it into the log. A call of the kit is refused whoever signed it,
// and tells of its key only here.
func (h *Handler) examine(ctx context.Context, s sick) {
	ctx, cancel := context.WithTimeout(ctx, sickTime)
	defer cancel()
	keys, err := h.o.Intake.SigningKeys(ctx, s.channel, s.call.At)
	if err != nil {
		h.o.Log.WarnContext(ctx, "a refused call could not be diagnosed", "channel", s.slug, "error", err)
		h.logRefusal(ctx, s, nil)
		return
	}
	candidates := make([]diagnose.Key, len(keys))
	for i, k := range keys {
		candidates[i] = diagnose.Key{ID: k.ID, Secret: k.Secret, Class: k.Class, RetiredAt: k.RetiresAt}
		if !k.Own {
			candidates[i].Channel = k.Channel
		}
	}
	d := diagnose.Diagnose(s.call, candidates, h.recall(ctx, s))
	h.logRefusal(ctx, s, d.Findings)
	if d.KeyID != 0 && !s.own {
		h.o.Intake.Used(ctx, d.KeyID, s.call.At)
	}
	if err := h.o.Intake.Diagnosed(ctx, s.attempt, d); err != nil {
		h.o.Log.WarnContext(ctx, "a diagnosis was not kept", "channel", s.slug, "error", err)
	}
}

// recall is what the memory of nonces knows of the call; nothing without Redis.
func (h *Handler) recall(ctx context.Context, s sick) diagnose.Memory {
	if s.call.Generation != diagnose.V2 {
		return diagnose.Memory{}
	}
	env, _ := saas2.ParseQuery(s.call.Query) // what could be read serves
	if env.Nonce == "" {
		return diagnose.Memory{}
	}
	env.Body = s.call.Body
	seen, err := h.o.Replay.Look(ctx, s.channel, env.Nonce, saas2.Fingerprint(env), h.o.Now())
	if err != nil {
		return diagnose.Memory{}
	}
	return diagnose.Memory{At: seen.At, Same: seen.Same}
}

func (h *Handler) logRefusal(ctx context.Context, s sick, findings []market.Finding) {
	args := []any{"channel", s.slug, "ip", s.ip, "generation", string(s.call.Generation), "reason", s.cause.Key}
	if len(s.cause.Args) > 0 {
		args = append(args, "args", s.cause.Args)
	}
	if len(findings) > 0 {
		args = append(args, "because", findings)
	}
	h.o.Log.WarnContext(ctx, "a call could not be proved authentic", args...)
}
