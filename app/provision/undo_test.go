package provision_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/nothing"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// prober is a driver that says what it holds.
type prober struct {
	fake
	holds map[string]bool
}

func (p *prober) Provision(ctx context.Context, r provision.Request) (provision.Result, error) {
	defer func() {
		if p.holds == nil {
			p.holds = map[string]bool{}
		}
		p.holds[r.InstanceID] = true
	}()
	return p.fake.Provision(ctx, r)
}

func (p *prober) Release(ctx context.Context, r provision.Request) error {
	if err := p.fake.Release(ctx, r); err != nil {
		return err
	}
	delete(p.holds, r.InstanceID)
	return nil
}

func (p *prober) Exists(_ context.Context, r provision.Request) (bool, error) {
	return p.holds[r.InstanceID], nil
}

func bought(t *testing.T) (*desk, *prober, int64) {
	t.Helper()
	d := open(t)
	drv := &prober{fake: fake{result: provision.Result{Access: provision.Access{FrontEndURL: "https://e.cn/"}}}}
	d.drivers["fake"] = drv
	d.product("fake", store.ProductSettings{})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(context.Background(), task))
	return d, drv, pk
}

// The answer was lost and the order cancelled: nobody else knows of the thing.
func TestATryWhoseOutcomeIsUnknownIsUndoneAfterTheRelease(t *testing.T) {
	t.Parallel()
	d, drv, pk := bought(t)
	ctx := context.Background()
	drv.err = fault.New(fault.Unavailable, "driver.timeout")
	task := d.next(outbox.Provision)
	drv.during = func() { d.release(pk) }
	require.ErrorIs(t, d.p.Provision(ctx, task), drv.err)
	drv.err, drv.during = nil, nil
	undo := d.next(outbox.Provision)
	require.Equal(t, outbox.Release, undo.Purpose)
	f := fault.From(d.p.Provision(ctx, undo))
	require.Equal(t, "provision.still_running", f.Key, "not while it is still being made")
	d.fail(task, fault.New(fault.Unavailable, "driver.timeout"))
	require.NoError(t, d.p.Provision(ctx, undo))
	require.Empty(t, drv.holds)
}

func TestAWorkerThatLostItsLeaseStillHasItsThingUndone(t *testing.T) {
	t.Parallel()
	d, drv, pk := bought(t)
	ctx := context.Background()
	task := d.next(outbox.Provision)
	drv.during = func() {
		d.release(pk)
		_, err := d.store.SQL().Exec(`UPDATE tasks SET status = 'pending', round = round + 1 WHERE id = $1`, task.ID)
		require.NoError(t, err)
		drv.during = nil
		undo := d.next(outbox.Provision) // the same row again: a released instance has nothing to make
		require.NoError(t, d.p.Provision(ctx, undo))
		require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)), "the undoing comes before the late answer")
	}
	require.NoError(t, d.p.Provision(ctx, task))
	require.NotEmpty(t, drv.holds)
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Empty(t, drv.holds)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM leftovers`))
}

func TestWhatCannotBeUndoneIsLeftOverUntilSomebodyDecides(t *testing.T) {
	t.Parallel()
	d, drv, pk := bought(t)
	ctx := context.Background()
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	d.release(pk)
	drv.err = fault.New(fault.Refused, "driver.refused")
	undo := d.next(outbox.Provision)
	cause := d.p.Provision(ctx, undo)
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		if err := d.p.OnFail(ctx, tx, undo, cause, true); err != nil {
			return err
		}
		return tx.Fail(ctx, undo, cause, time.Time{})
	}))
	l := d.leftovers(store.LeftoverOpen)[0]
	require.Equal(t, "undo_failed fake driver.refused", l.Reason+" "+l.Driver+" "+l.Error.Key)

	ann := staff.Actor{Name: "operator:ann@example.com"}
	require.Equal(t, "leftover.reason_missing", fault.From(d.p.KeepLeftover(ctx, l.ID, ann)).Key)
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.RestartTasks(ctx, []int64{undo.ID}, ann.Name)
		return err
	}))
	require.NoError(t, d.p.UndoLeftover(ctx, l.ID, ann))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE purpose = 'release'`), "the task that somebody restarted just before does it")
	require.Equal(t, "leftover.decided", fault.From(d.p.UndoLeftover(ctx, l.ID, ann)).Key)
	drv.err = nil
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, l.ID, d.leftovers(store.LeftoverGone)[0].ID)
	require.Equal(t, "instance.leftover_undo", d.text(`SELECT action FROM audit WHERE target = 'instance/' || $1`, l.InstanceID))
	require.Equal(t, 1, d.wakes)
}

