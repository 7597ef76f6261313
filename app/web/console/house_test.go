package console_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/accesspage"
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
	"koodesk/app/market"
	"koodesk/app/marketapi"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	hook "koodesk/app/provision/webhook"
	"koodesk/app/reconcile"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/replay"
	"koodesk/app/restart"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/stuck"
	"koodesk/app/telemetry"
	"koodesk/app/web"
	"koodesk/app/web/api"
	"koodesk/app/web/callback"
	"koodesk/app/web/console"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
	"koodesk/app/webhook"
	"koodesk/views"
)

// What the pages must never show.
const (
	buyerEmail    = "bella.buyer@customer.example"
	buyerPhone    = "13912345678"
	buyerPassword = "Tr0ub4dor-and-three"
	staffPassword = "a sentence of my own"
)

var forbidden = []string{buyerEmail, buyerPhone, buyerPassword, staffPassword, storetest.BasicKey, storetest.AK, storetest.SK}

var engine = sync.OnceValues(func() (*view.Engine, error) { return view.New(views.Console, false) })

// house is the console on a real listener, with a database and a Redis of its own.
type house struct {
	events    *event.Client
	t         *testing.T
	store     *store.Store
	channel   *store.Channel
	intake    *intake.Intake
	provision *provision.Provisioner
	restarts  *restart.Batches
	deliver   *deliver.Deliverer
	pages     *accesspage.Pages
	people    *signin.SignIn
	console   *console.Console
	orders    *orders
	mail      *smtptest.Server
	queue     *queue
	base      string
}

// orders plays the marketplace's order query.
type orders struct{ err error }

func (o *orders) QueryOrder(_ context.Context, _ string, _ marketapi.Credentials, orderID, lineID string) (market.Order, []byte, error) {
	if o.err != nil {
		return market.Order{}, nil, o.err
	}
	line := market.OrderLine{OrderLineID: lineID, ChargingMode: market.Period, ExpireTime: time.Now().AddDate(1, 0, 0).UTC(), PeriodType: "year", PeriodNumber: 1,
		Products: []market.ProductInfo{{ProductID: "OFFI1", SkuCode: "SKU1", ProductName: "智能客服云"}}}
	return market.Order{OrderID: orderID, Type: market.OrderNew, CreateTime: time.Now().UTC(), Lines: []market.OrderLine{line},
			Buyer: &market.Buyer{CustomerID: "c-77", CustomerName: "buyer-account", CustomerRealName: "王小明", MobilePhone: buyerPhone, Email: buyerEmail}},
		[]byte(`{"orderInfo":{"customerInfo":{"email":"` + buyerEmail + `"}}}`), nil
}

// releasing is a driver that can undo what it made.
type releasing struct{ static.Driver }

func (releasing) Release(context.Context, provision.Request) error { return nil }

// mails are those that the mail server has: so many.
func (h *house) mails(n int) []smtptest.Message {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := h.mail.Wait(ctx, n)
	require.NoError(h.t, err)
	require.Len(h.t, got, n)
	return got
}

// refuse has the mail server refuse the next receiver for good.
func (h *house) refuse() { h.mail.Reply(smtptest.RcptTo, 550, "5.1.1 no such user", 1) }

func open(t *testing.T, change ...func(*console.Options)) *house {
	return openOn(t, storetest.Open(t), change...)
}

