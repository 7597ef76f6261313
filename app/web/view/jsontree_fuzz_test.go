package view

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzTree: a document that is drawn as a tree says what it said before, and is
// never bigger than a page can hold.
func FuzzTree(f *testing.F) {
	for _, seed := range []string{"", "{}", "[]", `{"a":1,"a":[true,null,"x\u2028<&>"],"b":{}}`, `{"a":1}}`, `[1,2`, `[1e400,-0.10]`, "7", strings.Repeat("[", 50) + strings.Repeat("]", 50), `{"\ud800":"\u0000"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		n := tree(body)
		if n == nil {
			return
		}
		count := 0
		var b strings.Builder
		draw(&b, n, &count)
		if count > maxNodes {
			t.Fatalf("%d nodes", count)
		}
		if !utf8.ValidString(body) {
			return
		}
		if got, want := decoded(t, b.String()), decoded(t, body); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is drawn as %s", body, b.String())
		}
	})
}

func draw(b *strings.Builder, n *Node, count *int) {
	*count++
	if n.Name != "" {
		b.WriteString(n.Name + ":")
	}
	brackets := map[string]string{"object": "{}", "array": "[]"}[n.Kind]
	if brackets == "" {
		b.WriteString(n.Text)
	} else {
		b.WriteString(brackets[:1])
		for _, c := range n.Children {
			draw(b, c, count)
		}
		b.WriteString(brackets[1:])
	}
	if !n.Last {
		b.WriteString(",")
	}
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
