package view

import (
	"time"

	"koodesk/app/fault"
)

// DeliveryRow is one SMS or e-mail to a customer.
type DeliveryRow struct {
	ID          int64
	URL         string
	Status      string
	Kind        string // usage_info, …
	Medium      string // "email" or "sms"
	To          string // masked
	InstanceID  string
	InstanceURL string
	Test        bool
	Attempts    int
	Created     Time
	Sent        Time
	Fault       *fault.Record
	Kept        bool   // rendered and kept, but it never left the machine: no mail server is set
	Outcome     string // what became of it: delivered, refused, bounced, unknown, …
	HeldWhy     string // quiet_hours, daily_cap: it waits until Held
	Held        Time
	WasHeld     string // it was held for this reason before it went out
	Resend      Action
}

// Shown is the status as it is drawn: what was kept must not look as if it had
// been sent, and what is known of the end says more than that the work is done.
func (d DeliveryRow) Shown() string {
	if d.Kept {
		return "kept"
	}
	switch {
	case d.Status == "succeeded" && d.Outcome == "delivered",
		d.Status == "failed" && (d.Outcome == "refused" || d.Outcome == "bounced" || d.Outcome == "unknown"):
		return d.Outcome
	}
	return d.Status
}

// Receipt is what a service said of a delivery.
type Receipt struct {
	At      Time
	Outcome string
	Code    string
	Note    string
	Remark  string // what is said instead of an outcome; "" for none
	Source  string
	Part    int // of several Parts
	Parts   int
	Old     bool // of a sending before the present one
}

// DeliveriesPage is the list of deliveries.
type DeliveriesPage struct {
	Shell
	List
	Days []Day[DeliveryRow]
}

// Try is one try to do a task or to send a delivery.
type Try struct {
	N        int
	At       Time
	Duration time.Duration
	Status   string // succeeded, failed, lost, restarted, cancelled
	Fault    *fault.Record
	Answer   string // the other side's last line, e.g. "250 2.0.0 Ok: queued"
	By       string // who asked for it, when a person did
}

// DeliveryPage is one delivery: what was sent, to whom, and what came of it.
type DeliveryPage struct {
	Shell
	Delivery DeliveryRow
	Facts    []Fact
	Prev     string
	Next     string
	Back     string
	Subject  string // with secrets masked
	Text     string // with secrets masked
	Template string // of the service that has the texts itself; "": Text is what leaves
	Values   []string
	Left     bool // with these values; else it is going to
	Wiped    Time // since when the text has no password any more
	Erased   bool // the text was erased by the retention rule
	Kept     int  // after how many days that was; 0: not known
	Tries    []Try
	Receipts []Receipt // newest first
	Effects  []Effect  // what sending it again will and will not do
	To       Field     // a corrected address for sending it again; empty keeps the present one
	Live     bool
}

// TaskRow is a piece of follow-up work.
type TaskRow struct {
	ID          int64
	Kind        string // order_query, provision, deliver, …
	Purpose     string // purchase, renewal, upgrade, release, usage_info; may be empty
	Status      string
	Test        bool
	Attempts    int
	Max         int  // tries before it is given up
	Created     Time // written
	RunAt       Time // pending: not before
	Waiting     bool // parked until a person types the access data
	Finished    Time
	Fault       *fault.Record // of the last try
	Overtaken   int64         // the later task that has taken its place, given up as it is; 0 for none
	URL         string        // where its tries are shown: the message, delivery or instance it belongs to
	InstanceID  string
	InstanceURL string
	DeliveryURL string
	OrderID     string
	Restart     Action
	Effects     []Effect // what restarting it will do, in numbers
	Tries       []Try    // newest first; may be empty in lists
}

// TasksPage is the list of tasks.
type TasksPage struct {
	Shell
	List
	Days       []Day[TaskRow]
	RestartAll Action // leads to the preview of restarting everything that the list shows
}
