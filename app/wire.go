package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"koodesk/app/accesspage"
	"koodesk/app/alert"
	channels "koodesk/app/channel"
	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/event"
	"koodesk/app/failures"
	"koodesk/app/intake"
	"koodesk/app/license"
	licensemanual "koodesk/app/license/manual"
	licensepool "koodesk/app/license/pool"
	licensehook "koodesk/app/license/webhook"
	"koodesk/app/licensecode"
	"koodesk/app/marketapi"
	"koodesk/app/orderbook"
	"koodesk/app/provision"
	"koodesk/app/provision/manual"
	"koodesk/app/provision/nothing"
	"koodesk/app/provision/pool"
	"koodesk/app/provision/static"
	hook "koodesk/app/provision/webhook"
	"koodesk/app/reconcile"
	"koodesk/app/redisconn"
	"koodesk/app/replay"
	"koodesk/app/restart"
	"koodesk/app/retention"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/stuck"
	"koodesk/app/telemetry"
	"koodesk/app/throttle"
	"koodesk/app/web"
	"koodesk/app/web/api"
	"koodesk/app/web/buyer"
	"koodesk/app/web/callback"
	"koodesk/app/web/console"
	"koodesk/app/web/receipts"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
	"koodesk/app/webhook"
	"koodesk/config"
	"koodesk/jobs"
	"koodesk/views"
)

// makers are the ways in which instances are made, by the name that products
// use. Where products are only set, s and ask may be nil.
func (c *cli) makers(s *store.Store, ask hook.Asker) provision.Drivers {
	d := provision.Drivers{static.Name: static.Driver{}, manual.Name: manual.Driver{}, pool.Name: pool.Driver{Store: s}, nothing.Name: nothing.Driver{},
		hook.Name: hook.Driver{Allow: c.allow(), Ask: ask}}
	if c.drivers != nil {
		maps.Copy(d, c.drivers(s))
	}
	return d
}

// suppliers are where Licenses come from, by the name that products use. Where
// products are only set, s and ask may be nil.
func (c *cli) suppliers(s *store.Store, ask hook.Asker) license.Suppliers {
	return license.Suppliers{licensepool.Name: licensepool.Supplier{Store: s}, licensemanual.Name: licensemanual.Supplier{},
		licensehook.Name: licensehook.Supplier{Allow: c.allow(), Ask: ask}}
}

// allow is where webhooks may go.
func (c *cli) allow() webhook.Allow {
	a := c.config.WebhookAllow
	return webhook.Allow{All: a.All, Nets: a.Nets, Hosts: a.Hosts}
}

// parts is every long-lived object of the program, built once.
type parts struct {
	log       *slog.Logger
	metrics   *telemetry.Metrics
	store     *store.Store
	redis     redis.UniversalClient
	market    *marketapi.Client
	mail      *email.Sender  // nil without SMTP_URL
	sms       deliver.Sender // as SMS_DRIVER says
	deliverer *deliver.Deliverer
	desk      *desk.Desk
	seller    string // as customers know the name
	provision *provision.Provisioner
	pools     *pool.Keeper
	channels  *channels.Desk
	license   *license.Desk
	intake    *intake.Intake
	reconcile *reconcile.Reconciler
	failures  *failures.Desk
	restart   *restart.Batches
	stuck     *stuck.Desk
	webhook   *webhook.Client
	event     *event.Client
	pages     *accesspage.Pages
	jobs      *jobs.Jobs
	codes     *licensecode.Codes
	orders    *orderbook.Book
	alerts    *alert.Desk
	retention *retention.Keeper
}