func TestWhatAPersonMadeOnlyAPersonTakesDown(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("manual", store.ProductSettings{})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk := d.made("CS1")
	require.NoError(t, d.p.SetAccess(ctx, d.instance(pk).InstanceID, provision.Access{FrontEndURL: "https://e.cn/"}, staff.CLI()))
	d.release(pk)
	l := d.leftovers(store.LeftoverOpen)[0]
	require.Equal(t, store.ByHand, l.Reason)
	ann := staff.Actor{Name: "operator:ann@example.com", Reason: "deleted in the admin console"}
	require.Equal(t, "leftover.no_undo", fault.From(d.p.UndoLeftover(ctx, l.ID, ann)).Key)
	require.NoError(t, d.p.KeepLeftover(ctx, l.ID, ann))
	require.NoError(t, d.p.LeftoverGone(ctx, l.ID, ann), "a thing that was kept may go later")
	require.Equal(t, "deleted in the admin console", d.leftovers(store.LeftoverGone)[0].Note)
}

// Whoever has claimed an instance may have begun to set it up.
func TestWhatAPersonHasBegunIsLeftOver(t *testing.T) {
	t.Parallel()
	d := open(t)
	i := parked(t, d)
	_, err := d.p.ClaimInstance(context.Background(), i.InstanceID, false, ann)
	require.NoError(t, err)
	d.end(i.PK)
	l := d.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, "by_hand manual", l[0].Reason+" "+l[0].Driver)
	require.Zero(t, d.count(`SELECT count(*) FROM provision_claims`))
}

// Nobody can undo it for the person, who ends the purchase and then looks.
func TestAGivenUpPurchaseThatAPersonWasToMakeEnds(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	_, err := d.p.ClaimInstance(ctx, i.InstanceID, false, ann)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE messages SET status = 'failed'`)
	require.NoError(t, err)
	l := d.givenUp()
	require.NoError(t, d.p.UndoLeftover(ctx, l.ID, ann))
	require.Equal(t, market.Released, d.instance(i.PK).Status)
	left := d.leftovers(store.LeftoverOpen)
	require.Len(t, left, 1)
	require.Equal(t, "by_hand manual", left[0].Reason+" "+left[0].Driver)
	require.Zero(t, d.count(`SELECT count(*) FROM provision_claims`))
	require.Equal(t, "leftover.no_undo", fault.From(d.p.UndoLeftover(ctx, l.ID, ann)).Key)
	require.Equal(t, 1, d.wakes, "once")
}

func TestAPurchaseThatTheMarketplaceGaveUpIsLeftOver(t *testing.T) {
	t.Parallel()
	d, drv, pk := bought(t)
	ctx := context.Background()
	drv.err = fault.New(fault.Refused, "driver.refused")
	task := d.next(outbox.Provision)
	d.fail(task, d.p.Provision(ctx, task))
	require.NoError(t, d.p.FindLeftovers(ctx))
	require.Empty(t, d.leftovers(store.LeftoverOpen), "the marketplace still tries")
	_, err := d.store.SQL().Exec(`UPDATE messages SET retry_until = now() - interval '1 hour'`)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, d.p.FindLeftovers(ctx))
	}
	l := d.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, store.OrderGivenUp, l[0].Reason)
	drv.err = nil
	d.subscribe("instance.released")
	require.NoError(t, d.p.UndoLeftover(ctx, l[0].ID, staff.CLI()))
	require.Equal(t, market.Released, d.instance(pk).Status)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM events`), "the seller's systems hear of it")
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Empty(t, drv.holds)
	require.Len(t, d.leftovers(store.LeftoverGone), 1)
}

func TestAnotherDriverLeavesTheFirstOnesThingToAPerson(t *testing.T) {
	t.Parallel()
	d, drv, pk := bought(t)
	ctx := context.Background()
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	d.drivers["other"] = &fake{result: provision.Result{Access: provision.Access{FrontEndURL: "https://other.cn/"}}}
	d.product("other", store.ProductSettings{})
	require.NoError(t, d.p.Provision(ctx, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: pk, UniqueKey: "u"})))
	l := d.leftovers(store.LeftoverOpen)[0]
	require.Equal(t, "driver_changed fake", l.Reason+" "+l.Driver)
	require.NoError(t, d.p.UndoLeftover(ctx, l.ID, staff.CLI()))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Empty(t, drv.holds)
	require.Equal(t, market.Active, d.instance(pk).Status)
}

