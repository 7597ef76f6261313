// Package callback is where the marketplace's calls come in: it finds the
// channel, has the protocol prove and read the call, hands it to intake and
// sends the very bytes that were stored, signed. It decides nothing about
// instances, and the caller never learns more than the result code tells.
package callback

import (
	"context"
	"errors"
	"log/slog"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/diagnose"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/replay"
	"koodesk/app/store"
	"koodesk/app/telemetry"
)

// MaxBody is the largest body that is read, in bytes.
const MaxBody = 1 << 20

// MaxHead is how many bytes a server has to read of a request before its body: a
// V1.0 call is all address, and proxies add headers to it.
const MaxHead = saas1.MaxQuery + 8<<10

// limit is how long a call may take in all; the published limit is 5 s (page CN
// 0070649475), and an answer that comes too late is worth nothing.
const limit = 4 * time.Second

// Options of New.
type Options struct {
	Intake  *intake.Intake
	Replay  *replay.Memory
	Metrics *telemetry.Metrics
	Log     *slog.Logger
	Now     func() time.Time // nil means time.Now
}

// Handler answers the calls of every channel.
type Handler struct {
	o      Options
	floods *floods
	ward   *ward
}

// New makes a handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{o: o, ward: newWard()}
	h.floods = newFloods(h.flooded)
	return h
}

// Dialect is SaaS V2.0, and the guides that share its form, as intake needs it.
type Dialect struct{}

// Protocols are those whose calls are signed JSON bodies.
func (Dialect) Protocols() []market.Protocol {
	return []market.Protocol{market.V2, market.License, market.LicenseCode, market.OrderNotice}
}

// Encode writes an answer.
func (Dialect) Encode(activity string, a market.Answer) []byte { return saas2.Encode(activity, a) }

// Decode reads a stored call.
func (Dialect) Decode(body []byte) (market.Call, error) { return saas2.Decode(body) }

// Message is what the caller is told of a refusal.
func (Dialect) Message(err error) string { return saas2.Message(err) }

// call is one call on its way through.
type call struct {
	channel  *store.Channel
	envelope saas2.Envelope
	proof    saas2.Proof
	form     form // whose call it is, or resembles
	arrived  intake.Arrived
}

// Serve answers one call. The answer is HTTP 200 and JSON whatever happens,
// except 404 for an unknown channel, 429 for a flood of unproved calls and 503
// while the database cannot be reached, so that the marketplace comes again.
func (h *Handler) Serve(c *fiber.Ctx) error {
	start := h.o.Now()
	ctx, cancel := context.WithTimeout(c.UserContext(), limit)
	defer cancel()
	ch, err := h.o.Intake.Channel(ctx, c.Params("channel"))
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return plain(c, fiber.StatusNotFound, market.InvalidParameter, "there is no such channel")
		}
		return h.unavailable(ctx, c, nil, err)
	}
	k := &call{channel: ch, arrived: intake.Arrived{Channel: ch, ReceivedAt: start, IP: c.IP(), Own: c.Get(fiber.HeaderUserAgent) == market.OwnAgent,
		Request: store.Request{Method: c.Method(), Query: string(c.Request().URI().QueryString()), Body: append([]byte(nil), c.Request().Body()...)}}}
	answer := h.answer
	switch k.form = formOf(traitsOf(c, k.arrived.Request.Query)); k.form {
	case diagnose.V1:
		answer = h.answerV1
	case diagnose.KitV1, diagnose.KitV2:
		answer = h.answerKit
	}
	body, code, err := answer(ctx, c, k)
	if err != nil {
		if errors.Is(err, fiber.ErrNotFound) {
			return err
		}
		if errors.Is(err, errFlood) {
			h.o.Metrics.CallbackFlood.Inc()
			c.Set(fiber.HeaderRetryAfter, "10")
			return plain(c, fiber.StatusTooManyRequests, market.AuthFailed, "too many calls that cannot be verified")
		}
		return h.unavailable(ctx, c, k, err)
	}
	h.measure(ctx, k, code, start)
	return send(c, k, body, start)
}

