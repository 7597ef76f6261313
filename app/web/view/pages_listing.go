package view

import (
	"slices"
	"time"
)

// PageListing is filled from ListingPage.
const PageListing = "listing/listing"

// ListingPage is what puts the products' place on the marketplace at risk.
type ListingPage struct {
	Shell
	Channels []ProbedChannel
	Days     []string // of the grid, as 11-22, the oldest first
	Month    Time     // the first of the month that failed orders are counted from
	Orders   []OrdersAtRisk
	Limit    int // of failed orders
	Rates    []CallRate
	Usable   []UsableTime
	Many     bool // more than one channel exists: show which
}

// States are those of half a day, for the legend.
func (ListingPage) States() []string {
	return []string{"passed", "failed", "mended", "refused", "none"}
}

// narrowDays is how many days a phone shows, the newest.
const narrowDays = 4

// Old tells whether a phone leaves a day out, and OldHalf half a day.
func (p ListingPage) Old(day int) bool      { return day < len(p.Days)-narrowDays }
func (p ListingPage) OldHalf(half int) bool { return p.Old(half / 2) }

// ProbedChannel is the probes of one address.
type ProbedChannel struct {
	Slug     string
	Products []ProbedProduct
}

// ProbedProduct is the probes of one product, or those that name none that is known.
type ProbedProduct struct {
	ID      string // "" where the calls do not tell
	Failing int    // days on end
	Limit   int    // days after which trading is frozen
	Freeze  Time   // when that is; zero while nothing fails
	Silent  Time   // the last probe, if there should have been one since; zero otherwise
	Rows    []ProbeRow
}

// Fine tells whether no product's probes fail or are missing.
func (c ProbedChannel) Fine() bool {
	return !slices.ContainsFunc(c.Products, func(p ProbedProduct) bool { return p.Failing > 0 || !p.Silent.IsZero() })
}

// AnyFailed tells whether a cell of the grid holds numbers.
func (c ProbedChannel) AnyFailed() bool {
	for _, p := range c.Products {
		for _, r := range p.Rows {
			if slices.ContainsFunc(r.Halves, func(h ProbeHalf) bool { return h.Failed > 0 }) {
				return true
			}
		}
	}
	return false
}

// ProbeRow is one interface's probes, a pair of halves for each day.
type ProbeRow struct {
	Protocol string
	Activity string
	URL      string // of its debugging calls
	Halves   []ProbeHalf
}

// ProbeHalf is half a day, in one of the states of the page.
type ProbeHalf struct {
	State     string
	Afternoon bool
	Passed    int
	Failed    int
	Refused   int
}

// Calls is how many were the marketplace's for sure.
func (h ProbeHalf) Calls() int { return h.Passed + h.Failed }

// OrdersAtRisk is a product's failed purchases of the month.
type OrdersAtRisk struct {
	Channel string
	Product string // "" where it is not known
	Lost    int
	AtRisk  int
	Over    bool // more than the marketplace allows, the ones at risk counted
}

// CallRate is how the calls to one interface went in the last day.
type CallRate struct {
	Channel  string
	Protocol string
	Activity string
	Calls    int
	Well     int    // per ten thousand
	Rate     string // "99.9 %"
	P50      string // "4.2 ms"
	P95      string
	Max      string
}

// UsableTime is how long the customers of a product waited for what they bought.
type UsableTime struct {
	Channel string
	Product string // "" where it is not known
	Bought  int
	Usable  int
	P50     time.Duration // meaningless while nothing is usable
	P95     time.Duration
}
