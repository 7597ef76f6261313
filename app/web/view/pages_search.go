package view

import "koodesk/app/fault"

// PageFound is the name of the page of a search that found several things.
const PageFound = "search/found" // FoundPage

// FoundRow is a thing that has the number which was searched for.
type FoundRow struct {
	Thing  string // message, task, event, delivery, group, restart, alert, reconciliation
	Number int64
	Kind   string // activity, kind, type or step: of which sort the thing is
	State  string
	At     Time
	Test   bool
	Fault  *fault.Record // of a failure group
	URL    string
}

// FoundPage lets the reader choose among things with the same number.
type FoundPage struct {
	Shell
	Q      string
	Things []FoundRow
	More   string // leads to what else was found by it; "" for nothing
}
