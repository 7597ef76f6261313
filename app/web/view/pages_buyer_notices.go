package view

// PageBuyerNotices is the page of BuyerNoticesPage.
const PageBuyerNotices = "buyer/notices"

// BuyerNoticesPage is where a customer switches a kind of notices off and on.
type BuyerNoticesPage struct {
	Buyer
	Product string   // its name; "" when it is not known
	Kind    string   // of the message whose link it is
	Off     bool     // it is switched off
	Refused []string // other kinds that are switched off
	Changed string   // the kind that was switched just now
	URL     string   // where the forms are posted to
}
