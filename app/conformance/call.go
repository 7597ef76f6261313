package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Member is one field of a call, in its place.
type Member struct {
	Name  string
	Value any
}

// Members are the fields of a case's call: the mandatory ones with the table's
// examples and testFlag 1, changed as the case says. Values that are "bought" or
// fresh are for the caller to put in.
func (i Interface) Members(c Case) []Member {
	var out []Member
	set := map[string]any{}
	for name, v := range c.Set {
		set[name] = v
	}
	for _, f := range i.Request {
		v, given := set[f.Name]
		switch {
		case f.Proof, slices.Contains(c.Drop, f.Name):
		case given:
			out = append(out, Member{f.Name, v})
		case f.Name == "testFlag":
			if !c.Real {
				out = append(out, Member{f.Name, "1"})
			}
		case f.Mandatory():
			out = append(out, Member{f.Name, f.Example})
		}
		delete(set, f.Name)
	}
	rest := make([]string, 0, len(set))
	for name := range set {
		rest = append(rest, name)
	}
	slices.Sort(rest)
	for _, name := range rest {
		out = append(out, Member{name, set[name]})
	}
	return out
}

// Body writes members as a JSON object, in their order.
func Body(members []Member) string {
	var b strings.Builder
	b.WriteByte('{')
	for n, m := range members {
		value, times := m.Value, 1
		if t, ok := value.(twice); ok {
			value, times = t.value, 2
		}
		for k := range times {
			if n > 0 || k > 0 {
				b.WriteByte(',')
			}
			b.WriteString(compact(m.Name) + ":" + compact(value))
		}
	}
	b.WriteByte('}')
	return b.String()
}

// Text is a value as a query carries it.
func Text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// compact is JSON without escapes that nobody needs.
func compact(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // what YAML gave is data
	}
	return strings.TrimSuffix(b.String(), "\n")
}
