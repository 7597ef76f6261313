package alert

import (
	"cmp"
	"maps"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/store"
)

// advice is what an operator is to do about a turn of an alert; "" where there is
// nothing to do. facts are those of Facts.
func advice(z *i18n.Localizer, n store.AlertNews, facts map[string]string) string {
	there := page(facts)
	if remedy := remedyOf(n); remedy != "" {
		do := z.T("retry.remedy."+string(remedy), "restart", there)
		if mail := facts["mail"]; mail != "" && remedy.There() {
			do += z.T("retry.mail", "mail", mail)
		}
		return do
	}
	if _, do := variant(n.Kind, turn(n), facts); do != "" {
		return z.T("alert.do."+do, "restart", there, "stake", word(z, stake(facts)))
	}
	if n.Outcome == market.AlertResolved || n.Outcome == market.AlertGone {
		return ""
	}
	return z.T("alert.do." + n.Kind)
}

// remedyOf is what the seller has to do about a message where that differs from what
// the kind says: it cannot be restarted here, or its window is over or may not be
// relied on.
func remedyOf(n store.AlertNews) (remedy market.Remedy) {
	switch {
	case n.Kind != market.AlertRetry:
		return ""
	case n.Outcome == "":
		remedy = market.Remedy(n.Facts["remedy_now"])
	case n.Outcome == market.AlertLapsed:
		remedy = cmp.Or(market.Remedy(n.Facts["remedy"]), market.RestartBoth)
	}
	switch {
	case remedy == market.RestartHere:
		return ""
	case n.Facts["waits"] != "" && remedy.There():
		return market.DoneThenThere
	}
	return remedy
}

// remedies are what the seller has to do about a message that still fails: now, and
// when its window is over.
func remedies(r store.RunningOut, now time.Time) (at, after market.Remedy) {
	read := func(when time.Time) market.Remedy {
		c, _ := market.ReadClock(market.Standing{Protocol: r.Protocol, Activity: r.Activity, Site: r.Site, First: r.First, Until: r.Until, Failing: true, Refused: r.Refused}, when)
		return c.Remedy
	}
	return read(now), read(r.Until)
}

// namePage adds to facts where the seller has the marketplace call again, in the words
// of its console, and whether no page of that site confirms them.
func namePage(facts map[string]string, s market.Site, p market.Protocol, activity string) {
	path, confirmed := s.RestartPath(p, activity)
	if facts["restart"] = strings.Join(path, " > "); !confirmed {
		facts["restart_unconfirmed"] = "yes"
	}
}

// page is what namePage added, as the argument of a text.
func page(facts map[string]string) string {
	if facts["restart_unconfirmed"] != "" {
		return facts["restart"] + fault.Unsure
	}
	return facts["restart"]
}

// Facts are the facts of an alert as they are told. That of a License is found by the
// database alone, which does not know the consoles' words.
func Facts(kind string, stored map[string]string) map[string]string {
	if kind != market.AlertLicense || stored["activity"] == "" {
		return stored
	}
	facts := maps.Clone(stored)
	namePage(facts, market.Site(facts["site"]), market.Protocol(facts["protocol"]), facts["activity"])
	return facts
}
