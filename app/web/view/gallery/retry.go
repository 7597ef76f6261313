package gallery

import (
	"time"

	"koodesk/app/market"
	"koodesk/app/web/view"
)

// retry is what KooGallery does about the message of a state.
func retry(state string) *view.Retry {
	now := clock().Now
	s := market.Standing{Protocol: market.V2, Activity: market.NewInstance, Until: now.Add(132 * time.Minute), Called: now.Add(-6 * time.Minute),
		Answered: market.Processing, Failing: true, Site: market.SiteCN}
	switch state {
	case "failed":
	case "over":
		s.Until, s.Called = now.Add(-35*time.Minute), now.Add(-55*time.Minute)
	case "rejected":
		s.Activity, s.Until, s.Answered, s.Refused, s.Site = market.ReleaseInstance, now.Add(-2*time.Hour), market.AuthFailed, true, market.SiteEU
	case "processing":
		s.Failing, s.Working = false, true
	case "missed":
		s.Activity, s.Until, s.Answered, s.Failing, s.Done, s.Site = market.RefreshInstance, now.Add(-time.Hour), market.OtherError, false, now, market.SiteIntl
	default:
		return nil
	}
	c, ok := market.ReadClock(s, now)
	if !ok {
		return nil
	}
	out := view.RetryOf(clock(), c)
	out.Claimed = state == "rejected"
	return out
}

// retries are the clocks that no other page of the gallery shows.
func (k look) retries(name string) view.MessagePage {
	p := k.message("failed")
	s := market.Standing{Failing: true, Answered: market.OtherError, Site: market.SiteCN}
	var ifLicense *market.RetryRule
	switch name {
	case "license":
		s.Protocol, s.Activity, s.Until = market.V2, market.NewInstance, clock().Now.Add(2*time.Hour)
		ifLicense = market.OnlineLicenseRule(s.Protocol, s.Activity)
	case "again":
		now := clock().Now
		s.Protocol, s.Activity, s.First, s.Until, s.Called = market.V1, market.RefreshInstance, now.Add(-30*time.Hour), now.Add(40*time.Minute), now.Add(-20*time.Minute)
	case "elsewhere":
		s.Protocol, s.Activity, s.Site, s.Until = market.V2, market.UpdateInstanceStatus, market.SiteEU, clock().Now.Add(40*time.Minute)
	case "told":
		s.Protocol, s.Activity, s.Answered = market.V1, market.NewInstance, market.Success
	case "once":
		s.Protocol, s.Activity = market.LicenseV1, market.RefreshLicense
	case "unpublished":
		s.Protocol, s.Activity = market.License, market.GetLicenseAsync
	case "kit":
		s.Protocol, s.Activity, s.Refused = market.KitV2, "tenantSync", true
	}
	c, _ := market.ReadClock(s, clock().Now)
	p.Retry = view.RetryOf(clock(), c)
	p.Retry.IfLicense = ifLicense
	return p
}
