package provision_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/static"
	"koodesk/app/store"
)

// set writes an entry as an operator does.
func (d *desk) set(entry store.Product) {
	d.t.Helper()
	_, err := d.p.SetProduct(context.Background(), "default", entry, provision.KeepSecret, ann)
	require.NoError(d.t, err)
}

// learned does the order query of a purchase and its provisioning, as far as it
// goes by itself.
func (d *desk) learned(orderID string) *store.Instance {
	d.t.Helper()
	ctx := context.Background()
	pk, task := d.buy(orderID)
	require.NoError(d.t, d.p.QueryOrder(ctx, task))
	require.NoError(d.t, d.p.Provision(ctx, d.next(outbox.Provision)))
	return d.instance(pk)
}

// One entry serves the monthly and the yearly price of a specification; a
// productId with an entry of its own goes by that one.
func TestAnEntryOfASkuCodeServesAllItsProductIDs(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.set(store.Product{ProductID: "*", Driver: manual.Name})
	d.set(store.Product{SkuCode: "sku-50", Driver: static.Name, Settings: store.ProductSettings{FrontEndURL: "https://app.example.com/{product_id}"}})
	d.market.add(t, order{ID: "CS1", Product: "P-MONTH", Sku: "sku-50", Email: "a@example.com"})
	d.market.add(t, order{ID: "CS2", Product: "P-YEAR", Sku: "sku-50", Email: "a@example.com"})
	d.market.add(t, order{ID: "CS3", Product: "P-YEAR", Sku: "sku-50", Email: "a@example.com"})
	d.market.add(t, order{ID: "CS4", Product: "P-OTHER", Sku: "sku-5", Email: "a@example.com"})
	for id, url := range map[string]string{"CS1": "https://app.example.com/P-MONTH", "CS2": "https://app.example.com/P-YEAR"} {
		require.Equal(t, url, d.learned(id).App.FrontEndURL)
	}
	d.set(store.Product{ProductID: "P-YEAR", Driver: static.Name, Settings: store.ProductSettings{FrontEndURL: "https://year.example.com/"}})
	year := d.learned("CS3")
	require.Equal(t, "https://year.example.com/", year.App.FrontEndURL)
	require.Equal(t, manual.Name, d.learned("CS4").Driver, "any other one goes by the channel's default")

	var targets string
	require.NoError(t, d.store.SQL().QueryRow(`SELECT string_agg(target, ' ' ORDER BY id) FROM audit WHERE action = 'product.set'`).Scan(&targets))
	require.Equal(t, "product/default/* product/default/sku/sku-50 product/default/P-YEAR", targets)
}

// A change of the price or the specification takes the instance to the entry that
// counts from then on: the access data is changed by it, and its account stays.
func TestAnInstanceFollowsItsProductToAnotherEntry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t)
	for sku, url := range map[string]string{"sku-50": "https://small.example.com/{product_id}", "sku-500": "https://big.example.com/{product_id}"} {
		d.set(store.Product{SkuCode: sku, Driver: static.Name, Settings: store.ProductSettings{FrontEndURL: url, UserName: "{order_id}", GeneratePassword: true, WipePasswordDays: len(sku)}})
	}
	d.market.add(t, order{ID: "CS1", Product: "P-MONTH", Sku: "sku-50", Email: "a@example.com", Linear: 50, Expires: "20301101155959"})
	i := d.learned("CS1")
	before := i.App
	entry := func() string {
		p, err := d.store.Reader().ProductOf(ctx, d.instance(i.PK))
		require.NoError(t, err)
		return p.Name()
	}
	require.Equal(t, "sku-50", entry())
	wiped := func() (days, noticed int) {
		t.Helper()
		require.NoError(t, d.store.SQL().QueryRow(`
SELECT COALESCE(round(extract(epoch FROM wipe_password_at - password_given_at) / 86400), 0)::int, (notice_at <= now())::int
  FROM instances
 WHERE id = $1`, i.PK).Scan(&days, &noticed))
		return days, noticed
	}
	require.NoError(t, d.store.Write(ctx, func(tx *store.Tx) error { return tx.PasswordGiven(ctx, d.instance(i.PK)) }))
	sixth, _ := wiped()
	require.Equal(t, 6, sixth)

	d.market.add(t, order{ID: "CS2", Type: "RENEW", Created: "20261102000000", Product: "P-YEAR", Sku: "sku-50", Linear: 50, Expires: "20311101155959"})
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Renewed, InstancePK: i.PK, OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "CS2"})))
	require.Equal(t, "P-YEAR", d.instance(i.PK).ProductID)
	require.Equal(t, "sku-50", entry(), "another price of the same specification")
	require.Equal(t, before, d.instance(i.PK).App, "a renewal changes nothing at the driver")

	_, err := d.store.SQL().Exec(`UPDATE instances SET notice_at = now() + interval '1 day'`)
	require.NoError(t, err)
	d.market.add(t, order{ID: "CS3", Type: "CHANGE", Created: "20261103000000", Product: "P-YEAR-BIG", Sku: "sku-500", Linear: 500, Expires: "20311101155959"})
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: i.PK, OrderID: "CS3", OrderLineID: "CS3-000001", UniqueKey: "CS3"})))
	require.Equal(t, "sku-500", entry())
	days, noticed := wiped()
	require.Equal(t, [2]int{7, 1}, [2]int{days, noticed}, "what the clock does goes by the new entry from now on")
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	after := d.instance(i.PK).App
	require.Equal(t, "https://big.example.com/P-YEAR-BIG", after.FrontEndURL)
	require.Equal(t, [2]string{before.UserName, before.Password}, [2]string{after.UserName, after.Password})
}