// A pool that was empty holds nothing of the instance: neither when another driver
// makes it, nor when the marketplace gives the purchase up.
func TestAPoolThatGaveNothingLeavesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	giveUp := func(order string) int64 {
		pk, task := d.orderByPool(order)
		f := d.p.Provision(ctx, task)
		require.Equal(t, "pool.empty", fault.From(f).Key)
		require.Equal(t, "pool", d.instance(pk).Driver)
		d.fail(task, f)
		return pk
	}
	d.product("pool", store.ProductSettings{Pool: "crm"})
	switched := giveUp("CS1")
	waits := giveUp("CS2")
	_, err := d.store.SQL().Exec(`UPDATE messages SET retry_until = now() - interval '1 hour'`)
	require.NoError(t, err)
	require.NoError(t, d.p.FindLeftovers(ctx))
	d.product("static", templates)
	require.NoError(t, d.p.Provision(ctx, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Purchase, InstancePK: switched, UniqueKey: "again"})))
	require.Equal(t, "static", d.instance(switched).Driver)
	require.Empty(t, d.leftovers(store.LeftoverOpen))

	// One that holds an account leaves it to a person.
	d.product("pool", store.ProductSettings{Pool: "crm"})
	d.fill(1, 3)
	for range 2 { // the refill has both go on; the first one needs no account any more
		require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	}
	require.Equal(t, "user-1", d.instance(waits).App.UserName)
	d.drivers["other"] = &fake{result: provision.Result{Access: provision.Access{FrontEndURL: "https://other.cn/"}}}
	d.product("other", store.ProductSettings{})
	require.NoError(t, d.p.Provision(ctx, d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: waits, UniqueKey: "up"})))
	l := d.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, "driver_changed pool", l[0].Reason+" "+l[0].Driver)
}

// What a driver holds of a purchase that it did not finish is left over, whoever has
// that then: a person, or nobody. When it finishes it after all, it is not.
func TestWhatADriverHoldsOfAPurchaseThatGoesToAPersonIsLeftOver(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.drivers[nothing.Name] = nothing.Driver{}
	crm := store.ProductSettings{Pool: "crm"}
	d.fill(1, 3)
	for n, now := range []string{nothing.Name, "manual"} {
		d.product("pool", crm)
		pk, task := d.orderByPool("CS" + strconv.Itoa(n))
		_, err := d.drivers["pool"].Provision(ctx, provision.Request{InstanceID: d.instance(pk).InstanceID, Settings: crm})
		require.NoError(t, err)
		d.product(now, store.ProductSettings{})
		require.NoError(t, d.p.Provision(ctx, task))
		require.Equal(t, now, d.instance(pk).Driver)
		require.Equal(t, n+1, d.count(`SELECT count(*) FROM leftovers WHERE reason = 'driver_changed' AND driver = 'pool'`), now)
	}
	d.product("pool", crm)
	require.NoError(t, d.p.Provision(ctx, d.claimAgain(int64(d.count(`SELECT id FROM tasks WHERE parked_at IS NOT NULL AND status = 'pending'`)))))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM leftovers`), "its account is the customer's")
	require.Equal(t, 2, d.count(`SELECT count(*) FROM pool_accounts WHERE status = 'used'`))
}

// What a driver may have begun for an upgrade is seen until the instance is its own.
func TestAnUpgradeThatADriverDidNotFinishIsLeftOver(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk := d.made("CS1")
	drv := &fake{err: fault.New(fault.Unavailable, "driver.timeout"), result: provision.Result{Access: provision.Access{FrontEndURL: "https://e.cn/"}}}
	d.drivers["fake"] = drv
	d.product("fake", store.ProductSettings{})
	task := d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: pk, UniqueKey: "u"})
	require.ErrorIs(t, d.p.Provision(ctx, task), drv.err)
	require.Equal(t, "driver_changed fake", d.leftOver())
	drv.err = nil
	require.NoError(t, d.p.Provision(ctx, task))
	require.Equal(t, "fake", d.instance(pk).Driver)
	require.Empty(t, d.leftOver())
}

func (d *desk) leftovers(status string) []store.LeftoverRow {
	d.t.Helper()
	page, err := d.store.Reader().LeftoverList(context.Background(), store.LeftoverFilter{Status: status, Channel: "default"}, store.Paging{})
	require.NoError(d.t, err)
	counts, err := d.store.Reader().LeftoverCounts(context.Background(), store.LeftoverFilter{})
	require.NoError(d.t, err)
	require.Equal(d.t, len(page.Items), counts[status].N)
	return page.Items
}
