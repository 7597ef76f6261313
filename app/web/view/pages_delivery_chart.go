package view

import "time"

// PageDeliveryChart is the page of DeliveryChartPage.
const PageDeliveryChart = "deliveries/chart"

// DeliveryStat is one line of a table of what became of messages.
type DeliveryStat struct {
	Day    Time   // of a day's line
	Medium string // of a medium's and kind's
	Kind   string
	URL    string
	More   bool // these are the last of the day

	Total, HandedTo, Delivered, Refused, Bounced, Unknown, Kept, GivenUp, Waiting int

	HandedP50, HandedP95, DeliveredP50, DeliveredP95 time.Duration
}

// Share is a part in per cent, "" where there is no whole.
func (DeliveryStat) Share(part, whole int) string {
	if whole == 0 {
		return ""
	}
	return px(float64(part)*100/float64(whole)) + " %"
}

// Tried is how many messages somebody was asked to take, and the end is known.
func (s DeliveryStat) Tried() int { return s.Total - s.Kept - s.Waiting }

// Failed is how many did not arrive, as far as is known.
func (s DeliveryStat) Failed() int { return s.Refused + s.Bounced + s.GivenUp }

// DeliveryChartPage shows rates and durations of the last 30 days.
type DeliveryChartPage struct {
	Shell
	Filter  Filter
	Zone    string
	Days    []DeliveryStat // oldest first
	Kinds   []DeliveryStat
	All     DeliveryStat
	Stacks  []Stack
	Most    int
	Tones   []string // the parts of a column, from the bottom up
	Lines   []Line
	Marks   []Mark // of the durations
	Sampled int    // a day with more shows its last ones; 0: none has
}

// Mark is a line of a scale.
type Mark struct {
	Y     string
	Value time.Duration
}

// Marks are the lines of the scale of durations.
func Marks() (out []Mark) {
	for _, d := range Steps {
		out = append(out, Mark{Y: px(Height(d)), Value: d})
	}
	return out
}

// Last is the newest day.
func (p DeliveryChartPage) Last() Time {
	if len(p.Days) == 0 {
		return Time{}
	}
	return p.Days[len(p.Days)-1].Day
}
