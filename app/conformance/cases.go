package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cases are all calls of an interface: those that follow from its table, field
// by field, and those that its file adds. Every case is a debugging call unless
// it says Real.
func (g Guide) Cases(i Interface) []Case {
	cases := []Case{
		{Name: "the mandatory fields alone"},
		{Name: "every documented field", Set: i.all()},
		{Name: "a field that is not documented", Set: map[string]any{"fieldOfNextYear": "x"}},
	}
	if g.Form == FormSignature {
		cases = append(cases, Case{Name: "an undocumented object", Set: map[string]any{"fieldOfNextYear": map[string]any{"a": []any{1, nil, true}}}})
	}
	for _, f := range i.Request {
		cases = append(cases, g.casesOf(f)...)
	}
	cases = append(cases, testFlags(i)...)
	return append(append(cases, i.Cases...), g.realFlags(i)...)
}

// realFlags: a customer's call may say so in words. The file's call for a customer
// is sent again with each of them, unless the file has them itself.
func (g Guide) realFlags(i Interface) (cases []Case) {
	flags := []any{"0", ""}
	if g.Form == FormSignature {
		flags = append(flags, 0, nil)
	}
	said := func(c Case) bool { _, there := c.Set["testFlag"]; return there && c.Real }
	at := slices.IndexFunc(i.Cases, func(c Case) bool { return c.Real && (c.Instance == "" || c.Instance == "unknown") })
	if at < 0 || slices.ContainsFunc(i.Cases, said) {
		return nil
	}
	for _, v := range flags {
		c := i.Cases[at]
		c.Name += ", testFlag " + show(v)
		c.Set = maps.Clone(c.Set)
		if c.Set == nil {
			c.Set = map[string]any{}
		}
		c.Set["testFlag"] = v
		cases = append(cases, c)
	}
	return cases
}

// all is an example of every documented field.
func (i Interface) all() map[string]any {
	set := map[string]any{}
	for _, f := range i.Request {
		if f.Example != nil {
			set[f.Name] = f.Example
		}
	}
	return set
}

func (g Guide) casesOf(f Field) []Case {
	if f.Name == "testFlag" || f.Proof {
		return nil // see testFlags, and the proofs
	}
	cases := g.presence(f)
	cases = append(cases, g.length(f)...)
	for _, v := range f.Values {
		cases = append(cases, with(f, v))
	}
	for _, v := range f.Accepts {
		cases = append(cases, with(f, v))
	}
	refuses := f.Refuses
	if len(f.Values) > 0 {
		refuses = append([]any{"no-such-value"}, refuses...)
		if lower := strings.ToLower(f.Values[0]); lower != f.Values[0] {
			refuses = append([]any{lower}, refuses...)
		}
	}
	for _, v := range refuses {
		c := with(f, v)
		c.Code, c.Names = "000002", f.Name
		cases = append(cases, c)
	}
	return cases
}

// presence: what is mandatory is refused when it is absent, empty, blank or
// null; what is optional may be all of these.
func (g Guide) presence(f Field) []Case {
	refused := f.Mandatory() && f.Lenient == ""
	mark := func(c Case) Case {
		if refused {
			c.Code, c.Names = "000002", f.Name
		}
		return c
	}
	if f.Name == "timeStamp" { // without it nothing can be proved: see the proofs
		return nil
	}
	cases := []Case{
		mark(Case{Name: f.Name + " absent", Drop: []string{f.Name}}),
		mark(Case{Name: f.Name + " empty", Set: map[string]any{f.Name: ""}}),
		mark(Case{Name: f.Name + " blank", Set: map[string]any{f.Name: "  "}}),
	}
	if g.Form == FormSignature {
		cases = append(cases, mark(Case{Name: f.Name + " null", Set: map[string]any{f.Name: nil}}))
		if f.free() {
			cases = append(cases,
				Case{Name: f.Name + " as a JSON number", Set: map[string]any{f.Name: 1234567890123456789}},
				Case{Name: f.Name + " as an object", Set: map[string]any{f.Name: map[string]any{"a": 1}}, Code: "000002", Names: f.Name})
		}
		cases = append(cases, Case{Name: f.Name + " twice", Set: map[string]any{f.Name: twice{f.Example}}, Code: "000002", Names: f.Name})
	}
	return cases
}

// twice is a member that stands in the body two times.
type twice struct{ value any }

// free tells whether any text is a value of the field.
func (f Field) free() bool {
	return f.Type == "String" && len(f.Values) == 0 && len(f.Accepts) == 0 && len(f.Refuses) == 0 && !f.Sealed
}

// length: the limit is taken, counted in characters and not in bytes, and one
// more is refused.
func (g Guide) length(f Field) []Case {
	if f.Length == 0 || !f.free() {
		return nil
	}
	limit := strings.Repeat("x", f.Length)
	return []Case{
		{Name: fmt.Sprintf("%s of %d characters", f.Name, f.Length), Set: map[string]any{f.Name: limit}},
		{Name: fmt.Sprintf("%s of %d Chinese characters", f.Name, f.Length), Set: map[string]any{f.Name: strings.Repeat("云", f.Length)}},
		{Name: fmt.Sprintf("%s of %d characters", f.Name, f.Length+1), Set: map[string]any{f.Name: limit + "x"}, Code: "000002", Names: f.Name},
	}
}

func with(f Field, v any) Case {
	return Case{Name: fmt.Sprintf("%s %s", f.Name, show(v)), Set: map[string]any{f.Name: v}}
}

// noTestFlags are refused: sandbox or real must not be guessed.
var noTestFlags = []any{"2", "true", "yes"}

// testFlags: 1 is a debugging call, as a text or a number. What a real call
// without it gets depends on what exists; the file's cases say.
func testFlags(i Interface) []Case {
	if _, there := i.Field("testFlag"); !there {
		return nil
	}
	flag := func(v any) Case { return Case{Name: "testFlag " + show(v), Set: map[string]any{"testFlag": v}} }
	cases := []Case{flag("1"), flag(1)}
	for _, v := range noTestFlags {
		c := flag(v)
		c.Code, c.Names = "000002", "testFlag"
		cases = append(cases, c)
	}
	return cases
}

// show is a value as the names of cases and the tables print it.
func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int, bool, float64:
		return fmt.Sprintf("%v (JSON)", v)
	}
	return compact(v)
}
