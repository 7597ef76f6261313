package conformance

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fullest is an answer with every field of the table, each as long as it may be;
// the field named over is one longer.
func (i Interface) fullest(over string) string {
	doc := map[string]any{}
	for _, f := range i.Answer {
		at, path := doc, strings.Split(f.Name, ".")
		for _, part := range path[:len(path)-1] {
			at = below(at, part)
		}
		name := path[len(path)-1]
		if (&checker{table: i.Answer}).composite(f.Name) {
			continue // made by what is in it
		}
		at[name] = f.longest(f.Name == over)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err) // texts and numbers
	}
	return escaped(string(b))
}

// below is the object at a part of a path, made if need be.
func below(at map[string]any, part string) map[string]any {
	name, list := strings.CutSuffix(part, "[]")
	if _, there := at[name]; !there {
		at[name] = map[string]any{}
		if list {
			at[name] = []any{map[string]any{}}
		}
	}
	if list {
		return at[name].([]any)[0].(map[string]any)
	}
	return at[name].(map[string]any)
}

func (f Field) longest(over bool) any {
	switch {
	case len(f.Values) > 0:
		return f.Values[0]
	case f.Type == "Double(12,4)" && over:
		return json.RawMessage("999999999.9999")
	case f.Type == "Double(12,4)":
		return json.RawMessage("99999999.9999")
	case over:
		return strings.Repeat("云", f.Length+1)
	}
	return strings.Repeat("云", max(f.Length, 1))
}

// escaped writes what is beyond ASCII as answers do.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0x7e {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Every field of every answer passes at its limit, in Chinese and as \uXXXX, and is
// found one character beyond.
func TestEveryAnswerAtItsLimitsPassesAndOneBeyondIsFound(t *testing.T) {
	t.Parallel()
	guides, err := Load()
	require.NoError(t, err)
	limits := 0
	for _, g := range guides {
		for _, i := range g.Interfaces {
			require.Empty(t, i.Check([]byte(i.fullest(""))), "%s %s", g.ID, i.Name)
			for _, f := range i.Answer {
				if f.Length == 0 || len(f.Values) > 0 {
					continue
				}
				limits++
				found := i.Check([]byte(i.fullest(f.Name)))
				require.Len(t, found, 1, "%s %s %s", g.ID, i.Name, f.Name)
				require.Contains(t, found[0], "field "+f.Name+" ")
			}
		}
	}
	require.Greater(t, limits, 27, "every interface has one at least")
}
