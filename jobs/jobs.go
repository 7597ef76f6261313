// Package jobs is the program's second mouth: it moves task rows from
// PostgreSQL to Redis (Asynq), runs each through its use case, and puts back
// what a killed worker or an emptied Redis left behind. PostgreSQL is the truth:
// Redis holds a task's id and kind and nothing else, and may be lost at any
// moment. The package decides when to try again, never what the work is.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/telemetry"
)

// Queue names.
const (
	Urgent  = "urgent"
	Soon    = "soon"
	Low     = "low"
	Alerts  = "alerts"
	Texts   = "texts"
	Notices = "notices"

	AlertMails  = "alert_mails"
	Mail        = "mail"
	NoticeMails = "notice_mails"
)

// groups are the queues, with their weights, that share workers: the first group
// has all that are set, the others half as many each. However slow the mail server
// is, what waits for it takes no worker from anything but mails; and notices that
// many customers get at once never delay what one customer is waiting for.
var groups = []map[string]int{{Urgent: 6, Soon: 3, Low: 1}, {Alerts: 3, Texts: 1}, {AlertMails: 3, Mail: 1}, {Notices: 1}, {NoticeMails: 1}}

// groupOf tells which group a queue belongs to, -1 for none.
func groupOf(queue string) int {
	return slices.IndexFunc(groups, func(g map[string]int) bool { return g[queue] > 0 })
}

// messageTime is for a message to one receiver: a mail server may take ten minutes
// over its last answer (RFC 5321, 4.5.3.2.6).
const messageTime = 11 * time.Minute

// Kind is one line of the table of kinds.
type Kind struct {
	Name    outbox.Kind
	Queue   string
	Mail    string        // the queue of those that send a mail; "": the same
	Timeout time.Duration // of one try
	Tries   int           // before it is given up
	Base    time.Duration // wait after the first failure; doubles with each
	Max     time.Duration // the longest wait
	// Run does the work and completes the task in its last transaction.
	Run func(context.Context, outbox.Task) error
	// OnFail, if there is one, runs in the transaction that records a failed
	// try; final says that the task is given up.
	OnFail func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error
}

// Handlers are the use cases that the table of kinds calls.
type Handlers struct {
	OrderQuery func(context.Context, outbox.Task) error
	Provision  func(context.Context, outbox.Task) error
	Deliver    func(context.Context, outbox.Task) error
	// ProvisionFails shows what could not be undone.
	ProvisionFails func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

	DeliverFails func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

	Event      func(context.Context, outbox.Task) error
	EventFails func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error // of event, provision and license

	Reconcile       func(context.Context, outbox.Task) error
	ReconcileFails  func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error
	LicenseActivate func(context.Context, outbox.Task) error
	LicenseQuery    func(context.Context, outbox.Task) error
	LicenseRefresh  func(context.Context, outbox.Task) error
	LicenseUsage    func(context.Context, outbox.Task) error
	LicenseFails    func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error
	OrderNotice     func(context.Context, outbox.Task) error
	NoticeFails     func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

	License       func(context.Context, outbox.Task) error
	LicenseUpload func(context.Context, outbox.Task) error
	SupplyFails   func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

	Restart      func(context.Context, outbox.Task) error
	RestartFails func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

	Alert      func(context.Context, outbox.Task) error
	AlertFails func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error
}

// Table is the table of kinds. The waits are chosen so that a task is given up,
// and so shown to the operators, within about half an hour, well inside the
// three hours in which the marketplace repeats a purchase (page CN 0070649414).
// Events are the seller's own affair: they are tried for about a day and a half.
func Table(h Handlers) []Kind {
	return []Kind{
		{Name: outbox.OrderQuery, Queue: Urgent, Timeout: 40 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.OrderQuery, OnFail: h.ProvisionFails},
		{Name: outbox.Provision, Queue: Urgent, Timeout: 60 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.Provision, OnFail: both(h.EventFails, h.ProvisionFails)},
		{Name: outbox.Deliver, Queue: Texts, Mail: Mail, Timeout: messageTime, Tries: 10, Base: 5 * time.Second, Max: 15 * time.Minute, Run: h.Deliver, OnFail: h.DeliverFails},
		{Name: outbox.Notice, Queue: Notices, Mail: NoticeMails, Timeout: messageTime, Tries: 10, Base: 30 * time.Second, Max: 30 * time.Minute, Run: h.Deliver, OnFail: h.DeliverFails},
		{Name: outbox.Event, Queue: Soon, Timeout: 30 * time.Second, Tries: 18, Base: 5 * time.Second, Max: 6 * time.Hour, Run: h.Event, OnFail: h.EventFails},
		{Name: outbox.Reconcile, Queue: Low, Timeout: 2 * time.Minute, Tries: 8, Base: 30 * time.Second, Max: 30 * time.Minute, Run: h.Reconcile, OnFail: h.ReconcileFails},
		{Name: outbox.LicenseActivate, Queue: Urgent, Timeout: 40 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.LicenseActivate, OnFail: h.LicenseFails},
		{Name: outbox.LicenseQuery, Queue: Soon, Timeout: 40 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.LicenseQuery, OnFail: h.LicenseFails},
		{Name: outbox.LicenseRefresh, Queue: Low, Timeout: 2 * time.Minute, Tries: 10, Base: 30 * time.Second, Max: 10 * time.Minute, Run: h.LicenseRefresh},
		{Name: outbox.LicenseUsage, Queue: Low, Timeout: 60 * time.Second, Tries: 12, Base: 10 * time.Second, Max: time.Hour, Run: h.LicenseUsage},
		{Name: outbox.OrderNotice, Queue: Urgent, Timeout: 40 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.OrderNotice, OnFail: h.NoticeFails},
		{Name: outbox.License, Queue: Urgent, Timeout: 60 * time.Second, Tries: 10, Base: 2 * time.Second, Max: 10 * time.Minute, Run: h.License, OnFail: both(h.SupplyFails, h.EventFails)},
		{Name: outbox.LicenseUpload, Queue: Urgent, Timeout: 60 * time.Second, Tries: 10, Base: 5 * time.Second, Max: 10 * time.Minute, Run: h.LicenseUpload, OnFail: h.SupplyFails},
		{Name: outbox.Restart, Queue: Soon, Timeout: 2 * time.Minute, Tries: 8, Base: 5 * time.Second, Max: 5 * time.Minute, Run: h.Restart, OnFail: h.RestartFails},
		{Name: outbox.Alert, Queue: Alerts, Mail: AlertMails, Timeout: messageTime, Tries: 9, Base: 5 * time.Second, Max: 5 * time.Minute, Run: h.Alert, OnFail: h.AlertFails},
	}
}

