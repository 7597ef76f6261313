package view

import "koodesk/app/fault"

// Names of the pages.
const (
	PageRestarts   = "restarts/list"   // RestartsPage
	PageRestart    = "restarts/detail" // RestartPage
	PageRestartNew = "restarts/new"    // RestartNewPage
)

// BatchRow is a restart of one thing, or of many at once.
type BatchRow struct {
	ID        int64
	URL       string
	One       int64  // the message or task that alone was restarted; 0: several
	Thing     string // messages, tasks
	Mode      string // all, delivery
	Status    string // running, paused, cancelled, done
	Filter    []Fact // what it was chosen by; none for ticked ones
	Total     int
	Done      int // restarted or refused
	Restarted int
	Refused   int
	Passed    int
	Failed    int
	Open      int // restarted and still under way
	PerSecond int // 0: as fast as it goes
	By        string
	Reason    string
	ChangedBy string
	Created   Time
	Finished  Time
	Fault     *fault.Record
}

// Waiting is how many items it has not come to.
func (b BatchRow) Waiting() int { return b.Total - b.Done }

// RestartsPage is the list of restarts.
type RestartsPage struct {
	Shell
	List
	Days []Day[BatchRow]
}

// BatchItem is one message or task of a restart.
type BatchItem struct {
	ID       int64
	URL      string
	What     string // activity of the message, kind of the task
	Message  bool
	Line     string
	State    string // waiting, restarted, refused, passed, failed
	Given    int
	Hurried  int
	Ran      bool
	Code     string
	Fault    *fault.Record
	Finished Time
}

// Did is what the restart did to the item; told says that customers were only told
// again. None if it did nothing, or not yet.
func (i BatchItem) Did(told bool) Text {
	given, hurried := Say("restarts.did.given", "n", i.Given), Say("restarts.did.hurried", "n", i.Hurried)
	switch {
	case i.Ran:
		return Say("restarts.did.ran", "code", i.Code)
	case i.Given > 0 && i.Hurried > 0:
		return Say("restarts.did.given_and", "given", given, "hurried", hurried)
	case i.Given > 0 && told:
		return Say("restarts.did.told", "n", i.Given)
	case i.Given > 0:
		return given
	case i.Hurried > 0:
		return hurried
	}
	return Text{}
}

// OwnRestart is a restart as the page of the message has it: the item is the message,
// or the task that alone was restarted.
type OwnRestart struct {
	BatchItem
	Batch    int64
	BatchURL string
	At       Time
	By       string
	Reason   string
	Mode     string // all, delivery
	Task     Text   // the kind of that task; none: the message
}

// Told tells whether the customer was told again, and nothing else was done.
func (r OwnRestart) Told() bool { return r.Mode == "delivery" }

// Reason is why some were refused, and how many.
type Reason struct {
	N     int
	Text  Text
	Which []PreviewItem // some of them; may be none
}

// RestartPage is one restart: how far it is and what became of each item.
type RestartPage struct {
	Shell
	Batch   BatchRow
	Facts   []Fact
	Alone   *BatchItem    // what alone was restarted; nil: Reasons, Items, Pager and Tabs say of each
	Last    *fault.Record // why it does not stand well now
	Reasons []Reason
	Items   []BatchItem
	Pager   Pager
	Tabs    []Tab // all items, or the bad ones
	Bad     bool
	Live    bool
	Told    bool   // customers are told again, and nothing else is done
	Here    string // with the items' filter, to be fetched again
	Pause   Action
	Resume  Action
	Cancel  Action
}

// PreviewGroup is how many items of a preview are of one sort.
type PreviewGroup struct {
	What    string
	Product string
	Step    string
	N       int
	Refused int
}

// PreviewRest is what a preview does not list: how many sorts, and items of them.
type PreviewRest struct{ Kinds, N, Refused int }

// PreviewItem is a sample of a preview.
type PreviewItem struct {
	ID         int64
	URL        string
	What       string
	Line       string
	InstanceID string
	Fault      *fault.Record
}

// RestartNewPage shows what a restart would do, before anybody starts it.
type RestartNewPage struct {
	Shell
	Thing    string
	Mode     string
	Modes    []Tab
	Back     string // the list
	Filter   []Fact
	Ticked   []int64 // what was ticked; none: all that the list shows
	Total    int
	Doable   int // without those that would be refused
	Groups   []PreviewGroup
	Rest     PreviewRest
	Reasons  []Reason
	Samples  []PreviewItem
	Effects  []Effect
	Rates    []Option // none: there is one item
	Confirm  bool     // the number must be typed
	Typed    Field
	Start    Action
	Why      Field // the reason
	MustWhy  bool
	Messages bool // of messages, not of tasks

	Message    int64 // from whose page people came; 0: from the list
	MessageURL string
}

// Tells tells whether nothing is restarted but the telling of the customers.
func (p RestartNewPage) Tells() bool { return p.Mode == "delivery" }
