package saas2

import (
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// maxActivity is the longest length that a table prints for activity.
const maxActivity = 32

// Decode reads a body into a call. It is lenient in form: unknown fields, any
// order of keys, numbers and bools where texts are documented (their literal is
// kept, so that an id of 19 digits stays exact), null for absent, one byte order
// mark. It is strict in content: presence, length in characters, enumerations,
// formats and control characters are checked against the published tables, and
// what could be read in two ways (a key that is there twice, half a surrogate
// pair, something after the end) is refused.
//
// All errors are of code Invalid, with the keys of fields.go, and name the first
// offending field in the table's order. The Call then holds what could be read
// (activity, ids, test flag), for the log, and never a value that broke its rule.
// ContentHash is nil where the body as a whole could not be read. Nothing in the
// Call shares memory with body.
func Decode(body []byte) (market.Call, error) {
	c := market.Call{Protocol: market.V2}
	root, broken := parse(body)
	if broken == nil && root.kind != kindObject {
		return c, fault.New(fault.Invalid, keyNotObject)
	}
	wrong := fill(&c, root)
	if broken != nil {
		return c, broken
	}
	c.ContentHash = spelledHash(c.Activity, root)
	if wrong == nil {
		c.SpelledHash, c.Content = c.ContentHash, content(c.Activity, root)
		c.ContentHash = market.ContentHash(c.Activity, c.Content)
	}
	return c, wrong
}

// content is what an understood call says field by field: each rule reads its field
// once more, into a call that is otherwise empty.
func content(activity string, root value) []market.Field {
	rules := requests[activity]
	fields := make([]market.Field, 0, len(rules))
	for _, r := range rules {
		var one market.Call
		if !market.Fleeting(activity, r.name) && r.apply(&one, root) == nil {
			fields = append(fields, market.Field{Name: r.name, Says: one.Says()})
		}
	}
	return fields
}

// fill applies the rules of the activity, all of them, and returns the first
// error.
func fill(c *market.Call, root value) error {
	activity := rule{name: "activity", max: maxActivity, need: true}
	text, first := activity.text(root)
	if first == nil {
		c.Activity = text
	}
	c.Protocol = protocolOf(c.Activity)
	rules, known := requests[c.Activity]
	if !known {
		rules = anyRequest
		if first == nil {
			first = fault.New(fault.Invalid, keyUnknownActivity, "field", "activity", "got", wire.Excerpt(text))
		}
	}
	for _, r := range rules {
		if err := r.apply(c, root); err != nil && first == nil {
			first = err
		}
	}
	return first
}
