package wording

import (
	"strconv"
	"strings"

	"koodesk/app/fault"
)

// Template is a parsed text. The zero Template is empty.
type Template struct{ nodes []node }

// node is a literal, a value or a condition; line is where it begins.
type node struct {
	line    int
	literal string
	name    string // of a value or a condition
	cond    bool
	yes, no []node // of a condition
}

// parser reads one part of a text.
type parser struct {
	rules    Rules
	part     string
	line     int
	problems []Problem
	stack    []open
	lit      strings.Builder
	litLine  int
}

// open is a condition whose end has not come, or the whole text.
type open struct {
	at     node
	nodes  []node // of the branch that is being read
	other  bool   // that is the one after {else}
	chain  bool   // it began as {else if}: it ends with the one before
	before []node // the branch before
}

// parse reads a part. What is wrong is reported, and left out of the template.
func parse(part, s string, r Rules) (*Template, []Problem) {
	p := &parser{rules: r, part: part, line: 1, litLine: 1, stack: []open{{}}}
	for s != "" {
		s = p.next(s)
	}
	p.flush()
	for len(p.stack) > 1 {
		p.fail(p.top().at.line, fault.New(fault.Invalid, "message_template.no_end", "line", no(p.top().at.line), "name", p.top().at.name, "end", "{end}"))
		p.close()
	}
	return &Template{nodes: p.stack[0].nodes}, p.problems
}

func (p *parser) fail(line int, f *fault.Error) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, problem(p.part, line, f))
	}
}

func problem(part string, line int, f *fault.Error) Problem {
	return Problem{Part: part, Line: line, Fault: f}
}

// no writes the number of a line for a fault.
func no(line int) string { return strconv.Itoa(line) }

// next reads the first thing of s and gives what is behind it.
func (p *parser) next(s string) string {
	switch {
	case strings.HasPrefix(s, "{{"):
		if name, _, ok := strings.Cut(s[2:], "}}"); ok {
			if _, known := p.rules.kind(strings.TrimSpace(name)); known {
				p.fail(p.line, fault.New(fault.Invalid, "message_template.doubled", "line", no(p.line), "name", strings.TrimSpace(name)))
			}
		}
		p.lit.WriteByte('{')
		return s[2:]
	case strings.HasPrefix(s, "}}"):
		p.lit.WriteByte('}')
		return s[2:]
	case s[0] == '}':
		p.fail(p.line, fault.New(fault.Invalid, "message_template.stray_brace", "line", no(p.line)))
		return s[1:]
	case s[0] == '{':
		end := strings.IndexAny(s[1:], "{}\n")
		if end < 0 || s[1+end] != '}' {
			p.fail(p.line, fault.New(fault.Invalid, "message_template.unclosed", "line", no(p.line)))
			return s[1:]
		}
		p.flush()
		p.tag(strings.Fields(s[1 : 1+end]))
		return s[end+2:]
	}
	n := strings.IndexAny(s[1:], "{}") + 1
	if n == 0 {
		n = len(s)
	}
	p.lit.WriteString(s[:n])
	p.line += strings.Count(s[:n], "\n")
	return s[n:]
}

// flush ends a literal.
func (p *parser) flush() {
	if p.lit.Len() > 0 {
		p.add(node{line: p.litLine, literal: p.lit.String()})
		p.lit.Reset()
	}
	p.litLine = p.line
}

func (p *parser) top() *open { return &p.stack[len(p.stack)-1] }

func (p *parser) add(n node) { p.top().nodes = append(p.top().nodes, n) }

// tag reads what stands in braces, word by word.
func (p *parser) tag(words []string) {
	switch {
	case len(words) == 2 && words[0] == "if":
		p.open(words[1], false)
	case len(words) == 3 && words[0] == "else" && words[1] == "if":
		if p.otherwise("else if") {
			p.open(words[2], true)
		}
	case len(words) == 1 && words[0] == "else":
		p.otherwise("else")
	case len(words) == 1 && words[0] == "end":
		if len(p.stack) == 1 {
			p.fail(p.line, fault.New(fault.Invalid, "message_template.stray_word", "line", no(p.line), "word", "end"))
			return
		}
		p.close()
	default:
		name := strings.Join(words, " ")
		if kind, ok := p.known(name); ok && kind == Flag {
			p.fail(p.line, fault.New(fault.Invalid, "message_template.flag", "line", no(p.line), "name", name))
		} else if ok {
			p.add(node{line: p.line, name: name})
		}
	}
}

// known reports a name that is none.
func (p *parser) known(name string) (Kind, bool) {
	kind, ok := p.rules.kind(name)
	if !ok {
		var all []string
		for _, v := range p.rules.Variables {
			all = append(all, v.Name)
		}
		p.fail(p.line, fault.New(fault.Invalid, "message_template.unknown", "line", no(p.line), "name", short(name), "known", strings.Join(all, " ")))
	}
	return kind, ok
}

// short keeps what somebody wrote short enough for a sentence about it.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (p *parser) open(name string, chain bool) {
	p.known(name)
	if len(p.stack) > maxDepth && !chain || len(p.stack) > 4*maxDepth {
		p.fail(p.line, fault.New(fault.Invalid, "message_template.too_deep", "line", no(p.line), "most", strconv.Itoa(maxDepth)))
	}
	p.stack = append(p.stack, open{at: node{line: p.line, cond: true, name: name}, chain: chain})
}

// otherwise begins the other branch.
func (p *parser) otherwise(word string) bool {
	top := p.top()
	if len(p.stack) == 1 || top.other {
		p.fail(p.line, fault.New(fault.Invalid, "message_template.stray_word", "line", no(p.line), "word", word))
		return false
	}
	top.before, top.nodes, top.other = top.nodes, nil, true
	return true
}

// close ends the condition that was begun last, with those that it is the
// {else if} of.
func (p *parser) close() {
	for {
		o := *p.top()
		p.stack = p.stack[:len(p.stack)-1]
		n := o.at
		n.yes, n.no = o.nodes, nil
		if o.other {
			n.yes, n.no = o.before, o.nodes
		}
		p.add(n)
		if !o.chain {
			return
		}
	}
}
