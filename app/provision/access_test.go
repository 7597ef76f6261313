package provision_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
)

var ann = staff.Actor{Name: "operator:ann@example.com", Role: staff.Operator, Source: "operator", IP: "192.0.2.7"}

var typed = provision.Access{FrontEndURL: "https://app.example.com/", UserName: "admin", Password: "typed-by-ann", Memo: "第一行\n第二行"}

// parked gives an instance that waits for a person.
func parked(t *testing.T, d *desk) *store.Instance {
	t.Helper()
	ctx := context.Background()
	d.product("manual", store.ProductSettings{})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	return d.instance(pk)
}

func TestAManualProductWaitsForAPerson(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	require.Equal(t, market.Provisioning, i.Status)
	require.Equal(t, "manual", i.Driver)
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`))
	require.Equal(t, "pending", d.text(`SELECT status FROM tasks WHERE kind = 'provision'`))
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM tasks WHERE status = 'pending' AND run_at < now() + interval '100 years'`), "nothing runs by itself")

	padded := typed
	padded.FrontEndURL = "  " + typed.FrontEndURL + "\n"
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, padded, ann))
	got := d.instance(i.PK)
	require.Equal(t, typed, got.App)
	require.Equal(t, market.Active, got.Status)
	require.Equal(t, "manual", got.Driver)
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages`))
	require.Equal(t, "succeeded", d.text(`SELECT status FROM tasks WHERE kind = 'provision'`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries d JOIN messages m ON m.id = d.message_id`))
	require.Equal(t, "operator:ann@example.com", d.text(`SELECT actor FROM instance_events WHERE kind = 'access'`))
	require.Equal(t, "instance.access operator:ann@example.com instance/"+i.InstanceID+" 192.0.2.7",
		d.text(`SELECT action || ' ' || actor || ' ' || target || ' ' || host(remote_ip) FROM audit`))
	require.NotContains(t, d.text(`SELECT string_agg(a::text, '') FROM audit a`), typed.Password)
	require.NotContains(t, d.log.String(), typed.Password)
	require.Equal(t, 1, d.wakes)
}

func TestReplacedAccessDataGoesOutAgainIfItChanged(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann))
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann))
	require.Equal(t, 1, d.instance(i.PK).AccessVersion)
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, 2, d.count(`SELECT count(*) FROM audit`))

	next := typed
	next.UserName, next.Password = "root", ""
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, next, ann))
	got := d.instance(i.PK)
	require.Equal(t, "typed-by-ann", got.App.Password, "an empty password keeps the stored one")
	require.Equal(t, "root", got.App.UserName)
	require.Equal(t, 2, got.AccessVersion)
	require.Equal(t, 2, d.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, "userName", d.text(`SELECT new_value FROM instance_events WHERE kind = 'access' ORDER BY id DESC LIMIT 1`))
}

func TestAccessDataIsChecked(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	for field, a := range map[string]provision.Access{
		"frontEndUrl": {}, "adminUrl": {FrontEndURL: "https://e.cn", AdminURL: "nonsense"},
		"password": {FrontEndURL: "https://e.cn", Password: strings.Repeat("p", 129)},
	} {
		f := fault.From(d.p.SetAccess(ctx, i.InstanceID, a, ann))
		require.Equal(t, fault.Invalid, f.Code, field)
		require.True(t, strings.HasPrefix(f.Key, "access.field_"), f.Key)
		require.Equal(t, field, f.Args["field"])
	}
	require.Equal(t, "instance.unknown", fault.From(d.p.SetAccess(ctx, "nobody", typed, ann)).Key)
	d.release(i.PK)
	require.Equal(t, "access.instance_released", fault.From(d.p.SetAccess(ctx, i.InstanceID, typed, ann)).Key)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM audit`))
}

func TestAPersonRescuesAnOrderThatCannotBeQueried(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	pk, task := d.buy("CS1")
	f := fault.From(d.p.QueryOrder(ctx, task))
	d.fail(task, f)
	require.NoError(t, d.p.SetAccess(ctx, d.instance(pk).InstanceID, typed, ann))
	require.Equal(t, market.Active, d.instance(pk).Status, "queryInstance can answer")
	require.Equal(t, "failed", d.text(`SELECT status FROM messages`), "the order is still unknown")
	require.Equal(t, 0, d.count(`SELECT count(*) FROM deliveries`))

	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error { _, err := tx.RestartTasks(ctx, []int64{task.ID}, "ann"); return err }))
	require.NoError(t, d.p.QueryOrder(ctx, d.claim(task.ID)))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, typed, d.instance(pk).App, "what the person typed stays")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`), "now it is known whom to tell")
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages`))
}

func TestWhatAPersonTypedSurvivesAnUpgradeByTemplate(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	pk := d.made("CS1")
	require.NoError(t, d.p.SetAccess(ctx, d.instance(pk).InstanceID, typed, ann))
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, typed, d.instance(pk).App)
	require.Equal(t, "P-2", d.instance(pk).ProductID)
}

func TestAManualUpgradeIsEndedByThePerson(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann))
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: i.PK,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status = 'pending' AND run_at > '9999-01-01'`))
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann), "nothing the customer needs has changed")
	require.Equal(t, 0, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status <> 'succeeded'`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM deliveries`))
}

func TestAPersonDoesNotEndWhatADriverIsGoingToDo(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	i := parked(t, d)
	waiting := d.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: i.PK, UniqueKey: "u"})
	_, err := d.store.SQL().Exec(`UPDATE tasks SET status = 'pending' WHERE id = $1`, waiting.ID)
	require.NoError(t, err)
	require.NoError(t, d.p.SetAccess(ctx, i.InstanceID, typed, ann))
	require.Equal(t, "pending", d.text(`SELECT status FROM tasks WHERE id = $1`, waiting.ID))
}
