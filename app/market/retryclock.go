package market

import (
	"slices"
	"time"
)

// Progress is whether the marketplace still calls a failing interface.
type Progress string

// The states of a message's clock.
const (
	Calling     Progress = "calling"     // it goes on by itself
	CallsEnded  Progress = "ended"       // it has stopped
	Satisfied   Progress = "told"        // it was answered with success, and has no reason to call again
	CallUnknown Progress = "unpublished" // no page tells whether it calls again
)

// Remedy is what the seller has to do for a message to come right at the
// marketplace too.
type Remedy string

// The remedies.
const (
	RestartHere   Remedy = "here"      // restarting it with us is enough
	RestartBoth   Remedy = "both"      // with us, and then in the Seller Center
	RestartThere  Remedy = "there"     // it is right here; the marketplace must be made to call again
	MendAndWait   Remedy = "mend"      // we cannot restart it: the cause put right, the next call passes
	MendThenThere Remedy = "mend_both" // the cause put right, and then Restart in the Seller Center
	JustWait      Remedy = "wait"      // right here, and collected by the next call
	GetDone       Remedy = "work"      // still at work here; once done, the next call collects it
	DoneThenThere Remedy = "work_both" // still at work here; once done, Restart in the Seller Center
	OthersDecide  Remedy = "others"    // the buyer or the enterprise's administrator has it called again
	NotPublished  Remedy = "unknown"   // restart it with us; whether that reaches the marketplace is not published
)

// There tells whether the seller has to, or may have to, press Restart in the
// Seller Center.
func (r Remedy) There() bool {
	switch r {
	case RestartBoth, RestartThere, MendThenThere, DoneThenThere, NotPublished:
		return true
	}
	return false
}

// Standing is where a message stands when its clock is read.
type Standing struct {
	Protocol Protocol
	Activity string
	Site     Site
	First    time.Time  // the marketplace's first call
	Until    time.Time  // end of the marketplace's own retries; zero: none, or none published
	Called   time.Time  // its last call
	Answered ResultCode // what it was answered with then
	Failing  bool       // it is not right here yet
	Working  bool       // nor is it, but nothing has failed
	Refused  bool       // failing, and nothing of it can be run again here: the call must come anew
	Done     time.Time  // not failing: when it came right; zero: unknown
}

// RetryClock is the marketplace's patience with one message.
type RetryClock struct {
	Rule     RetryRule
	Progress Progress
	Remedy   Remedy
	From     time.Time // the window; zero where there is none
	Until    time.Time
	Next     time.Time // the next call as far as it can be expected; zero: not to be told, or none comes
	// Again is whether the window is not that of the first call: it was called again
	// after that had ended, and no page tells whether the marketplace then goes on anew.
	Again  bool
	Site   Site
	Doubts []Doubt
}

// Doubted tells whether a value is unconfirmed on the message's site.
func (c RetryClock) Doubted(d Doubt) bool { return slices.Contains(c.Doubts, d) }

// ReadClock tells what the marketplace does about a message. ok is false when
// there is nothing to tell: it is right here and there.
func ReadClock(s Standing, now time.Time) (c RetryClock, ok bool) {
	c = RetryClock{Rule: RetryOf(s.Protocol, s.Activity), Site: s.Site}
	c.Doubts = c.Rule.DoubtsAt(s.Site)
	c.Progress = c.progress(s, now)
	if !s.Failing && !worksOn(s, c.Progress) && !missed(s, c.Progress) {
		return RetryClock{}, false
	}
	if c.Rule.Window > 0 && !s.Until.IsZero() && c.Progress != Satisfied {
		c.From, c.Until = s.Until.Add(-c.Rule.Window), s.Until
		c.Next = c.next(s.Called, now)
		c.Again = !s.First.IsZero() && !c.From.Before(s.First.Add(c.Rule.Window))
	}
	if c.Again && !c.Doubted(DoubtWindow) {
		c.Doubts = append(slices.Clone(c.Doubts), DoubtWindow)
	}
	c.Remedy = c.remedy(s)
	return c, true
}

