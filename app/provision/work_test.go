package provision_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func TestAPurchaseBecomesAnInstanceOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk := d.made("CS1")
	i := d.instance(pk)
	require.Equal(t, market.Active, i.Status)
	require.Equal(t, "static", i.Driver)
	require.Equal(t, 1, i.AccessVersion)
	require.Equal(t, "https://app.example.com/i/"+i.InstanceID+"?sku=sku-"+product, i.App.FrontEndURL)
	require.Equal(t, "zhang@example.com", i.App.UserName)
	require.Len(t, i.App.Password, 16)
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages`))
	require.Equal(t, "usage_info/1/1", strings.Replace(d.text(`SELECT unique_key FROM deliveries`), "/"+d.text(`SELECT id::text FROM instances`)+"/", "/1/", 1))
	require.Equal(t, "frontEndUrl, userName, password, memo", d.text(`SELECT new_value FROM instance_events WHERE kind = 'access'`))

	_, err := d.store.SQL().Exec(`UPDATE tasks SET status = 'pending', round = 1, attempts = 0 WHERE kind = 'provision'`)
	require.NoError(t, err)
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, i.App, d.instance(pk).App, "no second password")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'deliver'`))
	require.NotContains(t, d.log.String(), i.App.Password)
	require.NotContains(t, d.log.String(), "zhang@")
	require.NotContains(t, d.text(`SELECT string_agg(e::text, ' ') FROM instance_events e`), i.App.Password)
}

func TestProvisioningWithoutAWayFailsForGood(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	task = d.next(outbox.Provision)
	f := fault.From(d.p.Provision(ctx, task))
	require.Equal(t, "product.unconfigured", f.Key)
	require.True(t, f.Retry.Never)
	d.fail(task, f)
	require.Equal(t, "failed", d.text(`SELECT status FROM messages`))

	d.product("teleport", store.ProductSettings{})
	again := func() outbox.Task {
		require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error { _, err := tx.RestartTasks(ctx, []int64{task.ID}, "operator:ann"); return err }))
		return d.claim(task.ID)
	}
	task = again()
	f = fault.From(d.p.Provision(ctx, task))
	require.Equal(t, "product.driver_unknown", f.Key)
	require.Equal(t, "manual, pool, static", f.Args["known"])
	d.fail(task, f)

	d.product("static", store.ProductSettings{FrontEndURL: "https://e.cn/{instance_id}", Memo: strings.Repeat("长", 1025)})
	task = again()
	f = fault.From(d.p.Provision(ctx, task))
	require.Equal(t, "provision.bad_access", f.Key)
	require.Equal(t, "memo", f.Args["field"])
	require.True(t, f.Retry.Never)
	d.fail(task, f)
	require.Zero(t, d.instance(pk).AccessVersion)

	d.product("static", templates)
	require.NoError(t, d.p.Provision(ctx, again()))
	require.Equal(t, market.Active, d.instance(pk).Status)
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
}

func TestAnUpgradeKeepsTheAccountAndTellsOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	d.market.add(t, order{ID: "CS3", Type: "CHANGE", Product: "P-2", Created: "20261103000000", Linear: 7})
	pk := d.made("CS1")
	before := d.instance(pk).App
	for _, id := range []string{"CS2", "CS3"} {
		require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
			OrderID: id, OrderLineID: id + "-000001", UniqueKey: id})))
		require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	}
	i := d.instance(pk)
	require.Equal(t, 2, i.AccessVersion, "the second upgrade changes nothing that the customer needs")
	require.Equal(t, before.Password, i.App.Password)
	require.Equal(t, before.UserName, i.App.UserName)
	require.Equal(t, "https://app.example.com/i/"+i.InstanceID+"?sku=sku-P-2", i.App.FrontEndURL)
	require.Equal(t, int64(7), i.LinearValue)
	require.Equal(t, 2, d.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries WHERE status = 'cancelled'`), "what was not told yet is said by the newer one")
}

// An upgrade is told once, when it has reached the driver, also when that waits
// for a person and is asked again.
func TestAnUpgradeThatWaitsIsToldOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.subscribe("instance.upgraded")
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	pk := d.made("CS1")
	d.drivers["slow"] = &fake{result: provision.Result{Waiting: true}}
	d.product("slow", store.ProductSettings{})
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "CS2"})))
	task := d.next(outbox.Provision)
	require.NoError(t, d.p.Provision(ctx, task))
	require.NoError(t, d.p.Provision(ctx, d.claimAgain(task.ID)))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM events WHERE type = 'instance.upgraded' AND order_id = 'CS2'`))
}