func openOn(t *testing.T, s *store.Store, change ...func(*console.Options)) *house {
	t.Helper()
	h := &house{t: t, store: s, orders: &orders{}, mail: smtptest.Start(t)}
	h.channel = storetest.Channel(t, s, "default", "")
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	r := redistest.Open(t)
	smtp, err := email.Parse(h.mail.URL())
	require.NoError(t, err)
	smtp.From, smtp.RootCAs = mail.Address{Name: "Koodesk", Address: "service@koodesk.example"}, h.mail.CAs()
	sender := email.New(smtp)
	t.Cleanup(sender.Close)
	h.deliver, err = deliver.New(deliver.Options{Store: s, Email: sender, SMS: sms.Log{Log: quiet}, Domain: "koodesk.example", Log: quiet})
	require.NoError(t, err)
	h.provision = provision.New(provision.Options{Store: s, Marketplace: h.orders, Deliverer: h.deliver, Log: quiet,
		Drivers: provision.Drivers{"static": static.Driver{}, "manual": manual.Driver{}, "webhook": hook.Driver{}, "releasing": releasing{}}})
	h.intake = intake.New(intake.Options{Store: s, Lifecycle: h.provision, Dialects: []intake.Dialect{callback.Dialect{}}, Log: quiet, Wake: func() {}})
	h.people = signin.New(signin.Options{Store: s, Redis: r, Log: quiet, Cost: signin.Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	h.base = "http://" + l.Addr().String()
	sessions, err := session.New(session.Options{SignIn: h.people, Sessions: s.Sessions(), PublicURL: h.base, Log: quiet})
	require.NoError(t, err)
	pages, err := engine()
	require.NoError(t, err)
	h.pages = accesspage.New(accesspage.Options{Store: s, PublicURL: h.base, Log: quiet})
	recon := reconcile.New(reconcile.Options{Store: s, Marketplace: h.orders, Purchases: h.intake, Life: h.provision, Log: quiet})
	h.restarts = restart.New(restart.Options{Store: s, Restart: h.intake, Resend: h.deliver, Log: quiet})
	o := console.Options{Reader: s.Reader(), Restarts: h.restarts, Pages: h.pages, Intake: h.intake, Provision: h.provision, Deliver: h.deliver, Reconcile: recon, Failures: failures.New(s), SignIn: h.people, Sessions: sessions,
		Views: pages, Zone: i18n.Zone(""), PublicURL: h.base, Tries: map[outbox.Kind]int{outbox.OrderQuery: 10}, Version: "1.2.3", Log: quiet}
	o.SelfCheck = desk.New(desk.Options{Store: s, PublicURL: h.base, Log: quiet})
	o.Channels = channel.New(s)
	h.queue = &queue{has: map[int64]bool{}}
	o.Stuck = stuck.New(stuck.Options{Store: s, Queue: h.queue, Restart: h.restarts})
	hooks := webhook.NewClient(webhook.Options{Allow: webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	t.Cleanup(hooks.Close)
	h.events = event.NewClient(event.Options{Store: s, Webhook: hooks, Restart: h.restarts.RestartTaskIn, Log: quiet})
	o.Events = h.events
	o.Pools = pool.NewKeeper(pool.Options{Store: s, Log: quiet})
	o.Licenses = license.New(license.Options{Store: s, Log: quiet})
	strict := webhook.NewClient(webhook.Options{})
	t.Cleanup(strict.Close)
	o.Alerts, err = alert.New(alert.Options{Store: s, Email: email.None{}, SMS: sms.Log{Log: quiet}, Webhook: strict, PublicURL: h.base, Log: quiet})
	require.NoError(t, err)
	t.Cleanup(o.SelfCheck.Stop)
	for _, f := range change {
		f(&o)
	}
	h.console = console.New(o)
	server := web.New(web.Options{Callback: callback.New(callback.Options{Intake: h.intake, Replay: replay.New(r), Metrics: telemetry.New(), Log: quiet}),
		API: api.New(api.Options{Store: s}), Console: h.console, Sessions: sessions, Ready: func(context.Context) error { return nil }, Log: quiet})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown(5*time.Second))
		require.NoError(t, <-done)
	})
	return h
}

// product says what every product of the channel is made by.
func (h *house) product(driver string) {
	h.t.Helper()
	settings := store.ProductSettings{}
	if driver == "static" {
		settings = store.ProductSettings{FrontEndURL: "https://app.example.com/{instance_id}", UserName: "admin", GeneratePassword: true}
	}
	require.NoError(h.t, h.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.SetProduct(context.Background(), store.Product{ChannelID: h.channel.ID, ProductID: "*", Driver: driver, Settings: settings, MailLanguage: "zh-CN"})
		return err
	}))
}

// buy sends a purchase and gives the instance's id.
func (h *house) buy(order string) string {
	h.t.Helper()
	call := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: order, OrderLineID: order + "-000001", BusinessID: "biz-" + order,
		ContentHash: []byte(order)}
	h.handle(call)
	return "biz-" + order
}

func (h *house) handle(call market.Call) {
	h.t.Helper()
	body := `{"activity":"` + call.Activity + `","orderId":"` + call.OrderID + `","orderLineId":"` + call.OrderLineID + `","businessId":"` + call.BusinessID +
		`","instanceId":"` + call.InstanceID() + `","scene":"` + string(call.Scene) + `","expireTime":"20300101000000","mobilePhone":"` + buyerPhone +
		`","email":"` + buyerEmail + `","testFlag":"0"}`
	_, _, err := h.intake.Handle(context.Background(), intake.Arrived{Channel: h.channel, Call: call, ReceivedAt: time.Now(), IP: "192.0.2.9",
		Request: store.Request{Method: "POST", Query: "signature=abc&timestamp=1763791105066&nonce=N1", Body: []byte(body)}})
	require.NoError(h.t, err)
}

// work does every task that is due, as the workers would; one that fails is
// given up at once.
func (h *house) work() {
	h.t.Helper()
	ctx := context.Background()
	for h.step(ctx) {
	}
}

