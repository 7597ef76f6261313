package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/market"
	"koodesk/app/simulator"
)

// listener is a receiver of webhooks that counts what it took, by its id. While
// it holds, it takes nothing: whoever calls waits, and is refused in the end.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	taken map[string]int
	held  chan struct{} // nil: it takes what comes
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{taken: map[string]int{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		held := l.held
		if held == nil {
			l.taken[r.Header.Get("webhook-id")]++
		}
		l.mu.Unlock()
		if held != nil {
			<-held
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held = held
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = nil
		close(held)
	}
}

// seen is how many different events came, and how often one came again.
func (l *listener) seen() (events, again int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.taken {
		again += n - 1
	}
	return len(l.taken), again
}

// buyMany purchases the orders with these numbers, several at a time.
func (r *rig) buyMany(from, to int) {
	r.t.Helper()
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range numbers {
				order := fmt.Sprintf("CS26112201%04dMANY", n)
				f, err := simulator.NewCall(market.NewInstance, simulator.Fields{"orderId": order, "orderLineId": simulator.LineID(order)}, nil, false, r.ids)
				if err != nil {
					r.t.Error(err)
					continue
				}
				if a := r.caller.Call(context.Background(), f); a.Code != market.Processing {
					r.t.Errorf("%s: %s %s", order, a.Body, a.Fault)
				}
			}
		})
	}
	for n := from; n < to; n++ {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}

// kill ends a process as a power cut does, and gives the moment.
func (r *rig) kill(worker *exec.Cmd) (at time.Time) {
	r.t.Helper()
	require.NoError(r.t, worker.Process.Kill())
	require.Error(r.t, worker.Wait(), "it was killed")
	require.NoError(r.t, r.store.SQL().QueryRow(`SELECT now()`).Scan(&at))
	return at
}

// second starts another worker after a kill, which ends with the test.
func (r *rig) second(settings ...string) {
	r.t.Helper()
	worker := r.process(settings...)
	r.t.Cleanup(func() {
		_ = worker.Process.Signal(os.Interrupt)
		_ = worker.Wait()
	})
}

// leasesEnd does what waiting would: the leases of whoever was killed then are
// over. Its last statements may still have been under way when it died.
func (r *rig) leasesEnd(killed time.Time) {
	r.t.Helper()
	_, err := r.store.SQL().Exec(`UPDATE tasks SET leased_until = now() WHERE status = 'running' AND started_at < $1`, killed)
	require.NoError(r.t, err)
}

// In the middle of 500 purchases the worker is killed and Redis emptied, and more
// purchases come before another worker is there. Counted at the mail server and
// at the receiver of webhooks, nothing is lost and nothing comes twice.
func TestAKilledWorkerAndAnEmptiedRedisInTheMiddleOf500Purchases(t *testing.T) {
	t.Parallel()
	const n, first = 500, 350
	r := newRigAs(t, false, loopback)
	events := listen(t)
	r.ok(eventTarget, "", "set", "--channel", "default", "--name", "crm", "--url", events.URL+"/events", "--types", "instance.provisioned")
	const reachable = "WEBHOOK_ALLOW_PRIVATE=127.0.0.0/8"
	worker := r.process(reachable)
	r.buyMany(0, first)
	require.Eventually(t, func() bool {
		seen, _ := events.seen()
		return len(r.mail.Messages()) > 60 && seen > 60
	}, 2*time.Minute, 20*time.Millisecond, "%s", r.log)

	// From here on nothing is taken any more. What was taken is written down before
	// the kill: between the two nobody could tell whether it arrived.
	release, releaseEvents := r.mail.Hold(smtptest.Data, smtptest.Always), events.hold()
	settled := 0
	require.Eventually(t, func() bool {
		seen, _ := events.seen()
		if r.count(`SELECT count(*) FROM deliveries WHERE handing_since IS NOT NULL`) > 0 || len(r.mail.Messages()) != r.count(`SELECT count(*) FROM deliveries WHERE status = 'succeeded'`) ||
			seen != r.count(`SELECT count(*) FROM events WHERE status = 'succeeded'`) || r.count(`SELECT count(*) FROM tasks WHERE status = 'running'`) == 0 {
			settled = 0
			return false
		}
		settled++
		return settled == 5
	}, time.Minute, 20*time.Millisecond, "%s", r.log)
	killed := r.kill(worker)
	r.flushRedis()
	require.Positive(t, r.count(`SELECT count(*) FROM tasks WHERE status = 'running'`), "it died at work")
	require.Less(t, len(r.mail.Messages()), first, "it died in the middle")
	release()
	releaseEvents()
	r.mail.Accept()
	r.buyMany(first, n)

	r.second(reachable)
	require.Eventually(t, func() bool {
		r.leasesEnd(killed)
		return r.count(`SELECT count(*) FROM tasks WHERE status <> 'succeeded'`) == 0
	}, 3*time.Minute, 200*time.Millisecond, "%s", r.log)
	seen, again := events.seen()
	require.Equal(t, []int{n, 0}, []int{seen, again}, "each event once")
	mails := map[string]bool{}
	for _, m := range r.mail.Messages() {
		mails[m.Get("Message-Id")] = true
	}
	require.Len(t, r.mail.Messages(), n)
	require.Len(t, mails, n, "each mail once")
	require.Equal(t, n, r.count(`SELECT count(*) FROM instances WHERE status = 'active' AND access_version = 1`))
	require.Equal(t, n, r.count(`SELECT count(DISTINCT order_id) FROM instances`))
}

// A restart of many whose worker is killed in the middle goes on to its end, and
// restarts each message once.
func TestARestartOfManyGoesOnAfterItsWorkerWasKilled(t *testing.T) {
	t.Parallel()
	const n = 1500
	r := newRigWith(t, false)
	worker := r.process()
	id := r.buy("CS26112202KILLED")
	r.access(id)
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM tasks WHERE status <> 'succeeded'`) == 0 }, time.Minute, 50*time.Millisecond)
	r.manyFailing(n, id)
	batch := r.api(http.MethodPost, "/messages/restart", map[string]any{"filter": map[string]any{"status": "failed", "activity": "queryInstance"},
		"reason": "the product was down", "per_second": 500}, http.StatusAccepted)
	require.EqualValues(t, n, batch["matched"])
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM restart_items WHERE state = 'restarted'`) > 100 }, time.Minute, 10*time.Millisecond, "%s", r.log)
	killed := r.kill(worker)
	r.flushRedis()
	require.Positive(t, r.count(`SELECT count(*) FROM restart_items WHERE state = 'waiting'`), "it died in the middle")

	r.second()
	require.Eventually(t, func() bool {
		r.leasesEnd(killed)
		return r.count(`SELECT count(*) FROM restart_batches WHERE status = 'done' AND restarted = passed`) == 1
	}, 5*time.Minute, 100*time.Millisecond, "%s", r.log)
	require.Equal(t, 1, r.count(`
SELECT count(*)
  FROM restart_batches b, (SELECT count(*) AS all, count(DISTINCT message_id) AS each FROM attempts WHERE disposition = 'restart') AS a
 WHERE b.total = 1500
   AND b.restarted = 1500
   AND b.failed + b.refused = 0
   AND a.all = 1500
   AND a.each = 1500`), "each message once")
	require.Zero(t, r.count(`SELECT count(*) FROM messages WHERE status = 'failed'`))
	require.Len(t, r.mail.Messages(), 1, "nobody was written to again")
}