// What a product promised may be handed in before its promise is written down, also
// when nothing of the access data changes: then nothing is waited for.
func TestAnUpgradeIsOverThatWasHandedInBeforeItsPromise(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	i := d.instance(d.made("CS1"))
	changed := i.App
	changed.Memo = "twice as big"
	drv := &fake{result: provision.Result{Waiting: true, Until: time.Now().Add(2 * time.Hour)}}
	d.drivers["prompt"] = drv
	d.product("prompt", store.ProductSettings{})
	for _, access := range []provision.Access{i.App, changed} {
		drv.during = func() { require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, access, ann)) }
		require.NoError(t, d.p.Provision(ctx, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: i.PK, UniqueKey: access.Memo})))
		require.Equal(t, access, d.instance(i.PK).App)
		require.Zero(t, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status <> 'succeeded'`))
	}
	drv.during = nil
	require.NoError(t, d.p.Provision(ctx, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: i.PK, UniqueKey: "waits"})))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status = 'pending' AND parked_at IS NOT NULL`), "the next one waits as ever")
}

func TestAnUpgradeDuringProvisioningIsPartOfIt(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	purchase := d.next(outbox.Provision)
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.NoError(t, d.p.Provision(ctx, purchase))
	require.Equal(t, 1, d.instance(pk).AccessVersion)
	require.Contains(t, d.instance(pk).App.FrontEndURL, "sku-P-2")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
}

func TestTwoWorkersAtOnceMakeOneInstance(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(context.Background(), task))
	tasks := []outbox.Task{d.next(outbox.Provision)}
	for _, key := range []string{"a", "b", "c"} {
		tasks = append(tasks, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: pk, UniqueKey: key}))
	}
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() {
			err := d.p.Provision(context.Background(), task)
			for fault.Is(err, fault.Conflict) { // what a worker does: it tries again
				err = d.p.Provision(context.Background(), task)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, d.instance(pk).AccessVersion)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
}

// fake is a driver whose behaviour a test decides.
type fake struct {
	during   func()
	result   provision.Result
	err      error
	released []string
}

func (f *fake) CheckSettings(store.ProductSettings, string) error { return nil }
func (f *fake) Provision(context.Context, provision.Request) (provision.Result, error) {
	if f.during != nil {
		f.during()
	}
	return f.result, f.err
}
func (f *fake) Change(ctx context.Context, r provision.Request) (provision.Result, error) {
	return f.Provision(ctx, r)
}
func (f *fake) CanChange(context.Context, provision.Request, []market.ProductInfo) error {
	return f.err
}
func (f *fake) Release(_ context.Context, r provision.Request) error {
	f.released = append(f.released, r.InstanceID)
	return f.err
}

