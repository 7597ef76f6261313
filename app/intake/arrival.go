package intake

import (
	"time"

	"koodesk/app/market"
	"koodesk/app/store"
)

func (a Arrived) arrival(key string) store.Arrival {
	out := store.Arrival{Channel: a.Channel.ID, Call: a.Call, Key: key, ReceivedAt: a.ReceivedAt,
		Elapsed: time.Since(a.ReceivedAt), IP: a.IP, Request: a.Request.Pack()}
	if a.Own {
		out.Agent = market.OwnAgent
	}
	if a.Call.Test {
		return out
	}
	out.RetryUntil = a.retried(market.RetryOf(a.Call.Protocol, a.Call.Activity))
	if r := market.OnlineLicenseRule(a.Call.Protocol, a.Call.Activity); r != nil {
		out.LicenseRule, out.LicenseUntil = true, a.retried(*r)
	}
	return out
}

// retried is until when the marketplace calls again by a rule; zero: unknown.
func (a Arrived) retried(r market.RetryRule) time.Time {
	if r.Window == 0 {
		return time.Time{}
	}
	return a.ReceivedAt.Add(r.Window)
}