// key is what the answer is signed with: the key that proved the call, since
// during a rotation that is the one the marketplace still has; else the present
// one. "" means that the channel signs nothing.
func (k *call) key(now time.Time) string {
	keys := k.keys(now)
	if !k.channel.BodySign && !k.v1() || k.form == diagnose.KitV2 || len(keys) == 0 {
		return ""
	}
	for _, key := range keys {
		if key.ID == k.proof.KeyID {
			return key.Secret
		}
	}
	return keys[0].Secret
}

// v1 tells whether the answer is signed as V1.0 demands of every interface, its
// kit included.
func (k *call) v1() bool { return k.form == diagnose.V1 || k.form == diagnose.KitV1 }

// class is which of the channel's keys sign the call and its answer: those of the
// generation that its activity belongs to.
func (k *call) class() market.KeyClass { return k.arrived.Call.Protocol.KeyClass() }

// answer proves, reads and hands over; the bytes are what to send.
func (h *Handler) answer(ctx context.Context, c *fiber.Ctx, k *call) ([]byte, market.ResultCode, error) {
	var readErr error
	k.arrived.Call, readErr = saas2.Decode(k.arrived.Request.Body)
	if err := h.prove(ctx, c, k); err != nil {
		return h.reject(ctx, c, k, err)
	}
	if readErr == nil {
		readErr = contentType(c)
	}
	return h.take(ctx, c, k, readErr)
}

// take hands a proved call over, and notes what it tells of its key. Our own
// checks and plays tell nothing of what is bound in the Seller Center.
func (h *Handler) take(ctx context.Context, c *fiber.Ctx, k *call, readErr error) ([]byte, market.ResultCode, error) {
	in := h.o.Intake
	if !k.arrived.Own {
		k.arrived.ProvedBy = k.proof.KeyID
		in.Used(ctx, k.proof.KeyID, k.arrived.ReceivedAt)
	}
	if readErr != nil {
		return in.Invalid(ctx, k.arrived, readErr)
	}
	return in.Handle(ctx, k.arrived)
}

// prove checks signature, time window and the memory of nonces.
func (h *Handler) prove(ctx context.Context, c *fiber.Ctx, k *call) error {
	if c.Method() != fiber.MethodPost {
		return fault.New(fault.Unauthenticated, "call.method", "method", c.Method())
	}
	env, err := saas2.ParseQuery(k.arrived.Request.Query)
	env.Body = k.arrived.Request.Body
	k.envelope = env
	if err != nil {
		return err
	}
	var keys []saas2.Key
	for _, key := range k.keys(k.arrived.ReceivedAt) {
		keys = append(keys, saas2.Key{ID: key.ID, Secret: key.Secret})
	}
	if k.proof, err = saas2.Verify(keys, env, k.arrived.ReceivedAt); err != nil {
		return err
	}
	h.o.Metrics.CallbackProofs.WithLabelValues(string(k.proof.Form)).Inc()
	fresh, err := h.o.Replay.Fresh(ctx, k.channel.ID, env.Nonce, saas2.Fingerprint(env))
	if err != nil {
		h.o.Metrics.ReplayLost.Inc()
		h.o.Log.WarnContext(ctx, "the memory of nonces is lost; signature and time window still protect the call",
			"channel", k.channel.Slug, "error", err)
	}
	if !fresh {
		return saas2.ErrReplayed
	}
	return nil
}

// reject answers a call that could not be proved, and logs it while there are not too
// many of them; the rest are counted and told of together. Why it could not is found out
// later, apart from the answer.
func (h *Handler) reject(ctx context.Context, c *fiber.Ctx, k *call, cause error) ([]byte, market.ResultCode, error) {
	f := fault.From(cause)
	h.o.Metrics.CallbackRejected.WithLabelValues(f.Key).Inc()
	if !h.floods.allow(k, f.Key) {
		return nil, "", errFlood
	}
	body, code := k.refusal(cause)
	attempt, err := h.o.Intake.Reject(ctx, k.arrived, code, body, cause)
	s := sickOf(c, k, f)
	if s.attempt = attempt; attempt == 0 || !h.ward.later(s, h.examine) {
		h.logRefusal(ctx, s, nil)
	}
	return body, code, err
}

