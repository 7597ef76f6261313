package view

import "koodesk/app/fault"

// InstanceRow is an instance in a list.
type InstanceRow struct {
	ID           string // the marketplace's instanceId
	URL          string
	Status       string
	Test         bool
	Channel      string
	ProductName  string
	ProductID    string
	SkuCode      string
	OrderID      string
	Customer     string // masked
	Created      Time
	Expires      Time          // zero: does not expire, or Unknown
	Unknown      bool          // the order has not been queried yet: product, customer and expiry are not known
	NeedsAccess  bool          // waits for a person to type the access data
	Fault        *fault.Record // the last provisioning failed
	ExpiringSoon bool
}

// InstancesPage is the list of instances.
type InstancesPage struct {
	Shell
	List
	Days     []Day[InstanceRow]
	Channels bool
}

// Access is how the buyer uses the instance. The password is never part of a
// page, unless it has just been revealed.
type Access struct {
	Ready       bool // there is something to show
	FrontEndURL string
	AdminURL    string
	UserName    string
	HasPassword bool
	Wiped       Time // since when there is no password any more that there once was
	Memo        string
	Since       Time
	By          string // the driver, or who typed it
	Reveal      Action
	Revealed    string // the password, in the answer to a reveal only
	Form        AccessForm
}

// AccessForm is the form in which an operator completes a manual provisioning,
// or replaces the access data.
type AccessForm struct {
	Action       Action
	Open         bool          // drawn unfolded: it is due, or it came back with faults
	Due          bool          // the customer is waiting for it
	DueSince     Time          // since when
	Fault        *fault.Record // what is wrong with the form as a whole
	FrontEndURL  Field
	AdminURL     Field
	UserName     Field
	Password     Field // the value is never filled in
	Memo         Field
	KeepPassword bool // a password is stored and stays unless a new one is typed
}

// BuyerLink is the buyer's access page as operators see it. Whoever has the link
// can see the access data, so it is shown only to those who may write it.
type BuyerLink struct {
	Show       bool
	URL        string
	OneTime    bool
	Used       bool // one-time, and shown already
	Views      int
	LastView   Time
	Reveals    int
	LastReveal Time
	Renew      Action
	Effects    []Effect // of a renewal
}

// InstanceOrder is an order of an instance.
type InstanceOrder struct {
	OrderRow
	Purpose string // what it was to the instance: purchase, renewal, upgrade
}

// SeenField is one field of what the marketplace sees.
type SeenField struct {
	Name    string
	Value   string // masked
	Length  int
	Limit   int // 0: none is published
	TooLong bool
}

// Seen is what the marketplace would see of the instance now.
type Seen struct {
	Fields []SeenField // empty: it never asks
	Code   string
}

// InstancePage is one instance with its whole life.
type InstancePage struct {
	Shell
	Instance   InstanceRow
	Facts      []Fact
	Order      []Fact // what the order query said; empty before it answered
	OrderFault *fault.Record
	Orders     []InstanceOrder // the first known first
	Customer   []Fact          // masked
	Prev       string
	Next       string
	Back       string
	Hold       Hold
	Access     Access
	Link       BuyerLink
	Usage      Usage
	Seen       Seen
	Licenses   []LicenseRow // newest first
	Timeline   []Event
	Messages   []MessageRow
	Deliveries []DeliveryRow
	Notices    Notices
	Tasks      []TaskRow
	Live       bool
}
