package alert

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/store"
)

// maxItems is of how many turns a message tells one by one; the rest is counted.
const maxItems = 10

// Content is what one message says. It is kept as it was decided; each try writes
// it anew in the receiver's form.
type Content struct {
	Title    string `json:"title"`
	Items    []Item `json:"items"`
	More     []More `json:"more,omitempty"` // of what is not among the items
	Rest     string `json:"rest,omitempty"` // the same as a sentence
	Link     string `json:"link"`           // where all of it stands
	LinkText string `json:"link_text"`
	Footer   string `json:"footer"` // who is told, and where that is changed
	Settings string `json:"settings"`
	Language string `json:"language"`
	Test     bool   `json:"test"`
}

// Item is one turn of one alert, in words and for machines.
type Item struct {
	ID       int64             `json:"id"`
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject"`
	Change   string            `json:"change"`            // opened, raised, cleared
	Outcome  string            `json:"outcome,omitempty"` // of what is over: resolved, lapsed
	Severity string            `json:"severity"`
	Label    string            `json:"label"` // the severity, or that it is over, as people read it
	Title    string            `json:"title"`
	Cause    string            `json:"cause,omitempty"`
	Do       string            `json:"do,omitempty"`
	Until    string            `json:"until,omitempty"` // as people read it
	Deadline *time.Time        `json:"deadline,omitempty"`
	At       time.Time         `json:"at"`
	Link     string            `json:"link"`
	Returned int               `json:"returned,omitempty"`  // how often it was over and came back
	CameBack string            `json:"came_back,omitempty"` // the same as people read it
	Facts    map[string]string `json:"facts"`
}

// Over tells whether the item is the end of something.
func (i Item) Over() bool { return i.Change == market.AlertCleared }

// lines are what is said of it below its title, as far as there is anything.
func (i Item) lines() []string {
	return slices.DeleteFunc([]string{i.Cause, i.CameBack, i.Do, i.Until}, func(s string) bool { return s == "" })
}

// Critical tells whether the item is pressing.
func (i Item) Critical() bool {
	return !i.Over() && i.Severity == market.SeverityName(market.Critical)
}

// More is how many turns of a kind a message only counts.
type More struct {
	Kind string `json:"kind"`
	N    int    `json:"n"`
}

// compose puts what a target is to hear into words. kinds counts all of it.
func (d *Desk) compose(t store.AlertTarget, news []store.AlertNews, kinds map[string]int) Content {
	z := i18n.For(i18n.Locale(t.Language))
	c := d.frame(z, t)
	all, critical := 0, 0
	for _, n := range kinds {
		all += n
	}
	left := maps.Clone(kinds)
	for _, n := range news {
		item := d.item(z, n)
		if left[n.Kind]--; item.Critical() {
			critical++
		}
		c.Items = append(c.Items, item)
	}
	var parts []string
	for _, kind := range market.AlertKinds() {
		if n := left[kind]; n > 0 {
			c.More = append(c.More, More{Kind: kind, N: n})
			parts = append(parts, z.T("alert.kind."+kind)+" "+z.Number(int64(n)))
		}
	}
	if len(parts) > 0 {
		c.Rest = z.T("alert.text.rest", "what", strings.Join(parts, z.T("alert.text.and")))
	}
	switch {
	case all == 1 && len(c.Items) == 1:
		c.Title, c.Link, c.LinkText = c.Items[0].Title, c.Items[0].Link, z.T("alert.text.open")
	case critical > 0:
		c.Title = z.TN("alert.text.digest_critical", all, "critical", critical)
	default:
		c.Title = z.TN("alert.text.digest", all)
	}
	return c
}

// frame is what every message to a target has.
func (d *Desk) frame(z *i18n.Localizer, t store.AlertTarget) Content {
	settings := d.o.PublicURL + TargetsPath
	return Content{Link: d.o.PublicURL + "/alerts", LinkText: z.T("alert.text.open_all"), Settings: settings, Language: string(z.Locale()),
		Footer: z.T("alert.text.footer", "name", t.Name)}
}

// TargetsPath is where operators say what they want to hear.
const TargetsPath = "/alerts/targets"

func (d *Desk) item(z *i18n.Localizer, n store.AlertNews) Item {
	i := Item{ID: n.AlertID, Kind: n.Kind, Subject: n.Subject, Change: n.What, Outcome: n.Outcome, Severity: market.SeverityName(n.Severity),
		Title: Say(z, n.Kind, turn(n), n.Facts), At: n.At, Link: d.o.PublicURL + Path(n.Kind, n.Subject), Returned: n.Returned, Facts: Facts(n.Kind, n.Facts)}
	switch {
	case n.Outcome != "":
		i.Label = z.T("alert.outcome." + n.Outcome)
	default:
		i.Label = z.T("alert.severity." + i.Severity)
	}
	i.Do = advice(z, n, i.Facts)
	if f := z.Fault(n.Error); f != nil && !i.Over() {
		if i.Cause = f.What; f.Do != "" {
			i.Do = z.T("alert.text.mend", "mend", f.Do, "do", i.Do)
		}
	}
	if n.Returned > 0 {
		i.CameBack = z.TN("alert.text.returned", n.Returned)
	}
	if !n.Until.IsZero() && !i.Over() {
		i.Deadline = &n.Until
		i.Until = z.T("alert.text.until", "when", d.clock(n.Until))
	}
	return i
}

