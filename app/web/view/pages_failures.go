package view

import "koodesk/app/fault"

// Need is one kind of thing on the start page that a person must decide.
type Need struct {
	Name  string // translation keys need.<name>, need.<name>_do
	Icon  string
	Count int
	URL   string // where all of it is; "" where no page shows it
	First string // where the most urgent of it is
	Label Text   // what the most urgent one is
	Raw   string // the same where it needs no translation
	Fault *fault.Record
	Since Time
	Until Time // until when there is time
}

// NeedsPage is the start page.
type NeedsPage struct {
	Shell
	Needs []Need
}

// GroupRow is one failure group.
type GroupRow struct {
	ID       int64
	URL      string
	Status   string // open, snoozed, resolved
	Step     string // kind of task, or activity of messages
	OfTasks  bool
	Channel  string
	Product  string // its name or, without one, its id
	Fault    *fault.Record
	First    Time
	Last     Time
	Opened   Time
	Resolved Time
	Reopened int
	GivenUp  int
	Retrying int
	Orders   int
	Most     int // the most orders at a time
	Deadline Time
	Note     string
	Until    Time // put off until then
	Assignee string

	ClosedBy    string // who closed it though not everything has passed
	CloseReason string
	Overtaken   int // members whose place later calls have taken
}

// FailuresPage is the list of failure groups.
type FailuresPage struct {
	Shell
	List
	Groups   []GroupRow
	Channels bool // there are several
}

// Member is a task or a message that fails for the group's reason.
type Member struct {
	URL        string
	Pill       string // kind of the status: task, message
	Status     string
	ID         int64
	OrderID    string
	InstanceID string
	Fault      *fault.Record
	At         Time
	RunAt      Time
	Attempts   int
}

// FailurePage is one failure group with its members.
type FailurePage struct {
	Shell
	List
	Group    GroupRow
	Facts    []Fact
	Members  []Member
	Restart  Action // leads to the preview of restarting the members
	Change   Action
	Close    Action // an open group
	Snoozes  []Option
	Assignee []Option
}
