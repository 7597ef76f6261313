package console

import (
	"maps"
	"slices"
	"time"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// filterNames are what the fields of a restart's filter are called.
var filterNames = map[string]string{
	"activity": "filter.activity", "channel": "filter.channel", "group": "filter.group", "instance_id": "filter.instance", "kind": "filter.kind",
	"order_id": "filter.order", "protocol": "fact.protocol", "q": "list.search", "quarantined": "filter.quarantined", "since": "range.since",
	"status": "col.status", "test": "filter.test", "until": "range.until",
}

// filterFacts is what a restart was chosen by, for people, in order of name.
func filterFacts(clock view.Clock, thing string, words map[string]string) []view.Fact {
	var out []view.Fact
	for _, name := range slices.Sorted(maps.Keys(words)) {
		label, ok := filterNames[name]
		if !ok {
			continue
		}
		f := view.Fact{Label: view.Say(label), Value: words[name]}
		if at, err := time.Parse(time.RFC3339, f.Value); err == nil && (name == "since" || name == "until") {
			f.Time = clock.Time(at)
		}
		if key := wordKey(thing, name, f.Value); key != "" {
			f.Text = view.Say(key)
		}
		out = append(out, f)
	}
	return out
}

// wordKey is the translation of a filter's value; "" for one that has none.
func wordKey(thing, name, value string) string {
	switch {
	case name == "activity" && slices.Contains(market.Activities(), value):
		return "activity." + value
	case name == "kind" && slices.Contains(outbox.Kinds(), outbox.Kind(value)):
		return "task_kind." + value
	case name == "status" && thing == store.RestartMessages && slices.Contains(store.MessageStatuses(), value):
		return "status.message." + value
	case name == "status" && thing == store.RestartTasks && slices.Contains(store.TaskStatuses(), value):
		return "status.task." + value
	case name == "test" && value == "1":
		return "filter.test_yes"
	case name == "test":
		return "filter.test_no"
	case name == "quarantined":
		return "filter.quarantined_only"
	}
	return ""
}
