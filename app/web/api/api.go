// Package api is the JSON API, version 1: it reads requests strictly, asks the
// store or a use case, and writes what docs/api.md and openapi.json promise. It
// knows neither SQL nor cookies, and never writes a password.
package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// Contents decides about a different content that came under a message's key.
type Contents interface {
	QuarantineOf(ctx context.Context, message int64) ([]store.QuarantineRow, error)
	AcceptContent(ctx context.Context, message, id int64, by staff.Actor) error
	RefuseContent(ctx context.Context, message, id int64, by staff.Actor) error
}

// Accessor takes access data, and what was used of an instance.
type Accessor interface {
	SetAccess(ctx context.Context, instanceID string, a provision.Access, by staff.Actor) error
	ReportUsage(ctx context.Context, instanceID string, list []market.Usage, by staff.Actor) error
}

// Resender sends deliveries again; to "" means the same address.
type Resender interface {
	Resend(ctx context.Context, deliveryID int64, to string, by staff.Actor) error
}

// Reporter takes what became of a delivery from whoever knows.
type Reporter interface {
	Report(ctx context.Context, deliveryID int64, r deliver.Report, by staff.Actor) error
}

// Products writes what a product of a channel (by slug) is provisioned by.
type Products interface {
	SetProduct(ctx context.Context, channel string, p store.Product, secret provision.SecretWish, by staff.Actor) (provision.Stored, error)
}

// Options of New.
type Options struct {
	Store     *store.Store
	Contents  Contents
	Restarts  Restarts
	Access    Accessor
	Resend    Resender
	Report    Reporter
	Products  Products
	Pools     Pools
	Claims    Claims
	Leftovers Leftovers
	Seen      Looker
	Codes     Codes
	Channels  Channels
	Licenses  Licenses
	PublicURL string // where KooGallery reaches the program
	Teller    Teller
	Writer    Writer
	Zone      *time.Location // whose days the calendar and the charts have; nil: UTC

	Reconcile Reconciler
	Failures  Failures
	Stuck     Stuck
	Events    Events
	Alerts    Alerts
	Retention Eraser
}

// API answers under /api/v1.
type API struct {
	store *store.Store
	o     Options
}

// New makes the API.
func New(o Options) *API { return &API{store: o.Store, o: o} }

// Prefix is where the API is mounted.
const Prefix = "/api/v1"

