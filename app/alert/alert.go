// Package alert tells operators by themselves what needs a person: it notices
// what has taken a turn, decides who hears of it, puts what comes together into
// one message, and hands that over by e-mail, SMS or a signed webhook, in the form
// that the receiver wants. It decides nothing about what it tells of, and knows
// neither HTTP's server side nor the queue.
package alert

import (
	"context"
	"html/template"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"koodesk/app/deliver"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/webhook"
	"koodesk/views"
)

// The media of targets: the two of app/deliver, and the forms of webhook.
const (
	Email    = deliver.Email
	SMS      = deliver.SMS
	Koodesk  = "koodesk"  // our own JSON, signed by Standard Webhooks
	DingTalk = "dingtalk" // 钉钉 custom robot
	WeCom    = "wecom"    // 企业微信 group robot
	Feishu   = "feishu"   // 飞书 and Lark custom bot
	Slack    = "slack"    // incoming webhook
)

// Media lists them.
func Media() []string { return []string{Email, SMS, Koodesk, DingTalk, WeCom, Feishu, Slack} }

// Options are what a Desk needs.
type Options struct {
	Store     *store.Store
	Email     deliver.Sender
	SMS       deliver.Sender
	Webhook   *webhook.Client
	PublicURL string         // before the paths of deep links
	Domain    string         // of Message-IDs
	Zone      *time.Location // in which operators read times; nil: UTC
	Log       *slog.Logger
	Wake      func() // called after a person's act has written work; may be nil
}

// Desk is the use case. It is safe for concurrent use, and by several processes.
type Desk struct {
	o       Options
	senders map[string]deliver.Sender
	mail    *template.Template
}

// New makes the use case. An error is a defect of the mail's template.
func New(o Options) (*Desk, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	mail, err := template.ParseFS(views.Messages, "email/layout.html", "email/alert.html")
	if err != nil {
		return nil, err
	}
	return &Desk{o: o, mail: mail, senders: map[string]deliver.Sender{Email: o.Email, SMS: o.SMS}}, nil
}

// Watch notices what has taken a turn and can be seen at a glance, and says what
// is to be said. It may be called at any time, by any number of processes, and is
// right after any time in which it was not: what is over meanwhile is not told.
func (d *Desk) Watch(ctx context.Context) error {
	err := d.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.MoveAlerts(ctx); err != nil {
			return err
		}
		for _, kind := range []string{market.AlertRetry, market.AlertManual, market.AlertLicense, market.AlertRefused, market.AlertKey, market.AlertGroup, market.AlertConflict, market.AlertPool, market.AlertDelivery} {
			if err := tx.ClearAlerts(ctx, kind); err != nil {
				return err
			}
		}
		if err := tx.SettleAlerts(ctx); err != nil {
			return err
		}
		if err := runningOut(ctx, tx, market.AlertRetry, (*store.Tx).RunningOut); err != nil {
			return err
		}
		if err := runningOut(ctx, tx, market.AlertManual, (*store.Tx).WaitingTooLong); err != nil {
			return err
		}
		if err := refusedOut(ctx, tx); err != nil {
			return err
		}
		for _, kind := range []string{market.AlertLicense, market.AlertKey, market.AlertGroup, market.AlertConflict, market.AlertPool, market.AlertDelivery} {
			if err := tx.OpenAlerts(ctx, kind); err != nil {
				return err
			}
		}
		return tx.AddressAlerts(ctx)
	})
	if err != nil {
		return err
	}
	return d.say(ctx)
}

// WatchSlowly does the same for what takes longer to see: the marketplace's
// probes, the receivers of events, and stuck work.
func (d *Desk) WatchSlowly(ctx context.Context) error {
	return d.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := probes(ctx, tx); err != nil {
			return err
		}
		if err := stuck(ctx, tx); err != nil {
			return err
		}
		if err := tx.ClearAlerts(ctx, market.AlertReceiver); err != nil {
			return err
		}
		if err := tx.OpenAlerts(ctx, market.AlertReceiver); err != nil {
			return err
		}
		return tx.AddressAlerts(ctx)
	})
}

// runningOut opens alerts about what the marketplace will not wait for any longer,
// at the moments of market.Alarms.
func runningOut(ctx context.Context, tx *store.Tx, kind string, read func(*store.Tx, context.Context) ([]store.RunningOut, error)) error {
	found, err := read(tx, ctx)
	if err != nil {
		return err
	}
	var facts []store.AlertFact
	for _, r := range found {
		from := r.Since
		if kind == market.AlertRetry {
			from = r.Until.Add(-market.RetryWindow(r.Protocol, r.Activity))
		}
		due, ok := market.AlarmDue(from, r.Until, tx.Now)
		if !ok {
			continue
		}
		cause, err := r.Fault()
		if err != nil {
			return err
		}
		f := store.AlertFact{Subject: r.Subject, Severity: market.AlarmSeverity(due), Error: cause, Until: r.Until,
			Facts: map[string]string{"activity": r.Activity, "order_id": r.OrderID, "channel": r.Channel, "product": r.Product}}
		if r.Waits != "" {
			f.Facts["waits"] = r.Waits
		}
		if kind == market.AlertRetry {
			namePage(f.Facts, r.Site, r.Protocol, r.Activity)
			at, after := remedies(r, tx.Now)
			f.Facts["remedy_now"], f.Facts["remedy"] = string(at), string(after)
			if mail := r.Site.RestartMail(r.Protocol, r.Activity); mail != "" && after.There() {
				f.Facts["mail"] = mail
			}
		}
		facts = append(facts, f)
	}
	return tx.OpenAlertsOf(ctx, kind, facts)
}

