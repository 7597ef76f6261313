package view

import (
	"time"

	"koodesk/app/fault"
)

// Text is a translation key with its values, pairs of name and value: what a
// handler says without knowing the reader's language. The zero Text is none.
type Text struct {
	Key  string
	Args []any
}

// Say makes a Text.
func Say(key string, args ...any) Text { return Text{Key: key, Args: args} }

// None tells whether there is nothing to say.
func (t Text) None() bool { return t.Key == "" }

// Action is something that the reader may be able to do.
type Action struct {
	URL  string // where its form is posted to
	Show bool   // the reader's role allows it; without it there is no button
	Why  Text   // why it cannot work now: the button is there, disabled, with the reason
}

// On tells whether the action can be done now.
func (a Action) On() bool { return a.Show && a.Why.None() }

// Effect is one sentence of what an act will do, or will not.
type Effect struct {
	Will bool
	Text Text
}

// ListState is which of its four faces a list shows. Loading is the fifth, and
// the browser's own: it lays the skeleton over the list while it waits.
type ListState string

// The faces of a list.
const (
	ListRows    ListState = "rows"
	ListEmpty   ListState = "empty"    // nothing there at all: the page says what to do first
	ListNoMatch ListState = "no_match" // something there, but the filters keep it out
	ListError   ListState = "error"    // it could not be read
)

// StateOf picks the face of a list that was read.
func StateOf(rows int, filtered bool) ListState {
	switch {
	case rows > 0:
		return ListRows
	case filtered:
		return ListNoMatch
	default:
		return ListEmpty
	}
}

// Tab is one of the views above a list.
type Tab struct {
	Label  Text
	Value  string // the status
	URL    URL
	Count  int  // -1 where it is not known
	More   bool // there are more than that
	Active bool
	Tone   string // "bad" draws the count in red when it is not zero
	Why    Text   // why it cannot be chosen, where it cannot
}

// Option is a choice in a select.
type Option struct {
	Value    string
	Label    Text // none: the value is shown as it is
	Selected bool
}

// Chip is a filter that has no control of its own, e.g. "instance = 87b9…".
type Chip struct {
	Name  Text
	Value string
	Drop  URL // the list without it
	Param string
}

// Presets are the time ranges with a name, shortest first, and how far back each
// goes. "" is everything; "custom" has its own limits.
var Presets = []struct {
	Name string
	Back time.Duration
}{
	{"15m", 15 * time.Minute},
	{"1h", time.Hour},
	{"24h", 24 * time.Hour},
	{"7d", 7 * 24 * time.Hour},
	{"30d", 30 * 24 * time.Hour},
}

// Options are the presets and "custom", in the order shown.
func (Range) Options() []string {
	out := make([]string, 0, len(Presets)+1)
	for _, p := range Presets {
		out = append(out, p.Name)
	}
	return append(out, "custom")
}

// Range is the time range of a list. Since and Until are of the form
// 2006-01-02T15:04 in the reader's zone, as browsers write them; they count only
// with the preset "custom".
type Range struct {
	Preset string
	Since  string
	Until  string
	Wrong  Text // what is wrong with the limits that were typed
}

// Select is a filter with choices.
type Select struct {
	Name    string // of the parameter
	Label   Text
	Options []Option
}

// Filter is the bar above a list.
type Filter struct {
	URL     URL // the list as it is now
	Q       string
	Hint    Text // what can be searched for
	Selects []Select
	Range   *Range // nil: the list has no time range
	Chips   []Chip
	Status  string // the active tab, which the form must not lose

	NoSearch bool // nothing in the list can be searched for
}

// Active tells whether anything but the tab is filtered.
func (f Filter) Active() bool { return f.URL.Filtered("status") }

// Pager leads through a list that is read by cursor. Empty addresses are ends.
type Pager struct {
	First string // back to the newest; "" when already there
	Newer string
	Older string
	Shown int // rows on this page

	Rows int    // how many rows a page has at most
	Here string // where the reader is, to come back to after choosing another number
}

// RowChoices are the numbers of rows that a page may have.
var RowChoices = []int{20, 50, 100}

// Choices are the numbers of rows to choose from, none while the shortest page would
// show as much.
func (p Pager) Choices() []int {
	if p.Any() || p.Shown > RowChoices[0] {
		return RowChoices
	}
	return nil
}

// Any tells whether there is somewhere to go.
func (p Pager) Any() bool { return p.Newer != "" || p.Older != "" || p.First != "" }

// List is what all lists have.
type List struct {
	Filter Filter
	Tabs   []Tab
	State  ListState
	Fault  *fault.Record // with ListError
	Pager  Pager
	Bulk   Action // what may be done with ticked rows

	EmptyDo Text // what an empty list says instead of its area's own words
}

// Fact is one entry of the strip of facts at the top of a detail.
type Fact struct {
	Label Text
	Value string // shown as it is; "" shows a dash
	Text  Text   // instead of Value: something to translate
	Time  Time   // instead of Value
	URL   string // makes the value a link
	Mono  bool   // an identifier
	Copy  bool   // with a button to copy the value
	More  []Fact // further values of the same sort, shown as the value is
	Note  Text   // small print below
	Tone  string // "bad" or "warn" draws attention
}

// moreShown is how many further values stand open; the others unfold.
const moreShown = 2

// Open are the first of the further values.
func (f Fact) Open() []Fact { return f.More[:min(moreShown, len(f.More))] }

// Folded are the rest.
func (f Fact) Folded() []Fact { return f.More[len(f.Open()):] }

// Event is a point on a timeline, newest first.
type Event struct {
	ID    string // of its entry, by which an address leads to it; may be empty
	Found bool   // it is what the address leads to
	At    Time
	Kind  string // see Moments
	Args  []any  // of the text timeline.<kind>
	By    string // who did it, when a person did
	Note  string // a person's own words, e.g. the reason given
	URL   string // leads to what it is about
	About string // which of several things it is about
	Aside Text   // small print
	Fault *fault.Record
	Gap   time.Duration // from the event before it in time; 0 shows none
	Test  bool
}

// Text is what the event says.
func (e Event) Text() Text { return Text{Key: "timeline." + e.Kind, Args: e.Args} }

// Pair is a name with a value: a header, a parameter.
type Pair struct{ Name, Value string }

// Payload is one side of a conversation.
type Payload struct {
	Line    string // "POST /koogallery/default" or "HTTP 200"
	Headers []Pair // never with signatures or keys in clear
	Body    string
	Cut     bool // the body was longer than what is kept
	Kept    int  // of one that is not kept any more: after how many days it went; else 0
}

// Empty tells whether nothing was kept of it.
func (p Payload) Empty() bool {
	return p.Body == "" && p.Line == "" && len(p.Headers) == 0 && p.Kept == 0
}

// Field is an input of a form with what was typed and what is wrong with it.
type Field struct {
	Name  string
	Value string
	Wrong Text
}
