package market

import (
	"slices"
	"time"
)

// The kinds of alerts: what operators are told by themselves.
const (
	AlertRetry    = "retry_window"    // a message fails or is not done, and the marketplace's patience runs out
	AlertManual   = "manual_due"      // an instance waits for a person, and the patience runs out
	AlertLicense  = "license_waiting" // a License waits for a person
	AlertRefused  = "refused_window"  // calls are refused, and the patience runs out if the marketplace has made them
	AlertKey      = "key_refused"     // the marketplace's calls of a channel are refused for their key or signature
	AlertProbe    = "probe_failing"   // the marketplace's probes of a channel fail
	AlertGroup    = "failure_group"   // something new fails, or fails again
	AlertConflict = "conflict"        // a different content waits for a decision
	AlertPool     = "pool_low"        // a pool is below its low-water mark
	AlertDelivery = "delivery_failed" // a customer could not be told
	AlertReceiver = "event_target"    // one of the seller's systems does not take its events
	AlertStuck    = "stuck"           // what should go on by itself does not
)

// AlertKinds lists the kinds, the most pressing first.
func AlertKinds() []string {
	return []string{AlertRetry, AlertManual, AlertLicense, AlertRefused, AlertKey, AlertProbe, AlertGroup, AlertConflict, AlertPool, AlertDelivery, AlertReceiver, AlertStuck}
}

// The severities of an alert.
const (
	Warning  = 1
	Critical = 2
)

// SeverityName is a severity for machines: "warning" or "critical".
func SeverityName(severity int) string {
	if severity >= Critical {
		return "critical"
	}
	return "warning"
}

// SeverityNames lists the names, the lesser first.
func SeverityNames() []string { return []string{SeverityName(Warning), SeverityName(Critical)} }

// SeverityOf is the severity of a name; 0 for what is none.
func SeverityOf(name string) int { return slices.Index(SeverityNames(), name) + 1 }

// AlarmSeverity is how bad it is that an alarm is due.
func AlarmSeverity(a Alarm) int {
	if a.Name == AlarmLast {
		return Critical
	}
	return Warning
}

// The turns that an alert takes.
const (
	AlertOpened  = "opened"
	AlertRaised  = "raised" // it has become critical
	AlertCleared = "cleared"
)

// How an alert ended.
const (
	AlertResolved = "resolved"
	AlertLapsed   = "lapsed" // the time was over before it was put right
	AlertGone     = "gone"   // what it was about is there no more
)

// AlertCalm is how long an alert has to be over for its end to be told. What returns
// earlier is the same alert, of which nobody hears again.
const AlertCalm = 10 * time.Minute

// NoQuietHours is the setting of who wants to hear at any time.
const NoQuietHours = "none"

// QuietUntil tells whether a moment, in its own zone, is within quiet hours as
// QuietHours reads them, and when they end.
func QuietUntil(s string, t time.Time) (time.Time, bool) {
	from, to, ok := QuietHours(s)
	if !ok {
		return t, false
	}
	clock := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
	end := time.Date(t.Year(), t.Month(), t.Day(), int(to.Hours()), int(to.Minutes())%60, 0, 0, t.Location())
	switch {
	case from < to && clock >= from && clock < to, from > to && clock < to:
		return end, true
	case from > to && clock >= from:
		return end.AddDate(0, 0, 1), true
	}
	return t, false
}