// refusedOut opens one alert about each channel at each of the two moments: whoever
// was refused may be a stranger, so it stays a warning, and speaks for all such calls.
func refusedOut(ctx context.Context, tx *store.Tx) error {
	found, err := tx.RefusedOut(ctx)
	if err != nil {
		return err
	}
	var facts []store.AlertFact
	for _, r := range found {
		due, ok := market.AlarmDue(r.Since, r.Until, tx.Now)
		if !ok {
			continue
		}
		cause, err := r.Fault()
		if err != nil {
			return err
		}
		f := store.AlertFact{Subject: r.Channel + "/" + due.Name, Severity: market.Warning, Error: cause, Until: r.Until,
			Facts: map[string]string{"alarm": due.Name, "activity": r.Activity, "order_id": r.OrderID, "instance_id": r.InstanceID, "channel": r.Channel, "calls": number(r.Calls), "message": r.Subject}}
		namePage(f.Facts, r.Site, r.Protocol, r.Activity)
		facts = append(facts, f)
	}
	return tx.OpenAlertsOf(ctx, market.AlertRefused, facts)
}

// probes opens an alert about each interface of a product, or of a channel where the
// product is not known, whose probes fail. It becomes critical on the last day but one
// before the marketplace freezes the product. One that is called no more has not
// passed.
func probes(ctx context.Context, tx *store.Tx) error {
	products, err := tx.Reader().Probes(ctx, tx.Now)
	if err != nil {
		return err
	}
	var facts []store.AlertFact
	failing, passing := []string{}, []string{}
	for _, p := range products {
		for _, r := range p.Rows {
			subject := strings.Join([]string{p.Slug, r.Protocol, r.Activity, p.Product}, "/")
			days := market.ProbeStreak(r.Days[:])
			if days == 0 {
				if market.Probed(r.Days[:]) {
					passing = append(passing, subject)
				}
				continue
			}
			f := store.AlertFact{Subject: subject, Severity: market.Warning, Until: market.FreezeAt(tx.Now, days), Facts: map[string]string{
				"channel": p.Slug, "protocol": r.Protocol, "interface": r.Activity, "product_id": p.Product, "days": number(days)}}
			if days >= market.ProbeDayLimit-1 {
				f.Severity = market.Critical
			}
			facts, failing = append(facts, f), append(failing, subject)
		}
	}
	if err := tx.ClearAlertsBut(ctx, market.AlertProbe, failing, passing); err != nil {
		return err
	}
	return tx.OpenAlertsOf(ctx, market.AlertProbe, facts)
}

// stuck opens an alert about each kind of stuck work of which there is some.
func stuck(ctx context.Context, tx *store.Tx) error {
	counts, err := tx.Reader().StuckCounts(ctx)
	if err != nil {
		return err
	}
	var facts []store.AlertFact
	there, none := []string{}, []string{}
	for _, kind := range store.StuckKinds() {
		n := counts[kind]
		if n.N == 0 {
			none = append(none, kind)
			continue
		}
		said := number(n.N)
		if n.More {
			said += "+"
		}
		facts = append(facts, store.AlertFact{Subject: kind, Severity: market.Warning, Facts: map[string]string{"stuck": kind, "n": said}})
		there = append(there, kind)
	}
	if err := tx.ClearAlertsBut(ctx, market.AlertStuck, there, none); err != nil {
		return err
	}
	return tx.OpenAlertsOf(ctx, market.AlertStuck, facts)
}

// Path is where in the console the subject of an alert stands.
func Path(kind, subject string) string {
	switch kind {
	case market.AlertRetry, market.AlertConflict:
		return "/messages/" + subject
	case market.AlertManual:
		return "/instances/" + url.PathEscape(subject)
	case market.AlertLicense:
		return "/licenses/" + subject
	case market.AlertKey, market.AlertRefused:
		channel, _, _ := strings.Cut(subject, "/")
		return "/messages?status=rejected&channel=" + url.QueryEscape(channel)
	case market.AlertProbe:
		return "/listing"
	case market.AlertGroup:
		return "/failures/" + subject
	case market.AlertPool:
		if name, license := strings.CutPrefix(subject, "license/"); license {
			return "/license-pools?pool=" + url.QueryEscape(name)
		}
		return "/pools/" + url.PathEscape(subject)
	case market.AlertDelivery:
		return "/deliveries/" + subject
	case market.AlertReceiver:
		if id, target := strings.CutPrefix(subject, "target/"); target {
			return "/events?receiver=" + url.QueryEscape(id)
		}
		return "/events?receiver=" + store.ToProduct
	case market.AlertStuck:
		return "/stuck?kind=" + url.QueryEscape(subject)
	}
	return "/alerts"
}
