// Package intake takes proved interface calls over: message, effect and
// follow-up tasks, once, in one transaction, with the answer that the
// marketplace gets. It knows neither HTTP nor how a call is signed, and never
// waits for an outside system.
package intake

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// Twin is how soon after the first call a repeat of a purchase counts as its
// twin, which gets the first answer's very bytes: the published time limit of a
// call (page CN 0070649475).
const Twin = 5 * time.Second

// Dialect is how the protocol generations of one form write answers and read
// stored calls.
type Dialect interface {
	Protocols() []market.Protocol
	Encode(activity string, a market.Answer) []byte
	Decode(body []byte) (market.Call, error)
	// Message is what the caller is told of a call that could not be read.
	Message(err error) string
}

// Sealing is a Dialect that encrypts fields of its answers with the key that
// proved the call, by the channel's choice of AES.
type Sealing interface {
	EncodeSealed(activity string, a market.Answer, key string, encryptType int) []byte
}

// Lifecycle is what intake asks the drivers' side.
type Lifecycle interface {
	// CheckChange tells whether an instance could become the target product. It
	// looks through r, since the caller holds a connection already.
	CheckChange(ctx context.Context, r *store.Reader, ch *store.Channel, i *store.Instance, target []market.ProductInfo) error
	// Release writes whatever must follow at the instance's driver.
	Release(ctx context.Context, tx *store.Tx, i *store.Instance, messageID int64) error
}

// Licenses is what intake asks the Licenses' side.
type Licenses interface {
	// Now gives a License within tx if its supplier needs nothing but the database;
	// false leaves it to a task.
	Now(ctx context.Context, tx *store.Tx, ch *store.Channel, i *store.Instance, l *store.License) (bool, error)
}

// Intake is the use case.
type Intake struct {
	store     *store.Store
	life      Lifecycle
	licenses  Licenses
	dialects  map[market.Protocol]Dialect
	publicURL string
	log       *slog.Logger
	link      func(instanceID string, generation int) string
	wake      func()
	channels  *channels
	pending   map[market.Protocol]answers
	wait      time.Duration // see purchase_v1.go
	waiting   chan struct{}
}

// answers are the two answers to a purchase, written once.
type answers struct{ done, processing []byte }

// Options of New. Wake is called when tasks were written, to hurry the relay.
type Options struct {
	Store     *store.Store
	Lifecycle Lifecycle
	Licenses  Licenses // nil: all are left to tasks
	Dialects  []Dialect
	PublicURL string // what a debugging call's queryInstance shows as frontEndUrl
	// Link is the address of the buyer's access page, for V1.0 purchases that are
	// not ready in time; nil: they are answered 000004.
	Link func(instanceID string, generation int) string
	Log  *slog.Logger
	Wake func()
	// Wait is how long after its arrival a V1.0 purchase may wait for its access
	// data; 0 means 3 s.
	Wait time.Duration
}

// New makes the use case.
func New(o Options) *Intake {
	in := &Intake{store: o.Store, life: o.Lifecycle, licenses: o.Licenses, publicURL: o.PublicURL, log: o.Log, link: o.Link, wake: o.Wake,
		dialects: map[market.Protocol]Dialect{}, pending: map[market.Protocol]answers{}, channels: newChannels(o.Store),
		wait: o.Wait, waiting: make(chan struct{}, maxWaiting)}
	if in.wait == 0 {
		in.wait = defaultWait
	}
	for _, d := range o.Dialects {
		for _, p := range d.Protocols() {
			in.dialects[p] = d
			in.pending[p] = answers{
				done:       d.Encode(market.NewInstance, market.Answer{Code: market.Success, InstanceID: store.Placeholder}),
				processing: d.Encode(market.NewInstance, market.Answer{Code: market.Processing, InstanceID: store.Placeholder}),
			}
		}
	}
	return in
}

// Arrived is one call as the web part hands it over.
type Arrived struct {
	Channel    *store.Channel
	Call       market.Call
	ReceivedAt time.Time
	IP         string
	Own        bool // it says that it is our own agent's (market.OwnAgent)
	Request    store.Request
	Key        string // secret of the key that proved the call; generations whose call is its query only
	ProvedBy   int64  // id of the key that proved a call of the marketplace's; 0 for our own agents'
}

// Handle takes a proved, well-formed call over and gives the very bytes to
// answer with. The code is for measurements. An error means that nothing was
// written and the caller must be told to come again.
func (in *Intake) Handle(ctx context.Context, a Arrived) ([]byte, market.ResultCode, error) {
	done, err := in.handle(ctx, a)
	if err == nil && done.code == market.Success && a.Call.Test && a.ProvedBy != 0 {
		in.noteCase(ctx, done.message, a.ProvedBy)
	}
	return done.response, done.code, err
}

