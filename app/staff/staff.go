// Package staff says who works with the product and what each may do: operators,
// roles, permissions as data, and the actors that the audit names. It is pure.
package staff

import (
	"strings"
	"time"
)

// Role is a named set of permissions.
type Role string

// The roles, each with everything that the one before may do.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// Permission is one thing that may be allowed.
type Permission string

// The permissions. Public and SignedIn are for the route table only: no role
// lists them.
const (
	Public          Permission = "public"
	SignedIn        Permission = "signed_in"
	MessagesRead    Permission = "messages.read"
	MessagesRestart Permission = "messages.restart"
	ListingRead     Permission = "listing.read"    // probes, failed orders, rates
	MessagesDecide  Permission = "messages.decide" // apply or refuse a different content
	InstancesRead   Permission = "instances.read"
	InstancesAccess Permission = "instances.access" // write access data
	InstancesReveal Permission = "instances.reveal" // see a password, with a reason
	InstancesUsage  Permission = "instances.usage"  // report what was used
	DeliveriesRead  Permission = "deliveries.read"
	DeliveriesSend  Permission = "deliveries.send"
	TasksRead       Permission = "tasks.read"
	TasksRestart    Permission = "tasks.restart"
	ProductsRead    Permission = "products.read"
	ProductsWrite   Permission = "products.write"
	PoolsRead       Permission = "pools.read"
	PoolsWrite      Permission = "pools.write" // add and retire prepared accounts
	AuditRead       Permission = "audit.read"
	SelfCheckRead   Permission = "selfcheck.read"
	SelfCheckRun    Permission = "selfcheck.run" // call the own production address with debugging calls

	LicensesRead   Permission = "licenses.read"
	LicensesWrite  Permission = "licenses.write"  // hand Licenses in, upload them again, fill their pools
	LicensesReveal Permission = "licenses.reveal" // see a License, with a reason
	ChannelsRead   Permission = "channels.read"
	ChannelsWrite  Permission = "channels.write" // keys, AK/SK and settings of a production address

	FailuresRead Permission = "failures.read"
	FailuresWork Permission = "failures.work" // note, put off, assign and close failure groups

	LeftoversRead   Permission = "leftovers.read"
	LeftoversDecide Permission = "leftovers.decide" // undo again, gone, kept

	StuckRead   Permission = "stuck.read"
	StuckRepair Permission = "stuck.repair" // have what is stuck go on

	ReconcileRead   Permission = "reconcile.read"
	ReconcileDecide Permission = "reconcile.decide" // begin a run, approve or dismiss its repairs

	LicenseCodesRead   Permission = "license_codes.read"
	LicenseCodesUse    Permission = "license_codes.use"    // activate, ask the marketplace, report use
	LicenseCodesReveal Permission = "license_codes.reveal" // see a code, with a reason
	OrdersRead         Permission = "orders.read"

	EventsRead        Permission = "events.read"         // and who hears of them
	EventsSend        Permission = "events.send"         // send an event again, or a test
	EventTargetsWrite Permission = "event_targets.write" // who hears of events, where, signed with what

	AlertsRead   Permission = "alerts.read"   // what stands, and who was told
	AlertsManage Permission = "alerts.manage" // where every operator is told
)

var reads = []Permission{StuckRead, LicensesRead, ChannelsRead, FailuresRead, SelfCheckRead, ListingRead, MessagesRead, InstancesRead, DeliveriesRead, TasksRead, LeftoversRead, PoolsRead, ProductsRead, ReconcileRead,
	LicenseCodesRead, OrdersRead, EventsRead, AlertsRead}
var works = []Permission{StuckRepair, FailuresWork, LicensesWrite, LicensesReveal, SelfCheckRun, MessagesRestart, MessagesDecide, InstancesAccess, InstancesReveal, InstancesUsage, DeliveriesSend, PoolsWrite, TasksRestart, LeftoversDecide, ReconcileDecide,
	LicenseCodesUse, LicenseCodesReveal, EventsSend}
var rules = []Permission{CustomersErase, EventTargetsWrite, ChannelsWrite, ProductsWrite, AuditRead, AlertsManage}

var table = func() map[Role]map[Permission]bool {
	t := map[Role]map[Permission]bool{Viewer: {}, Operator: {}, Admin: {}}
	give := func(ps []Permission, roles ...Role) {
		for _, r := range roles {
			for _, p := range ps {
				t[r][p] = true
			}
		}
	}
	give(reads, Viewer, Operator, Admin)
	give(works, Operator, Admin)
	give(rules, Admin)
	return t
}()

