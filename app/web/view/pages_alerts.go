package view

import "koodesk/app/fault"

// AlertRow is something that operators are told of by themselves.
type AlertRow struct {
	ID       int64
	Kind     string
	Severity string // warning, critical; of what is over: resolved, lapsed
	Status   string // open, cleared
	Title    Text
	URL      string // where its subject stands
	Fault    *fault.Record
	Opened   Time
	Cleared  Time
	Until    Time // until when there is time
	Returned int  // how often it was over and came back
	Told     int  // targets that were told
	Untold   int  // targets that could not be
	Waiting  int  // targets that are still to be
	SaidURL  string
}

// AlertsPage is what stands now, and what was over lately.
type AlertsPage struct {
	Shell
	List
	Days    []Day[AlertRow]
	SaidURL string
	MineURL string
}

// AlertSaidRow is one message to one operator.
type AlertSaidRow struct {
	ID       int64
	Status   string // pending, running, succeeded, failed, cancelled; kept: it never left the machine
	Operator string
	Target   string
	Medium   string
	Mask     string // of the address
	Title    string
	Says     int
	Test     bool
	Attempts int
	Words    string // of what took it
	Fault    *fault.Record
	Created  Time
	Sent     Time
}

// AlertSaidPage is who was told what and when, and whether it arrived.
type AlertSaidPage struct {
	Shell
	List
	Days      []Day[AlertSaidRow]
	AlertsURL string
}

// AlertTargetRow is where an operator hears of alerts.
type AlertTargetRow struct {
	ID       int64
	URL      string
	Name     string
	Operator string
	Medium   string
	Mask     string
	Kinds    []string // none: all
	Severity string
	Quiet    string // "" when there is none
	PerHour  int
	Language string
	Endings  bool
	Enabled  bool
	Edit     Action
	Test     Action
	Remove   Action
}

// AlertTargetsPage is where the reader hears of alerts and, for who may see them,
// where the others do.
type AlertTargetsPage struct {
	Shell
	Mine   []AlertTargetRow
	Others []AlertTargetRow
	All    bool // the reader may see the others'
	Add    []AddTarget
	Secret string // of a new signed webhook: shown this once
}

// AddTarget is a way of telling that a target can be made of.
type AddTarget struct {
	Medium string
	URL    string
}

// AlertTargetPage is the form of one target.
type AlertTargetPage struct {
	Shell
	Fault     *fault.Record
	Medium    string
	New       bool
	Operator  string // whose it is, when it is not the reader's
	Mask      string // the stored address
	HasSecret bool
	Action    Action
	Back      string
	Name      Field
	Address   Field
	Secret    Field
	NoSecret  bool
	TakesKey  bool // there is a secret to enter
	Kinds     []Option
	Severity  []Option
	Language  []Option
	Quiet     Field
	PerHour   Field
	Endings   bool
	Enabled   bool
}
