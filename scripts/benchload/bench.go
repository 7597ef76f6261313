package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"koodesk/app/simulator"
)

// What is measured, and who does it.
const (
	newPurchases = "new purchase"
	repeatOne    = "repeat of one purchase"
	repeatMany   = "repeats of 1,000 purchases"
	queries      = "queryInstance"
	healthz      = "/healthz"

	separate = "A: separate statements"
	koodesk  = "koodesk"
	single   = "B: one statement"
)

// How many purchases the repeats and the queries go round.
const (
	manyLines   = 1000
	activeLines = 200
)

// measurement is one line of the result.
type measurement struct {
	work    string
	clients int
	by      string
}

// plan is one round. A, the program and B take turns, so that a machine that
// becomes slower or faster does not decide.
func plan() []measurement {
	var p []measurement
	for _, work := range []string{newPurchases, repeatOne, repeatMany} {
		for _, clients := range []int{8, 16, 32} {
			for _, by := range []string{separate, koodesk, single} {
				p = append(p, measurement{work, clients, by})
			}
		}
	}
	return append(p, measurement{queries, 16, koodesk}, measurement{healthz, 16, koodesk})
}

func (m measurement) String() string {
	return fmt.Sprintf("%s, %d clients, %s", m.work, m.clients, m.by)
}

// turn is the plan with another contender of each work at the beginning.
func turn(plan []measurement, round int) []measurement {
	var out []measurement
	for len(plan) > 0 {
		n := 1
		for n < len(plan) && plan[n].work == plan[0].work && plan[n].clients == plan[0].clients {
			n++
		}
		k := round % n
		out = slices.Concat(out, plan[k:n], plan[:k])
		plan = plan[n:]
	}
	return out
}

// bench is a run: a database and a process of its own, both gone afterwards.
type bench struct {
	settings
	folder string
	key    string // of the channel
	db     *database
	redis  *redisPlace
	server *program
	market *program // stands in for the open APIs while the workers run
	ids    *simulator.IDs
	turns  atomic.Uint64

	one    []purchase
	many   []purchase
	active []purchase
	raw    *rawLoad
	sent   books
}

// channel is the slug of the production address that the load goes to.
const channel = "bench"

func (b *bench) open(ctx context.Context) error {
	var err error
	if b.folder, err = os.MkdirTemp("", "koodesk-bench-"); err != nil {
		return err
	}
	if b.redis, err = openRedis(ctx, b.redisURL); err != nil {
		return err
	}
	if b.db, err = createDatabase(ctx, b.databaseURL); err != nil {
		return err
	}
	b.key, b.ids = hex.EncodeToString(random(16)), simulator.NewIDs(time.Now)
	secret := random(32)
	b.server, err = newProgram(b.koodesk, b.folder, "koodesk", map[string]string{
		"DATABASE_URL": b.db.url, "REDIS_URL": b.redis.url, "SECRET_KEY": base64.StdEncoding.EncodeToString(secret),
		"METRICS_ADDR": "off", "SMTP_URL": "",
	})
	if err != nil {
		return err
	}
	if err := b.server.command(ctx, "", "migrate", "up"); err != nil {
		return err
	}
	if err := b.server.command(ctx, b.key+"\n", "channel", "set", "--slug", channel, "--site", "cn", "--basic-key", "-"); err != nil {
		return err
	}
	// Without --jobs: callbacks are measured, not the work that follows them.
	if err := b.server.serve(ctx, "", "/readyz", "serve"); err != nil {
		return err
	}
	return b.seed(ctx, secret)
}

// seed makes what repeats and queries are about: real purchases, through the
// program.
func (b *bench) seed(ctx context.Context, secret []byte) error {
	buy := &buyer{signer: b.signer(), ids: b.ids, keep: 1 + manyLines + activeLines}
	s := volley(b.server.addr, []caller{buy}, func() bool { return ctx.Err() == nil && len(buy.kept) < buy.keep })
	b.sent.purchases += s.calls
	if err := errors.Join(ctx.Err(), s.why); err != nil {
		return fmt.Errorf("the first purchases: %w\n%s", err, b.server.tail())
	}
	b.one, b.many, b.active = buy.kept[:1], buy.kept[1:1+manyLines], buy.kept[1+manyLines:]
	if err := b.db.activate(ctx, b.active, secret); err != nil {
		return err
	}
	var err error
	b.raw, err = newRawLoad(ctx, b.pgbench, b.folder, b.db)
	return err
}

func (b *bench) signer() *signer { return newSigner(b.server.addr, channel, b.key) }

func (b *bench) close() error {
	var errs []error
	for _, p := range []*program{b.server, b.market} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	if b.db != nil {
		errs = append(errs, b.db.drop())
	}
	if b.redis != nil {
		errs = append(errs, b.redis.giveBack())
	}
	if b.folder != "" {
		errs = append(errs, os.RemoveAll(b.folder))
	}
	return errors.Join(errs...)
}

// round measures everything once.
func (b *bench) round(ctx context.Context, plan []measurement, round int, each time.Duration, into *results) error {
	for _, m := range turn(plan, round) {
		s, err := b.measure(ctx, m, each)
		if err = errors.Join(ctx.Err(), err); err != nil {
			return err
		}
		into.add(m, round, s)
		fmt.Fprintf(os.Stderr, "round %d: %s: %.0f/s\n", round+1, m, s.perSecond())
	}
	return nil
}

func (b *bench) measure(ctx context.Context, m measurement, each time.Duration) (sample, error) {
	if m.by != koodesk {
		return b.raw.measure(ctx, m, each)
	}
	callers := make([]caller, m.clients)
	for i := range callers {
		callers[i] = b.caller(m.work)
	}
	cpu := b.server.cpu()
	s := fire(ctx, b.server.addr, callers, each)
	if cpu > 0 {
		s.serverCPU = b.server.cpu() - cpu
	}
	b.sent.add(m.work, s)
	if err := b.server.alive(); err != nil {
		return s, fmt.Errorf("%w\n%s", err, b.server.tail())
	}
	return s, nil
}

func (b *bench) caller(work string) caller {
	switch work {
	case newPurchases:
		return &buyer{signer: b.signer(), ids: b.ids}
	case repeatOne:
		return &repeater{signer: b.signer(), lines: b.one, turn: &b.turns}
	case repeatMany:
		return &repeater{signer: b.signer(), lines: b.many, turn: &b.turns}
	case queries:
		return &asker{signer: b.signer(), lines: b.active, turn: &b.turns}
	default:
		return newProber(b.server.addr)
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return b
}
