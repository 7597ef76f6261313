package view

import "koodesk/app/fault"

// The pages of Licenses and of their pools.
const (
	PageLicenses     = "licenses/list"   // LicensesPage
	PageLicense      = "licenses/detail" // LicensePage
	PageLicensePools = "licenses/pools"  // LicensePoolsPage
)

// LicenseRow is a License in a list, without what it says.
type LicenseRow struct {
	ID          int64
	URL         string
	Status      string
	Request     string // the event, or the order of License 1.0, that asked for it
	InstanceID  string
	InstanceURL string
	Channel     string
	Supplier    string // "" when its product names none
	Pool        string
	Requested   Time
	Fault       *fault.Record
}

// LicensesPage is the list of Licenses.
type LicensesPage struct {
	Shell
	List
	Days     []Day[LicenseRow]
	Channels bool
}

// LicensePage is one License with what was done for it.
type LicensePage struct {
	Shell
	License  LicenseRow
	Facts    []Fact
	Back     string
	Upload   Action
	Reveal   Action
	Revealed string // its text, in the answer to a reveal only
	Form     LicenseForm
	Tasks    []TaskRow
	Live     bool
}

// LicenseForm takes a License from a person, as a text or a file.
type LicenseForm struct {
	Action   Action
	Due      bool // somebody waits for it
	Open     bool
	TextOnly bool // License 1.0 takes no file
	Fault    *fault.Record
}

// LicensePool is a pool with what is in it.
type LicensePool struct {
	Name     string
	Free     int
	Used     int
	Retired  int
	Waiting  int // requests that wait for it to be filled
	Products int
	LowWater int
	Low      bool
	Fill     string // the page with the form for this pool
}

// LicensePoolsPage is the pools of Licenses with the form that fills one.
type LicensePoolsPage struct {
	Shell
	Pools    []LicensePool
	OnlyLow  bool // only those that run low are there
	Fill     Action
	Pool     Field
	LowWater Field
	As       string // what was given: one of Forms
	Forms    []string
	Fault    *fault.Record
}
