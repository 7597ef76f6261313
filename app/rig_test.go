package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/nothing"
	"koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/signin"
	"koodesk/app/simulator"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry/logtest"
	"koodesk/config"
	"koodesk/jobs"
)

// rig is the whole program in the test process, with a marketplace, a mail
// server, a database and a Redis of its own, driven from outside: by calls, the
// API and the command line.
type rig struct {
	t        *testing.T
	config   config.Config
	store    *store.Store
	redisURL string
	mail     *smtptest.Server
	market   *simulator.Market
	openAPI  string // where the marketplace's open APIs are
	base     string // http://127.0.0.1:port
	caller   *simulator.Caller
	ids      *simulator.IDs
	log      *logtest.Buffer
	token    string
	stop     func()
	driver   *flaky
	jobs     jobs.Options // of the program that runs
	tune     func(*jobs.Options)
	patience time.Duration // with a webhook
}

// flaky is the driver static, which can be told to fail.
type flaky struct {
	static.Driver
	fails atomic.Int64 // how many times more
	calls atomic.Int64
}

func (f *flaky) Provision(ctx context.Context, r provision.Request) (provision.Result, error) {
	f.calls.Add(1)
	if f.fails.Add(-1) >= 0 {
		return provision.Result{}, fault.Wrap(errors.New("no space left"), fault.Unavailable, "database.unreachable")
	}
	return f.Driver.Provision(ctx, r)
}

const (
	buyerEmail = "buyer-7f3a@example.com"
	buyerPhone = "18612345678"
)

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigWith(t, true)
}

// newRigWith makes a rig whose process works on tasks only if withJobs.
func newRigWith(t *testing.T, withJobs bool) *rig {
	t.Helper()
	return newRigAs(t, withJobs)
}

// newRigAs makes a rig with other settings.
func newRigAs(t *testing.T, withJobs bool, settings ...func(*rig)) *rig {
	t.Helper()
	r := &rig{t: t, driver: &flaky{}, tune: quick, redisURL: redistest.URL(t), mail: smtptest.Start(t), ids: simulator.NewIDs(time.Now), log: &logtest.Buffer{}}
	r.market = simulator.NewMarket(simulator.MarketOptions{AK: storetest.AK, SK: storetest.SK, BuyerEmail: buyerEmail, BuyerPhone: buyerPhone})
	api := httptest.NewServer(r.market)
	t.Cleanup(api.Close)
	r.openAPI = api.URL
	public, err := url.Parse("http://koodesk.test")
	require.NoError(t, err)
	r.config = config.Config{DatabaseURL: storetest.URL(t), RedisURL: r.redisURL, Addr: "127.0.0.1:0", PublicURL: public,
		SecretKey: bytes.Repeat([]byte{7}, 32), SMTPURL: r.mail.URL(), MailFrom: "云端 <service@seller.example>", SMS: config.SMS{Driver: config.SMSLog},
		TZDisplay: time.FixedZone("CST", 8*3600), TZCustomers: time.FixedZone("CST", 8*3600), LogFormat: "json", LogLevel: slog.LevelDebug, Workers: 4, MaxConns: 8}
	for _, set := range settings {
		set(r)
	}
	c := r.cli("")
	r.store, err = c.open(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.store.Close()) })
	r.ok(channel, storetest.BasicKey+"\n"+storetest.SK+"\n", "set", "--slug", "default", "--site", "cn", "--basic-key", "-", "--ak", storetest.AK, "--sk", "-", "--open-api", api.URL)
	r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "static",
		"--front-end-url", "https://app.seller.example/i/{instance_id}", "--user-name", "admin-{order_id}", "--generate-password", "--mail-language", "en")
	r.token = strings.TrimSpace(r.ok(tokens, "", "create", "--name", "test", "--role", "operator"))
	r.start(withJobs)
	return r
}

// cli is a command line with the rig's settings.
func (r *rig) cli(stdin string) *cli {
	return &cli{stdin: strings.NewReader(stdin), stdout: &bytes.Buffer{}, stderr: r.log, config: r.config, mailCAs: r.mail.CAs(), tune: r.tune, patience: r.patience, connect: storetest.Connect, hashing: signin.Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1},
		drivers: func(s *store.Store) provision.Drivers {
			return provision.Drivers{"static": r.driver, "manual": manual.Driver{}, "pool": pool.Driver{Store: s}, nothing.Name: nothing.Driver{}}
		}}
}

// ok runs a command that must succeed and gives what it printed.
func (r *rig) ok(do command, stdin string, args ...string) string {
	r.t.Helper()
	c := r.cli(stdin)
	require.Equal(r.t, exitOK, c.report(do(context.Background(), c, args)), r.log.String())
	return c.stdout.(*bytes.Buffer).String()
}

