package reconcile_test

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/protocol/saas2"
	"koodesk/app/provision"
	"koodesk/app/provision/pool"
	"koodesk/app/reconcile"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

var ann = staff.Actor{Name: "operator:ann@example.com", Role: staff.Operator, Source: "operator", Reason: "checked in the Seller Center"}

// dialect is V2.0 as intake needs it.
type dialect struct{}

func (dialect) Protocols() []market.Protocol                   { return []market.Protocol{market.V2} }
func (dialect) Encode(activity string, a market.Answer) []byte { return saas2.Encode(activity, a) }
func (dialect) Decode(body []byte) (market.Call, error)        { return saas2.Decode(body) }
func (dialect) Message(err error) string                       { return saas2.Message(err) }

// bazaar is a marketplace with the orders that it is told of.
type bazaar struct {
	mu     sync.Mutex
	orders map[string]market.Order
	down   error
	asked  int
	until  int           // after so many it is down; 0: never
	now    int           // asked this moment
	peak   int           // the most that ever were
	gate   chan struct{} // holds the answers back until four are asked for; nil: none
}

func (b *bazaar) come() (gate chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	if b.peak = max(b.peak, b.now); b.gate != nil && b.now == 4 {
		close(b.gate)
		b.gate = nil
		return nil
	}
	return b.gate
}

func (b *bazaar) QueryOrder(_ context.Context, _ string, _ marketapi.Credentials, order, line string) (market.Order, []byte, error) {
	if gate := b.come(); gate != nil {
		<-gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now--
	if b.down != nil || b.until > 0 && b.asked == b.until {
		return market.Order{}, nil, cmp.Or[error](b.down, fault.New(fault.Unavailable, "order_query.unreachable"))
	}
	b.asked++
	o, ok := b.orders[order]
	if !ok {
		return market.Order{}, nil, fault.New(fault.Refused, "order_query.invalid_parameter", "code", "MKT.0100")
	}
	return o, nil, nil
}

type desk struct {
	t      *testing.T
	ctx    context.Context
	store  *store.Store
	market *bazaar
	intake *intake.Intake
	r      *reconcile.Reconciler
	ch     *store.Channel
	now    time.Time
}

func open(t *testing.T) *desk {
	t.Helper()
	return openAsking(t, 2)
}

// openAsking is a desk whose runs ask for so many between two looks at the clock.
func openAsking(t *testing.T, batch int) *desk {
	t.Helper()
	d := &desk{t: t, ctx: context.Background(), store: storetest.Open(t), market: &bazaar{orders: map[string]market.Order{}}, now: time.Now().UTC().Truncate(time.Second)}
	storetest.Channel(t, d.store, "default", "")
	ak, sk := "ak", "sk"
	require.NoError(t, d.store.Write(d.ctx, func(tx *store.Tx) error {
		_, _, err := tx.SetChannel(d.ctx, store.ChannelChange{Slug: "default", AK: &ak, SK: &sk})
		return err
	}))
	var err error
	d.ch, err = d.store.Reader().ChannelBySlug(d.ctx, "default")
	require.NoError(t, err)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	life := provision.New(provision.Options{Store: d.store, Marketplace: d.market, Log: quiet, Wake: func() {},
		Drivers: provision.Drivers{pool.Name: pool.Driver{Store: d.store}}})
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: life, Dialects: []intake.Dialect{dialect{}}, Log: quiet, Wake: func() {}})
	d.r = reconcile.New(reconcile.Options{Store: d.store, Marketplace: d.market, Purchases: d.intake, Life: life, Log: quiet, Batch: batch,
		Now: func() time.Time { return d.now }})
	return d
}

// order is what the marketplace has: a purchase for a year.
func order(id string, kind market.OrderType, expires time.Time) market.Order {
	return market.Order{OrderID: id, Type: kind, Lines: []market.OrderLine{{OrderLineID: id + "-000001", ChargingMode: market.Period, ExpireTime: expires,
		Products: []market.ProductInfo{{ProductID: "OFFI1", SkuCode: "sku-1", LinearValue: 10, ProductName: "SaaS"}}}}}
}

func (d *desk) call(body string) {
	d.t.Helper()
	c, err := saas2.Decode([]byte(body))
	require.NoError(d.t, err)
	_, code, err := d.intake.Handle(d.ctx, intake.Arrived{Channel: d.ch, Call: c, ReceivedAt: time.Now(), Request: store.Request{Method: "POST", Body: []byte(body)}})
	require.NoError(d.t, err)
	require.True(d.t, code.OK(), code)
}