func (in *Intake) handle(ctx context.Context, a Arrived) (attempted, error) {
	switch {
	case a.Call.Activity == market.GetLicense, a.Call.Activity == market.NewInstance && a.Call.Protocol == market.V1:
		return in.purchaseV1(ctx, a)
	case a.Call.Activity == market.NewInstance:
		return in.purchase(ctx, a)
	}
	return in.once(ctx, a, source{name: "marketplace"})
}

func (in *Intake) purchase(ctx context.Context, a Arrived) (attempted, error) {
	ready := in.pending[a.Call.Protocol]
	spare := uuid.NewString()
	arr := a.arrival(a.Call.IdempotencyKey())
	t, err := in.store.TakePurchase(ctx, store.Purchase{Arrival: arr,
		WantedID: wanted(a.Call.BusinessID, spare), SpareID: spare, Done: ready.done, Processing: ready.processing, Twin: Twin})
	if err != nil {
		return attempted{}, err
	}
	if arr.Agent != "" {
		if err := in.store.MarkAgent(ctx, t.MessageID, arr.Agent); err != nil { // it is taken over for all that
			in.log.WarnContext(ctx, "an attempt of our own agent's could not be marked as such", "message", t.MessageID, "error", err)
		}
	}
	if t.TaskID != 0 || t.Disposition == store.Applied {
		in.wake()
	}
	return attempted{message: t.MessageID, response: t.Response, code: t.Code}, nil
}

// wanted is the businessId as instanceId, unless queryInstance, which separates
// ids by commas, could never name it.
func wanted(business, spare string) string {
	if business == "" || strings.ContainsRune(business, ',') || strings.TrimSpace(business) != business {
		return spare
	}
	return business
}

// source is who caused an attempt.
type source struct{ name, actor string }

// attempted is what one attempt came to.
type attempted struct {
	message, attempt int64
	response         []byte
	code             market.ResultCode
	known            bool // the message was there before
	wake             bool
	pending          bool   // see effect
	instance         string // KooGallery's id of what was bought
}

// once runs one attempt of a message in one transaction.
func (in *Intake) once(ctx context.Context, a Arrived, by source) (attempted, error) {
	var done attempted
	key, err := in.key(ctx, a)
	if err != nil {
		return done, err
	}
	err = in.store.Write(ctx, func(tx *store.Tx) error {
		arr := a.arrival(key)
		m, err := tx.OpenMessage(ctx, arr)
		if err != nil {
			return err
		}
		e, stands, err := standing(ctx, tx, a, m)
		if err == nil && !stands {
			e, err = in.effect(ctx, tx, a, m)
		}
		if err != nil {
			return err
		}
		response := e.response
		if response == nil {
			response = in.encode(a, a.Call.Activity, e.answer)
		}
		done = attempted{message: m.ID, response: response, code: e.answer.Code, known: !m.Fresh, wake: e.tasks, pending: e.pending, instance: e.answer.InstanceID}
		status := e.status()
		idle := !m.Fresh && e.repeat && !e.changed && e.err == nil && m.Status != store.MessageFailed
		if idle {
			status = m.Status // nothing was done: whoever waits for the message's lock waits no longer than for that
		}
		done.attempt, err = tx.CloseAttempt(ctx, m.ID, arr, store.Outcome{Status: status, Code: done.code, Disposition: e.disposition(m),
			Response: done.response, Secret: e.secret(), Err: e.err, Source: by.name, Actor: by.actor, Seen: e.seen, Lacks: e.lacks, Content: e.content(a), Waits: e.pending})
		if err != nil || idle {
			return err
		}
		return tx.SettleCall(ctx, m.ID, e.err != nil)
	})
	if err == nil && done.wake {
		in.wake()
	}
	return done, err
}

// key is the call's idempotency key. It is stored and shown as it is, so an
// authorization code stands in it by its keyed hash: after SECRET_KEY was changed,
// the one by which the message is known. So do a V1.0 purchase and a call with
// several keys.
func (in *Intake) key(ctx context.Context, a Arrived) (string, error) {
	c := a.Call
	if c.Protocol == market.V1 && c.Activity == market.NewInstance {
		return in.store.PurchaseKey(ctx, a.Channel.ID, c)
	}
	if c.License == "" {
		return in.store.KnownKey(ctx, a.Channel.ID, c.Test, c.IdempotencyKeys())
	}
	var keys []string
	for _, token := range in.store.CodeTokens(c.License) {
		c.License = token
		keys = append(keys, c.IdempotencyKey())
	}
	return in.store.KnownKey(ctx, a.Channel.ID, c.Test, keys)
}

