package view

import "koodesk/app/fault"

// The pages of authorization codes and of orders.
const (
	PageLicenseCodes = "licensecodes/list"   // LicenseCodesPage
	PageLicenseCode  = "licensecodes/detail" // LicenseCodePage
	PageOrders       = "orders/list"         // OrdersPage
	PageOrder        = "orders/detail"       // OrderPage
)

// LicenseCodeRow is an authorization code in a list.
type LicenseCodeRow struct {
	ID           int64
	URL          string
	Mask         string // never the code itself
	Status       string
	Channel      string
	ProductID    string
	OrderID      string
	CustomerID   string
	Expires      Time
	Checked      Time
	Created      Time
	Fault        *fault.Record
	ExpiringSoon bool
	Over         bool // by the clock, whatever was said last
}

// LicenseCodesPage is the list of authorization codes.
type LicenseCodesPage struct {
	Shell
	List
	Days     []Day[LicenseCodeRow]
	Channels bool
}

// LicenseCodePage is one authorization code with its life.
type LicenseCodePage struct {
	Shell
	Code     LicenseCodeRow
	Facts    []Fact
	Back     string
	Activate Action
	Query    Action
	Reveal   Action
	Revealed string // the code, in the answer to a reveal only
	Answer   Payload
	Timeline []Event
	Tasks    []TaskRow
	Live     bool
}

// OrderRow is an order line in a list.
type OrderRow struct {
	URL         string
	State       string
	Type        string
	OrderID     string
	LineID      string
	Source      string
	Channel     string
	ProductName string
	ProductID   string
	Customer    string // masked
	Amount      string // as the marketplace wrote it
	Ordered     Time
	Created     Time
	Fault       *fault.Record
}

// OrdersPage is the list of orders.
type OrdersPage struct {
	Shell
	List
	Days     []Day[OrderRow]
	Channels bool
}

// OrderLine is one bought thing of an order.
type OrderLine struct {
	ID     string
	This   bool // the line that the page is about
	Facts  []Fact
	Params []Pair
}

// OrderInstance is an instance that an order made or changed.
type OrderInstance struct {
	ID      string // KooGallery's
	URL     string
	Status  string
	Purpose string // what the order was to it: purchase, renewal, upgrade
	Name    string // of the product
}

// OrderPage is one order line with its whole order.
type OrderPage struct {
	Shell
	Order     OrderRow
	Facts     []Fact
	Customer  []Fact // masked; empty before it is known
	Lines     []OrderLine
	Params    []Pair // of the order as a whole
	Instances []OrderInstance
	Back      string
	Answer    Payload
	Timeline  []Event // newest first
	Messages  []MessageRow
	Tasks     []TaskRow
	Live      bool
}
