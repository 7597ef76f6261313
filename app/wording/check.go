package wording

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"koodesk/app/fault"
)

// Letter is a text that can be filled.
type Letter struct {
	rules         Rules
	subject, body *Template
	pushes        map[int]bool // lines of the body that the plain part has not
}

// Tidy is a text as it is kept: lines end in one way, and not in blanks.
func Tidy(t Text) Text {
	clean := func(s string) string {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		return strings.Trim(s, "\n\t ")
	}
	return Text{Subject: clean(t.Subject), Body: clean(t.Body)}
}

// Parse reads a text and says what is wrong with it, in the order of its lines;
// without problems the letter can be filled.
func Parse(t Text, r Rules) (*Letter, []Problem) {
	l := &Letter{rules: r, subject: &Template{}}
	var problems, more []Problem
	if r.Mail {
		problems = shape(Subject, t.Subject, LongestSubject)
		if strings.Contains(t.Subject, "\n") {
			problems = append(problems, problem(Subject, 1, fault.New(fault.Invalid, "message_template.subject_lines", "line", no(1))))
		}
		l.subject, more = parse(Subject, t.Subject, r)
		problems = append(problems, more...)
		problems = append(problems, unsecret(l.subject.nodes, r)...)
	}
	problems = append(problems, shape(Body, t.Body, r.Longest)...)
	l.body, more = parse(Body, t.Body, r)
	problems = append(problems, more...)
	if r.Mail {
		problems = append(problems, buttons(t.Body, r)...)
	}
	l.pushes = buttonLines(t.Body, r)
	if len(problems) == 0 { // half a text misses much that was only misspelt
		problems = missing(l.body.nodes, l.pushes, r)
	}
	return l, problems[:min(len(problems), maxProblems)]
}

// shape looks at a part as a mere text.
func shape(part, s string, longest int) []Problem {
	if strings.TrimSpace(s) == "" {
		return []Problem{problem(part, 0, fault.New(fault.Invalid, "message_template.empty"))}
	}
	if n := utf8.RuneCountInString(s); n > longest {
		return []Problem{problem(part, 0, fault.New(fault.Invalid, "message_template.too_long", "n", strconv.Itoa(n), "most", strconv.Itoa(longest)))}
	}
	var out []Problem
	for i, line := range strings.Split(s, "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return !visible(r) }) {
			out = append(out, problem(part, i+1, fault.New(fault.Invalid, "message_template.control", "line", no(i+1))))
		}
	}
	return out
}

// unsecret keeps secrets out of subjects, which lists of mails and notifications
// on locked phones show.
func unsecret(nodes []node, r Rules) []Problem {
	var out []Problem
	for _, n := range nodes {
		if n.cond {
			out = append(out, unsecret(n.yes, r)...)
			out = append(out, unsecret(n.no, r)...)
		} else if r.private(n.name) {
			out = append(out, problem(Subject, n.line, fault.New(fault.Invalid, "message_template.secret_subject", "line", no(n.line), "name", n.name)))
		}
	}
	return out
}

var (
	leadingTags = regexp.MustCompile(`^(\{[^{}\n]*\})+`)
	buttonLine  = regexp.MustCompile(`^=> .*\S.*\s(\{([a-z_]+)\}|https?://[^\s{}]+)(\{end\})*$`)
)

// isButton tells whether a line of a text is a button.
func isButton(line string) bool {
	return strings.HasPrefix(leadingTags.ReplaceAllString(line, ""), markButton)
}

// buttons looks at where the buttons of a mail lead.
func buttons(body string, r Rules) []Problem {
	var out []Problem
	for i, line := range strings.Split(body, "\n") {
		if !isButton(line) {
			continue
		}
		m := buttonLine.FindStringSubmatch(strings.TrimRight(leadingTags.ReplaceAllString(line, ""), " \t"))
		if kind, _ := r.kind(at(m, 2)); m == nil || m[2] != "" && kind != Address {
			out = append(out, problem(Body, i+1, fault.New(fault.Invalid, "message_template.button", "line", no(i+1), "address", "{front_end_url}")))
		}
	}
	return out
}

func at(m []string, i int) string {
	if i < len(m) {
		return m[i]
	}
	return ""
}

func buttonLines(body string, r Rules) map[int]bool {
	button := map[int]bool{}
	if r.Mail {
		for i, line := range strings.Split(body, "\n") {
			button[i+1] = isButton(line)
		}
	}
	return button
}

// missing looks for what the body has to show and does not, or not always. A
// button shows nothing to who reads the plain text.
func missing(nodes []node, button map[int]bool, r Rules) []Problem {
	var out []Problem
	for _, name := range r.Required {
		c := cover{name: name, button: button}
		switch {
		case c.always(nodes):
		case c.seen == 0:
			out = append(out, problem(Body, 0, fault.New(fault.Invalid, "message_template.missing", "name", name)))
		default:
			out = append(out, problem(Body, c.seen, fault.New(fault.Invalid, "message_template.sometimes", "line", no(c.seen), "name", name)))
		}
	}
	return out
}

// cover looks for a value.
type cover struct {
	name   string
	button map[int]bool
	seen   int // the first line that shows it
}

// always tells whether the value is shown whichever way the conditions go, given
// that there is one.
func (c *cover) always(nodes []node) bool {
	found := false
	for _, n := range nodes {
		switch {
		case n.cond:
			yes, no := c.always(n.yes), c.always(n.no)
			found = found || yes && (no || n.name == c.name)
		case n.name == c.name && !c.button[n.line]:
			if c.seen == 0 {
				c.seen = n.line
			}
			found = true
		}
	}
	return found
}

// Shows tells whether the body shows a variable's value, if it has one, whichever
// way the conditions go, to who reads the plain part too.
func (l *Letter) Shows(name string) bool {
	c := cover{name: name, button: l.pushes}
	return c.always(l.body.nodes)
}