func TestWhatWasMadeForAReleasedInstanceIsLetGo(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	drv := &fake{result: provision.Result{Access: provision.Access{FrontEndURL: "https://e.cn/"}}}
	d.drivers["fake"] = drv
	d.product("fake", store.ProductSettings{})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	drv.during = func() { d.release(pk) }
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	i := d.instance(pk)
	require.Equal(t, market.Released, i.Status)
	require.Zero(t, i.AccessVersion)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM deliveries`))
	letGo := d.next(outbox.Provision)
	require.Equal(t, outbox.Release, letGo.Purpose)
	require.NoError(t, d.p.Provision(ctx, letGo))
	require.Equal(t, []string{i.InstanceID}, drv.released)

	d.market.add(t, order{ID: "CS2", Product: product})
	drv.during = nil
	pk = d.made("CS2")
	d.release(pk)
	drv.err = fault.New(fault.Unavailable, "driver.away")
	letGo = d.next(outbox.Provision)
	require.ErrorIs(t, d.p.Provision(ctx, letGo), drv.err)
	drv.err = nil
	require.NoError(t, d.p.Provision(ctx, letGo))
	require.Len(t, drv.released, 3)
}

func TestADriverThatHoldsNothingCausesNoReleaseTask(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.release(d.made("CS1"))
	require.Equal(t, 0, d.count(`SELECT count(*) FROM tasks WHERE purpose = 'release'`))
}

func TestAnswersOfADriverDoNotOverwriteWhatAPersonTypedMeanwhile(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	drv := &fake{result: provision.Result{Access: provision.Access{FrontEndURL: "https://driver.example.com/"}}}
	d.drivers["fake"] = drv
	d.product("fake", store.ProductSettings{})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	typed := provision.Access{FrontEndURL: "https://typed.example.com/", Password: "typed"}
	drv.during = func() { require.NoError(t, d.p.SetAccess(ctx, d.instance(pk).InstanceID, typed, staff.CLI())) }
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, typed, d.instance(pk).App)

	upgrade := d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: pk, UniqueKey: "u"})
	typed.Memo = "changed"
	f := fault.From(d.p.Provision(ctx, upgrade))
	require.Equal(t, "provision.changed_meanwhile", f.Key)
	require.False(t, f.Retry.Never)
	require.Equal(t, typed, d.instance(pk).App)
	require.Equal(t, 2, d.instance(pk).AccessVersion)
}

func TestAFrozenInstanceIsProvisionedAndStaysFrozen(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Freeze(tx.Now), store.Origin{})
	}))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, market.Frozen, d.instance(pk).Status)
	require.Equal(t, 1, d.instance(pk).AccessVersion)
}

func TestWithoutAnyAddressTheHistorySaysSo(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.product("static", store.ProductSettings{FrontEndURL: "https://e.cn/{instance_id}"})
	d.market.add(t, order{ID: "CS1", Product: product})
	pk := d.made("CS1")
	require.Equal(t, market.Active, d.instance(pk).Status)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM instance_events WHERE kind = 'customer' AND new_value = 'no_address'`))
}

func TestChangeInstanceCheckAsksTheTargetsDriver(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	target := []market.ProductInfo{{ProductID: "P-2", SkuCode: "s"}}
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.product("static", templates)
	i := d.instance(d.made("CS1"))
	require.NoError(t, d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, target))
	require.NoError(t, d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, nil))
	d.product("static", store.ProductSettings{FrontEndURL: "https://e.cn/{sku_code}"})
	target[0].SkuCode = strings.Repeat("s", 600)
	require.Equal(t, "access.field_too_long", fault.From(d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, target)).Key)
	d.drivers["fake"] = &fake{err: fault.New(fault.Conflict, "driver.too_small")}
	d.product("fake", store.ProductSettings{})
	require.Equal(t, "driver.too_small", fault.From(d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, target)).Key)
	_, err := d.store.SQL().Exec(`DELETE FROM products`)
	require.NoError(t, err)
	require.Equal(t, "product.unconfigured", fault.From(d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, target)).Key)
}

func TestSettingsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.NoError(t, d.drivers.Check(store.Product{Driver: "static", Settings: templates}))
	require.NoError(t, d.drivers.Check(store.Product{Driver: "manual"}))
	require.Equal(t, "template.missing", fault.From(d.drivers.Check(store.Product{Driver: "static"})).Key)
	require.Equal(t, "product.driver_unknown", fault.From(d.drivers.Check(store.Product{Driver: "teleport"})).Key)
}