// Valid tells whether the role exists.
func (r Role) Valid() bool { return table[r] != nil }

// Roles lists the roles from the least to the most.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// May tells whether the role has the permission. Every role that exists may do
// what is Public or SignedIn.
func (r Role) May(p Permission) bool {
	if p == Public {
		return true
	}
	if p == SignedIn {
		return r.Valid()
	}
	return table[r][p]
}

// Person is an operator: somebody with a login.
type Person struct {
	ID          int64
	Email       string
	Role        Role
	Locale      string // "zh-CN" or "en"
	MustChange  bool   // the password was given out by somebody else
	CreatedAt   time.Time
	LastLoginAt time.Time // zero: never
	Disabled    bool
}

// Actor is who did something, as the audit and the attempts name it:
// "operator:ann@example.com", "token:ci", "cli", "system".
type Actor struct {
	Name   string
	Role   Role
	Source string // "operator" for the console and the command line, "api" for tokens
	IP     string // "" when there is none
	Reason string // why, in that person's own words; "" when nobody asked
}

// Name is an actor's name without what kind of actor it is: "ann@example.com".
func Name(actor string) string {
	if _, name, ok := strings.Cut(actor, ":"); ok {
		return name
	}
	return actor
}

// CLI is somebody at the command line of the machine.
func CLI() Actor { return Actor{Name: "cli", Role: Admin, Source: "operator"} }

// ActWipePassword is the wiping of a password that its customer has got.
const ActWipePassword = "instance.password_wiped"

// What customers do with the link in a notice: switch its kind off, or on again.
const (
	ActRefuseNotices = "notices.refused"
	ActWantNotices   = "notices.wanted"
)

// ActReportUsage is the act of reporting what was used of an instance.
const ActReportUsage = "instance.usage"

// ActReveal is the act of looking at a password, as the audit names it.
const ActReveal = "instance.reveal"

// The acts on authorization codes: looking at one, activating it, asking the
// marketplace about it.
const (
	ActRevealCode   = "license_code.reveal"
	ActActivateCode = "license_code.activate"
	ActQueryCode    = "license_code.query"
)

// ActSetChannel is the act of making or changing a channel or its keys.
const ActSetChannel = "channel.set"

// The acts on who sets an instance up, as the audit names them.
const (
	ActClaim    = "instance.claim"
	ActTakeOver = "instance.take_over"
	ActUnclaim  = "instance.unclaim"
)

// ActRenewLink is the act of giving a buyer a new link to the access page.
const ActRenewLink = "instance.link"

// ActRestartMessage is a restart of a message, whatever of it.
const ActRestartMessage = "message.restart"

// The decisions about a different content that came under a message's key.
const (
	ActAcceptContent = "message.content_accepted"
	ActRefuseContent = "message.content_refused"
)

// What people do to a restart of many.
const (
	ActPauseBatch  = "restart.pause"
	ActResumeBatch = "restart.resume"
	ActCancelBatch = "restart.cancel"
)

// The decisions about a left-over, as the audit names them.
const (
	ActUndoLeftover = "instance.leftover_undo"
	ActLeftoverGone = "instance.leftover_gone"
	ActKeepLeftover = "instance.leftover_keep"
)

// ActRepairStuck is the act of having stuck work go on.
const ActRepairStuck = "stuck.repair"

// The acts on events and on who hears of them, as the audit names them.
const (
	ActResendEvent  = "event.resend"
	ActSetTarget    = "event_target.set"
	ActRemoveTarget = "event_target.remove"
	ActTestTarget   = "event_target.test"
)

// The acts on a failure group, as the audit names them.
const (
	ActNoteGroup   = "failure_group.note"
	ActSnoozeGroup = "failure_group.snooze"
	ActAssignGroup = "failure_group.assign"
	ActCloseGroup  = "failure_group.close"
)

// The acts on where an operator is alerted, as the audit names them.
const (
	ActSetAlertTarget    = "alert_target.set"
	ActRemoveAlertTarget = "alert_target.remove"
	ActTestAlertTarget   = "alert_target.test"
)

// The acts on the texts of messages to customers.
const (
	ActSetTemplate      = "template.set"
	ActWithdrawTemplate = "template.withdraw"
	ActRestoreTemplate  = "template.restore"
	ActTestTemplate     = "template.test" // a test message to whoever tries it
)

// Audit is one entry of the audit trail. Detail never holds secrets.
type Audit struct {
	ID     int64
	At     time.Time
	Actor  string
	Action string // "message.restart", "instance.access", …
	Target string // "message/17", "instance/87b9…"
	Reason string
	Detail map[string]string
	IP     string
}
