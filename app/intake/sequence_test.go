package intake_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// sequences is how many random sequences a run tries; -rapid.checks says another
// number: go test ./app/intake -run Sequence -rapid.checks 5000.
const sequences = 360

// Whatever calls come, in whatever order and however often, and whatever workers
// do in between: each call gets the answer that the rules give, and the end is
// the same as if every worker had worked at once.
func TestNoSequenceOfCallsGoesWrong(t *testing.T) {
	t.Parallel()
	c := openTown(t)
	const lanes = 6
	checks := sequences
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" {
			checks, _ = strconv.Atoi(f.Value.String())
		}
	})
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(max(1, checks/lanes))))
	require.NoError(t, flag.Set("rapid.nofailfile", "true"))
	for lane := range lanes {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { newSequence(rt, c).run() })
		})
	}
}

// sequence is one instance's calls and workers.
type sequence struct {
	t     *rapid.T
	c     *town
	n     int64
	model model
	at    time.Time // of the first call
	queue []step
	holds bool // the town's driver has something
	asked bool // it was asked
	in    int  // depth of calls within a worker's outside call
	lost  int
	fails bool // the present outside call fails

	seen            bool // what follows is as it is now
	pending, failed []int64
	parked          bool // something waits for a person
	bought          string
}

var kinds = map[bool][]string{
	false: {"renew", "cancel", "convert", "rechange", "freeze", "unfreeze", "upgrade", "check", "query", "release", "buy", "buy"},
	true:  {"renew", "cancel", "convert", "freeze", "unfreeze", "expire", "upgrade", "query", "release", "buy", "buy"},
}

func newSequence(t *rapid.T, c *town) *sequence {
	s := &sequence{t: t, c: c, n: c.count.Add(1), at: time.Now().Add(-2 * time.Hour)} // so that "later" is over, too
	s.model = model{v1: rapid.Bool().Draw(t, "v1"), bills: map[string]bill{}, done: map[string]bool{}}
	now := s.at.UTC().Truncate(time.Second)
	modes := []market.ChargingMode{market.Period, market.Period, market.OneTime, market.OnDemand, market.OnDemandPkg}
	bill := func(what string, order int, earliest int) {
		b := bill{product: fmt.Sprintf("P-%s-%d", what, order), mode: rapid.SampledFrom(modes).Draw(t, "mode"),
			placed: now.Add(time.Duration(rapid.IntRange(earliest, earliest+2).Draw(t, "placed")) * time.Hour)}
		if rapid.Bool().Draw(t, "dated") {
			b.expires = now.AddDate(0, rapid.IntRange(1, 9).Draw(t, "months"), 0)
		}
		if what != "convert" && what != "rechange" && rapid.IntRange(0, 3).Draw(t, "templated") == 0 {
			b.product = templated
		}
		s.model.bills[fmt.Sprint(what, order)] = b
		c.orders.Store(s.orderID(what, order), s)
	}
	bill("buy", 0, -9)
	for order := range 2 {
		for _, what := range []string{"upgrade", "convert", "rechange"} {
			bill(what, order, -3)
		}
	}
	c.lives.Store(s.instanceID(), s)
	s.queue = append(rapid.SliceOfN(rapid.Custom(s.anyStep), 0, 1).Draw(t, "before"), step{what: "buy"})
	s.queue = append(s.queue, rapid.SliceOfN(rapid.Custom(s.anyStep), 1, 7).Draw(t, "calls")...)
	return s
}

func (s *sequence) anyStep(t *rapid.T) step {
	now := s.at.UTC().Truncate(time.Second)
	k := step{what: rapid.SampledFrom(kinds[s.model.v1]).Draw(t, "what"), order: rapid.IntRange(0, 1).Draw(t, "order"), later: rapid.Bool().Draw(t, "later"),
		twice: rapid.IntRange(0, 3).Draw(t, "twice") == 3}
	switch k.what {
	case "renew", "cancel", "convert", "rechange":
		k.expires = now.AddDate(0, rapid.SampledFrom([]int{-1, 3, 6}).Draw(t, "expires"), 0)
		if rapid.IntRange(0, 2).Draw(t, "names") == 0 {
			k.product = fmt.Sprintf("P-told-%d", k.order)
		}
	}
	return k
}

