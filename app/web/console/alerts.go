package console

import (
	"context"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/alert"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

const (
	alertsPath    = "/alerts"
	alertSaidPath = "/alerts/said"
)

// Alerts is the list of what operators are told of: what stands, and what is over.
func (k *Console) Alerts(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomAlerts)
	if err != nil {
		return err
	}
	u := address(c, alertsPath, "status", "kind")
	p := view.AlertsPage{Shell: s, SaidURL: alertSaidPath, MineURL: alert.TargetsPath, List: view.List{Filter: view.Filter{URL: u, NoSearch: true,
		Status:  u.Get("status"),
		Selects: []view.Select{choose(u, "kind", "filter.alert_kind", "filter.any_alert_kind", "alert.kind.", market.AlertKinds()...)}}}}
	return k.answer(c, listed{name: view.PageAlerts, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillAlerts(ctx, &p, u) }})
}

func (k *Console) fillAlerts(ctx context.Context, p *view.AlertsPage, u view.URL) error {
	f := store.AlertFilter{Status: u.Get("status"), Kind: u.Get("kind")}
	found, err := k.read.AlertList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.AlertCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.AlertRow, 0, len(found.Items))
	for _, a := range found.Items {
		rows = append(rows, alertShown(p.Shell.Clock, a))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.AlertRow) view.Time { return r.Opened })
	p.Pager, p.Tabs = pager(u, found), tabs("alert", u, counts)
	return nil
}

// alertSaid is where it stands who was told of an alert.
func alertSaid(id int64) string { return alertSaidPath + "?alert=" + strconv.FormatInt(id, 10) }

func alertShown(clock view.Clock, a store.AlertRow) view.AlertRow {
	r := view.AlertRow{ID: a.ID, Kind: a.Kind, Status: a.Status, Severity: market.SeverityName(a.Severity), URL: alert.Path(a.Kind, a.Subject), Fault: a.Error,
		Opened: clock.Time(a.OpenedAt), Cleared: clock.Time(a.ClearedAt), Until: clock.Time(a.Until), Returned: a.Returned, Told: a.Told, Untold: a.Untold, Waiting: a.Waiting,
		SaidURL: alertSaid(a.ID)}
	if a.Outcome != "" {
		r.Severity, r.Fault = a.Outcome, nil
	}
	r.Title = alertTitle(a.Kind, r.Severity, a.Facts)
	return r
}

// alertTitle is the sentence of an alert in whatever language the page has.
func alertTitle(kind, turn string, facts map[string]string) view.Text {
	key, args := alert.Words(kind, turn, facts)
	for i := 1; i < len(args); i += 2 {
		w, ok := args[i].(alert.Word)
		switch {
		case ok && i18n.For(i18n.Default).Has(w.Prefix+w.Key):
			args[i] = view.Say(w.Prefix + w.Key)
		case ok:
			args[i] = w.Key
		}
	}
	return view.Text{Key: key, Args: args}
}

// AlertSaid is the list of who was told what, when, and whether it arrived.
func (k *Console) AlertSaid(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomAlerts)
	if err != nil {
		return err
	}
	u := address(c, alertSaidPath, "status", "medium", "alert", "target")
	p := view.AlertSaidPage{Shell: s, AlertsURL: alertsPath, List: view.List{Filter: view.Filter{URL: u, NoSearch: true, Status: u.Get("status"),
		Selects: []view.Select{choose(u, "medium", "filter.alert_medium", "filter.medium_any", "alert.medium.", alert.Media()...)},
		Chips:   append(chip(u, "alert", "filter.alert"), chip(u, "target", "filter.alert_target")...)}}}
	return k.answer(c, listed{name: view.PageAlertSaid, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillAlertSaid(ctx, &p, u) }})
}

func (k *Console) fillAlertSaid(ctx context.Context, p *view.AlertSaidPage, u view.URL) error {
	f := store.AlertSaidFilter{Status: u.Get("status"), Medium: u.Get("medium"), Alert: idIn(u, "alert"), Target: idIn(u, "target")}
	found, err := k.read.AlertSaidList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.AlertSaidCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.AlertSaidRow, 0, len(found.Items))
	for _, m := range found.Items {
		rows = append(rows, alertSaidRow(p.Shell.Clock, m))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.AlertSaidRow) view.Time { return r.Created })
	p.Pager, p.Tabs = pager(u, found), tabs("alert_said", u, counts)
	return nil
}

// idIn is a number in an address; one that is none names nothing that exists.
func idIn(u view.URL, name string) int64 {
	if u.Get(name) == "" {
		return 0
	}
	n, err := strconv.ParseInt(u.Get(name), 10, 64)
	if err != nil || n < 1 {
		return -1
	}
	return n
}

func alertSaidRow(clock view.Clock, m store.AlertSaid) view.AlertSaidRow {
	r := view.AlertSaidRow{ID: m.ID, Status: string(m.Status), Operator: m.Operator, Target: m.Target, Medium: m.Medium, Mask: m.Mask, Title: m.Title,
		Says: m.Says, Test: m.Test, Attempts: m.Attempts, Words: m.ProviderRef, Fault: m.Error, Created: clock.Time(m.CreatedAt), Sent: clock.Time(m.SentAt)}
	if m.Status == outbox.Succeeded && (m.Transport == "none" || m.Transport == "log") {
		r.Status = "kept"
	}
	return r
}