// sold is an active instance of an order that expires then, as its order said.
func (d *desk) sold(id string, expires time.Time) {
	d.t.Helper()
	d.call(`{"activity":"newInstance","orderId":"` + id + `","orderLineId":"` + id + `-000001","businessId":"i-` + id + `"}`)
	_, err := d.store.SQL().Exec(`UPDATE instances SET status = 'active', provisioned_at = now(), expires_at = $2, expiry_set_by = 'order',
		product_id = 'OFFI1', sku_code = 'sku-1', linear_value = 10 WHERE order_id = $1`, id, expires)
	require.NoError(d.t, err)
}

// run does a whole reconciliation, task by task.
func (d *desk) run() {
	d.t.Helper()
	_, err := d.r.Start(d.ctx, ann)
	require.NoError(d.t, err)
	for d.work() == nil {
	}
	require.Equal(d.t, "done", d.text(`SELECT status FROM reconciliations ORDER BY id DESC LIMIT 1`))
}

// work does the next task; an error says that there is none, or why it failed.
func (d *desk) work() error {
	d.t.Helper()
	var id int64
	if err := d.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = 'reconcile' AND status = 'pending' ORDER BY id LIMIT 1`).Scan(&id); err != nil {
		return err
	}
	_, err := d.store.SQL().Exec(`UPDATE tasks SET enqueued_at = now() WHERE id = $1`, id)
	require.NoError(d.t, err)
	task, ok, err := d.store.Claim(d.ctx, id, time.Minute)
	require.NoError(d.t, err)
	require.True(d.t, ok)
	err = d.r.Work(d.ctx, task)
	if err != nil {
		require.NoError(d.t, d.store.Write(d.ctx, func(tx *store.Tx) error {
			if err := d.r.OnFail(d.ctx, tx, task, err, true); err != nil {
				return err
			}
			return tx.Fail(d.ctx, task, err, time.Time{})
		}))
	}
	return err
}

func (d *desk) text(query string, args ...any) string {
	d.t.Helper()
	var s string
	require.NoError(d.t, d.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

// findings are the open ones as "kind order ours → theirs: repair".
func (d *desk) findings() []string {
	d.t.Helper()
	page, err := d.store.Reader().FindingList(d.ctx, store.FindingFilter{Status: store.FindingOpen}, store.Paging{})
	require.NoError(d.t, err)
	var out []string
	for _, f := range page.Items {
		out = append(out, strings.TrimSpace(f.Kind+" "+f.OrderID+" "+f.Ours+" → "+f.Theirs+": "+f.Repair))
	}
	return out
}

// repairable are the differences that approving all of a filter repairs; they are
// as many as the page says.
func (d *desk) repairable(f store.FindingFilter) []int64 {
	d.t.Helper()
	ids, err := d.store.Reader().RepairableFindings(d.ctx, f)
	require.NoError(d.t, err)
	n, err := d.store.Reader().CountRepairable(d.ctx, f)
	require.NoError(d.t, err)
	require.Len(d.t, ids, n)
	return ids
}

func (d *desk) only() store.FindingRow {
	d.t.Helper()
	page, err := d.store.Reader().FindingList(d.ctx, store.FindingFilter{Status: store.FindingOpen}, store.Paging{})
	require.NoError(d.t, err)
	require.Len(d.t, page.Items, 1, "%v", page.Items)
	return page.Items[0]
}

func (d *desk) instance(order string) *store.Instance {
	d.t.Helper()
	found, err := d.store.Reader().Instances(d.ctx, d.ch.ID, []string{"i-" + order})
	require.NoError(d.t, err)
	require.Len(d.t, found, 1)
	return found[0]
}

// subscribe has somebody told of everything that happens to instances.
func (d *desk) subscribe() {
	d.t.Helper()
	require.NoError(d.t, d.store.Write(d.ctx, func(tx *store.Tx) error {
		_, err := tx.AddEventTarget(d.ctx, store.EventTarget{ChannelID: d.ch.ID, Name: "crm", URL: "https://crm.example.com/hook",
			Secret: "0123456789abcdef0123456789", Enabled: true})
		return err
	}))
}

// told lists the events that were written, in their order.
func (d *desk) told() string {
	d.t.Helper()
	return d.text(`SELECT COALESCE(string_agg(type, ' ' ORDER BY id), '') FROM events`)
}
