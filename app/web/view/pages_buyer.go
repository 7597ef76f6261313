package view

import (
	"koodesk/app/fault"
	"koodesk/app/i18n"
)

// The buyer's pages, and the part of one that looks again by itself.
const (
	PageBuyerAccess = "buyer/access" // BuyerPage
	PageBuyerError  = "buyer/error"  // BuyerErrorPage
	BlockBuyerCard  = "buyer-card"
)

// Buyer is what every page for buyers has around its content. They have no
// session: their address is the secret.
type Buyer struct {
	Seller  string        // whose page it is, as buyers know the name
	Others  []i18n.Locale // the languages to switch to
	Refresh int           // seconds until a browser without scripts looks again; 0: not
}

// BuyerPage is the buyer's access page.
type BuyerPage struct {
	Buyer
	State       string // preparing, active, over, expired, frozen, released
	Product     string // its name; "" when it is not known
	OrderID     string
	Expires     Time
	FrontEndURL string // while it can be used
	Poll        *Poll  // the card looks again by itself
	Late        bool   // it takes longer than it should
	OneTime     bool   // the access data is shown once only
	Used        bool   // and has been shown
	Reveal      string // where to ask for the access data; "" when there is nothing to show
	Revealed    *BuyerAccess
	Wiped       Time   // since when the password is not kept any more
	Close       string // the page without the access data
}

// Poll is how a card looks again.
type Poll struct {
	URL   string
	Every int // seconds
}

// BuyerAccess is the access data in the answer to a reveal, and nowhere else.
type BuyerAccess struct {
	UserName string
	Password string
	AdminURL string
	Memo     string
}

// BuyerErrorPage is every page for buyers that could not be shown.
type BuyerErrorPage struct {
	Buyer
	Status int // HTTP
	Fault  *fault.Record
	Retry  bool // the same address may work a little later
}
