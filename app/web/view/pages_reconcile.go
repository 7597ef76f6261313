package view

import "koodesk/app/fault"

// FindingRow is one difference between the marketplace and us.
type FindingRow struct {
	ID          int64
	Kind        string // missing, cancelled, expiry, overdue, locked, product, unanswered
	Status      string // open, applied, kept, gone
	Channel     string
	OrderLine   string // the order line, or the order where there is none
	InstanceID  string
	InstanceURL string
	Ours        Value
	Theirs      Value
	Repair      string // "" where there is none
	Fault       *fault.Record
	Found       Time
	By          string // who decided
	Decided     Time
	Reason      string
	Keep        Action
}

// Value is one side of a difference: a time, a word to translate, or a text.
type Value struct {
	Time Time
	Text Text
	Raw  string
}

// RunState is how the last reconciliation stands.
type RunState struct {
	None     bool // there was none
	Running  bool
	Failed   bool
	Asked    int
	Open     int
	Skipped  int
	Finished Time
	Fault    *fault.Record
}

// Agree tells whether the last reconciliation has asked for everything: only then
// does an empty list say that both sides agree.
func (s RunState) Agree() bool { return !s.None && !s.Running && !s.Failed && s.Skipped == 0 }

// ReconcilePage is the differences between the marketplace and us.
type ReconcilePage struct {
	Shell
	List
	Hour       int // when the daily run begins, in the reader's zone
	Run        RunState
	Days       []Day[FindingRow]
	Start      Action
	Keep       Action // of the ticked rows
	Repairable int    // open differences with a repair
	Channels   bool   // there are several
}