// build makes the parts. Nothing runs yet.
func (c *cli) build(ctx context.Context) (*parts, error) {
	p := &parts{log: telemetry.Logger(c.stderr, c.config.LogFormat, c.config.LogLevel), metrics: telemetry.New()}
	var err error
	if p.store, err = c.open(ctx); err != nil {
		return nil, err
	}
	if p.redis, err = redisconn.Open(c.config.RedisURL); err != nil {
		return nil, errors.Join(err, p.store.Close())
	}
	if err := p.useCases(c); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *parts) useCases(c *cli) error {
	wake := func() { p.jobs.Wake() }
	p.market = marketapi.New(marketapi.Options{})
	p.webhook = webhook.NewClient(webhook.Options{Allow: c.allow(), Timeout: c.patience, Log: p.log})
	if err := p.delivery(c, wake); err != nil {
		return err
	}
	p.event = event.NewClient(event.Options{Store: p.store, Webhook: p.webhook, Log: p.log, Wake: wake,
		Restart: func(ctx context.Context, tx *store.Tx, task int64, by staff.Actor) error {
			return p.restart.RestartTaskIn(ctx, tx, task, by)
		}})
	p.desk = desk.New(desk.Options{Store: p.store, PublicURL: c.config.PublicURL.String(), Version: version, Log: p.log})
	p.provision = provision.New(provision.Options{Store: p.store, Marketplace: p.market, Deliverer: p.deliverer,
		Drivers: c.makers(p.store, p.event), Licenses: c.suppliers(p.store, p.event), Log: p.log, Wake: wake})
	p.pools = pool.NewKeeper(pool.Options{Store: p.store, Log: p.log, Wake: wake,
		Free: func(name string, n int) { p.metrics.PoolFree.WithLabelValues(name).Set(float64(n)) }})
	p.channels = channels.New(p.store)
	p.license = license.New(license.Options{Store: p.store, Marketplace: p.market, Suppliers: c.suppliers(p.store, p.event), Log: p.log, Wake: wake})
	p.pages = accesspage.New(accesspage.Options{Store: p.store, PublicURL: c.config.PublicURL.String(), Log: p.log})
	p.intake = intake.New(intake.Options{Store: p.store, Lifecycle: p.provision, Licenses: p.license, Dialects: []intake.Dialect{callback.Dialect{}, callback.DialectV1{}},
		PublicURL: c.config.PublicURL.String(), Link: p.pages.URL, Log: p.log, Wake: wake})
	p.restart = restart.New(restart.Options{Store: p.store, Restart: p.intake, Resend: p.deliverer, Log: p.log, Wake: wake})
	p.reconcile = reconcile.New(reconcile.Options{Store: p.store, Marketplace: p.market, Purchases: p.intake, Life: p.provision,
		Zone: c.config.TZDisplay, Log: p.log, Wake: wake})
	p.failures = failures.New(p.store)
	p.retention = retention.New(retention.Options{Store: p.store, Days: retention.Days(c.config.Retain), Log: p.log})
	p.codes = licensecode.New(licensecode.Options{Store: p.store, Marketplace: p.market, Log: p.log, Wake: wake})
	p.orders = orderbook.New(p.store, p.market, p.log)
	o := jobs.Options{Store: p.store, Redis: p.redis, Metrics: p.metrics, Log: p.log, Workers: c.config.Workers,
		Timed: []jobs.Timed{{Name: "reconcile", Every: time.Minute, Run: p.reconcile.Daily},
			{Name: "restarts", Run: p.restart.Settle},
			{Name: "license codes", Every: 5 * time.Minute, Run: p.codes.Schedule},
			{Name: "events", Every: 15 * time.Second, Run: p.store.SettleEvents},
			{Name: "failure groups", Every: 15 * time.Second, Run: p.settleFailures},
			{Name: "notices", Run: p.deliverer.Schedule},
			{Name: "passwords", Run: p.deliverer.WipePasswords},
			{Name: "retention", Every: time.Hour, Apart: true, Run: p.retention.Run},
			{Name: "pools", Run: p.pools.Watch},
			{Name: "license pools", Every: time.Minute, Run: p.license.Watch},
			{Name: "alerts", Every: 15 * time.Second, Run: p.alerts.Watch},
			{Name: "alerts of probes and receivers", Every: time.Minute, Run: p.alerts.WatchSlowly},
			{Name: "left-overs", Every: time.Minute, Run: p.provision.FindLeftovers}},
		Measures: []jobs.Measure{{Name: "pools", Run: p.pools.Measure}},
		Kinds: jobs.Table(jobs.Handlers{OrderQuery: p.provision.QueryOrder, Provision: p.provision.Provision,
			ProvisionFails: p.provision.OnFail,
			Deliver:        p.deliverer.Deliver, DeliverFails: p.deliverer.OnFail,
			Event: p.event.Deliver, EventFails: p.event.OnFail,
			Reconcile: p.reconcile.Work, ReconcileFails: p.reconcile.OnFail,
			Restart: p.restart.Work, RestartFails: p.restart.OnFail,
			LicenseActivate: p.codes.Activate, LicenseQuery: p.codes.Query, LicenseRefresh: p.codes.Refresh,
			LicenseUsage: p.codes.Usage, LicenseFails: p.codes.OnFail,
			OrderNotice: p.orders.Notice, NoticeFails: p.orders.OnFail,
			Alert: p.alerts.Deliver, AlertFails: p.alerts.OnFail,
			License: p.license.Supply, LicenseUpload: p.license.Upload, SupplyFails: p.license.OnFail})}
	if c.tune != nil {
		c.tune(&o)
	}
	var err error
	if p.jobs, err = jobs.New(o); err != nil {
		return err
	}
	p.stuck = stuck.New(stuck.Options{Store: p.store, Queue: p.jobs, Restart: p.restart, Wake: wake})
	return nil
}

