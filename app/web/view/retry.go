package view

import (
	"strings"
	"time"

	"koodesk/app/market"
)

// Retry is what KooGallery does by itself about a message that fails, is still
// at work, or failed when it last asked.
type Retry struct {
	market.RetryClock
	From    Time
	Until   Time
	Next    Time
	Claimed bool // the call was never proved to be KooGallery's
	Site    market.Site
	// IfLicense is the window if the instance turns out to be an online License's; 0:
	// it is known, or makes no difference.
	IfLicense time.Duration
}

// RetryOf shows a clock to the reader.
func RetryOf(c Clock, r market.RetryClock, site market.Site) *Retry {
	return &Retry{RetryClock: r, From: c.Time(r.From), Until: c.Time(r.Until), Next: c.Time(r.Next), Site: site}
}

// Line is the key of the sentence that says how long there is.
func (r Retry) Line() string {
	switch {
	case r.Progress == market.Satisfied && r.Rule.Protocol == market.V1 && r.Rule.Activity == market.NewInstance:
		return "messages.told"
	case r.Progress == market.CallsEnded && r.Rule.Once:
		return "retry.line.once"
	case r.Progress == market.CallUnknown && (r.Rule.Then == market.Polled || r.Remedy == market.OthersDecide):
		return "retry.after." + string(r.Rule.Then)
	case r.Rule.Then == market.Unsubscribed && (r.Progress == market.Calling || r.Progress == market.CallsEnded):
		return "retry.line." + string(r.Progress) + "_order"
	}
	return "retry.line." + string(r.Progress)
}

// Over tells whether KooGallery has stopped calling.
func (r Retry) Over() bool { return r.Progress == market.CallsEnded }

// There is where the seller restarts the call in the Seller Center.
func (r Retry) There() string {
	path, _ := r.Site.RestartPath(r.Rule.Protocol, r.Rule.Activity)
	return strings.Join(path, " > ")
}

// ThereSure tells whether There is published for this site.
func (r Retry) ThereSure() bool {
	_, sure := r.Site.RestartPath(r.Rule.Protocol, r.Rule.Activity)
	return sure
}

// ThereLang is the language of There, which is the site's and not the reader's.
func (r Retry) ThereLang() string {
	if r.Site == market.SiteCN {
		return "zh-CN"
	}
	return "en"
}