func (h *house) step(ctx context.Context) bool {
	h.t.Helper()
	var id int64
	_, err := h.store.Relay(ctx, []string{"order_query", "provision", "deliver", "restart"}, 1, func(due []store.Due) ([]int64, error) { id = due[0].ID; return []int64{id}, nil })
	require.NoError(h.t, err)
	if id == 0 {
		return false
	}
	task, ok, err := h.store.Claim(ctx, id, time.Minute)
	require.NoError(h.t, err)
	require.True(h.t, ok)
	run := map[outbox.Kind]func(context.Context, outbox.Task) error{outbox.OrderQuery: h.provision.QueryOrder, outbox.Provision: h.provision.Provision,
		outbox.Deliver: h.deliver.Deliver, outbox.Restart: h.restarts.Work}[task.Kind]
	if cause := run(ctx, task); cause != nil {
		require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
			if err := tx.Fail(ctx, task, cause, time.Time{}); err != nil {
				return err
			}
			switch task.Kind {
			case outbox.Deliver:
				return h.deliver.OnFail(ctx, tx, task, cause, true)
			case outbox.OrderQuery:
				return h.provision.OnFail(ctx, tx, task, cause, true)
			}
			return nil
		}))
	}
	return true
}

// text asks the database.
func (h *house) text(query string, args ...any) string {
	h.t.Helper()
	var s string
	require.NoError(h.t, h.store.SQL().QueryRow(`SELECT COALESCE((`+query+`)::text, '')`, args...).Scan(&s))
	return s
}

func (h *house) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.store.SQL().Exec(query, args...)
	require.NoError(h.t, err)
}

// unreachable is what an order query fails with that should be restarted.
func unreachable() error {
	return fault.New(fault.Unavailable, "order_query.unreachable", "host", "mkt.myhuaweicloud.com")
}

// visitor is a browser.
type visitor struct {
	h      *house
	client *http.Client
	locale string
}

// stranger has not come in.
func (h *house) stranger() *visitor {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(h.t, err)
	c := &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	h.t.Cleanup(c.CloseIdleConnections)
	return &visitor{h: h, client: c}
}

// as is an operator with this role who has come in.
func (h *house) as(role staff.Role) *visitor {
	h.t.Helper()
	email := string(role) + "@seller.example"
	if h.text(`SELECT count(*) FROM operators WHERE email = $1`, email) == "0" {
		_, err := h.people.AddOperator(context.Background(), signin.NewOperator{Email: email, Role: role, Password: staffPassword, Locale: i18n.En}, staff.CLI())
		require.NoError(h.t, err)
	}
	v := h.stranger()
	res := v.post("/login", v.get("/login"), "email", email, "password", staffPassword)
	require.Equal(h.t, http.StatusSeeOther, res.status, res.body)
	return v
}

// answer is a page.
type answer struct {
	*goquery.Document
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string, header ...string) answer {
	return v.do(http.MethodGet, path, nil, header...)
}

// script asks as htmx does.
func (v *visitor) script(path, target string) answer {
	return v.get(path, "HX-Request", "true", "HX-Target", target, "HX-Current-URL", v.h.base+path)
}

// post sends a form with the token of a page; fields come in pairs.
func (v *visitor) post(path string, from answer, fields ...string) answer {
	v.h.t.Helper()
	form := url.Values{}
	token, _ := from.Find(`input[name="_csrf"]`).Attr("value")
	form.Set("_csrf", token)
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func (v *visitor) do(method, path string, body io.Reader, header ...string) answer {
	v.h.t.Helper()
	req, err := http.NewRequest(method, v.h.base+path, body)
	require.NoError(v.h.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if v.locale != "" {
		req.Header.Set("Accept-Language", v.locale)
		req.AddCookie(&http.Cookie{Name: "koodesk-locale", Value: v.locale})
	}
	res, err := v.client.Do(req)
	require.NoError(v.h.t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(v.h.t, err)
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(b)))
	require.NoError(v.h.t, err)
	return answer{Document: doc, status: res.StatusCode, header: res.Header, body: string(b)}
}

// to is where the answer sends the browser.
func (a answer) to() string { return a.header.Get("Location") }

// words are what a person reads below a selector.
func (a answer) words(selector string) string {
	return strings.Join(strings.Fields(a.Find(selector).Text()), " ")
}

// spaced are words with a space between what stands in different elements.
func (a answer) spaced(selector string) string {
	a.Find(selector).Find("*").AppendHtml(" ")
	return a.words(selector)
}

// value is an attribute of the first element.
func (a answer) value(selector, attr string) string {
	v, _ := a.Find(selector).Attr(attr)
	return v
}

// emptyPage is a page without any form.
func emptyPage(t *testing.T) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(""))
	require.NoError(t, err)
	return doc
}