func (c RetryClock) progress(s Standing, now time.Time) Progress {
	switch {
	case s.Answered == Success:
		return Satisfied
	case c.Rule.Once:
		return CallsEnded
	case c.Rule.Window == 0 || s.Until.IsZero():
		return CallUnknown
	case now.Before(s.Until):
		return Calling
	}
	return CallsEnded
}

// worksOn tells whether the marketplace's patience with a message that is still
// at work here can run out.
func worksOn(s Standing, p Progress) bool {
	return s.Working && !s.Until.IsZero() && (p == Calling || p == CallsEnded)
}

// missed tells whether a message that is right here was not so when the
// marketplace last asked. "Processing" is an answer that it follows up, so that
// only what came right after its patience was over counts.
func missed(s Standing, p Progress) bool {
	switch {
	case s.Working || p == Satisfied || p == CallUnknown || s.Answered == "":
		return false
	case s.Answered == Processing:
		return p == CallsEnded && !s.Until.IsZero() && s.Done.After(s.Until)
	}
	return true
}

// next is the first of the expected calls that is still to come.
func (c RetryClock) next(called, now time.Time) time.Time {
	if c.Progress != Calling || c.Rule.Every == 0 || called.IsZero() {
		return time.Time{}
	}
	at := called.Add(c.Rule.Every)
	if late := now.Sub(at); late >= 0 {
		at = at.Add((late/c.Rule.Every + 1) * c.Rule.Every)
	}
	if at.After(c.Until) {
		return time.Time{}
	}
	return at
}

func (c RetryClock) remedy(s Standing) Remedy {
	ended := c.Progress == CallsEnded || c.Again // nobody may rely on what is not published
	switch {
	case c.Rule.Then == BuyerDecides || c.Rule.Then == AdminDecides:
		return OthersDecide
	case s.Refused && ended:
		return MendThenThere
	case s.Refused:
		return MendAndWait
	case s.Working && ended:
		return DoneThenThere
	case s.Working:
		return GetDone
	case !s.Failing && ended:
		return RestartThere
	case !s.Failing:
		return JustWait
	case c.Progress == CallUnknown && c.Rule.Then != Polled:
		return NotPublished
	case ended:
		return RestartBoth
	}
	return RestartHere
}

// Left is how much of the window is left.
func (c RetryClock) Left(now time.Time) time.Duration {
	if c.Until.IsZero() {
		return 0
	}
	return max(0, c.Until.Sub(now))
}

// Alarm is a moment at which somebody should hear that a window runs out.
type Alarm struct {
	Name string
	At   time.Time
}

// The names of alarms.
const (
	AlarmHalf = "half"
	AlarmLast = "last"
)

// LastCall is how long before the end the last alarm is.
const LastCall = 15 * time.Minute

// Alarms are the moments of a window: at half of it, and a quarter of an hour
// before its end; that one alone where the half is no earlier.
func Alarms(from, until time.Time) []Alarm {
	if !until.After(from) {
		return nil
	}
	half, last := Alarm{AlarmHalf, from.Add(until.Sub(from) / 2)}, Alarm{AlarmLast, until.Add(-LastCall)}
	switch {
	case last.At.Before(from):
		return []Alarm{half}
	case !half.At.Before(last.At):
		return []Alarm{last}
	}
	return []Alarm{half, last}
}

// AlarmDue is the alarm of a window that is due now: the latest that has come.
// ok is false before the first and when the window is over.
func AlarmDue(from, until, now time.Time) (due Alarm, ok bool) {
	if !now.Before(until) {
		return Alarm{}, false
	}
	for _, a := range Alarms(from, until) {
		if !now.Before(a.At) {
			due, ok = a, true
		}
	}
	return due, ok
}
