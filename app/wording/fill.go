package wording

import "strings"

// Values are what stands behind the variables; a name that is not there has no
// value, and a flag is up when it has any.
type Values map[string]string

// piece is a part of a filled line: a literal, or a value with its name.
type piece struct{ text, name string }

// line is a line of the text, filled. A value's own line ends stay within it.
type line []piece

func (l line) String() string {
	var b strings.Builder
	for _, p := range l {
		b.WriteString(p.text)
	}
	return b.String()
}

// filler puts lines together.
type filler struct {
	values Values
	done   []line
	now    line
	tagged bool // the line has a variable or a condition
}

// fill gives the lines of a template. A line in which a variable or a condition
// stands and that comes out empty is left out.
func (t *Template) fill(v Values) []line {
	f := &filler{values: v}
	f.all(t.nodes)
	f.end()
	return f.done
}

func (f *filler) all(nodes []node) {
	for _, n := range nodes {
		switch {
		case n.cond:
			f.tagged = true
			if f.values[n.name] != "" {
				f.all(n.yes)
			} else {
				f.all(n.no)
			}
			f.tagged = true
		case n.name != "":
			f.tagged = true
			if v := f.values[n.name]; v != "" {
				f.now = append(f.now, piece{text: v, name: n.name})
			}
		default:
			f.literal(n.literal)
		}
	}
}

func (f *filler) literal(s string) {
	for {
		text, rest, more := strings.Cut(s, "\n")
		if text != "" {
			f.now = append(f.now, piece{text: text})
		}
		if !more {
			return
		}
		f.end()
		s = rest
	}
}

func (f *filler) end() {
	if !f.tagged || strings.TrimSpace(f.now.String()) != "" {
		f.done = append(f.done, f.now)
	}
	f.now, f.tagged = nil, false
}

// Short is a message without marks and subject, as an SMS is.
func (l *Letter) Short(v Values) string { return join(l.body.fill(v)) }

func join(lines []line) string {
	all := make([]string, len(lines))
	for i, l := range lines {
		all[i] = l.String()
	}
	return strings.TrimSpace(strings.Join(all, "\n"))
}
