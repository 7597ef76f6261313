package intake_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// An order that is charged by use comes as several calls, each of which makes an
// instance: it is one order with all the products, linked with each of them.
func TestAnOrderByUseMakesSeveralInstances(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	ctx := context.Background()
	var calls sync.WaitGroup
	for _, p := range []string{"SMS", "MMS", "FAX"} {
		calls.Go(func() {
			d.call("newInstance", "orderId", "CS1", "businessId", "b-"+p, "customerId", "c1", "customerName", "acme", "productId", p,
				"skuCode", "S", "chargingMode", "0", "orderAmount", "12.5")
		})
	}
	calls.Wait()
	d.call("newInstance", "orderId", "CS1", "businessId", "again", "customerId", "c1", "customerName", "acme", "productId", "SMS",
		"skuCode", "S", "chargingMode", "0", "orderAmount", "12.5")
	r := d.store.Reader()
	found, err := r.OrderList(ctx, store.OrderFilter{}, store.Paging{Limit: 10})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)
	o, err := r.OrderDetail(ctx, found.Items[0].PK)
	require.NoError(t, err)
	require.Equal(t, "known ON_DEMAND NEW 12.5 acme instance", o.State+" "+o.ChargingMode+" "+o.Type+" "+o.Currency+" "+o.Customer.Name+" "+o.Source)
	var products, instances []string
	for _, p := range o.Order.Lines[0].Products {
		products = append(products, p.ProductID+" "+p.SkuCode)
	}
	slices.Sort(products)
	require.Equal(t, []string{"FAX S", "MMS S", "SMS S"}, products)
	for _, i := range o.Instances {
		instances = append(instances, i.InstanceID+" "+i.Purpose+" "+i.ProductID)
		detail, err := r.InstanceDetail(ctx, i.InstanceID)
		require.NoError(t, err)
		require.Len(t, detail.Orders, 1)
		require.Equal(t, o.PK, detail.Orders[0].PK)
	}
	slices.Sort(instances)
	require.Equal(t, []string{"b-FAX purchase FAX", "b-MMS purchase MMS", "b-SMS purchase SMS"}, instances)
}

func TestRenewalsAndUpgradesOfV1AreOrdersToo(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1", "chargingMode", "1")
	soon := time.Now().AddDate(1, 0, 0).UTC().Format("20060102150405")
	d.call("refreshInstance", "orderId", "CS-R", "instanceId", "b1", "expireTime", soon, "periodType", "year", "periodNumber", "1", "orderAmount", "99.9")
	d.call("refreshInstance", "orderId", "CS-B", "instanceId", "b1", "expireTime", soon, "orderAmount", "-99.9")
	d.call("upgrade", "orderId", "CS-U", "instanceId", "b1", "productId", "P2", "skuCode", "S2", "amount", "9")
	i, err := d.store.Reader().InstanceDetail(context.Background(), "b1")
	require.NoError(t, err)
	var got []string
	for _, o := range i.Orders {
		got = append(got, o.OrderID+" "+o.Purpose+" "+o.Type+" "+o.Currency)
	}
	require.Equal(t, []string{"CS-b1 purchase NEW ", "CS-R renewal RENEW 99.9", "CS-B renewal UNSUBSCRIBE -99.9", "CS-U upgrade CHANGE "}, got)
	require.Equal(t, int64(9), i.Orders[3].LinearValue)
}