// contentType refuses what says that it is not JSON; saying nothing is fine.
func contentType(c *fiber.Ctx) error {
	got := string(c.Request().Header.ContentType())
	if got == "" {
		return nil
	}
	// "application/json;charset=utf8" is how the marketplace writes it.
	kind, _, err := mime.ParseMediaType(got)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(strings.SplitN(got, ";", 2)[0]))
	}
	if kind == fiber.MIMEApplicationJSON || strings.HasSuffix(kind, "+json") {
		return nil
	}
	return fault.New(fault.Invalid, "call.field_format", "field", "Content-Type", "want", "application/json")
}

// unavailable is the answer when nothing could be written: the marketplace must
// come again. A defect of ours is no reason to be called unreachable.
func (h *Handler) unavailable(ctx context.Context, c *fiber.Ctx, k *call, err error) error {
	h.o.Log.ErrorContext(ctx, "a call could not be taken over", "channel", c.Params("channel"), "error", err)
	if !fault.Is(err, fault.Unavailable) {
		return send(c, k, saas2.Encode("", market.Answer{Code: market.OtherError, Msg: "internal error, please try again"}), h.o.Now())
	}
	c.Set(fiber.HeaderRetryAfter, "5")
	return plain(c, fiber.StatusServiceUnavailable, market.OtherError, "temporarily unavailable, please try again")
}

func (h *Handler) measure(ctx context.Context, k *call, code market.ResultCode, start time.Time) {
	call := &k.arrived.Call
	if h.o.Log.Enabled(ctx, slog.LevelDebug) {
		h.o.Log.DebugContext(ctx, "a call was answered", "channel", k.channel.Slug, "activity", call.Activity, "code", code,
			"order", call.OrderID, "line", call.OrderLineID, "instance", call.InstanceID(), "test", call.Test, "took", h.o.Now().Sub(start))
	}
	activity := call.Activity
	if !saas2.Known(activity) && !saas1.Known(activity) { // bounds the metric's labels
		activity = "unknown"
	}
	h.o.Metrics.Callbacks.WithLabelValues(string(call.Protocol), activity, string(code), strconv.FormatBool(call.Test)).Inc()
	if !call.Test {
		h.o.Metrics.CallbackSeconds.WithLabelValues(activity).Observe(h.o.Now().Sub(start).Seconds())
	}
}

// send writes the bytes with their signature; without a call (its channel could
// not be read) there is no key to sign with.
func send(c *fiber.Ctx, k *call, body []byte, now time.Time) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if k != nil {
		if key := k.key(now); key != "" {
			c.Set(crypt.BodySignHeader, k.sign(key, body))
		}
	}
	return c.Send(body)
}

// sign is the header's value in the form of the call's generation.
func (k *call) sign(key string, body []byte) string {
	if k.v1() {
		return crypt.BodySignFAQ(key, body)
	}
	return crypt.BodySign(key, body)
}

// plain is an answer outside any channel's keys.
func plain(c *fiber.Ctx, status int, code market.ResultCode, msg string) error {
	c.Status(status)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(saas2.Encode("", market.Answer{Code: code, Msg: msg}))
}

// Refuse answers what never reached Serve: a body that is too large, a broken
// request, a method that is neither GET nor POST.
func Refuse(c *fiber.Ctx, f *fault.Error) error {
	switch f.Code {
	case fault.TooLarge:
		return plain(c, fiber.StatusRequestEntityTooLarge, market.InvalidParameter, "the body is larger than 1 MiB")
	case fault.NotFound:
		return plain(c, fiber.StatusNotFound, market.InvalidParameter, "there is no such address")
	case fault.Invalid:
		if f.Key == "http.content_encoding" {
			return plain(c, fiber.StatusOK, market.InvalidParameter, "param is invalid: Content-Encoding is not supported")
		}
		return plain(c, fiber.StatusBadRequest, market.InvalidParameter, "the request cannot be read")
	}
	return plain(c, fiber.StatusOK, market.OtherError, "internal error, please try again")
}
