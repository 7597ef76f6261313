package view

import "koodesk/app/fault"

// PageSelfCheck is the page of self-checks, a SelfCheckPage.
const PageSelfCheck = "selfcheck/selfcheck"

// Found is one thing that a self-check looked at.
type Found struct {
	Status string // ok, warn, fail
	Text   string // in the reader's language
}

// CheckedCase is one debugging case of a report.
type CheckedCase struct {
	Guide    string
	Activity string
	Variant  string
	Sources  string
	Optional bool
	Sent     bool
	Status   string
	Code     string
	Millis   int
	Checks   []Found
	Request  Payload
	Answer   Payload
	Open     bool // drawn unfolded
}

// SelfCheckPage is a channel's production address as the marketplace sees it.
type SelfCheckPage struct {
	Shell
	Self     string // this page's address for the channel
	Channel  string // "": there is none yet
	Channels []Tab
	URL      string // the production address
	Types    []Option
	Run      Action
	Running  Time          // since when a check is under way; zero: none is
	Fault    *fault.Record // why the last run gave no report
	Passed   bool
	Facts    []Fact
	Address  []Found
	Cases    []CheckedCase // empty: there is no report yet
	HTML     string        // the report as files
	Markdown string
	JSON     string
	Live     bool
}
