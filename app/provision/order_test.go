package provision_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func at(s string) time.Time {
	t, err := market.ParseStamp(s, time.UTC)
	if err != nil {
		panic(err)
	}
	return t
}

func TestAPurchaseIsLearned(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product, Linear: 50, Expires: "20271121155959", Email: "zhang@example.com", Phone: "18688888888"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	require.Equal(t, []string{"https://market.test " + storetest.AK + " CS1 CS1-000001"}, d.market.asked)
	i := d.instance(pk)
	require.Equal(t, product, i.ProductID)
	require.Equal(t, "sku-"+product, i.SkuCode)
	require.Equal(t, int64(50), i.LinearValue)
	require.Equal(t, "测试商品,基础版", i.ProductName)
	require.Equal(t, market.Period, i.ChargingMode)
	require.Equal(t, at("20271121155959"), i.ExpiresAt)
	require.Equal(t, "order", i.ExpirySetBy)
	require.Equal(t, "zhang@example.com", i.Email)
	require.Equal(t, "18688888888", i.Phone)
	require.Equal(t, "张三", i.RealName)
	require.Equal(t, market.Provisioning, i.Status)
	require.False(t, i.OrderKnownAt.IsZero())
	require.Equal(t, "customer,expiry,order,product", d.text(`SELECT string_agg(kind, ',' ORDER BY kind) FROM instance_events`))
	require.Equal(t, product+" × 50", d.text(`SELECT new_value FROM instance_events WHERE kind = 'product'`))
	require.Equal(t, 1, d.count(`SELECT count(*) FROM instance_events WHERE kind = 'order' AND message_id = $1 AND task_id = $2`, task.MessageID, task.ID))
	require.Equal(t, "succeeded", d.text(`SELECT status FROM tasks WHERE id = $1`, task.ID))
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`), "the provisioning is still to come")
	require.Equal(t, 1, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND purpose = 'purchase' AND instance_pk = $1 AND message_id = $2`, pk, task.MessageID))
}

func TestAnOrderQueryNeedsCredentials(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	none := ""
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, _, err := tx.SetChannel(ctx, store.ChannelChange{Slug: "default", AK: &none, SK: &none})
		return err
	}))
	_, err := d.store.SQL().Exec(`UPDATE channels SET ak_sealed = NULL, sk_sealed = NULL`)
	require.NoError(t, err)
	_, task := d.buy("CS1")
	f := fault.From(d.p.QueryOrder(ctx, task))
	require.Equal(t, "order_query.no_credentials", f.Key)
	require.Equal(t, "default", f.Args["channel"])
	require.True(t, f.Retry.Never)
	require.Empty(t, d.market.asked)
}

func TestTheOrderLineIsChosenByItsID(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Line: "CS1-000002", Product: product})
	pk, task := d.buy("CS1")
	f := fault.From(d.p.QueryOrder(ctx, task))
	require.Equal(t, "order_query.line_missing", f.Key)
	require.Equal(t, map[string]string{"order": "CS1", "line": "CS1-000001"}, f.Args)
	require.False(t, f.Retry.Never, "the marketplace may not have written it yet")
	require.Empty(t, d.instance(pk).ProductID)
}

func TestARenewalsExpiryIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product, Expires: "20271121155959"})
	pk, task := d.buy("CS1")
	refreshed := at("20281121155959")
	d.market.before = func() { // the renewal comes in while the query is under way
		d.market.before = nil
		require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
			i, err := tx.LockInstancePK(ctx, pk)
			if err != nil {
				return err
			}
			return tx.SaveState(ctx, i, i.Hear(refreshed, "", 0), store.Origin{})
		}))
	}
	require.NoError(t, d.p.QueryOrder(ctx, task))
	i := d.instance(pk)
	require.Equal(t, refreshed, i.ExpiresAt)
	require.Equal(t, "refresh", i.ExpirySetBy)
	require.Equal(t, product, i.ProductID, "the rest of the answer counts")
}

func TestARefreshToTheSameDateCountsToo(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product, Expires: "20271121155959"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: product, Created: "20261102000000", Expires: "20261201000000"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Hear(at("20271121155959"), "", 0), store.Origin{})
	}))
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.Equal(t, at("20271121155959"), d.instance(pk).ExpiresAt)
}

func TestAnOlderOrderDoesNotOverruleANewerOne(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: "P-OLD", Created: "20261101000000", Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-NEW", Created: "20261102000000", Email: "other@example.com"})
	pk, first := d.buy("CS1")
	upgrade := d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk, OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})
	require.NoError(t, d.p.QueryOrder(ctx, upgrade))
	require.NoError(t, d.p.QueryOrder(ctx, first))
	i := d.instance(pk)
	require.Equal(t, "P-NEW", i.ProductID)
	require.Equal(t, "CHANGE", i.OrderType)
	require.Equal(t, "zhang@example.com", i.Email, "who the customer is, the purchase says")
	raw, err := d.store.Reader().OrderAnswer(ctx, pk)
	require.NoError(t, err)
	require.Contains(t, string(raw), "CS2")
	require.Equal(t, "purchase,upgrade", d.text(`SELECT string_agg(purpose, ',' ORDER BY purpose) FROM tasks WHERE kind = 'provision'`))
}

func TestARenewalChangesPeriodAndProductOnly(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "RENEW", Product: "P-2", Created: "20261103000000", Email: "other@example.com"})
	d.market.add(t, order{ID: "CS3", Type: "UNSUBSCRIBE", Product: "P-3", Created: "20261104000000"})
	pk := d.made("CS1")
	for _, id := range []string{"CS2", "CS3"} {
		task := d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Renewed, InstancePK: pk, OrderID: id, OrderLineID: id + "-000001", UniqueKey: id})
		require.NoError(t, d.p.QueryOrder(ctx, task))
	}
	i := d.instance(pk)
	require.Equal(t, "P-2", i.ProductID, "a cancellation describes what is not there any more")
	require.Equal(t, "zhang@example.com", i.Email)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision' AND status = 'pending'`))
	require.Equal(t, 1, i.AccessVersion)
}

func TestAReleasedInstanceLearnsNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product})
	d.market.add(t, order{ID: "CS2", Product: product})
	pk, task := d.buy("CS1")
	d.release(pk)
	require.NoError(t, d.p.QueryOrder(ctx, task))
	require.Empty(t, d.market.asked)
	later, second := d.buy("CS2")
	d.market.before = func() { d.release(later) }
	require.NoError(t, d.p.QueryOrder(ctx, second))
	require.Empty(t, d.instance(later).ProductID)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM tasks WHERE kind = 'provision'`))
	require.Equal(t, 2, d.count(`SELECT count(*) FROM tasks WHERE status = 'succeeded'`))
}

func TestALostLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.product("static", templates)
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	pk, task := d.buy("CS1")
	d.market.before = func() {
		_, err := d.store.SQL().Exec(`UPDATE tasks SET round = round + 1`)
		require.NoError(t, err)
	}
	require.Equal(t, "task.lease_lost", fault.From(d.p.QueryOrder(ctx, task)).Key)
	require.Empty(t, d.instance(pk).ProductID)
	require.Equal(t, 0, d.count(`SELECT count(*) FROM instance_events`))
}

func TestHostileTextsOfAnOrderAreTidied(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.market.add(t, order{ID: "CS1", Product: "P\x001", Email: " zhang@example.com\r\nBcc: x@example.org "})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(context.Background(), task))
	require.Regexp(t, `^P ?1$`, d.instance(pk).ProductID)
	require.NotContains(t, d.instance(pk).Email, "\n")
}
