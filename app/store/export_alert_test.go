package store

import "koodesk/app/market"

// AlertStatements are the statements by which alerts are looked for, by name.
func AlertStatements() map[string]string {
	out := map[string]string{"address": addressAlerts, "running out": runningOut, "waiting": waitingTooLong, "refused out": refusedOut, "move": moveAlerts, "settle": settleAlerts}
	for _, kind := range market.AlertKinds() {
		s := alertSources[kind]
		if s.found != "" {
			out["found "+kind] = s.look()
		}
		if s.stands != "" {
			out["stands "+kind] = "SELECT a.id FROM alerts a WHERE a.kind = $1 AND a.cleared_at IS NULL AND NOT (" + s.stands + ")"
		}
	}
	return out
}