func (s *sequence) instanceID() string { return fmt.Sprintf("i-%d", s.n) }
func (s *sequence) orderID(what string, order int) string {
	return fmt.Sprintf("O-%d-%s%d", s.n, what, order)
}
func (s *sequence) orderKey(orderID string) string {
	return orderID[strings.LastIndex(orderID, "-")+1:]
}

func (s *sequence) run() {
	for len(s.queue) > 0 {
		s.call()
		for range rapid.IntRange(0, 2).Draw(s.t, "workers") {
			s.work(rapid.SampledFrom([]string{"well", "well", "well", "fails", "given up", "lost", "meanwhile"}).Draw(s.t, "how"))
		}
	}
	for s.restartFailed() || s.work("well") || s.handIn() {
	}
	s.check()
}

// call makes the next call, or two copies of it at once, and holds the answers
// against the model's.
func (s *sequence) call() {
	k := s.queue[0]
	s.queue, s.seen = s.queue[1:], false
	shown := s.model.made && !s.model.released
	answers := make([]answered, 1, 2)
	if k.twice {
		answers = append(answers, answered{})
	}
	var all sync.WaitGroup
	for n := range answers {
		all.Go(func() { answers[n] = s.send(k) })
	}
	all.Wait()
	for _, a := range answers {
		require.NoError(s.t, a.err, k.what)
		require.Equal(s.t, s.model.take(k), a.code, "%s: %s", k.what, a.body)
		if k.what == "query" {
			require.Equal(s.t, shown, strings.Contains(a.body, `"appInfo"`), "%s", a.body)
		}
		if k.what == "buy" {
			require.Contains(s.t, a.body, `"instanceId":"`+s.instanceID()+`"`)
		}
	}
}

type answered struct {
	body string
	code market.ResultCode
	err  error
}

func (s *sequence) send(k step) answered {
	body, code, err := s.c.intake.Handle(context.Background(), s.arrived(k))
	return answered{string(body), code, err}
}

func (s *sequence) arrived(k step) intake.Arrived {
	at := s.at
	if k.later {
		at = at.Add(time.Hour)
	}
	if s.model.v1 && k.what == "buy" { // whose duplicates are what comes before its answer
		at = time.Now()
	}
	c := market.Call{Protocol: market.V2, BusinessID: s.instanceID(), InstanceIDs: []string{s.instanceID()}, ExpireTime: k.expires, ProductID: k.product,
		OrderID: s.orderID(k.what, k.order), OrderLineID: "1"}
	scenes := map[string]market.Scene{"renew": market.Renewal, "cancel": market.UnsubscribeRenewalPeriod, "convert": market.TrialToFormal, "rechange": market.RenewalChange}
	switch k.what {
	case "buy":
		c.Activity, c.OrderID, c.InstanceIDs = market.NewInstance, s.orderID("buy", 0), nil
	case "query":
		c.Activity = market.QueryInstance
	case "freeze", "unfreeze":
		c.Activity, c.Target = market.UpdateInstanceStatus, strings.ToUpper(k.what)
	case "expire":
		c.Activity = market.ExpireInstance
	case "release":
		c.Activity = market.ReleaseInstance
	case "check":
		c.Activity = market.ChangeInstanceCheck
	case "upgrade":
		c.Activity = market.UpgradeInstance
	default:
		c.Activity, c.Scene = market.RefreshInstance, scenes[k.what]
	}
	if s.model.v1 {
		s.speakV1(&c, k)
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(c.Activity, c.OrderID, c.Scene, c.Target, c.ExpireTime, c.ProductID)))
	c.ContentHash = sum[:]
	return intake.Arrived{Channel: s.c.channel, Call: c, ReceivedAt: at, IP: "192.0.2.1", Request: store.Request{Method: "POST", Body: []byte("{}")}}
}

func (s *sequence) speakV1(c *market.Call, k step) {
	c.Protocol, c.OrderLineID, c.Terms = market.V1, "", &market.Terms{}
	switch k.what {
	case "buy":
		b := s.model.bills["buy0"]
		c.ProductID, c.ExpireTime = b.product, b.expires
		c.Terms.ChargingMode, c.Terms.Buyer.CustomerID = b.mode, "c1"
	case "freeze", "unfreeze":
		c.Activity = market.ChangeInstanceStatus
	case "upgrade":
		c.Activity, c.ProductID = market.Upgrade, s.model.bills[fmt.Sprint("upgrade", k.order)].product
	case "renew", "cancel", "convert":
		c.OrderID = s.orderID("refresh", k.order)
	}
}