// choosy can become nothing, and says which entry asked it.
type choosy struct{ static.Driver }

func (choosy) CanChange(_ context.Context, r provision.Request, _ []market.ProductInfo) error {
	return fault.New(fault.Refused, "asked", "entry", r.Settings.Memo)
}

// Whether a change is possible is asked of the entry that the target goes by.
func TestAChangeIsAskedOfTheTargetsEntry(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t)
	d.drivers["choosy"] = choosy{}
	entry := func(name string) store.Product {
		return store.Product{Driver: "choosy", Settings: store.ProductSettings{FrontEndURL: "https://a.cn/", Memo: name}}
	}
	for _, name := range []string{"P-OWN", "sku-50", "sku-500"} {
		e := entry(name)
		if e.SkuCode = name; name == "P-OWN" {
			e.ProductID, e.SkuCode = name, ""
		}
		d.set(e)
	}
	i := &store.Instance{ChannelID: d.channel.ID}
	i.ProductID, i.SkuCode = "P-MONTH", "sku-50"
	for _, c := range []struct {
		target []market.ProductInfo
		want   string
	}{
		{nil, "sku-50"},
		{[]market.ProductInfo{{ProductID: "P-MONTH"}}, "sku-50"},
		{[]market.ProductInfo{{SkuCode: "sku-50"}}, "sku-50"},
		{[]market.ProductInfo{{ProductID: "P-YEAR", SkuCode: "sku-500"}}, "sku-500"},
		{[]market.ProductInfo{{SkuCode: "sku-500"}}, "sku-500"},
		{[]market.ProductInfo{{ProductID: "P-OWN", SkuCode: "sku-500"}}, "P-OWN"},
		{[]market.ProductInfo{{SkuCode: "sku-unknown"}}, "sku-50"},
		{[]market.ProductInfo{{ProductID: "P-NEW", SkuCode: "sku-unknown"}}, ""},
	} {
		f := fault.From(d.p.CheckChange(ctx, d.store.Reader(), d.channel, i, c.target))
		if c.want == "" {
			require.Equal(t, "product.unconfigured", f.Key)
			continue
		}
		require.Equal(t, c.want, f.Args["entry"], "%v", c.target)
	}
}

func TestWhatAnEntryCanBeFor(t *testing.T) {
	t.Parallel()
	d := open(t)
	for want, entries := range map[string][]store.Product{
		"product.bad_id":  {{}, {ProductID: "a b"}, {ProductID: longer}},
		"product.bad_sku": {{SkuCode: "*"}, {SkuCode: "a\tb"}, {SkuCode: longer}, {SkuCode: "a", ProductID: "b"}},
	} {
		for _, e := range entries {
			e.Driver = manual.Name
			_, err := d.p.SetProduct(context.Background(), "default", e, provision.KeepSecret, ann)
			require.Equal(t, want, fault.From(err).Key, "%v", e)
		}
	}
}

const longer = "0123456789012345678901234567890123456789012345678901234567890123x"
