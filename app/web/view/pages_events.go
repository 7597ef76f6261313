package view

import (
	"time"

	"koodesk/app/fault"
)

// The pages of events and of who hears of them.
const (
	PageEvents       = "events/list"    // EventsPage
	PageEvent        = "events/detail"  // EventPage
	PageEventTargets = "events/targets" // EventTargetsPage
	PageEventTarget  = "events/target"  // EventTargetPage
)

// EventRow is one event for one receiver.
type EventRow struct {
	ID         int64
	URL        string
	Status     string
	Type       string // instance.frozen, …
	ToProduct  bool
	Target     string // name of the subscription; "" if it is gone
	Address    string
	InstanceID string
	OrderID    string
	Attempts   int
	Question   bool
	Fault      *fault.Record
	Next       Time // when it is tried next
	Created    Time
	Resend     Action
}

// EventsPage is the list of events.
type EventsPage struct {
	Shell
	List
	Days    []Day[EventRow]
	Targets string // where the subscriptions are
}

// EventTry is one try of an event, or somebody's wish to send it again.
type EventTry struct {
	At       Time
	Duration time.Duration
	Status   string // succeeded, failed, restarted
	HTTP     int    // 0: no answer
	Address  string
	Answer   string // its beginning, secrets masked
	Fault    *fault.Record
	By       string
}

// EventPage is one event: what was said, to whom, and what came of it.
type EventPage struct {
	Shell
	Event   EventRow
	Facts   []Fact
	Prev    string
	Next    string
	Back    string
	Payload Payload
	Tries   []EventTry // newest first
	More    bool       // there are older ones
	Effects []Effect
	Live    bool
}

// TargetRow is a subscription as the list shows it.
type TargetRow struct {
	ID       int64
	URL      string
	Events   string // the list of its events
	FailedAt string // those that were given up
	Name     string
	Channel  string
	Address  string // without its query
	Types    []string
	State    string // of the pill kind "target"
	LastOK   Time
	LastFail Time
	Fault    *fault.Record
	Waiting  int
	Failed   int
}

// TypeChoice is a type of event that can be ticked.
type TypeChoice struct {
	Type string
	On   bool
}

// TargetForm is what can be typed about a subscription.
type TargetForm struct {
	Action   Action
	Fault    *fault.Record
	Channels []string
	Channel  string
	Name     Field
	Address  Field
	Secret   Field
	Types    []TypeChoice
	Enabled  bool
}

// EventTargetsPage is the list of subscriptions with the form for a new one.
type EventTargetsPage struct {
	Shell
	Targets []TargetRow
	Form    TargetForm
}

// EventTargetPage is one subscription.
type EventTargetPage struct {
	Shell
	Target TargetRow
	Facts  []Fact
	Form   TargetForm
	Made   string // a secret that was made just now, shown once
	Old    Time   // until when a replaced secret signs beside the new one
	Test   Action
	Renew  Action // replaces the secret
	EndOld Action
	Remove Action
}
