package view

import "koodesk/app/fault"

// PoolRow is a pool of prepared accounts as the list shows it.
type PoolRow struct {
	Name     string
	URL      string
	Free     int
	Used     int
	Retired  int
	LowWater int
	Low      bool
	Waiting  int // purchases that found it empty
	Products int // that take their accounts from it
	Added    Time
}

// Empty tells whether it has no free account.
func (p PoolRow) Empty() bool { return p.Free == 0 }

// PoolsPage is every pool; there are few.
type PoolsPage struct {
	Shell
	Pools   []PoolRow
	OnlyLow bool   // only those that run low are there
	Add     Action // a form that asks for a name and leads to its import
}

// AccountRow is a prepared account; its password is never shown.
type AccountRow struct {
	ID          int64
	Status      string // free, used, retired
	FrontEndURL string
	AdminURL    string
	UserName    string
	HasPassword bool
	Memo        string
	Note        string // people's remark
	InstanceID  string // who has it, or had it last
	InstanceURL string
	Batch       int64
	By          string
	Added       Time
	Taken       Time
	Retired     Time
	Retire      Action
}

// PoolPage is one pool with its accounts.
type PoolPage struct {
	Shell
	List
	Pool  PoolRow
	Facts []Fact
	Days  []Day[AccountRow]
	Fill  Action // leads to the import
	Water Action
	Limit Field // of the form for the low-water mark
}

// ImportLine is what is wrong with one line of an import.
type ImportLine struct {
	Line   int
	Column string // "" for the line as a whole
	Fault  *fault.Record
}

// ImportPreview is what an import would do.
type ImportPreview struct {
	Rows   int
	Good   int
	Lines  []ImportLine
	More   int           // lines that are wrong and not listed
	Fault  *fault.Record // the file as a whole cannot be read
	Digest string        // of the file, for the import to be of what was looked at
}

// Ready tells whether it can be imported.
func (p ImportPreview) Ready() bool { return p.Fault == nil && len(p.Lines) == 0 && p.Good > 0 }

// Wrong is how many things are wrong.
func (p ImportPreview) Wrong() int { return len(p.Lines) + p.More }

// PoolImportPage adds accounts to a pool: first it says what they are, then it
// adds them. What was typed is never sent back: it holds passwords.
type PoolImportPage struct {
	Shell
	Pool    string
	New     bool // there is no such pool yet
	Back    string
	Import  Action
	Columns []string
	Max     int
	Preview *ImportPreview
}

// BlockPreview is the part of the import's page that a preview replaces.
const BlockPreview = "preview"