// settleFailures keeps the failure groups true, and what of deliveries is open. What
// cannot be judged keeps nothing else from it.
func (p *parts) settleFailures(ctx context.Context) error {
	return errors.Join(p.intake.SettleOvertaken(ctx), p.store.SettleFailures(ctx), p.store.SettleDeliveries(ctx))
}

func (p *parts) delivery(c *cli, wake func()) error {
	m, err := c.mail()
	if err != nil {
		return err
	}
	p.seller = m.From.Name
	var sender deliver.Sender = email.None{}
	if m.Host != "" {
		m.RootCAs = c.mailCAs
		p.mail = email.New(m)
		sender = p.mail
	}
	if p.sms, err = c.sms(p.webhook, p.store.Keys(), p.log); err != nil {
		return err
	}
	p.alerts, err = alert.New(alert.Options{Store: p.store, Email: sender, SMS: p.sms, Webhook: p.webhook, PublicURL: c.config.PublicURL.String(),
		Domain: email.Domain(m.From), Zone: c.config.TZDisplay, Log: p.log, Wake: wake})
	if err != nil {
		return err
	}
	p.deliverer, err = deliver.New(deliver.Options{Store: p.store, Email: sender, SMS: p.sms,
		Bounce: m.Bounce, Returns: returns(m.Bounce), Domain: email.Domain(m.From), Seller: m.From.Name, Zone: c.config.TZCustomers,
		Public: c.config.PublicURL.String(), Link: func(id string, generation int) string { return p.pages.URL(id, generation) }, Log: p.log, Wake: wake})
	return err
}

// mail reads SMTP_URL, MAIL_FROM and MAIL_BOUNCE; without SMTP_URL the host is empty. The
// error is config.Faults.
func (c *cli) mail() (email.Options, error) {
	var o email.Options
	var faults config.Faults
	if c.config.SMTPURL != "" {
		var err error
		if o, err = email.Parse(c.config.SMTPURL); err != nil {
			faults = append(faults, fmt.Errorf("SMTP_URL: %w", err))
		}
	}
	from, err := email.ParseFrom(c.config.MailFrom)
	if err != nil {
		faults = append(faults, fmt.Errorf("MAIL_FROM: %w", err))
	}
	bounce, err := email.ParseBounce(c.config.MailBounce)
	if err != nil {
		faults = append(faults, fmt.Errorf("MAIL_BOUNCE: %w", err))
	}
	if len(faults) > 0 {
		return email.Options{}, faults
	}
	o.From, o.Bounce, o.Dedupes, o.Wait = from, bounce, c.config.MailDedupes, c.config.MailWait
	return o, nil
}

