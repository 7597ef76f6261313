package market

import (
	"slices"
	"time"
)

// What puts a product's place on the marketplace at risk: more failed orders in a
// month than FailedOrderLimit (CN 0070649282), or probes that fail on
// ProbeDayLimit days on end (CN 0070649414), after which trading is frozen and the
// product hidden.
const (
	FailedOrderLimit = 5
	ProbeDayLimit    = 5
)

// ProbeZone is the time by which the marketplace's mornings, afternoons and
// months are counted.
var ProbeZone = time.FixedZone("UTC+8", 8*60*60)

// Probes is what debugging calls to one interface in half a day came to. The
// marketplace sends its saved debugging cases every morning and every afternoon;
// what a seller debugs by hand in the Seller Center looks the same.
type Probes struct {
	Passed  int
	Failed  int // answered otherwise than with success, or refused although a key of ours has signed it
	Failing int // of these the cases that have not passed since
	Refused int // not proved authentic, so perhaps not the marketplace's
}

// The states of half a day.
const (
	ProbeNone    = "none"
	ProbePassed  = "passed"
	ProbeFailed  = "failed"
	ProbeMended  = "mended"  // there were calls that failed, and their cases passed later in the same half
	ProbeRefused = "refused" // there were only calls that could not be proved
)

// State sums half a day up.
func (p Probes) State() string {
	switch {
	case p.Failing > 0:
		return ProbeFailed
	case p.Failed > 0:
		return ProbeMended
	case p.Passed > 0:
		return ProbePassed
	case p.Refused > 0:
		return ProbeRefused
	}
	return ProbeNone
}

// ProbeDay is a day's probes of one interface.
type ProbeDay struct{ Morning, Afternoon Probes }

// state is that of the later half that had any: a probe that passes in the afternoon
// ends what failed in the morning. Calls that nobody proved, which a stranger can
// send, say nothing beside those that were.
func (d ProbeDay) state() string {
	later, earlier := d.Afternoon.State(), d.Morning.State()
	if later == ProbeNone || later == ProbeRefused && earlier != ProbeNone {
		return earlier
	}
	return later
}

// ProbeStreak tells on how many days on end the probes have failed, up to the
// last of the days, which are given the oldest first. CN 0070649414 has the saved
// cases called once every morning and every afternoon, and says no more of what a day
// of failure is. So the newest probe counts, and what passed later in the same half
// (ProbeMended) counts as failed: it was debugged by hand, which is no probe, and only
// the next half's shows that the marketplace passes too. A day without probes
// neither counts nor ends it; nor does one on which there were only calls that
// nobody proved, which a stranger can send.
func ProbeStreak(days []ProbeDay) int {
	n := 0
	for i := len(days) - 1; i >= 0; i-- {
		switch days[i].state() {
		case ProbeFailed, ProbeMended:
			n++
		case ProbePassed:
			return n
		}
	}
	return n
}

// Probed tells whether any of the days had a probe that counts: one that was proved,
// or that a key of ours has signed.
func Probed(days []ProbeDay) bool {
	return slices.ContainsFunc(days, func(d ProbeDay) bool { s := d.state(); return s != ProbeNone && s != ProbeRefused })
}

// ProbeDate is the date of a moment in ProbeZone, as midnight UTC.
func ProbeDate(t time.Time) time.Time {
	y, m, d := t.In(ProbeZone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// ProbeMonth is when the month of a moment began in ProbeZone.
func ProbeMonth(t time.Time) time.Time {
	y, m, _ := t.In(ProbeZone).Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, ProbeZone)
}

// HalfEnds is when half of a day, given as by ProbeDate, is over.
func HalfEnds(date time.Time, afternoon bool) time.Time {
	y, m, d := date.Date()
	hour := 12
	if afternoon {
		hour = 24
	}
	return time.Date(y, m, d, hour, 0, 0, 0, ProbeZone)
}

// FreezeAt is when trading is frozen if the probes, which have failed on so many
// days on end up to now, go on failing.
func FreezeAt(now time.Time, failing int) time.Time {
	return HalfEnds(ProbeDate(now).AddDate(0, 0, max(0, ProbeDayLimit-failing)), true)
}
