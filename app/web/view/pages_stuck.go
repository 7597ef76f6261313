package view

import "koodesk/app/fault"

// PageStuck is the list of stuck work.
const PageStuck = "stuck/list" // StuckPage

// StuckRow is a piece of work that should go on by itself and does not.
type StuckRow struct {
	ID          int64
	Kind        string // of the task; "" for none
	Purpose     string
	TaskID      int64
	URL         string // what to look at; "" for nothing
	InstanceID  string
	InstanceURL string
	Others      int // of a poll: how many more instances it asked for
	OrderID     string
	Product     string
	Since       Time
	Attempts    int
	Next        Time // of a creation: its next try
	Deadline    Time // of a creation: KooGallery's
	Polls       int
	Polled      Time
	Repaired    Time   // of a poll: when it was answered again, and not asked for since
	Redis       string // of a lost task: lost, has, unknown
	Fault       *fault.Record
	Repair      Action
}

// StuckPage is one kind of stuck work.
type StuckPage struct {
	Shell
	List
	Kind string // unhanded, lost, lease, creation, poll
	Rows []StuckRow
}

// OfTasks tells whether the rows are tasks.
func (p StuckPage) OfTasks() bool { return p.Kind != "creation" && p.Kind != "poll" }
