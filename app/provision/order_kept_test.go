package provision_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

func (d *desk) orders(pk int64) map[string]string {
	d.t.Helper()
	detail, err := d.store.Reader().InstanceDetail(context.Background(), d.instance(pk).InstanceID)
	require.NoError(d.t, err)
	out := map[string]string{}
	for _, o := range detail.Orders {
		require.Equal(d.t, store.OrderKnown, o.State)
		out[o.OrderLineID] = o.Purpose + " " + o.Type + " " + o.ProductID
	}
	return out
}

func TestEveryOrderThatWasAskedForIsKeptAndLinked(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	d.market.add(t, order{ID: "CS1", Product: product, Linear: 5, Email: "zhang@example.com"})
	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	d.market.add(t, order{ID: "CS3", Type: "UNSUBSCRIBE", Product: "P-3", Created: "20261103000000"})
	pk, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(ctx, task))
	for id, purpose := range map[string]outbox.Purpose{"CS2": outbox.Upgrade, "CS3": outbox.Renewed} {
		require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: purpose, InstancePK: pk, OrderID: id,
			OrderLineID: id + "-000001", UniqueKey: id})))
	}
	require.Equal(t, map[string]string{"CS1-000001": "purchase NEW " + product, "CS2-000001": "upgrade CHANGE P-2", "CS3-000001": "renewal UNSUBSCRIBE P-3"},
		d.orders(pk))

	found, err := d.store.Reader().OrderList(ctx, store.OrderFilter{Q: "zhang@example.com", Source: store.OrderFromInstance}, store.Paging{Limit: 10})
	require.NoError(t, err)
	require.NotEmpty(t, found.Items)
	var first *store.OrderDetail
	for _, o := range found.Items {
		if o.OrderID == "CS1" {
			first, err = d.store.Reader().OrderDetail(ctx, o.PK)
			require.NoError(t, err)
		}
	}
	require.NotNil(t, first)
	require.Equal(t, []market.ProductInfo{{ProductID: product, SkuCode: "sku-" + product, LinearValue: 5, ProductName: "测试商品,基础版"}}, first.Order.Lines[0].Products)
	require.Equal(t, d.instance(pk).InstanceID, first.InstanceID)
	require.Len(t, first.Instances, 1)
	of := first.Instances[0]
	require.Equal(t, []any{first.InstanceID, "CS1-000001", "purchase", market.Provisioning, "P-2", "测试商品,基础版"},
		[]any{of.InstanceID, of.OrderLineID, of.Purpose, of.Status, of.ProductID, of.ProductName})
	require.True(t, of.URLSeenAt.IsZero())
	require.NotContains(t, first.Answer, "zhang@example.com")
	require.Contains(t, first.Answer, "CS1-000001")
}

// What comes after the release is of no consequence to the instance, and is a
// fact all the same.
func TestTheOrderOfAnInstanceThatWasReleasedMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.market.add(t, order{ID: "CS1", Product: product})
	pk, task := d.buy("CS1")
	d.market.before = func() { d.release(pk) }
	require.NoError(t, d.p.QueryOrder(context.Background(), task))
	require.Equal(t, map[string]string{"CS1-000001": "purchase NEW " + product}, d.orders(pk))
	require.Empty(t, d.instance(pk).ProductID)
}

func TestHostileTextsOfAKeptOrderAreTidied(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	hostile := market.Order{OrderID: "CS1", Type: "NEW\x00", Buyer: &market.Buyer{CustomerName: "a\x00b"},
		Lines: []market.OrderLine{{OrderLineID: "L", Currency: "1\x00", Products: []market.ProductInfo{{ProductID: "P\x001"}}}}}
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.KeepOrder(ctx, store.OrderRef{ChannelID: d.channel.ID, OrderID: "CS1", OrderLineID: "L"}, store.OrderFromNotice, hostile, nil)
		return err
	}))
	require.Equal(t, "NEW|P 1|a b|1", d.text(`SELECT concat_ws('|', order_type, product_id, customer_name, currency) FROM orders`))
}
