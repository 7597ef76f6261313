package store

import (
	"time"

	"koodesk/app/market"
	"koodesk/app/outbox"
)

// RetryClock tells what the marketplace does about the message. ok is false when
// there is nothing to tell: debugging calls, and what is right on both sides.
func (m *MessageDetail) RetryClock(now time.Time) (c market.RetryClock, ok bool) {
	if m.Test {
		return market.RetryClock{}, false
	}
	s := market.Standing{Protocol: market.Protocol(m.Protocol), Activity: m.Activity, Site: m.Site, First: m.FirstReceivedAt,
		Until: m.RetryUntil, Called: m.LastReceivedAt, Answered: m.Answered}
	if m.OnlineLicense {
		s.Protocol = market.License
	}
	switch m.Status {
	case MessageFailed:
		s.Failing, s.Refused = true, market.Misunderstood(m.IdemKey)
	case MessageRejected:
		s.Failing, s.Refused = true, true
		if market.RetryOf(s.Protocol, s.Activity).Then == market.Unpublished { // strangers call all sorts of things
			return market.RetryClock{}, false
		}
	case MessageProcessing:
		s.Failing, s.Working = m.LastError != nil, m.LastError == nil
	default:
		s.Done = m.done()
	}
	return market.ReadClock(s, now)
}

// done is when the last of the message's work was finished; telling the customer
// is none of the marketplace's business.
func (m *MessageDetail) done() (at time.Time) {
	for _, t := range m.Tasks {
		if t.Kind != outbox.Deliver && t.FinishedAt.After(at) {
			at = t.FinishedAt
		}
	}
	return at
}
