package api

import (
	"time"

	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/store"
)

// retry is what the marketplace does by itself about a message that fails.
type retry struct {
	State           string        `json:"state"`
	WindowSeconds   *int          `json:"window_seconds"`
	IntervalSeconds *int          `json:"interval_seconds"`
	Times           *int          `json:"times"`
	StartedAt       moment        `json:"started_at"`
	Until           moment        `json:"until"`
	LeftSeconds     int           `json:"left_seconds"`
	NextCallAt      moment        `json:"next_call_at"`
	HalfAt          moment        `json:"half_at"`
	LastAt          moment        `json:"last_at"`
	Afterwards      string        `json:"afterwards"`
	Remedy          string        `json:"remedy"`
	Advice          string        `json:"advice"`
	Restart         *sellerCenter `json:"seller_center"`
	Unconfirmed     []string      `json:"unconfirmed"`
	Again           bool          `json:"again"`
	Source          string        `json:"source"`
	Evidence        string        `json:"evidence"`
}

// sellerCenter is where the seller restarts a call in the site's own console.
type sellerCenter struct {
	Site      string   `json:"site"`
	Path      []string `json:"path"`
	Confirmed bool     `json:"confirmed"`
	Mail      *string  `json:"mail"`
}

func showRetry(z *i18n.Localizer, m *store.MessageDetail, now time.Time) *retry {
	c, ok := m.RetryClock(now)
	if !ok {
		return nil
	}
	path, confirmed := m.Site.RestartPath(c.Rule.Protocol, c.Rule.Activity)
	mail := m.Site.RestartMail(c.Rule.Protocol, c.Rule.Activity)
	out := &retry{State: string(c.Progress), WindowSeconds: secondsOrNull(c.Rule.Window), IntervalSeconds: secondsOrNull(c.Rule.Every),
		StartedAt: moment(c.From), Until: moment(c.Until), LeftSeconds: int(c.Left(now).Seconds()), NextCallAt: moment(c.Next),
		Afterwards: string(c.Rule.Then), Remedy: string(c.Remedy), Unconfirmed: []string{}, Again: c.Again,
		Source: c.Rule.Pages.String(), Evidence: string(c.Rule.EvidenceFor(m.Site)),
		Advice: z.T("retry.remedy."+string(c.Remedy), "restart", m.Site.RestartThere(c.Rule.Protocol, c.Rule.Activity))}
	if mail != "" && c.Remedy.There() {
		out.Advice += z.T("retry.mail", "mail", mail)
	}
	if n := c.Rule.Times(); n > 0 {
		out.Times = &n
	}
	for _, a := range market.Alarms(c.From, c.Until) {
		switch a.Name {
		case market.AlarmHalf:
			out.HalfAt = moment(a.At)
		case market.AlarmLast:
			out.LastAt = moment(a.At)
		}
	}
	for _, d := range c.Doubts {
		out.Unconfirmed = append(out.Unconfirmed, string(d))
	}
	if c.Rule.Restartable() || c.Remedy == market.NotPublished {
		out.Restart = &sellerCenter{Site: string(m.Site), Path: path, Confirmed: confirmed}
		if mail != "" {
			out.Restart.Mail = &mail
		}
	}
	return out
}

func secondsOrNull(d time.Duration) *int {
	if d == 0 {
		return nil
	}
	n := int(d.Seconds())
	return &n
}
