package saas1

import (
	"crypto/sha256"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/wire"
)

// maxActivity is the longest length that a table prints for activity.
const maxActivity = 32

// Decode reads a query into a call. It is lenient in form: unknown parameters and
// blanks around values are accepted. It is strict in content: presence, length
// in characters, enumerations, formats and control characters are checked
// against the published tables.
//
// All errors are of code Invalid, with the keys of refusal.go, and name the
// first offending field in the table's order. The Call then holds what could be
// read, for the log, and never a value that broke its rule. Terms is never nil;
// MobilePhone and Email in it stay encrypted until Reveal.
func Decode(q Query) (market.Call, error) {
	c := market.Call{Protocol: market.V1, Terms: &market.Terms{}, ContentHash: spelledHash(q)}
	activity := rule{name: "activity", max: maxActivity, need: true, take: func(c *market.Call, _ rule, v string) error {
		c.Activity = v
		return nil
	}}
	first := activity.apply(&c, q)
	c.Protocol = protocolOf(c.Activity)
	rules, known := requests[c.Activity]
	if !known {
		rules = anyRequest
		if first == nil {
			first = fault.New(fault.Invalid, keyUnknownActivity, "field", "activity", "got", wire.Excerpt(c.Activity))
		}
	}
	for _, r := range rules {
		if err := r.apply(&c, q); err != nil && first == nil {
			first = err
		}
	}
	if c.Activity == market.RefreshInstance || c.Activity == market.RefreshLicense {
		c.Scene = sceneOf(c)
	}
	if first == nil {
		c.SpelledHash, c.Content = c.ContentHash, content(c.Activity, q)
		c.ContentHash = market.ContentHash(c.Activity, c.Content)
	}
	return c, first
}

// content is what an understood call says field by field: each rule reads its field
// once more, into a call that is otherwise empty.
func content(activity string, q Query) []market.Field {
	rules := requests[activity]
	fields := make([]market.Field, 0, len(rules))
	for _, r := range rules {
		one := market.Call{Terms: &market.Terms{}}
		if !market.Fleeting(activity, r.name) && r.apply(&one, q) == nil {
			fields = append(fields, market.Field{Name: r.name, Says: one.Says()})
		}
	}
	return fields
}

// sceneOf puts V2.0's word on a renewal: it is the conversion of a trial when it
// says so, and the cancellation of a renewal when the amount is negative.
func sceneOf(c market.Call) market.Scene {
	switch {
	case c.Scene != "":
		return c.Scene
	case strings.HasPrefix(c.Terms.OrderAmount, "-") && strings.Trim(c.Terms.OrderAmount, "-0.") != "":
		return market.UnsubscribeRenewalPeriod
	}
	return market.Renewal
}

// Reveal opens mobilePhone and email with the key that proved the call, and tells
// which could not be opened; those are then empty. The call does not say which
// AES it used: the channel's setting is tried first, then the other.
func Reveal(c *market.Call, secret string, e crypt.EncryptType) (unreadable []string) {
	if c.Terms == nil {
		return nil
	}
	b := &c.Terms.Buyer
	for _, f := range [...]struct {
		name string
		text *string
	}{{"mobilePhone", &b.MobilePhone}, {"email", &b.Email}} {
		text, err := crypt.OpenField(secret, e, *f.text)
		if err != nil {
			unreadable = append(unreadable, f.name)
		}
		*f.text = text
	}
	return unreadable
}

// spelledHash is SHA-256 over the parameters that say what is asked, as they are
// spelled. It tells contents apart that were not understood, and those that messages
// were known by before market.ContentHash, so that it is what it was.
func spelledHash(q Query) []byte {
	activity, h := q.Get("activity"), sha256.New()
	for _, p := range q.Params {
		if market.Fleeting(activity, p.Name) {
			continue
		}
		h.Write([]byte(p.Name + "\x00" + p.Value + "\x00"))
	}
	return h.Sum(nil)
}