// Routes is the API whole. Whoever mounts it puts session.Bearer and
// session.Require(Permission) before each handler.
func (a *API) Routes() []session.Route {
	const get, post, put, patch, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete
	to := session.To
	return append(a.templateRoutes(), []session.Route{
		to(get, "/openapi.json", staff.Public, a.OpenAPI),
		to(get, "/messages", staff.MessagesRead, a.Messages),
		to(post, "/messages/restart", staff.MessagesRestart, a.RestartMessages),
		to(get, "/restarts", staff.MessagesRead, a.Batches),
		to(get, "/restarts/:id", staff.MessagesRead, a.Batch),
		to(post, "/restarts/:id/pause", staff.MessagesRestart, a.PauseBatch),
		to(post, "/restarts/:id/resume", staff.MessagesRestart, a.ResumeBatch),
		to(post, "/restarts/:id/cancel", staff.MessagesRestart, a.CancelBatch),
		to(get, "/messages/:id", staff.MessagesRead, a.Message),
		to(get, "/messages/:id/attempts", staff.MessagesRead, a.Attempts),
		to(post, "/messages/:id/restart", staff.MessagesRestart, a.RestartMessage),
		to(post, "/messages/:id/quarantine/:content/accept", staff.MessagesDecide, a.AcceptContent),
		to(post, "/messages/:id/quarantine/:content/refuse", staff.MessagesDecide, a.RefuseContent),
		to(get, "/instances", staff.InstancesRead, a.Instances),
		to(get, "/instances/:instance_id", staff.InstancesRead, a.Instance),
		to(get, "/instances/:instance_id/seen", staff.InstancesRead, a.Seen),
		to(put, "/instances/:instance_id/access", staff.InstancesAccess, a.SetAccess),
		to(get, "/instances/:instance_id/usage", staff.InstancesRead, a.InstanceUsage),
		to(put, "/instances/:instance_id/usage", staff.InstancesUsage, a.ReportInstanceUsage),
		to(post, "/instances/:instance_id/claim", staff.InstancesAccess, a.Claim),
		to(del, "/instances/:instance_id/claim", staff.InstancesAccess, a.Unclaim),
		to(get, "/instances/:instance_id/notices", staff.InstancesRead, a.Notices),
		to(put, "/instances/:instance_id/notices", staff.DeliveriesSend, a.SetNotices),
		to(post, "/instances/:instance_id/usage-info", staff.DeliveriesSend, a.SendUsageInfo),
		to(get, "/provisioning", staff.InstancesRead, a.Provisioning),
		to(get, "/tasks", staff.TasksRead, a.Tasks),
		to(post, "/tasks/restart", staff.TasksRestart, a.RestartTasks),
		to(get, "/tasks/:id", staff.TasksRead, a.Task),
		to(post, "/tasks/:id/restart", staff.TasksRestart, a.RestartTask),
		to(get, "/listing", staff.ListingRead, a.Listing),
		to(get, "/leftovers", staff.LeftoversRead, a.Leftovers),
		to(post, "/leftovers/:id/undo", staff.LeftoversDecide, a.UndoLeftover),
		to(post, "/leftovers/:id/gone", staff.LeftoversDecide, a.LeftoverGone),
		to(post, "/leftovers/:id/keep", staff.LeftoversDecide, a.KeepLeftover),
		to(get, "/stuck", staff.StuckRead, a.Stuck),
		to(post, "/stuck/:kind/:id/repair", staff.StuckRepair, a.RepairStuck),
		to(post, "/customers/erase", staff.CustomersErase, a.EraseCustomer),
		to(get, "/calendar", staff.InstancesRead, a.Calendar),
		to(get, "/deliveries", staff.DeliveriesRead, a.Deliveries),
		to(get, "/deliveries/stats", staff.DeliveriesRead, a.DeliveryStats),
		to(get, "/deliveries/:id", staff.DeliveriesRead, a.Delivery),
		to(post, "/deliveries/:id/resend", staff.DeliveriesSend, a.ResendDelivery),
		to(post, "/deliveries/:id/receipt", staff.DeliveriesSend, a.ReportDelivery),
		to(get, "/products", staff.ProductsRead, a.Products),
		to(get, "/products/:channel/:product_id", staff.ProductsRead, a.Product),
		to(put, "/products/:channel/:product_id", staff.ProductsWrite, a.SetProduct),
		to(get, "/products/:channel/sku/:sku_code", staff.ProductsRead, a.Product),
		to(put, "/products/:channel/sku/:sku_code", staff.ProductsWrite, a.SetProduct),
		to(get, "/channels", staff.ChannelsRead, a.Channels),
		to(get, "/channels/:channel", staff.ChannelsRead, a.Channel),
		to(put, "/channels/:channel", staff.ChannelsWrite, a.SetChannel),
		to(put, "/channels/:channel/keys/:class", staff.ChannelsWrite, a.SetChannelKey),
		to(get, "/pools", staff.PoolsRead, a.Pools),
		to(put, "/pools/:pool", staff.PoolsWrite, a.SetPool),
		to(get, "/pools/:pool/accounts", staff.PoolsRead, a.Accounts),
		to(post, "/pools/:pool/accounts", staff.PoolsWrite, a.AddAccounts),
		to(put, "/pools/:pool/accounts/:id/note", staff.PoolsWrite, a.NoteAccount),
		to(post, "/pools/:pool/accounts/:id/retire", staff.PoolsWrite, a.RetireAccount),
		to(get, "/licenses", staff.LicensesRead, a.Licenses),
		to(get, "/licenses/:id", staff.LicensesRead, a.License),
		to(put, "/licenses/:id/text", staff.LicensesWrite, a.SetLicenseText),
		to(put, "/licenses/:id/file", staff.LicensesWrite, a.SetLicenseFile),
		to(post, "/licenses/:id/upload", staff.LicensesWrite, a.UploadLicense),
		to(get, "/license-pools", staff.LicensesRead, a.LicensePools),
		to(put, "/license-pools/:pool", staff.LicensesWrite, a.SetLicensePool),
		to(get, "/license-pools/:pool/licenses", staff.LicensesRead, a.PooledLicenses),
		to(post, "/license-pools/:pool/licenses", staff.LicensesWrite, a.AddLicenses),
		to(post, "/license-pools/:pool/licenses/:id/retire", staff.LicensesWrite, a.RetireLicense),
		to(get, "/license-codes", staff.LicenseCodesRead, a.LicenseCodes),
		to(post, "/license-codes/activate", staff.LicenseCodesUse, a.ActivateLicense),
		to(post, "/license-codes/check", staff.LicenseCodesUse, a.CheckLicense),
		to(post, "/license-codes/usage", staff.LicenseCodesUse, a.ReportUsage),
		to(get, "/license-codes/:id", staff.LicenseCodesRead, a.LicenseCode),
		to(get, "/orders", staff.OrdersRead, a.Orders),
		to(get, "/orders/:id", staff.OrdersRead, a.Order),
		to(get, "/failure-groups", staff.FailuresRead, a.FailureGroups),
		to(get, "/failure-groups/:id", staff.FailuresRead, a.FailureGroup),
		to(patch, "/failure-groups/:id", staff.FailuresWork, a.ChangeFailureGroup),
		to(post, "/failure-groups/:id/close", staff.FailuresWork, a.CloseFailureGroup),
		to(get, "/reconciliations", staff.ReconcileRead, a.Reconciliations),
		to(post, "/reconciliations", staff.ReconcileDecide, a.StartReconciliation),
		to(get, "/findings", staff.ReconcileRead, a.Findings),
		to(post, "/findings/apply", staff.ReconcileDecide, a.ApplyFindings),
		to(post, "/findings/:id/apply", staff.ReconcileDecide, a.ApplyFinding),
		to(post, "/findings/:id/keep", staff.ReconcileDecide, a.KeepFinding),
		to(get, "/events", staff.EventsRead, a.Events),
		to(get, "/events/:id", staff.EventsRead, a.Event),
		to(post, "/events/:id/resend", staff.EventsSend, a.ResendEvent),
		to(get, "/event-targets", staff.EventsRead, a.EventTargets),
		to(post, "/event-targets", staff.EventTargetsWrite, a.AddEventTarget),
		to(get, "/event-targets/:id", staff.EventsRead, a.EventTarget),
		to(put, "/event-targets/:id", staff.EventTargetsWrite, a.SetEventTarget),
		to(del, "/event-targets/:id", staff.EventTargetsWrite, a.RemoveEventTarget),
		to(post, "/event-targets/:id/test", staff.EventsSend, a.TestEventTarget),
		to(get, "/alerts", staff.AlertsRead, a.Alerts),
		to(get, "/alerts/:id", staff.AlertsRead, a.Alert),
		to(get, "/alert-messages", staff.AlertsRead, a.AlertMessages),
		to(get, "/alert-targets", staff.AlertsManage, a.AlertTargets),
		to(post, "/alert-targets", staff.AlertsManage, a.AddAlertTarget),
		to(patch, "/alert-targets/:id", staff.AlertsManage, a.ChangeAlertTarget),
		to(del, "/alert-targets/:id", staff.AlertsManage, a.RemoveAlertTarget),
		to(post, "/alert-targets/:id/test", staff.AlertsManage, a.TestAlertTarget),
		to(get, "/audit", staff.AuditRead, a.Audit),
	}...)
}
