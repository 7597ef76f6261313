package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/simulator"
)

// fill adds accounts number from..to-1 to a pool, by the command line.
func (r *rig) fill(name string, from, to int) {
	r.t.Helper()
	var b strings.Builder
	b.WriteString("\xef\xbb\xbfuser_name,front_end_url,password\r\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "\"user,%03d\",https://crm.seller.example/login,pass-%03d\r\n", i, i)
	}
	require.Contains(r.t, r.ok(pools, b.String(), "add", "--pool", name, "--file", "-"), fmt.Sprintf("%d accounts added to pool %s", to-from, name))
}

// byPool makes every product of the channel by accounts of a pool.
func (r *rig) byPool(name string, more ...string) {
	r.t.Helper()
	r.ok(product, "", append([]string{"set", "--channel", "default", "--product", "*", "--driver", "pool", "--pool", name, "--mail-language", "en"}, more...)...)
}

// buyAllV1 sends a V1.0 purchase of each order, all at once.
func (r *rig) buyAllV1(orders []string) []simulator.Answer {
	answers := make([]simulator.Answer, len(orders))
	var wg sync.WaitGroup
	for i, order := range orders {
		wg.Go(func() {
			// A call that is told to come again, because the machine is too busy or
			// nobody was there to work on it, does.
			for begun := time.Now(); time.Since(begun) < 4*time.Minute; {
				answers[i] = r.sendV1(market.NewInstance, false, "orderId", order, "email", buyerEmail)
				if answers[i].Conformant() && answers[i].Code != market.Processing {
					return
				}
			}
		})
	}
	wg.Wait()
	return answers
}

// 200 purchases at once on a pool of 150, with the workers killed twice in the
// middle of it: 150 customers have an account each, nobody has somebody else's,
// and 50 are told that there is none, until the pool is filled.
func TestAPoolIsHandedOutOnceEachThoughWorkersAreKilled(t *testing.T) {
	t.Parallel()
	const customers, accounts = 200, 150
	r := newRigWith(t, false)
	r.ok(channel, "", "set", "--slug", "default", "--v1-pending", "000004")
	r.byPool("crm")
	r.fill("crm", 0, accounts)
	orders := make([]string, customers)
	for i := range orders {
		orders[i] = fmt.Sprintf("CS2611230%03dPOOL", i)
	}
	bought := make(chan []simulator.Answer, 1)
	worker := r.process()
	go func() { bought <- r.buyAllV1(orders) }()
	for _, n := range []int{20, 80} {
		require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM pool_accounts WHERE status = 'used'`) >= n }, 3*time.Minute, 5*time.Millisecond, "%s", r.log)
		require.NoError(t, worker.Process.Kill())
		require.Error(t, worker.Wait(), "it was killed")
		// What a minute of waiting would do: the dead worker's leases are over, and Redis remembers it no more.
		_, err := r.store.SQL().Exec(`UPDATE tasks SET leased_until = now() WHERE status = 'running'`)
		require.NoError(t, err)
		r.flushRedis()
		worker = r.process()
	}
	t.Cleanup(func() {
		_ = worker.Process.Signal(os.Interrupt)
		_ = worker.Wait()
	})
	for _, a := range <-bought {
		require.True(t, a.Conformant(), "%s %v %s %s", a.Body, a.Findings, a.Fault, r.log)
	}
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status IN ('pending', 'running')`) == 0
	}, time.Minute, 100*time.Millisecond, "%s", r.log)

	var refused []string
	seen := map[string]bool{}
	for i, a := range r.buyAllV1(orders) {
		require.True(t, a.Conformant(), "%s %v %s", a.Body, a.Findings, a.Fault)
		if a.Code == market.NoResource {
			refused = append(refused, orders[i])
			continue
		}
		require.Equal(t, market.Success, a.Code, a.Body)
		app := a.AppOf(a.InstanceID)
		require.False(t, seen[app.UserName], "%s was handed out twice", app.UserName)
		seen[app.UserName] = true
		require.Equal(t, strings.Replace(app.UserName, "user,", "pass-", 1), app.Password, "name and password belong together")
	}
	require.Len(t, seen, accounts)
	require.Len(t, refused, customers-accounts)
	require.Equal(t, accounts, r.count(`SELECT count(DISTINCT instance_pk) FROM pool_accounts WHERE status = 'used'`))

	r.fill("crm", accounts, customers)
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM instances WHERE status = 'active'`) == customers
	}, time.Minute, 50*time.Millisecond, "the marketplace still calls for them, so they go on by themselves: %s", r.log)
	for _, a := range r.buyAllV1(refused) {
		require.Equal(t, market.Success, a.Code, a.Body)
		app := a.AppOf(a.InstanceID)
		require.False(t, seen[app.UserName], "%s was handed out twice", app.UserName)
		seen[app.UserName] = true
	}
	require.Len(t, seen, customers)
	require.Equal(t, customers, r.count(`SELECT count(*) FROM instances WHERE access_version = 1`))
	require.Equal(t, 2, r.count(`SELECT count(*) FROM audit WHERE action = 'pool.add'`))
}

// V1.0 names the product in its call, so an empty pool can be told at once; V2.0
// was taken over already, fails where people see it, and goes on by itself, the
// oldest first.
func TestAnEmptyPool(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(channel, "", "set", "--slug", "default", "--v1-pending", "000004")
	r.byPool("crm")
	const order = "CS2611230201EMPTY"
	buy := func() simulator.Answer {
		for { // a busy machine may need longer than a call waits
			if a := r.callV1(market.NewInstance, "orderId", order); a.Code != market.Processing {
				return a
			}
		}
	}
	a := buy()
	require.Equal(t, market.NoResource, a.Code, a.Body)
	require.Contains(t, a.Body, "no instance resource can be allocated")
	require.Equal(t, market.NoResource, buy().Code, "still empty")

	ids := []string{}
	for i := range 3 {
		ids = append(ids, r.buy(fmt.Sprintf("CS261123021%dEMPTY", i)))
		r.waitItems("/messages?status=failed&protocol=v2", i+1)
	}
	failed := r.items("/messages?status=failed&protocol=v2")[0]["last_error"].(map[string]any)
	require.Equal(t, "pool.empty", failed["code"])
	require.Contains(t, failed["message"], "crm")
	require.Contains(t, failed["advice"], "Add accounts")
	require.Contains(t, r.ok(pools, "", "list"), "(low)")

	// The purchase of V1.0 is older than the others, but its order is over by now.
	_, err := r.store.SQL().Exec(`UPDATE messages SET retry_until = now() - interval '1 second' WHERE protocol = 'v1'`)
	require.NoError(t, err)
	r.fill("crm", 0, 1)
	require.Equal(t, "user,000", r.access(ids[0]).UserName, "the oldest goes first")
	r.fill("crm", 1, 2)
	require.Equal(t, "user,001", r.access(ids[1]).UserName)
	r.waitItems("/messages?status=failed&protocol=v2", 1)
	r.fill("crm", 2, 4)
	require.Equal(t, "user,002", r.access(ids[2]).UserName)
	r.waitItems("/messages?status=failed&protocol=v2", 0)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM pool_accounts WHERE status = 'free'`), "no account is spent on an order that is over")
	again := buy()
	require.Equal(t, market.Success, again.Code, "unless the marketplace calls again")
	require.Equal(t, "user,003", again.AppOf(a.InstanceID).UserName)
	require.Equal(t, "pass-003", again.AppOf(a.InstanceID).Password)
	require.NotContains(t, r.log.String(), "pass-00")
}

