package provision_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry/logtest"
)

const product = "OFFI846204237451911168"

// marketplace answers order queries with what it was given, as the real client
// would read it.
type marketplace struct {
	mu     sync.Mutex
	orders map[string]string // order id → answer
	asked  []string
	before func() // runs while the query is under way
}

func (m *marketplace) QueryOrder(_ context.Context, baseURL string, cred marketapi.Credentials, orderID, lineID string) (market.Order, []byte, error) {
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, strings.Join([]string{baseURL, cred.AK, orderID, lineID}, " "))
	raw, ok := m.orders[orderID]
	if !ok {
		return market.Order{}, nil, fault.New(fault.Unavailable, "order_query.unreachable")
	}
	o, err := marketapi.ParseOrder([]byte(raw), market.OrderZone())
	return o, []byte(raw), err
}

// order describes an answer of the order query.
type order struct {
	ID, Type, Created, Line, Product, Sku, Expires, Email, Phone string
	Linear                                                       int
}

func (m *marketplace) add(t testing.TB, o order) {
	t.Helper()
	if o.Type == "" {
		o.Type = "NEW"
	}
	if o.Created == "" {
		o.Created = "20261101000000"
	}
	if o.Sku == "" {
		o.Sku = "sku-" + o.Product
	}
	if o.Line == "" {
		o.Line = o.ID + "-000001"
	}
	b, err := json.Marshal(map[string]any{"resultCode": "MKT.0000", "orderInfo": map[string]any{
		"orderId": o.ID, "orderType": o.Type, "createTime": o.Created,
		"orderLine": []any{map[string]any{"orderLineId": o.Line, "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1,
			"expireTime": o.Expires, "productInfo": []any{map[string]any{"productId": o.Product, "skuCode": o.Sku,
				"linearValue": o.Linear, "productName": "测试商品,基础版"}}}},
		"buyerInfo": map[string]any{"customerId": "c-1", "customerName": "hw-buyer", "customerRealName": "张三", "mobilePhone": o.Phone, "email": o.Email},
	}})
	require.NoError(t, err)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders[o.ID] = string(b)
}

// desk is everything that a test needs.
type desk struct {
	t       testing.TB
	store   *store.Store
	channel *store.Channel
	market  *marketplace
	drivers provision.Drivers
	p       *provision.Provisioner
	log     *logtest.Buffer
	wakes   int
}

func open(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, store: storetest.Open(t), market: &marketplace{orders: map[string]string{}}, log: &logtest.Buffer{}}
	d.channel = storetest.Channel(t, d.store, "default", "https://market.test")
	d.drivers = provision.Drivers{static.Name: static.Driver{}, manual.Name: manual.Driver{}, pool.Name: pool.Driver{Store: d.store}}
	log := slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	post, err := deliver.New(deliver.Options{Store: d.store, Email: email.None{}, SMS: sms.Log{Log: log}, Domain: "seller.test", Log: log})
	require.NoError(t, err)
	d.p = provision.New(provision.Options{Store: d.store, Marketplace: d.market, Deliverer: post, Drivers: d.drivers, Log: log, Wake: func() { d.wakes++ }})
	return d
}

func (d *desk) product(driver string, s store.ProductSettings) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: d.channel.ID, ProductID: "*", Driver: driver, Settings: s, MailLanguage: "zh-CN"})
		return err
	}))
}

var templates = store.ProductSettings{FrontEndURL: "https://app.example.com/i/{instance_id}?sku={sku_code}", UserName: "{email}",
	GeneratePassword: true, Memo: "{product_id}"}

// buy takes a purchase over and gives the instance and its first task.
func (d *desk) buy(orderID string) (instance int64, task outbox.Task) {
	d.t.Helper()
	c := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: orderID, OrderLineID: orderID + "-000001",
		BusinessID: uuid.NewString(), ContentHash: []byte(orderID)}
	got, err := d.store.TakePurchase(context.Background(), store.Purchase{
		Arrival:  store.Arrival{Channel: d.channel.ID, Call: c, Key: c.IdempotencyKey(), ReceivedAt: time.Now(), Request: []byte("{}")},
		WantedID: c.BusinessID, SpareID: uuid.NewString(), Done: []byte(`{}`), Processing: []byte(`{}`), Twin: time.Second})
	require.NoError(d.t, err)
	task = d.claim(got.TaskID)
	return task.InstancePK, task
}

func (d *desk) claim(id int64) outbox.Task {
	d.t.Helper()
	task, ok, err := d.store.Claim(context.Background(), id, time.Minute)
	require.NoError(d.t, err)
	require.True(d.t, ok, "task %d cannot be claimed", id)
	return task
}

// claimAgain claims a task that waits for somebody, as if its time had come.
func (d *desk) claimAgain(id int64) outbox.Task {
	d.t.Helper()
	_, err := d.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE id = $1`, id)
	require.NoError(d.t, err)
	return d.claim(id)
}

// subscribe has somebody told of events of that type.
func (d *desk) subscribe(eventType string) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AddEventTarget(ctx, store.EventTarget{ChannelID: d.channel.ID, Name: eventType, URL: "https://crm.example.com/hook",
			Secret: "0123456789abcdef0123456789", Types: []string{eventType}, Enabled: true})
		return err
	}))
}

// next claims the oldest pending task of a kind.
func (d *desk) next(kind outbox.Kind) outbox.Task {
	d.t.Helper()
	var id int64
	require.NoError(d.t, d.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = $1 AND status = 'pending' ORDER BY id LIMIT 1`, string(kind)).Scan(&id))
	return d.claim(id)
}

// write adds a task and claims it.
func (d *desk) write(n outbox.New) outbox.Task {
	d.t.Helper()
	ctx := context.Background()
	var id int64
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) (err error) { id, err = tx.Enqueue(ctx, n); return err }))
	return d.claim(id)
}

func (d *desk) instance(pk int64) *store.Instance {
	d.t.Helper()
	i, err := d.store.Reader().InstancePK(context.Background(), pk)
	require.NoError(d.t, err)
	return i
}

func (d *desk) fail(task outbox.Task, cause error) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error { return tx.Fail(ctx, task, cause, time.Time{}) }))
}

func (d *desk) release(pk int64) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		if err := tx.SaveState(ctx, i, i.Release(tx.Now), store.Origin{}); err != nil {
			return err
		}
		return d.p.Release(ctx, tx, i, 0)
	}))
}

// text is one value of the database.
func (d *desk) text(query string, args ...any) string {
	d.t.Helper()
	var s string
	require.NoError(d.t, d.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

func (d *desk) count(query string, args ...any) int {
	d.t.Helper()
	var n int
	require.NoError(d.t, d.store.SQL().QueryRow(query, args...).Scan(&n))
	return n
}

// made gives an instance that was bought and provisioned.
func (d *desk) made(orderID string) int64 {
	d.t.Helper()
	ctx := context.Background()
	pk, task := d.buy(orderID)
	require.NoError(d.t, d.p.QueryOrder(ctx, task))
	require.NoError(d.t, d.p.Provision(ctx, d.next(outbox.Provision)))
	return pk
}
