// Package outbox is the contract between whoever writes facts and the jobs that
// follow from them: the kinds of tasks and what a task row says. It knows
// neither the database nor the queue.
package outbox

import (
	"strconv"
	"time"
)

// Kind names a sort of follow-up work.
type Kind string

// The kinds.
const (
	OrderQuery Kind = "order_query" // ask the marketplace what was ordered
	Provision  Kind = "provision"   // make, change or end the instance at its driver
	Deliver    Kind = "deliver"     // hand one SMS or e-mail over
	Notice     Kind = "notice"      // the same for what many customers may hear at once
	Reconcile  Kind = "reconcile"   // compare open orders with the marketplace's

	LicenseActivate Kind = "license_activate" // activate an authorization code at the marketplace
	LicenseQuery    Kind = "license_query"    // ask the marketplace about an authorization code
	LicenseRefresh  Kind = "license_refresh"  // a channel's day: ask about every code in use
	LicenseUsage    Kind = "license_usage"    // report the use of a channel's codes
	Event           Kind = "event"            // tell one of the seller's systems what happened
	OrderNotice     Kind = "order_notice"     // ask what the order of an order notice is
	License         Kind = "license"          // get a License from the product's supplier
	LicenseUpload   Kind = "license_upload"   // upload a License by the open API
	Restart         Kind = "restart"          // work restart batches off
	Alert           Kind = "alert"            // tell an operator what needs one
)

// Kinds lists every kind; each has a handler, which a test holds.
func Kinds() []Kind {
	return []Kind{OrderQuery, Provision, Deliver, Notice, Reconcile,
		LicenseActivate, LicenseQuery, LicenseRefresh, LicenseUsage, OrderNotice, License, LicenseUpload, Event, Restart, Alert}
}

// Status of a task.
type Status string

// The statuses. Failed means given up: a person (or the marketplace's own
// retry) must start it again.
const (
	Pending   Status = "pending"
	Running   Status = "running"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Purpose tells which step of an instance's life a task serves.
type Purpose string

// The purposes.
const (
	Purchase Purpose = "purchase"
	Renewed  Purpose = "renewal"
	Upgrade  Purpose = "upgrade"
	Release  Purpose = "release"
	Usage    Purpose = "usage_info" // the delivery of the usage information

	Verify   Purpose = "verify"   // a code that a call named and nobody knew
	Daily    Purpose = "daily"    // what comes round each day
	OnDemand Purpose = "demand"   // somebody asked for it
	Notified Purpose = "notified" // an order that a notice named
	Notify   Purpose = "notify"   // of events
	Told     Purpose = "notice"   // a customer hears of what has happened or is near
)

// Purposes lists every purpose.
func Purposes() []Purpose {
	return []Purpose{Purchase, Renewed, Upgrade, Release, Usage, Verify, Daily, OnDemand, Notified, Notify, Told}
}

// New is a task to be written. Zero ids mean none. UniqueKey makes the task
// exist once: writing a second one with the same key changes nothing.
type New struct {
	Kind        Kind
	Purpose     Purpose
	MessageID   int64
	InstancePK  int64
	DeliveryID  int64
	LicenseCode int64 // row of license_codes
	OrderPK     int64 // row of orders
	ChannelID   int64 // of work about a channel as a whole
	LicenseID   int64
	OrderID     string
	OrderLineID string
	UniqueKey   string
	RunAt       time.Time // zero: at once
}

// Task is a claimed task: what a handler works on. Attempt counts from 1 within
// the round; together with the round it is the fence that keeps a worker which
// lost its lease from finishing somebody else's try.
type Task struct {
	ID          int64
	Kind        Kind
	Purpose     Purpose
	MessageID   int64
	InstancePK  int64
	DeliveryID  int64
	LicenseCode int64
	OrderPK     int64
	ChannelID   int64
	LicenseID   int64
	OrderID     string
	OrderLineID string
	Round       int
	Attempt     int
	CreatedAt   time.Time
	StartedAt   time.Time
}

// Settles is the message whose status the task's work decides, 0 for none: what is
// told of an instance has a ledger of its own.
func (t Task) Settles() int64 {
	if t.Kind == Deliver || t.Kind == Notice {
		return 0
	}
	return t.MessageID
}

// Key builds a unique key: kind, purpose and the ids that make it one.
func Key(kind Kind, purpose Purpose, ids ...int64) string {
	k := string(kind) + "/" + string(purpose)
	for _, id := range ids {
		k += "/" + strconv.FormatInt(id, 10)
	}
	return k
}