// close ends what holds connections.
func (p *parts) close() error {
	if p.desk != nil {
		p.desk.Stop()
	}
	if p.market != nil {
		p.market.Close()
	}
	if p.mail != nil {
		p.mail.Close()
	}
	if s, ok := p.sms.(*huawei.Sender); ok {
		s.Close()
	}
	if p.webhook != nil {
		p.webhook.Close()
	}
	return errors.Join(p.redis.Close(), p.store.Close())
}

// pages are parsed once, however often a process starts the program: its tests do.
var pages = sync.OnceValues(func() (*view.Engine, error) { return view.New(views.Console, false) })

// webOptions gathers what the web part is built from.
func (p *parts) webOptions(c *cli) (web.Options, error) {
	people := signin.New(signin.Options{Store: p.store, Redis: p.redis, Log: p.log, Cost: c.hashing})
	sessions, err := session.New(session.Options{SignIn: people, Sessions: p.store.Sessions(), PublicURL: c.config.PublicURL.String(), Log: p.log})
	if err != nil {
		return web.Options{}, err
	}
	pages, err := pages()
	if err != nil {
		return web.Options{}, err
	}
	return web.Options{
		Buyer: buyer.New(buyer.Options{Pages: p.pages, Refuser: p.deliverer, Limit: throttle.New("access", p.redis, p.log), Views: pages, Seller: p.seller,
			Zone: c.config.TZCustomers}),
		Receipts: receipts.New(receipts.Options{Deliver: p.deliverer, Keys: p.store.Keys(), Limit: throttle.New("receipts", p.redis, p.log), PublicURL: c.config.PublicURL.String()}),
		Callback: callback.New(callback.Options{Intake: p.intake, Replay: replay.New(p.redis), Metrics: p.metrics, Log: p.log}),
		API: api.New(api.Options{Store: p.store, Contents: p.intake, Restarts: p.restart, Access: p.provision, Resend: p.deliverer, Report: p.deliverer, Products: p.provision,
			Channels: p.channels, Licenses: p.license, PublicURL: c.config.PublicURL.String(), Pools: p.pools, Claims: p.provision, Seen: p.intake, Leftovers: p.provision, Codes: p.codes,
			Zone: c.config.TZDisplay, Teller: p.deliverer, Writer: p.deliverer, Reconcile: p.reconcile, Failures: p.failures, Stuck: p.stuck, Events: p.event, Alerts: p.alerts, Retention: p.retention}),
		Sessions: sessions, TrustedProxies: c.config.TrustedProxies, Ready: p.ready, HTTPS: c.config.PublicURL.Scheme == "https", Log: p.log,
		Console: console.New(console.Options{Reader: p.store.Reader(), Pages: p.pages, Channels: p.channels, Intake: p.intake, Provision: p.provision, Deliver: p.deliverer, Codes: p.codes, Licenses: p.license, Reconcile: p.reconcile, Failures: p.failures, Pools: p.pools, Restarts: p.restart, Stuck: p.stuck, Events: p.event, Alerts: p.alerts,
			SelfCheck: p.desk, SignIn: people, Sessions: sessions, Views: pages, Zone: c.config.TZDisplay, PublicURL: c.config.PublicURL.String(),
			NoMail: p.mail == nil, NoSMS: c.config.SMS.Driver == config.SMSLog, Tries: p.jobs.Tries(), Version: version, Log: p.log}),
	}, nil
}