// A purchase of V1.0 that KooGallery was told is done, since it took long, and that
// then finds the pool empty is sold: nobody calls for it again, so the refill has it
// go on, however late.
func TestASoldPurchaseOfV1GoesOnAtARefill(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, false)
	r.byPool("crm")
	a := r.callV1(market.NewInstance, "orderId", "CS2611230202EMPTY")
	require.Equal(t, market.Success, a.Code, a.Body)
	page := a.AppOf(a.InstanceID).FrontEndURL
	require.Contains(t, page, "/access/")
	r.stop()
	r.start(true)
	failed := r.waitItems("/messages?status=failed&protocol=v1", 1)[0]
	require.Equal(t, "pool.empty", failed["last_error"].(map[string]any)["code"])
	require.Nil(t, failed["retry_until"], "it does not come again")
	require.EqualValues(t, 1, r.items("/pools")[0]["waiting"])
	r.fill("crm", 0, 1)
	r.waitItems("/messages?status=succeeded&protocol=v1", 1)
	require.Contains(t, r.page(http.MethodGet, page), `data-state="active"`)
	require.Equal(t, 1, r.count(`SELECT count(*) FROM pool_accounts WHERE status = 'used'`))
}

// Whoever buys keeps the account through freeze, renewal and upgrade, and loses
// it with the release; debugging calls never take one.
func TestTheLifeOfAPoolAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.byPool("crm")
	r.fill("crm", 0, 2)
	for _, activity := range []string{market.NewInstance, market.QueryInstance, market.UpgradeInstance, market.ReleaseInstance} {
		f, err := simulator.NewCall(activity, nil, nil, true, r.ids)
		require.NoError(t, err)
		require.True(t, r.caller.Call(context.Background(), f).OK())
	}
	require.Equal(t, market.Success, r.sendV1(market.NewInstance, true).Code)
	require.Equal(t, 2, r.count(`SELECT count(*) FROM pool_accounts WHERE status = 'free'`), "debugging calls take no account")

	id := r.buy("CS2611230301LIVES")
	app := r.access(id)
	require.Equal(t, "user,000", app.UserName)
	r.mails(1)
	r.call(market.UpdateInstanceStatus, "status", "FREEZE", "instanceId", id)
	r.call(market.UpdateInstanceStatus, "status", "UNFREEZE", "instanceId", id)
	require.Equal(t, market.Success, r.call(market.UpgradeInstance, "orderId", "CS2611230302UPGRA", "orderLineId", "CS2611230302UPGRA-000001", "instanceId", id).Code)
	r.waitItems("/tasks?kind=provision&status=succeeded", 2)
	require.Equal(t, app, r.access(id))
	r.call(market.ReleaseInstance, "instanceId", id)
	accounts := func(status string) int {
		return r.count(`SELECT count(*) FROM pool_accounts WHERE status = '` + status + `'`)
	}
	require.Eventually(t, func() bool { return accounts("retired") == 1 }, time.Minute, 20*time.Millisecond, "%s", r.log)

	r.byPool("crm", "--pool-on-release", "return")
	second := r.buy("CS2611230303LIVES")
	require.Equal(t, "user,001", r.access(second).UserName)
	third := r.buy("CS2611230304WAITS")
	r.waitItems("/messages?status=failed", 1)
	r.call(market.ReleaseInstance, "instanceId", second)
	require.Equal(t, "user,001", r.access(third).UserName, "a returned account goes to who waits for one")
	r.waitItems("/deliveries?kind=usage_info&status=succeeded", 3)
	require.Equal(t, 3, r.count(`SELECT count(*) FROM deliveries WHERE kind = 'usage_info'`), "each buyer is told once")
}
