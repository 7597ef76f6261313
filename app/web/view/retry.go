package view

import (
	"strings"

	"koodesk/app/fault"
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
	// IfLicense is when KooGallery calls if the instance turns out to be an online
	// License's; nil: it is known, or makes no difference.
	IfLicense *market.RetryRule
}

// RetryOf shows a clock to the reader.
func RetryOf(c Clock, r market.RetryClock) *Retry {
	return &Retry{RetryClock: r, From: c.Time(r.From), Until: c.Time(r.Until), Next: c.Time(r.Next)}
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
	case r.Again && r.Progress == market.Calling && r.Rule.Then == market.Unsubscribed:
		return "retry.line.again_order"
	case r.Again && r.Progress == market.Calling:
		return "retry.line.again"
	case r.Rule.Then == market.Unsubscribed && (r.Progress == market.Calling || r.Progress == market.CallsEnded):
		return "retry.line." + string(r.Progress) + "_order"
	}
	return "retry.line." + string(r.Progress)
}

// Over tells whether KooGallery has stopped calling.
func (r Retry) Over() bool { return r.Progress == market.CallsEnded }

// There is where the seller restarts the call in the Seller Center.
func (r Retry) There() string { return r.Site.RestartThere(r.Rule.Protocol, r.Rule.Activity) }

// Mail is where the seller may write instead; "" where none is published.
func (r Retry) Mail() string { return r.Site.RestartMail(r.Rule.Protocol, r.Rule.Activity) }

// OrMail is Mail if the seller is told to restart the call there.
func (r Retry) OrMail() string {
	if r.Remedy.There() {
		return r.Mail()
	}
	return ""
}

// Evidence is what the rule's pages are for the message's site.
func (r Retry) Evidence() market.Evidence { return r.Rule.EvidenceFor(r.Site) }

// ThereWords are There without whether it is sure.
func (r Retry) ThereWords() string { return strings.TrimSuffix(r.There(), fault.Unsure) }

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