// meanwhile is what happens while a worker waits for an outside system.
func (s *sequence) meanwhile() error {
	if s.in > 0 && len(s.queue) > 0 {
		s.in--
		s.call()
	}
	if s.fails {
		return fault.New(fault.Unavailable, "test.away")
	}
	return nil
}

// work lets a worker do one of the instance's tasks; false if there is none.
func (s *sequence) work(how string) bool {
	ctx := context.Background()
	if s.look(); len(s.pending) == 0 {
		return false
	}
	id := s.pending[rapid.IntRange(0, len(s.pending)-1).Draw(s.t, "task")]
	if how == "lost" && s.lost >= 2 { // a task that kills its workers is another story
		how = "well"
	}
	lease := time.Minute
	if how == "lost" {
		lease = 0
	}
	task, ok, err := s.c.store.Claim(ctx, id, lease)
	if err == nil && !ok { // it is not due yet
		_, err = s.c.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE id = $1`, id)
		require.NoError(s.t, err)
		task, ok, err = s.c.store.Claim(ctx, id, lease)
	}
	require.NoError(s.t, err)
	require.True(s.t, ok)
	if how == "lost" {
		s.lost++
		s.recover(id)
	}
	if how == "meanwhile" {
		s.in = 1
	}
	s.fails = how == "fails" || how == "given up"
	run := map[outbox.Kind]func(context.Context, outbox.Task) error{outbox.OrderQuery: s.c.prov.QueryOrder, outbox.Provision: s.c.prov.Provision}[task.Kind]
	err = run(ctx, task)
	s.in, s.fails = 0, false
	if f := fault.From(err); f != nil && f.Key == "task.lease_lost" {
		require.Equal(s.t, "lost", how)
	} else if err != nil {
		s.fail(task, err, how == "given up")
	}
	s.seen = false
	s.look()
	return true
}

// recover waits until the sweeper has put a lost worker's task back, whoever of
// the lanes swept.
func (s *sequence) recover(id int64) {
	for {
		_, err := s.c.store.Recover(context.Background())
		require.NoError(s.t, err)
		var status string
		require.NoError(s.t, s.c.store.SQL().QueryRow(`SELECT status FROM tasks WHERE id = $1`, id).Scan(&status))
		if status != "running" {
			return
		}
	}
}

func (s *sequence) fail(task outbox.Task, cause error, final bool) {
	ctx := context.Background()
	require.NoError(s.t, s.c.store.Write(ctx, func(tx *store.Tx) error {
		again := tx.Now
		if final {
			again = time.Time{}
		}
		if err := s.c.prov.OnFail(ctx, tx, task, cause, final); err != nil {
			return err
		}
		return tx.Fail(ctx, task, cause, again)
	}), "%v", cause)
}

func (s *sequence) restartFailed() bool {
	s.look()
	for _, id := range s.failed {
		_, err := (&desk{store: s.c.store, intake: s.c.intake}).restartTask(id, staff.CLI())
		if f := fault.From(err); f != nil && f.Key == "restart.overtaken" {
			continue // the later change is all that is to be
		}
		require.NoError(s.t, err)
		s.seen = false
	}
	return !s.seen
}

// handIn has a person bring in line what waits for one; false if nothing does.
func (s *sequence) handIn() bool {
	if s.look(); !s.parked {
		return false
	}
	require.NoError(s.t, s.c.prov.SetAccess(context.Background(), s.instanceID(), provision.Access{FrontEndURL: "https://e.cn/" + s.bought}, staff.CLI()))
	s.seen = false
	return true
}

// look reads the instance's tasks, and whether a worker has written access data:
// when it does is the worker's doing, not a rule.
func (s *sequence) look() {
	if s.seen {
		return
	}
	s.seen, s.pending, s.failed = true, nil, nil
	err := s.c.look.QueryRow(s.instanceID()).Scan(&s.model.made, (*pq.Int64Array)(&s.pending), (*pq.Int64Array)(&s.failed), &s.parked, &s.bought)
	require.True(s.t, err == nil || err == sql.ErrNoRows, "%v", err)
}