// Measure is something that every process measures now and then, for its own
// figures; it changes nothing.
type Measure struct {
	Name string
	Run  func(context.Context) error
}

// both runs two hooks of a failed try; nil ones are passed over.
func both(first, second failed) failed {
	return func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error {
		for _, f := range []failed{first, second} {
			if f == nil {
				continue
			}
			if err := f(ctx, tx, t, cause, final); err != nil {
				return err
			}
		}
		return nil
	}
}

// failed is what runs in the transaction that records a failed try.
type failed = func(ctx context.Context, tx *store.Tx, t outbox.Task, cause error, final bool) error

// Options of New.
type Options struct {
	Store   *store.Store
	Redis   redis.UniversalClient // the caller closes it after Stop
	Kinds   []Kind
	Metrics *telemetry.Metrics
	Log     *slog.Logger
	Workers int // tasks at the same time; 0 means 10. Mails, other messages, notices by mail and other notices have half as many each beside them
	// Poll is how often the relay looks for due tasks when nobody wakes it; 0
	// means 200 ms.
	Poll time.Duration
	// Sweep is how often lost work is looked for; 0 means 10 s.
	Sweep time.Duration
	// Measures is what each sweep measures besides the tasks.
	Measures []Measure
	// Handed is after how long a task that Redis has and no worker began is
	// handed over again; 0 means a minute.
	Handed time.Duration
	// Lease is for how long a try is believed to be under way without a sign of life;
	// 0 means a minute.
	Lease time.Duration
	// Timed is what the clock causes; Tick is how often it is looked at, 0 means DefaultTick.
	Timed []Timed
	Tick  time.Duration
	// ClockLease is how long a process that runs the clock is believed to live without
	// a sign of it; 0 means 30 s.
	ClockLease time.Duration
}

// Jobs is the running part: relay, workers, sweeper.
type Jobs struct {
	o     Options
	kinds map[outbox.Kind]Kind
	names [][]string // of the kinds, by group; rows of others are for newer programs
	queue *queue
	wake  chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// New checks that every kind has a handler and known settings.
func New(o Options) (*Jobs, error) {
	if o.Workers == 0 {
		o.Workers = 10
	}
	if o.Poll == 0 {
		o.Poll = 200 * time.Millisecond
	}
	if o.Sweep == 0 {
		o.Sweep = 10 * time.Second
	}
	if o.Handed == 0 {
		o.Handed = time.Minute
	}
	if o.Lease == 0 {
		o.Lease = time.Minute
	}
	if o.ClockLease == 0 {
		o.ClockLease = clockLease
	}
	if o.Tick == 0 {
		o.Tick = DefaultTick
	}
	j := &Jobs{o: o, kinds: map[outbox.Kind]Kind{}, names: make([][]string, len(groups)), wake: make(chan struct{}, 1)}
	for _, k := range o.Kinds {
		j.kinds[k.Name] = k
		if g := groupOf(k.Queue); g >= 0 {
			j.names[g] = append(j.names[g], string(k.Name))
		}
	}
	j.names = slices.DeleteFunc(j.names, func(names []string) bool { return len(names) == 0 })
	for _, name := range outbox.Kinds() {
		k, ok := j.kinds[name]
		if !ok || k.Run == nil || groupOf(k.Queue) < 0 || k.Mail != "" && groupOf(k.Mail) < 0 || k.Tries < 1 || k.Timeout <= 0 {
			return nil, fmt.Errorf("jobs: kind %q has no complete line in the table", name)
		}
	}
	return j, nil
}

// Wake hurries the relay after tasks were written. It never blocks.
func (j *Jobs) Wake() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Tries is after how many tries each kind of task is given up.
func (j *Jobs) Tries() map[outbox.Kind]int {
	out := make(map[outbox.Kind]int, len(j.kinds))
	for name, k := range j.kinds {
		out[name] = k.Tries
	}
	return out
}

// queue is where a task of the kind waits for a worker.
func (k Kind) queue(d store.Due) string {
	if d.Mail && k.Mail != "" {
		return k.Mail
	}
	return k.Queue
}

// delay is the wait before try number n+1, with a jitter of a fifth so that
// what failed together does not come back together.
func (k Kind) delay(n int) time.Duration {
	d := k.Base
	for range n - 1 {
		if d *= 2; d >= k.Max {
			d = k.Max
			break
		}
	}
	return d + time.Duration((rand.Float64()*2-1)*float64(d)/5)
}

// next decides when a failed task is tried again; zero means that it is given up.
func (k Kind) next(t outbox.Task, cause error, now time.Time) time.Time {
	f := fault.From(cause)
	if f.Retry.Never || t.Attempt >= k.Tries {
		return time.Time{}
	}
	return now.Add(max(k.delay(t.Attempt), f.Retry.After))
}
