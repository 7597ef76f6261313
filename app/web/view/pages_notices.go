package view

// Notices is what an instance's customer is told, on the instance's page.
type Notices struct {
	NextDays int      // which expiry notice comes next: how many days before
	NextAt   Time     // zero: none
	Kinds    []string // that there are
	Off      []string // that the customer does not want
	Language string   // "" the product's
	Zone     string   // "" AnyZone
	AnyZone  string   // of customers who have none of their own
	Set      Action
	Send     Action // the usage information
	Effects  []Effect
}

// On tells whether the customer gets a kind.
func (n Notices) On(kind string) bool {
	for _, k := range n.Off {
		if k == kind {
			return false
		}
	}
	return true
}
