package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	netmail "net/mail"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/channel"
	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms"
	"koodesk/app/event"
	"koodesk/app/failures"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/intake"
	"koodesk/app/license"
	licensepool "koodesk/app/license/pool"
	"koodesk/app/licensecode"
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/protocol/saas2"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/nothing"
	pools "koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	"koodesk/app/reconcile"
	"koodesk/app/restart"
	"koodesk/app/retention"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/stuck"
	"koodesk/app/web/api"
	"koodesk/app/web/callback"
	"koodesk/app/web/session"
	"koodesk/app/webhook"
)

// What must never be in any answer.
const (
	password     = "Geheim-4711-pass"
	emailAddress = "anna.secret@example.com"
	phoneNumber  = "+8618612345678"
	realName     = "张秘密"
	hookSecret   = "whsec_not_for_anybody"
)

var forbidden = []string{password, "Geheim-", emailAddress, "anna.secret", phoneNumber, "18612345678", realName, hookSecret, storetest.BasicKey, storetest.SK}

// house is the API on a listener of its own, with the real use cases behind it.
type house struct {
	t         testing.TB
	store     *store.Store
	channel   *store.Channel
	signin    *signin.SignIn
	intake    *intake.Intake
	restarts  *restart.Batches
	provision *provision.Provisioner
	deliver   *deliver.Deliverer
	events    *event.Client
	api       *api.API
	mail      *smtptest.Server
	market    *shop
	url       string
	tokens    map[staff.Role]string
	router    routers.Router
	given     staff.Permission // that every role has here, as none has it alone
}

// mailer hands mails to the house's mail server.
func (h *house) mailer() *email.Sender {
	h.t.Helper()
	o, err := email.Parse(h.mail.URL())
	require.NoError(h.t, err)
	o.From, o.RootCAs = netmail.Address{Address: "service@koodesk.example"}, h.mail.CAs()
	s := email.New(o)
	h.t.Cleanup(s.Close)
	return s
}

// alerts tells operators as customers are told.
func (h *house) alerts(mails *email.Sender, texts sms.Log) *alert.Desk {
	h.t.Helper()
	w := webhook.NewClient(webhook.Options{})
	h.t.Cleanup(w.Close)
	d, err := alert.New(alert.Options{Store: h.store, Email: mails, SMS: texts, Webhook: w, PublicURL: "https://desk.example.com"})
	require.NoError(h.t, err)
	return d
}

// shop answers order queries and can be told to fail.
type shop struct{ fail error }

func (s *shop) QueryOrder(_ context.Context, _ string, _ marketapi.Credentials, order, line string) (market.Order, []byte, error) {
	if s.fail != nil {
		return market.Order{}, nil, s.fail
	}
	product := "OFFI-STATIC"
	if strings.HasPrefix(order, "CSMANUAL") {
		product = "OFFI-MANUAL"
	}
	o := market.Order{OrderID: order, Type: market.OrderNew,
		Buyer: &market.Buyer{CustomerID: "cust-1", CustomerName: "hw_anna", CustomerRealName: realName, MobilePhone: phoneNumber, Email: emailAddress},
		Lines: []market.OrderLine{{OrderLineID: line, ChargingMode: market.Period, ExpireTime: time.Now().Add(240 * time.Hour), PeriodType: "year", PeriodNumber: 1,
			Products: []market.ProductInfo{{ProductID: product, SkuCode: "sku-1", LinearValue: 10, ProductName: "Product"}}}}}
	raw, err := json.Marshal(map[string]any{"orderInfo": map[string]any{"orderId": order, "buyerInfo": map[string]any{"email": emailAddress, "mobilePhone": phoneNumber}}})
	return o, raw, err
}

