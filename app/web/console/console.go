// Package console is the operators' console: one file per screen, each of which
// reads a form or an address, asks the store or a use case, fills one typed page
// struct of app/web/view and sends it. It decides nothing about messages,
// instances or passwords, and knows neither SQL nor how a page looks. Who may
// call a handler stands in Routes; whoever mounts them puts the sessions'
// middleware before.
package console

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/accesspage"
	"koodesk/app/alert"
	"koodesk/app/channel"
	"koodesk/app/deliver"
	"koodesk/app/event"
	"koodesk/app/failures"
	"koodesk/app/intake"
	"koodesk/app/license"
	"koodesk/app/licensecode"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/provision/pool"
	"koodesk/app/reconcile"
	"koodesk/app/restart"
	"koodesk/app/selfcheck/desk"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/stuck"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// Options of New.
type Options struct {
	Reader    *store.Reader
	Pages     *accesspage.Pages
	Intake    *intake.Intake
	Provision *provision.Provisioner
	Deliver   *deliver.Deliverer
	Codes     *licensecode.Codes
	Licenses  *license.Desk
	Channels  *channel.Desk
	Reconcile *reconcile.Reconciler
	Failures  *failures.Desk
	Pools     *pool.Keeper
	Restarts  *restart.Batches
	Stuck     *stuck.Desk
	Alerts    *alert.Desk
	SignIn    *signin.SignIn
	Events    *event.Client
	SelfCheck *desk.Desk
	Sessions  *session.Manager
	Views     *view.Engine
	Zone      *time.Location      // in which times are shown
	PublicURL string              // where the marketplace and browsers find the program; https makes cookies secure
	NoMail    bool                // mails never leave the machine: every page says so
	NoSMS     bool                // likewise SMS
	Tries     map[outbox.Kind]int // after how many tries a task is given up; a kind without shows none
	Version   string              // of the program; "" shows none
	Now       func() time.Time    // nil: time.Now
	Log       *slog.Logger        // nil: the default
}

// Console answers with pages. It is safe for concurrent use.
type Console struct {
	o        Options
	read     *store.Reader
	channels remembered[[]store.ChannelRow]
	products remembered[[]store.ProductChoice]
	rates    remembered[[]store.CallRate]
	usable   remembered[[]store.UsableTime]
	targets  remembered[[]targetChoice]
}

// choicesLast is for how long the choices of a filter are remembered: they
// change rarely, and each list would ask for them again.
const choicesLast = 15 * time.Second

// New makes the console.
func New(o Options) *Console {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	k := &Console{o: o, read: o.Reader}
	k.channels.load = func(ctx context.Context) ([]store.ChannelRow, error) { return k.read.Channels(ctx) }
	k.rates.load = func(ctx context.Context) ([]store.CallRate, error) {
		return k.read.CallRates(ctx, k.o.Now().Add(-24*time.Hour))
	}
	k.usable.load = func(ctx context.Context) ([]store.UsableTime, error) {
		return k.read.UsableTimes(ctx, k.o.Now())
	}
	k.targets.load = k.targetChoices
	k.products.load = func(ctx context.Context) ([]store.ProductChoice, error) { return k.read.ProductChoices(ctx) }
	return k
}

