package view

import "koodesk/app/fault"

// The pages of the texts of messages to customers.
const (
	PageTemplates = "templates/list" // TemplatesPage
	PageTemplate  = "templates/edit" // TemplatePage
)

// TemplateCell is where one text comes from.
type TemplateCell struct {
	Medium   string // email, sms
	Language string
	URL      string
	Source   string // product, channel, house, shipped
	Own      bool   // written for the very place that is shown
	Version  int
	At       Time
	By       string
}

// TemplateRow is the texts of a kind of message.
type TemplateRow struct {
	Kind  string
	Cells []TemplateCell
}

// TemplatesPage is all texts at a place.
type TemplatesPage struct {
	Shell
	List
	Rows      []TemplateRow
	Columns   []TemplateCell // heads: medium and language
	NoChannel bool           // a product was chosen, and not of which channel
	AtService bool           // SMS have their texts at their service
}

// TemplateLink is a step of the order in which a text is looked for.
type TemplateLink struct {
	Source  string
	Place   string // name of the channel or product
	Has     bool
	Counts  bool
	Version int
	By      string
	At      Time
	URL     string // of its editor; "" is the one that is open
}

// TemplateVersion is a text as somebody saved it.
type TemplateVersion struct {
	Version   int
	Withdrawn bool
	Restored  int // the version that it has the text of; 0: it was written
	By        string
	At        Time
	Reason    string
	Subject   string
	Body      string
	Newest    bool
	Restore   Action
}

// TemplateVariable is a name that a text may use.
type TemplateVariable struct {
	Name     string
	Flag     bool // only a condition may ask for it
	Required bool
}

// Wrongness is one thing that is wrong with a text.
type Wrongness struct {
	Part  string // subject or body
	Fault *fault.Record
}

// TemplatePreview is what a customer would get.
type TemplatePreview struct {
	Wrong    []Wrongness
	Fault    *fault.Record // the instance that was named cannot be used
	Mail     bool
	Sample   bool // with made-up values
	Subject  string
	Text     string
	Encoding string // of an SMS: gsm7, ucs2
	Units    int
	Parts    int
	Left     int
	Whole    int // what fits into an SMS that is one
	Part     int // and into each part of a longer one
	Mainland int // SMS that carriers of mainland China make of it
}

// Fits tells whether the text can be saved.
func (p TemplatePreview) Fits() bool { return len(p.Wrong) == 0 }

// TemplatePage is the editor of a text.
type TemplatePage struct {
	Shell
	Kind      string
	Medium    string
	Language  string
	Channel   string
	ProductID string
	Back      string
	Tabs      []Tab
	Chain     []TemplateLink
	Own       bool
	Below     int // narrower places that have texts of their own
	Base      int // the newest version here
	Subject   string
	Body      string
	Instance  string // that the preview is filled from; "" is made-up values
	To        string // the number that gets a test, masked; "" for a mail, and where the reader has none
	Max       int    // characters of the body
	Variables []TemplateVariable
	Held      bool   // the SMS service has its texts itself
	Service   string // id of the one that this message is sent by
	Filled    string // variables that the service is given
	Save      Action
	Preview   string // where a draft is filled
	Frame     string // where its markup is
	Framed    string // the markup of what was saved; "" while a draft is in the form
	Test      Action
	Withdraw  Action
	Result    TemplatePreview
	Versions  []TemplateVersion
	Older     string // more of them
}

// Mail tells whether it is the text of a mail.
func (p TemplatePage) Mail() bool { return p.Medium == "email" }

// From is the step that counts.
func (p TemplatePage) From() TemplateLink {
	for _, l := range p.Chain {
		if l.Counts {
			return l
		}
	}
	return TemplateLink{Source: "shipped"}
}