// encode writes an answer in the dialect of the call.
func (in *Intake) encode(a Arrived, activity string, answer market.Answer) []byte {
	d := in.dialects[a.Call.Protocol]
	s, ok := d.(Sealing)
	if !ok {
		return d.Encode(activity, answer)
	}
	key := a.Key
	if present := a.Channel.KeysOf(a.Call.Protocol.KeyClass(), time.Now()); key == "" && len(present) > 0 {
		key = present[0].Secret // run again by a person: nobody has proved anything
	}
	return s.EncodeSealed(activity, answer, key, a.Channel.EncryptType)
}

// effect decides by activity. A known message that was applied is answered
// again without effect; the same key with other content is not applied.
func (in *Intake) effect(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c := a.Call
	switch c.Protocol {
	case market.V1:
		return in.effectV1(ctx, tx, a, m)
	case market.LicenseV1:
		return in.effectLicenseV1(ctx, tx, a, m)
	}
	switch c.Protocol {
	case market.LicenseCode:
		return in.effectCode(ctx, tx, a, m)
	case market.OrderNotice:
		return in.effectNotice(ctx, tx, a, m)
	}
	if c.Test {
		return in.sandbox(c), nil
	}
	applied := !m.Fresh && m.ResultCode.OK()
	// The other activities' keys say all that they ask: what else differs is of
	// no consequence.
	if applied && m.Conflict && (c.Activity == market.RefreshInstance || c.Activity == market.UpgradeInstance) {
		return effect{answer: market.Answer{Code: m.ResultCode}, differs: true}, nil
	}
	if applied && (c.Activity == market.RefreshInstance || c.Activity == market.UpgradeInstance) {
		return in.again(ctx, tx, m)
	}
	return in.known(ctx, tx, a, m)
}

// known does what a call about instances asks.
func (in *Intake) known(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	switch a.Call.Activity {
	case market.QueryInstance:
		return in.query(ctx, tx.Reader(), a)
	case market.RefreshInstance:
		return in.living(ctx, tx, a, m, in.renew)
	case market.UpgradeInstance, market.Upgrade:
		return in.living(ctx, tx, a, m, in.upgrade)
	case market.UpdateInstanceStatus, market.ChangeInstanceStatus, market.ExpireInstance:
		return in.living(ctx, tx, a, m, nil)
	case market.ReleaseInstance:
		return in.living(ctx, tx, a, m, in.release)
	case market.ChangeInstanceCheck:
		return in.living(ctx, tx, a, m, in.check)
	case market.GetLicenseAsync:
		return in.license(ctx, tx, a, m)
	}
	return effect{}, fault.New(fault.Internal, "call.activity_unhandled", "activity", a.Call.Activity)
}

// again answers a repeat. The marketplace repeats what failed, so follow-up
// work that was given up begins anew.
func (in *Intake) again(ctx context.Context, tx *store.Tx, m store.OpenMessage) (effect, error) {
	e := effect{answer: market.Answer{Code: m.ResultCode}, repeat: true}
	if m.Status != store.MessageFailed {
		return e, nil
	}
	r, err := restartGivenUp(ctx, tx, m.ID, "marketplace")
	e.changed, e.tasks = r.Given > 0, r.Touched() > 0
	return e, err
}

func restartGivenUp(ctx context.Context, tx *store.Tx, message int64, actor string) (store.Restarted, error) {
	ids, err := tx.TaskIDs(ctx, message)
	if err != nil || len(ids) == 0 {
		return store.Restarted{}, err
	}
	r, err := tx.RestartTasks(ctx, ids, actor)
	if err != nil {
		return r, err
	}
	return r, tx.ReopenDeliveriesOf(ctx, message)
}

// sandbox answers a debugging call: success for whatever is well-formed, with
// ids that never existed too, since saved cases are replayed for ever.
func (in *Intake) sandbox(c market.Call) effect {
	e := effect{answer: market.Answer{Code: market.Success}, changed: true}
	if c.Activity == market.QueryInstance {
		for _, id := range c.InstanceIDs {
			e.answer.Info = append(e.answer.Info, market.InstanceInfo{InstanceID: id, App: &market.AppInfo{FrontEndURL: in.publicURL}})
		}
	}
	return e
}

func refused(code market.ResultCode, key string, args ...string) effect {
	return effect{answer: market.Answer{Code: code}, err: fault.New(fault.NotFound, key, args...)}
}
