package provision_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/store"
)

// params is what an order and its line say of the buyer's own parameters.
func (m *marketplace) params(t *testing.T, order string, ofOrder, ofLine map[string]string) {
	t.Helper()
	list := func(values map[string]string) (out []any) {
		for name, v := range values {
			out = append(out, map[string]string{"name": name, "value": v})
		}
		return out
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(m.orders[order]), &doc))
	info := doc["orderInfo"].(map[string]any)
	info["extendParams"] = list(ofOrder)
	info["orderLine"].([]any)[0].(map[string]any)["extendParams"] = list(ofLine)
	b, err := json.Marshal(doc)
	require.NoError(t, err)
	m.orders[order] = string(b)
}

// asked keeps what a driver was asked.
type asked struct {
	static.Driver
	requests []provision.Request
}

func (a *asked) Provision(ctx context.Context, r provision.Request) (provision.Result, error) {
	a.requests = append(a.requests, r)
	return a.Driver.Provision(ctx, r)
}

func (a *asked) Change(ctx context.Context, r provision.Request) (provision.Result, error) {
	a.requests = append(a.requests, r)
	return a.Driver.Change(ctx, r)
}

func TestWhatTheBuyerGaveWhileOrderingReachesTheDriver(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	driver := &asked{}
	d.drivers["static"] = driver
	d.product("static", store.ProductSettings{FrontEndURL: "https://{param:domain}.app.example.com/?c={param:company}&v={param:plan}",
		UserName: "{param:adminMail}"})
	d.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	d.market.params(t, "CS1", map[string]string{"company": "云 & 端", "plan": "order"}, map[string]string{"plan": "line", "domain": "Yun", "adminMail": "boss@yun.example"})
	pk := d.made("CS1")
	i := d.instance(pk)
	require.Equal(t, "https://yun.app.example.com/?c=%E4%BA%91+%26+%E7%AB%AF&v=line", i.App.FrontEndURL, "the line's own value counts more")
	require.Equal(t, "boss@yun.example", i.App.UserName)
	require.Equal(t, map[string]string{"company": "云 & 端", "plan": "line", "domain": "Yun", "adminMail": "boss@yun.example"}, driver.requests[0].Params)
	require.Equal(t, "b•••@yun.example", d.text(`SELECT user_name FROM instances`), "an address among them is personal data")
	require.Zero(t, d.count(`SELECT count(*) FROM instances i WHERE i::text LIKE '%boss@yun%' OR i::text LIKE '%adminMail%'`), "sealed")

	d.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	d.market.params(t, "CS2", nil, map[string]string{"plan": "bigger"})
	require.NoError(t, d.p.QueryOrder(ctx, d.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.NoError(t, d.p.Provision(ctx, d.next(outbox.Provision)))
	require.Equal(t, "https://yun.app.example.com/?c=%E4%BA%91+%26+%E7%AB%AF&v=bigger", d.instance(pk).App.FrontEndURL,
		"a later order that does not repeat them does not lose them")
}

func TestAMissingParameterSaysWhich(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.product("static", store.ProductSettings{FrontEndURL: "https://app.example.com/?d={param:domain}"})
	d.market.add(t, order{ID: "CS1", Product: product})
	d.market.params(t, "CS1", nil, map[string]string{"other": "x"})
	_, task := d.buy("CS1")
	require.NoError(t, d.p.QueryOrder(context.Background(), task))
	f := fault.From(d.p.Provision(context.Background(), d.next(outbox.Provision)))
	require.Equal(t, "template.param_missing", f.Key)
	require.Equal(t, map[string]string{"field": "front_end_url", "param": "domain"}, f.Args)
	require.True(t, f.Retry.Never)
}