// clock is a moment as operators read it.
func (d *Desk) clock(t time.Time) string {
	return t.In(d.o.Zone).Format("2006-01-02 15:04 (UTC-07:00)")
}

// turn is the word by which the text of a turn is found.
func turn(n store.AlertNews) string {
	if n.Outcome != "" {
		return n.Outcome
	}
	return market.SeverityName(n.Severity)
}

// Say is what a turn of an alert is, in a sentence. turn is a severity, or how it
// ended.
func Say(z *i18n.Localizer, kind, turn string, facts map[string]string) string {
	key, args := Words(kind, turn, facts)
	for i := 1; i < len(args); i += 2 {
		if text, ok := args[i].(Word); ok {
			args[i] = word(z, text)
		}
	}
	return z.T(key, args...)
}

// Word is a value that has a text of its own in each language.
type Word struct{ Prefix, Key string }

// Words is the text of a turn, with its values.
func Words(kind, turn string, facts map[string]string) (key string, args []any) {
	key = "alert.say." + kind + "." + turn
	if say, _ := variant(kind, turn, facts); say != "" {
		key = "alert.say." + kind + "." + say
	}
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		var v any = short(facts[name])
		switch {
		case name == "activity":
			v = Word{"activity.", facts[name]}
		case name == "protocol":
			v = Word{"listing.protocol.", facts[name]}
		case name == "waits":
			v = waitsWord(facts[name])
		case name == "step":
			v = stepWord(facts[name])
		case name == "kind":
			v = Word{"delivery_kind.", facts[name]}
		case name == "cause":
			v = Word{"alert.cause.", facts[name]}
		case name == "class":
			v = Word{"key_class.", facts[name]}
		case name == "stuck":
			v = Word{"stuck.kind.", facts[name]}
		case name == "medium":
			v = Word{"alert.medium.", facts[name]}
		case name == "pool":
			v = strings.TrimPrefix(facts[name], "license/")
		case facts[name] == "":
			v = "–"
		}
		args = append(args, name, v)
	}
	if kind == market.AlertRefused {
		args = append(args, "about", short(cmp.Or(facts["order_id"], facts["instance_id"], "–")))
	}
	return key, args
}

// orderKinds are the calls whose order fails.
var orderKinds = []market.CallKind{market.PurchaseKind, market.UpgradeKind}

// stake is what is lost if a refused call was the marketplace's and never passes.
func stake(facts map[string]string) Word {
	return Word{"alert.stake.", string(cmp.Or(market.KindOf(facts["activity"], ""), "other"))}
}

func stepWord(step string) Word {
	if slices.Contains(market.Activities(), step) {
		return Word{"activity.", step}
	}
	return Word{"task_kind.", step}
}

// variant is the texts of a turn that differ by its facts; "" is the usual one.
func variant(kind, turn string, facts map[string]string) (say, do string) {
	switch kind {
	case market.AlertGroup:
		if turn == market.SeverityName(market.Warning) && facts["again"] != "" {
			return "again", ""
		}
	case market.AlertPool:
		if turn == market.SeverityName(market.Critical) && facts["free"] != "0" {
			return turn + "_filling", ""
		}
	case market.AlertKey:
		switch {
		case turn != market.SeverityName(market.Critical) || facts["cause"] == "":
		case facts["cause"] == market.FoundClock || facts["cause"] == market.FoundZone:
			return turn + "_clock", "signed"
		default:
			return turn + "_signed", "signed"
		}
	case market.AlertLicense:
		if turn == market.AlertLapsed {
			return "", "license_lapsed"
		}
	case market.AlertRefused:
		switch {
		case turn == market.AlertLapsed && slices.Contains(orderKinds, market.KindOf(facts["activity"], "")):
			return "", "refused_lapsed"
		case turn == market.AlertLapsed:
			return "", "refused_lapsed_late"
		case turn == market.SeverityName(market.Warning) && facts["alarm"] == market.AlarmLast:
			return turn + "_last", "refused_window"
		case turn == market.SeverityName(market.Warning):
			return "", "refused_window"
		}
	case market.AlertRetry:
		if facts["waits"] != "" && market.SeverityOf(turn) > 0 {
			return turn + "_waits", "waits"
		}
	}
	return "", ""
}

func waitsWord(what string) Word {
	if what == store.WaitsForSystem || what == store.WaitsForNothing {
		return Word{"alert.waits.", what}
	}
	return Word{"task_kind.", what}
}

func word(z *i18n.Localizer, w Word) string {
	if z.Has(w.Prefix + w.Key) {
		return z.T(w.Prefix + w.Key)
	}
	return w.Key
}

func (c Content) stored() ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return b, nil
}

// short keeps a value on one line and bounded: it may be somebody else's words.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}

func number(n int) string { return strconv.Itoa(n) }