// Routes is the console whole. Whoever mounts it puts the sessions' Load, CSRF
// and Require(Permission) before each handler, in this order.
func (k *Console) Routes() []session.Route {
	const get, post = fiber.MethodGet, fiber.MethodPost
	to := session.To
	return append(append(k.templateRoutes(), k.productRoutes()...), []session.Route{
		to(get, "/", staff.SignedIn, k.Home),
		to(get, "/login", staff.Public, k.Login),
		to(post, "/login", staff.Public, k.SignIn),
		to(post, "/logout", staff.Public, k.SignOut),
		to(post, "/preferences", staff.Public, k.Preferences),
		to(get, "/account", staff.SignedIn, k.Account),
		to(post, "/account/password", staff.SignedIn, k.ChangePassword),
		to(get, "/search", staff.MessagesRead, k.Search),
		to(get, "/messages", staff.MessagesRead, k.Messages),
		to(get, "/messages/:id", staff.MessagesRead, k.Message),
		to(post, "/messages/:id/restart", staff.MessagesRestart, k.RestartMessage),
		to(post, "/messages/:id/quarantine/:content/accept", staff.MessagesDecide, k.AcceptContent),
		to(post, "/messages/:id/quarantine/:content/refuse", staff.MessagesDecide, k.RefuseContent),
		to(get, "/instances", staff.InstancesRead, k.Instances),
		to(get, "/instances/:instance_id", staff.InstancesRead, k.Instance),
		to(post, "/instances/:instance_id/access", staff.InstancesAccess, k.SetAccess),
		to(post, "/instances/:instance_id/reveal", staff.InstancesReveal, k.Reveal),
		to(get, provisioningPath, staff.InstancesRead, k.Provisioning),
		to(post, "/instances/:instance_id/claim", staff.InstancesAccess, k.Claim),
		to(post, "/instances/:instance_id/unclaim", staff.InstancesAccess, k.GiveUp),
		to(get, "/licenses", staff.LicensesRead, k.Licenses),
		to(get, "/licenses/:id", staff.LicensesRead, k.License),
		to(post, "/licenses/:id", staff.LicensesWrite, k.HandLicenseIn),
		to(post, "/licenses/:id/upload", staff.LicensesWrite, k.UploadLicense),
		to(post, "/licenses/:id/reveal", staff.LicensesReveal, k.RevealLicense),
		to(get, licensePoolsPath, staff.LicensesRead, k.LicensePools),
		to(post, licensePoolsPath, staff.LicensesWrite, k.FillLicensePool),
		to(get, "/license-codes", staff.LicenseCodesRead, k.LicenseCodes),
		to(get, "/license-codes/:id", staff.LicenseCodesRead, k.LicenseCode),
		to(post, "/license-codes/:id/activate", staff.LicenseCodesUse, k.ActivateCode),
		to(post, "/license-codes/:id/query", staff.LicenseCodesUse, k.QueryCode),
		to(post, "/license-codes/:id/reveal", staff.LicenseCodesReveal, k.RevealCode),
		to(get, "/orders", staff.OrdersRead, k.Orders),
		to(get, "/orders/:id", staff.OrdersRead, k.Order),
		to(post, "/instances/:instance_id/link", staff.InstancesAccess, k.RenewLink),
		to(post, "/instances/:instance_id/usage-info", staff.DeliveriesSend, k.SendUsageInfo),
		to(post, "/instances/:instance_id/notices", staff.DeliveriesSend, k.SetNotices),
		to(get, calendarPath, staff.InstancesRead, k.Calendar),
		to(get, calendarPath+"/:date", staff.InstancesRead, k.CalendarOf),
		to(get, "/deliveries", staff.DeliveriesRead, k.Deliveries),
		to(get, "/deliveries/chart", staff.DeliveriesRead, k.DeliveryChart),
		to(get, "/deliveries/:id", staff.DeliveriesRead, k.Delivery),
		to(post, "/deliveries/:id/resend", staff.DeliveriesSend, k.Resend),
		to(get, reconcilePath, staff.ReconcileRead, k.Reconcile),
		to(post, reconcilePath+"/start", staff.ReconcileDecide, k.StartReconcile),
		to(post, reconcilePath+"/apply", staff.ReconcileDecide, k.ApplyFindings),
		to(post, reconcilePath+"/keep", staff.ReconcileDecide, k.KeepFindings),
		to(get, "/listing", staff.ListingRead, k.Listing),
		to(get, alertsPath, staff.AlertsRead, k.Alerts),
		to(get, alertSaidPath, staff.AlertsRead, k.AlertSaid),
		to(get, alert.TargetsPath, staff.SignedIn, k.AlertTargets),
		to(post, alert.TargetsPath, staff.SignedIn, k.AddAlertTarget),
		to(get, alert.TargetsPath+"/new", staff.SignedIn, k.NewAlertTarget),
		to(get, alert.TargetsPath+"/:id", staff.SignedIn, k.AlertTarget),
		to(post, alert.TargetsPath+"/:id", staff.SignedIn, k.SetAlertTarget),
		to(post, alert.TargetsPath+"/:id/remove", staff.SignedIn, k.RemoveAlertTarget),
		to(post, alert.TargetsPath+"/:id/test", staff.SignedIn, k.TestAlertTarget),
		to(get, poolsPath, staff.PoolsRead, k.Pools),
		to(get, poolsPath+"/:pool", staff.PoolsRead, k.Pool),
		to(post, poolsPath+"/:pool/low-water", staff.PoolsWrite, k.SetLowWater),
		to(get, poolsPath+"/:pool/import", staff.PoolsWrite, k.PoolImport),
		to(post, poolsPath+"/:pool/import", staff.PoolsWrite, k.ImportAccounts),
		to(post, poolsPath+"/:pool/accounts/:id/retire", staff.PoolsWrite, k.RetireAccount),
		to(get, leftoversPath, staff.LeftoversRead, k.Leftovers),
		to(post, leftoversPath+"/:id/undo", staff.LeftoversDecide, k.UndoLeftover),
		to(post, leftoversPath+"/:id/gone", staff.LeftoversDecide, k.LeftoverGone),
		to(post, leftoversPath+"/:id/keep", staff.LeftoversDecide, k.KeepLeftover),
		to(get, stuckPath, staff.StuckRead, k.Stuck),
		to(post, stuckPath+"/:kind/:id/repair", staff.StuckRepair, k.RepairStuck),
		to(get, failuresPath, staff.FailuresRead, k.Failures),
		to(get, failuresPath+"/:id", staff.FailuresRead, k.Failure),
		to(post, failuresPath+"/:id", staff.FailuresWork, k.ChangeFailure),
		to(post, failuresPath+"/:id/close", staff.FailuresWork, k.CloseFailure),
		to(get, restartsPath, staff.MessagesRead, k.Restarts),
		to(get, restartsPath+"/new", staff.MessagesRead, k.NewRestart),
		to(post, restartsPath, staff.MessagesRestart, k.StartRestart),
		to(get, restartsPath+"/:id", staff.MessagesRead, k.Restart),
		to(post, restartsPath+"/:id/pause", staff.MessagesRestart, k.PauseRestart),
		to(post, restartsPath+"/:id/resume", staff.MessagesRestart, k.ResumeRestart),
		to(post, restartsPath+"/:id/cancel", staff.MessagesRestart, k.CancelRestart),
		to(get, eventsPath, staff.EventsRead, k.Events),
		to(get, eventsPath+"/:id", staff.EventsRead, k.Event),
		to(post, eventsPath+"/:id/resend", staff.EventsSend, k.ResendEvent),
		to(get, targetsPath, staff.EventsRead, k.EventTargets),
		to(post, targetsPath, staff.EventTargetsWrite, k.AddEventTarget),
		to(get, targetsPath+"/:id", staff.EventsRead, k.EventTarget),
		to(post, targetsPath+"/:id", staff.EventTargetsWrite, k.SetEventTarget),
		to(post, targetsPath+"/:id/secret", staff.EventTargetsWrite, k.RenewTargetSecret),
		to(post, targetsPath+"/:id/end-old", staff.EventTargetsWrite, k.EndTargetOldSecret),
		to(post, targetsPath+"/:id/test", staff.EventsSend, k.TestEventTarget),
		to(post, targetsPath+"/:id/remove", staff.EventTargetsWrite, k.RemoveEventTarget),
		to(get, "/tasks", staff.TasksRead, k.Tasks),
		to(post, "/tasks/:id/restart", staff.TasksRestart, k.RestartTask),
		to(get, channelsPath, staff.ChannelsRead, k.Channels),
		to(post, channelsPath, staff.ChannelsWrite, k.AddChannel),
		to(get, channelsPath+"/:slug", staff.ChannelsRead, k.Channel),
		to(post, channelsPath+"/:slug/settings", staff.ChannelsWrite, k.SetChannel),
		to(post, channelsPath+"/:slug/ak-sk", staff.ChannelsWrite, k.SetAKSK),
		to(get, channelsPath+"/:slug/keys/:class", staff.ChannelsWrite, k.ChannelKey),
		to(post, channelsPath+"/:slug/keys/:class", staff.ChannelsWrite, k.SetChannelKey),
		to(post, channelsPath+"/:slug/keys/:class/end-old", staff.ChannelsWrite, k.EndOldKey),
		to(get, "/self-check", staff.SelfCheckRead, k.SelfCheck),
		to(post, "/self-check", staff.SelfCheckRun, k.RunSelfCheck),
		to(get, "/self-check/report.html", staff.SelfCheckRead, k.SelfCheckReport),
		to(get, "/self-check/report.md", staff.SelfCheckRead, k.SelfCheckReport),
		to(get, "/self-check/report.json", staff.SelfCheckRead, k.SelfCheckReport),
	}...)
}
