package view

import (
	"time"

	"koodesk/app/fault"
)

// The pages by name, with the struct that each is filled from.
const (
	PageLogin        = "session/login"     // LoginPage
	PageError        = "session/error"     // ErrorPage
	PageMessages     = "messages/list"     // MessagesPage
	PageMessage      = "messages/detail"   // MessagePage
	PageInstances    = "instances/list"    // InstancesPage
	PageInstance     = "instances/detail"  // InstancePage
	PageDeliveries   = "deliveries/list"   // DeliveriesPage
	PageDelivery     = "deliveries/detail" // DeliveryPage
	PageTasks        = "tasks/list"        // TasksPage
	PageProvisioning = "provisioning/list" // ProvisioningPage
	PageReconcile    = "reconcile/list"    // ReconcilePage
	PageLeftovers    = "leftovers/list"    // LeftoversPage
	PagePools        = "pools/list"        // PoolsPage
	PagePool         = "pools/detail"      // PoolPage
	PagePoolImport   = "pools/import"      // PoolImportPage
	PageHome         = "home/needs"        // NeedsPage
	PageFailures     = "failures/list"     // FailuresPage
	PageFailure      = "failures/detail"   // FailurePage
	PageAccount      = "account/account"   // AccountPage
	PageAlerts       = "alerts/list"       // AlertsPage
	PageAlertSaid    = "alerts/said"       // AlertSaidPage
	PageAlertTargets = "alerts/targets"    // AlertTargetsPage
	PageAlertTarget  = "alerts/target"     // AlertTargetPage
)

// BlockResults is the block of a list page that an htmx request is answered
// with: tabs, rows and pager, without the shell and the filter bar.
const BlockResults = "results"

// BlockLive is the block of a detail page that is fetched again while something
// is still under way.
const BlockLive = "live"

// MessageRow is an interface message in a list.
type MessageRow struct {
	ID         int64
	URL        string // of its detail
	Status     string
	Activity   string // newInstance, …
	Scene      string // of refreshInstance: RENEWAL, …; of updateInstanceStatus: FREEZE, UNFREEZE
	Test       bool
	Channel    string
	Protocol   string
	OrderID    string
	LineID     string
	InstanceID string
	Others     int // how many more instances the call names
	ResultCode string
	Fault      *fault.Record // the last one; nil when all is well
	Attempts   int
	First      Time // first received
	Last       Time // last received or restarted
	RetryUntil Time // the marketplace tries by itself until then; zero where it does not
	Tick       bool // may be ticked for a bulk restart
}

// OrderLine is the id that people search by: the order line, which names the
// order too, or the order where there is no line.
func (m MessageRow) OrderLine() string {
	if m.LineID != "" {
		return m.LineID
	}
	return m.OrderID
}

// MessagesPage is the list of interface messages.
type MessagesPage struct {
	Shell
	List
	Days       []Day[MessageRow]
	Channels   bool   // more than one channel exists: show which
	RestartAll Action // leads to the preview of restarting everything that the list shows
	FirstStep  string // a command that sends the first message, shown while there is none
}

// Attempt is one arrival of a message, or one restart of it.
type Attempt struct {
	N           int // counts from 1, the first arrival
	At          Time
	Source      string // "marketplace", "operator", "api"
	Disposition string // what came of it: new, repeat, applied, conflict, invalid, rejected, restart, accepted
	Why         Text   // what made it come to that; may be none
	By          string // who restarted it
	Reason      string // why, in that person's words
	ResultCode  string
	Duration    time.Duration
	Fault       *fault.Record
	Request     Payload
	Response    Payload
	Open        bool // drawn unfolded
	Diagnosis   *Diagnosis
	Restart     *OwnRestart // that it belongs to; nil for an arrival
}

// MessagePage is one interface message with everything that followed from it.
type MessagePage struct {
	Shell
	Message      MessageRow
	Facts        []Fact
	Prev         string // newer neighbour in the list; "" at the end
	Next         string // older neighbour
	Back         string // the list as it was filtered
	Restart      Action
	Tell         string   // leads to the preview of telling its customer again, and nothing else; "" if nobody was to be told
	Effects      []Effect // what a restart will and will not do
	Attempts     []Attempt
	Hidden       int  // attempts that are not shown
	Gone         bool // earlier ones are not kept any more
	All          string
	Restarts     []OwnRestart // of the message and of its tasks, newest first; they stay when attempts go
	RestartsMore bool         // there are older ones
	Tasks        []TaskRow
	Timeline     []Event
	Live         bool // something is under way: the page looks again by itself

	Diagnosis  *Diagnosis   // of a rejected message: why its newest arrival was refused
	Retry      *Retry       // what KooGallery does about it; nil when there is nothing to tell
	Overtaken  Fact         // the later message that has taken its place: Text says what it is; zero for none
	Quarantine []Quarantine // different contents that came under its key, the newest first
}