func open(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, store: storetest.Open(t), mail: smtptest.Start(t), market: &shop{}, tokens: map[staff.Role]string{}}
	h.channel = storetest.Channel(t, h.store, "default", "")
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	h.signin = signin.New(signin.Options{Store: h.store, Log: log, Cost: signin.Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1}})
	mails, texts := h.mailer(), sms.Log{Log: log}
	h.deliver, err = deliver.New(deliver.Options{Store: h.store, Email: mails, SMS: texts, Zone: i18n.Zone("Asia/Shanghai"), Log: log})
	require.NoError(t, err)
	h.provision = provision.New(provision.Options{Store: h.store, Marketplace: h.market, Deliverer: h.deliver, Log: log,
		Drivers:  provision.Drivers{"static": static.Driver{}, "manual": manual.Driver{}, nothing.Name: nothing.Driver{}, "pool": pools.Driver{Store: h.store}},
		Licenses: license.Suppliers{licensepool.Name: licensepool.Supplier{Store: h.store}}})
	h.intake = intake.New(intake.Options{Store: h.store, Lifecycle: h.provision, Dialects: []intake.Dialect{callback.Dialect{}},
		PublicURL: "http://127.0.0.1", Log: log, Wake: func() {}})
	h.restarts = restart.New(restart.Options{Store: h.store, Restart: h.intake, Resend: h.deliver})
	hooks := webhook.NewClient(webhook.Options{Allow: webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	t.Cleanup(hooks.Close)
	h.events = event.NewClient(event.Options{Store: h.store, Webhook: hooks, Restart: h.restarts.RestartTaskIn})
	h.api = api.New(api.Options{Store: h.store, Channels: channel.New(h.store), PublicURL: "https://koodesk.example/",
		Licenses: license.New(license.Options{Store: h.store, Suppliers: license.Suppliers{licensepool.Name: licensepool.Supplier{Store: h.store}}, Log: log}), Contents: h.intake, Restarts: h.restarts, Access: h.provision, Resend: h.deliver, Report: h.deliver, Teller: h.deliver, Writer: h.deliver, Products: h.provision, Leftovers: h.provision,
		Pools: pools.NewKeeper(pools.Options{Store: h.store, Log: log}), Claims: h.provision, Seen: h.intake,
		Codes:     licensecode.New(licensecode.Options{Store: h.store, Marketplace: marketapi.New(marketapi.Options{}), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}),
		Reconcile: reconcile.New(reconcile.Options{Store: h.store, Marketplace: h.market, Purchases: h.intake, Life: h.provision, Log: log}), Failures: failures.New(h.store),
		Stuck: stuck.New(stuck.Options{Store: h.store, Queue: nowhere{}, Restart: h.restarts}), Events: h.events, Alerts: h.alerts(mails, texts), Retention: retention.New(retention.Options{Store: h.store})})
	for _, role := range staff.Roles() {
		h.tokens[role], err = h.signin.CreateToken(context.Background(), "test "+string(role), role, staff.CLI())
		require.NoError(t, err)
	}
	h.router, err = describe()
	require.NoError(t, err)
	h.serve()
	return h
}

// describe loads the published description, once, and strictly: an answer with a
// field that it does not name fails.
var describe = sync.OnceValues(func() (routers.Router, error) {
	raw, err := strict(api.Document())
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

func strict(raw []byte) ([]byte, error) {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["properties"] != nil {
				v["additionalProperties"] = false
			}
			for _, sub := range v {
				walk(sub)
			}
		case []any:
			for _, sub := range v {
				walk(sub)
			}
		}
	}
	walk(doc["components"].(map[string]any)["schemas"])
	return json.Marshal(doc)
}

func (h *house) serve() {
	m, err := session.New(session.Options{SignIn: h.signin, Sessions: h.store.Sessions(), PublicURL: "http://127.0.0.1"})
	require.NoError(h.t, err)
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		var fe *fiber.Error
		if fault.CodeOf(err) == fault.Internal && !asFiber(err, &fe) {
			h.t.Errorf("%s %s: %v", c.Method(), c.Path(), err)
		}
		if asFiber(err, &fe) {
			err = fault.New(fault.NotFound, "http.not_found")
		}
		return h.api.Problem(c, err)
	}})
	for _, r := range h.api.Routes() {
		needs := r.Permission
		if needs == h.given {
			needs = staff.SignedIn
		}
		app.Add(r.Method, api.Prefix+r.Path, m.Bearer, m.Require(needs), r.Handler)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(h.t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(l) }()
	h.t.Cleanup(func() {
		require.NoError(h.t, app.Shutdown())
		require.NoError(h.t, <-done)
	})
	h.url = "http://" + l.Addr().String() + api.Prefix
}