// quick shortens what a test would otherwise wait for, and leaves out the day's
// reconciliation, which would ask the marketplace in the middle of a test.
func quick(o *jobs.Options) {
	o.Timed = slices.DeleteFunc(o.Timed, func(w jobs.Timed) bool { return w.Name == "reconcile" })
	o.Poll, o.Sweep = 100*time.Millisecond, 500*time.Millisecond
	for i := range o.Kinds {
		o.Kinds[i].Tries, o.Kinds[i].Base, o.Kinds[i].Max = 3, 50*time.Millisecond, 100*time.Millisecond
	}
}

// start runs the program: the web part, and the workers if wanted.
func (r *rig) start(withJobs bool) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := r.cli("")
	addr := make(chan net.Addr, 1)
	c.listening = func(a net.Addr) { addr <- a }
	c.tune = func(o *jobs.Options) {
		r.tune(o)
		r.jobs = *o
	}
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, true, withJobs) }()
	select {
	case a := <-addr:
		r.base = "http://" + a.String()
	case err := <-done:
		r.t.Fatalf("the program ended at once: %v\n%s", err, r.log)
	}
	r.caller = r.calls("/koogallery/default", storetest.BasicKey, market.V2)
	r.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(r.t, <-done)
	})
	r.t.Cleanup(r.stop)
}

// calls gives a caller that does not judge how long an answer takes: under test,
// that is the machine's business.
func (r *rig) calls(path, key string, p market.Protocol) *simulator.Caller {
	return &simulator.Caller{URL: r.base + path, Key: key, Protocol: p, Limit: time.Hour}
}

// call sends a signed call and requires a conformant answer.
func (r *rig) call(activity string, kv ...any) simulator.Answer {
	r.t.Helper()
	set := simulator.Fields{}
	for i := 0; i < len(kv); i += 2 {
		set[kv[i].(string)] = kv[i+1]
	}
	a := insist(func() simulator.Answer {
		f, err := simulator.NewCall(activity, set, nil, false, r.ids)
		require.NoError(r.t, err)
		return r.caller.Call(context.Background(), f)
	})
	require.True(r.t, a.Conformant(), "%s: %v %s", a.Body, a.Findings, a.Fault)
	return a
}

// buy purchases an order and gives the instanceId.
func (r *rig) buy(order string) string {
	r.t.Helper()
	a := r.call(market.NewInstance, "orderId", order, "orderLineId", simulator.LineID(order))
	require.Equal(r.t, market.Processing, a.Code)
	require.NotEmpty(r.t, a.InstanceID)
	return a.InstanceID
}

// access waits until queryInstance shows the instance's access data.
func (r *rig) access(instance string) simulator.App {
	r.t.Helper()
	var app *simulator.App
	require.Eventually(r.t, func() bool {
		app = r.call(market.QueryInstance, "instanceId", instance).AppOf(instance)
		return app != nil && app.FrontEndURL != ""
	}, time.Minute, 30*time.Millisecond, "no access data for %s: %s", instance, r.log)
	return *app
}

// mails waits for n mails.
func (r *rig) mails(n int) []smtptest.Message {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := r.mail.Wait(ctx, n)
	require.NoError(r.t, err, "%d mails of %d: %s", len(got), n, r.log)
	return got
}

// api asks the API and decodes the answer.
func (r *rig) api(method, path string, in any, want int) map[string]any {
	r.t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		require.NoError(r.t, err)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, r.base+"/api/v1"+path, body)
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, want, res.StatusCode, "%s %s: %s", method, path, b)
	out := map[string]any{}
	if len(b) > 0 {
		require.NoError(r.t, json.Unmarshal(b, &out), "%s", b)
	}
	return out
}

// items is a list of the API, as maps.
func (r *rig) items(path string) []map[string]any {
	r.t.Helper()
	raw, ok := r.api(http.MethodGet, path, nil, 200)["items"].([]any)
	require.True(r.t, ok)
	out := make([]map[string]any, len(raw))
	for i, v := range raw {
		out[i] = v.(map[string]any)
	}
	return out
}

// waitItems waits until a list of the API has n items.
func (r *rig) waitItems(path string, n int) []map[string]any {
	r.t.Helper()
	var got []map[string]any
	require.Eventually(r.t, func() bool {
		got = r.items(path)
		return len(got) == n
	}, time.Minute, 50*time.Millisecond, "%s: want %d: %s", path, n, r.log)
	return got
}

func (r *rig) count(query string) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.store.SQL().QueryRow(query).Scan(&n))
	return n
}
