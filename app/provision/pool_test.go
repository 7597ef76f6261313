package provision_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/pool"
	"koodesk/app/store"
)

// keeper is the pools' use case on the desk's database.
func (d *desk) keeper(free func(string, int)) *pool.Keeper {
	return pool.NewKeeper(pool.Options{Store: d.store, Log: slog.New(slog.NewTextHandler(d.log, nil)), Wake: func() { d.wakes++ }, Free: free})
}

// fill adds accounts number from..to-1.
func (d *desk) fill(from, to int) pool.Added {
	d.t.Helper()
	var rows []pool.Row
	for i := from; i < to; i++ {
		rows = append(rows, pool.Row{Line: i, Account: provision.Access{FrontEndURL: "https://crm.example.com", UserName: fmt.Sprintf("user-%d", i), Password: fmt.Sprintf("pass-%d", i)}})
	}
	added, err := d.keeper(nil).Add(context.Background(), "crm", rows, ann)
	require.NoError(d.t, err)
	return added
}

// orderByPool buys what is made from the pool, up to its provisioning.
func (d *desk) orderByPool(order2 string) (pk int64, task outbox.Task) {
	d.t.Helper()
	d.market.add(d.t, order{ID: order2, Product: product, Email: "zhang@example.com"})
	pk, task = d.buy(order2)
	require.NoError(d.t, d.p.QueryOrder(context.Background(), task))
	return pk, d.next(outbox.Provision)
}