func asFiber(err error, to **fiber.Error) bool {
	fe, ok := err.(*fiber.Error) //nolint:errorlint // Fiber returns its own errors bare
	*to = fe
	return ok
}

// send hands a call of the marketplace over.
func (h *house) send(kv ...string) map[string]any {
	h.t.Helper()
	fields := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		fields[kv[i]] = kv[i+1]
	}
	b, err := json.Marshal(fields)
	require.NoError(h.t, err)
	c, err := saas2.Decode(b)
	require.NoError(h.t, err)
	answer, _, err := h.intake.Handle(context.Background(), intake.Arrived{Channel: h.channel, Call: c, ReceivedAt: time.Now(),
		IP: "192.0.2.1", Request: store.Request{Method: "POST", Query: "signature=abc&token=" + password, Body: b}})
	require.NoError(h.t, err)
	var out map[string]any
	require.NoError(h.t, json.Unmarshal(answer, &out))
	return out
}

// buy sends a purchase; the instance's id is "i-" and the order's.
func (h *house) buy(order string) {
	h.t.Helper()
	h.send("activity", "newInstance", "orderId", order, "orderLineId", order+"-000001", "businessId", "i-"+order)
}

// work does every task that is due, once or until nothing is left, as the
// workers do; a task that fails is given up.
func (h *house) work() {
	h.t.Helper()
	ctx := context.Background()
	for {
		var id int64
		err := h.store.SQL().QueryRow(`SELECT COALESCE(min(id), 0) FROM tasks WHERE status = 'pending' AND run_at <= now()`).Scan(&id)
		require.NoError(h.t, err)
		if id == 0 {
			return
		}
		task, ok, err := h.store.Claim(ctx, id, time.Minute)
		require.NoError(h.t, err)
		require.True(h.t, ok)
		do := map[outbox.Kind]func(context.Context, outbox.Task) error{outbox.OrderQuery: h.provision.QueryOrder,
			outbox.Provision: h.provision.Provision, outbox.Deliver: h.deliver.Deliver, outbox.Restart: h.restarts.Work}[task.Kind]
		if err := do(ctx, task); err != nil {
			require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
				if err := tx.Fail(ctx, task, err, time.Time{}); err != nil {
					return err
				}
				if task.Kind == outbox.Deliver {
					return h.deliver.OnFail(ctx, tx, task, err, true)
				}
				return nil
			}))
		}
	}
}

// products sets up a static product and a manual one.
func (h *house) products() {
	h.t.Helper()
	r := h.put("/products/default/OFFI-STATIC", `{"driver":"static","front_end_url":"https://app.example.com/{instance_id}","user_name":"admin","generate_password":true}`)
	require.Equal(h.t, http.StatusCreated, r.status, r.raw)
	r = h.put("/products/default/OFFI-MANUAL", `{"driver":"manual"}`)
	require.Equal(h.t, http.StatusCreated, r.status, r.raw)
}

// count runs a query that gives one number.
func (h *house) count(query string, args ...any) (n int) {
	h.t.Helper()
	require.NoError(h.t, h.store.SQL().QueryRow(query, args...).Scan(&n), query)
	return n
}

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// nowhere is a queue that has nothing and takes everything.
type nowhere struct{}

func (nowhere) Has(context.Context, []store.Due) (map[int64]bool, error)    { return nil, nil }
func (nowhere) HandOver(context.Context, store.Due) (fresh bool, err error) { return true, nil }