// A worker that dies between taking the account and keeping the access data
// neither loses nor doubles it.
func TestAWorkerThatDiesWithAnAccountInHand(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("pool", store.ProductSettings{Pool: "crm"})
	d.fill(1, 3)
	used := func() int { return d.count(`SELECT count(*) FROM pool_accounts WHERE status = 'used'`) }
	dies := func(pk int64) { // the driver's work was done; what follows never happens
		i := d.instance(pk)
		_, err := d.drivers["pool"].Provision(ctx, provision.Request{InstanceID: i.InstanceID, Settings: store.ProductSettings{Pool: "crm"}})
		require.NoError(t, err)
	}
	pk, task := d.orderByPool("CS1")
	dies(pk)
	require.Equal(t, 1, used())
	require.NoError(t, d.p.Provision(ctx, task))
	require.Equal(t, 1, used(), "the second worker finds the account of the first")
	require.Equal(t, "user-1", d.instance(pk).App.UserName)

	second, _ := d.orderByPool("CS2")
	dies(second)
	require.Equal(t, 2, used())
	d.release(second) // before anybody kept anything
	_, err := d.store.SQL().Exec(`UPDATE tasks SET leased_until = now() - interval '1 second' WHERE instance_pk = $1 AND status = 'running'`, second)
	require.NoError(t, err)
	_, err = d.store.Recover(ctx)
	require.NoError(t, err)
	for range 2 { // the dead worker's task, which has nothing to do any more, and the undoing
		require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	}
	require.Equal(t, 1, used(), "what it held is let go")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM pool_accounts WHERE status = 'retired'`))
	_, err = d.drivers["pool"].Provision(ctx, provision.Request{InstanceID: d.instance(second).InstanceID, Settings: store.ProductSettings{Pool: "crm"}})
	require.Equal(t, "provision.changed_meanwhile", fault.From(err).Key, "a released instance takes none")
}

func TestRefillingWakesTheOldestFirst(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("pool", store.ProductSettings{Pool: "crm"})
	var waiting []int64
	for _, order := range []string{"CS1", "CS2", "CS3", "CS4"} {
		pk, task := d.orderByPool(order)
		err := d.p.Provision(ctx, task)
		f := fault.From(err)
		require.Equal(t, "pool.empty", f.Key)
		require.Equal(t, map[string]string{"pool": "crm", "result_code": string(market.NoResource)}, f.Args)
		require.True(t, f.Retry.Never)
		d.fail(task, err)
		waiting = append(waiting, pk)
	}
	d.release(waiting[0]) // unsubscribed meanwhile
	require.Equal(t, 2, d.fill(1, 3).Woken)
	require.Equal(t, 1, d.wakes)
	require.Equal(t, fmt.Sprintf("%d,%d", waiting[1], waiting[2]),
		d.text(`SELECT string_agg(instance_pk::text, ',' ORDER BY id) FROM tasks WHERE kind = 'provision' AND status = 'pending' AND purpose = 'purchase'`))
	require.Equal(t, "processing failed failed processing", d.text(`SELECT string_agg(status, ' ' ORDER BY array_position(ARRAY['CS2','CS1','CS4','CS3'], order_id)) FROM messages`))
	require.Equal(t, "operator:ann@example.com", d.text(`SELECT DISTINCT actor FROM task_attempts WHERE outcome = 'restarted'`))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, "user-1", d.instance(waiting[1]).App.UserName)
	require.Equal(t, "user-2", d.instance(waiting[2]).App.UserName)
	require.Equal(t, 1, d.fill(3, 9).Woken, "who was released waits no more")
}

// The pool is filled while a purchase is just finding it empty.
func TestAPurchaseThatMissedTheRefillIsFound(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("pool", store.ProductSettings{Pool: "crm"})
	pk, task := d.orderByPool("CS1")
	err := d.p.Provision(ctx, task)
	require.Zero(t, d.fill(1, 2).Woken, "it has not failed yet")
	d.fail(task, err)
	free := map[string]int{}
	keeper := d.keeper(func(name string, n int) { free[name] = n })
	require.NoError(t, keeper.Measure(ctx))
	require.Equal(t, map[string]int{"crm": 1}, free)
	require.NoError(t, keeper.Watch(ctx))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, "user-1", d.instance(pk).App.UserName)
}

func TestAPoolThatRunsLowIsToldOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	keeper := d.keeper(nil)
	d.fill(1, 4)
	told := func(action string) int { return d.count(`SELECT count(*) FROM audit WHERE action = $1`, action) }
	require.NoError(t, keeper.Watch(ctx))
	require.Zero(t, told("pool.low"))
	require.NoError(t, keeper.SetLowWater(ctx, "crm", 3, ann))
	require.NoError(t, keeper.Watch(ctx))
	require.NoError(t, keeper.Watch(ctx))
	require.Equal(t, 1, told("pool.low"))
	require.Equal(t, "pool/crm 3 3", d.text(`SELECT target || ' ' || (detail ->> 'free') || ' ' || (detail ->> 'low_water') FROM audit WHERE action = 'pool.low'`))
	require.Contains(t, d.log.String(), "a pool is low")
	d.fill(4, 6)
	require.NoError(t, keeper.Watch(ctx))
	require.Equal(t, 1, told("pool.filled"))
	require.Equal(t, "pool.low_water", fault.From(keeper.SetLowWater(ctx, "crm", -1, ann)).Key)
}

// All rows of an import are right, or none is added.
func TestAnImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	keeper := d.keeper(nil)
	d.fill(1, 3)
	account := func(line int, url, user string) pool.Row {
		return pool.Row{Line: line, Account: provision.Access{FrontEndURL: url, UserName: user}}
	}
	faults := func(err error) (out []string) {
		var refused *pool.Refused
		require.True(t, errors.As(err, &refused), "%v", err)
		for _, r := range refused.Rows {
			out = append(out, fmt.Sprintf("%d %s %s %s", r.Line, r.Field, r.Fault.Key, r.Fault.Args["line"]))
		}
		return out
	}
	rows := []pool.Row{account(2, "https://crm.example.com", "a"), account(3, "no address", "b"), account(4, " https://crm.example.com ", "a"), account(5, "", "c")}
	_, err := keeper.Add(ctx, "crm", rows, ann)
	require.Equal(t, []string{"3 front_end_url access.field_url ", "4  pool.row_twice 2", "5 front_end_url access.field_missing "}, faults(err))
	rows = []pool.Row{account(2, "https://crm.example.com", "x"), account(3, "https://crm.example.com", "user-2")}
	_, err = keeper.Add(ctx, "crm", rows, ann)
	require.Equal(t, []string{"3  pool.account_known "}, faults(err))
	require.Equal(t, []string{"3  pool.account_known "}, faults(keeper.Check(ctx, "crm", rows)))
	require.NoError(t, keeper.Check(ctx, "crm", rows[:1]))
	for name, key := range map[string]string{"": "pool.bad_name", "a b": "pool.bad_name", ".a": "pool.bad_name", "a/b": "pool.bad_name", "试用池-1": ""} {
		_, err := keeper.Add(ctx, name, rows[:1], ann)
		if key == "" {
			require.NoError(t, err)
		} else {
			require.Equal(t, key, fault.From(err).Key, name)
		}
	}
	_, err = keeper.Add(ctx, "crm", nil, ann)
	require.Equal(t, "pool.nothing_to_add", fault.From(err).Key)
	require.Equal(t, 3, d.count(`SELECT count(*) FROM pool_accounts`))
	require.Equal(t, 2, d.count(`SELECT count(*) FROM audit WHERE action = 'pool.add' AND actor = 'operator:ann@example.com'`))
	require.NotContains(t, d.log.String()+d.text(`SELECT string_agg(a::text, '') FROM audit a`), "pass-")
}

func TestSettingsOfAPoolProduct(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	set := func(s store.ProductSettings) string {
		_, err := d.p.SetProduct(ctx, "default", store.Product{ProductID: "*", Driver: "pool", Settings: s}, provision.GivenSecret, ann)
		if err == nil {
			return ""
		}
		return fault.From(err).Key
	}
	require.Equal(t, "product.pool_missing", set(store.ProductSettings{}))
	require.Equal(t, "pool.bad_name", set(store.ProductSettings{Pool: "a b"}))
	require.Equal(t, "product.pool_on_release", set(store.ProductSettings{Pool: "crm", PoolOnRelease: "burn"}))
	require.Empty(t, set(store.ProductSettings{Pool: "crm", PoolOnRelease: "return"}))
	p, err := d.store.Reader().Pool(ctx, "crm")
	require.NoError(t, err)
	require.True(t, p.Low, "a product uses it, and it is empty")
	require.WithinDuration(t, time.Now(), p.CreatedAt, time.Minute)
}

// What is free may not fit what was bought.
func TestAccountsThatFitNobodyAreNamedAsSuch(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("pool", store.ProductSettings{Pool: "crm"})
	pk, task := d.orderByPool("CS1")
	long := pool.Row{Line: 2, Account: provision.Access{FrontEndURL: "https://crm.example.com", Password: fmt.Sprintf("%080d", 1)}}
	_, err := d.keeper(nil).Add(ctx, "crm", []pool.Row{long}, ann)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE instances SET protocol = 'v1' WHERE id = $1`, pk)
	require.NoError(t, err)
	err = d.p.Provision(ctx, task)
	require.Equal(t, "pool.none_fits", fault.From(err).Key)
	d.fail(task, err)

	// It was answered with success and nobody calls for it again: it goes on by
	// itself, but not for an account that fits it as little.
	_, err = d.store.SQL().Exec(`UPDATE messages SET protocol = 'v1', result_code = '000000'`)
	require.NoError(t, err)
	long.Account.UserName = "other"
	added, err := d.keeper(nil).Add(ctx, "crm", []pool.Row{long}, ann)
	require.NoError(t, err)
	require.Zero(t, added.Woken)
	require.Equal(t, 1, d.fill(1, 2).Woken)
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, "user-1", d.instance(pk).App.UserName)
}

// An account is of its pool for good: a person sees to it that the customer gets
// what was bought.
func TestAnUpgradeToAnotherPoolWaitsForAPerson(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.fill(1, 3)
	d.set(store.Product{SkuCode: "s50", Driver: "pool", Settings: store.ProductSettings{Pool: "crm"}})
	d.set(store.Product{SkuCode: "s100", Driver: "pool", Settings: store.ProductSettings{Pool: "crm"}})
	d.set(store.Product{SkuCode: "s500", Driver: "pool", Settings: store.ProductSettings{Pool: "big"}})
	d.market.add(t, order{ID: "CS1", Product: "P-1", Sku: "s50", Email: "zhang@example.com"})
	i := d.instance(d.made("CS1"))
	for n, sku := range []string{"s100", "s500"} {
		id := "UP-" + sku
		d.market.add(t, order{ID: id, Type: "CHANGE", Product: "P-" + sku, Sku: sku, Created: fmt.Sprintf("2026110%d000000", n+2)})
		require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: i.PK,
			OrderID: id, OrderLineID: id + "-000001", UniqueKey: sku})))
		require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
		if sku == "s100" {
			require.Zero(t, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status <> 'succeeded'`), "within its pool it stays")
		}
	}
	d.waitsForPerson(i.InstanceID)
	require.Equal(t, i.App, d.instance(i.PK).App)

	// Whoever has claimed it may have begun, although the pool takes its account back.
	_, err := d.p.ClaimInstance(ctx, i.InstanceID, false, ann)
	require.NoError(t, err)
	d.end(i.PK)
	l := d.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, "by_hand manual", l[0].Reason+" "+l[0].Driver)
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM pool_accounts WHERE status = 'retired'`))
	require.Len(t, d.leftovers(store.LeftoverOpen), 1, "it is still to be seen to")
}
