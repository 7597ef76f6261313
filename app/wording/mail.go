package wording

import (
	"regexp"
	"strings"
	"unicode"
)

// Marks say what a line of a mail is; what has none is a paragraph's.
const (
	markHead   = "# "
	markSmall  = "~ "
	markRow    = "- "
	markBox    = "> "
	markButton = "=> "
	markFoot   = "---" // alone: what follows stands below the letter
)

// Kinds of blocks.
const (
	Paragraph = "paragraph"
	Head      = "head"
	Small     = "small"
	Table     = "table"
	Box       = "box"
	Button    = "button"
)

// Mail is a mail that was filled.
type Mail struct {
	Subject string
	Text    string // the part without markup
	Preview string // what lists of mails show after the subject
	Blocks  []Block
	Foot    []Block
}

// Block is a part of a mail's letter. Nothing in it is markup.
type Block struct {
	Kind string
	Runs []Run // but of a Table
	Rows []Row
	URL  string // of a Button
	Gap  int    // pixels to what follows
}

// Row is a line of a table; without a Label it is one cell.
type Row struct {
	Label string
	Runs  []Run
}

// Run is some text of one look.
type Run struct {
	Text  string
	URL   string // http or https; "" is no link
	Code  bool
	Break bool // instead of text: a new line
}

// Mail fills a mail.
func (l *Letter) Mail(v Values) Mail {
	m := Mail{Subject: oneLine(join(l.subject.fill(v)))}
	lines := l.body.fill(v)
	m.Text = l.plain(lines)
	at := &m.Blocks
	for _, ln := range lines {
		if strings.TrimSpace(ln.String()) == markFoot && ln[0].name == "" {
			at = &m.Foot
			continue
		}
		l.lay(at, ln)
	}
	m.Preview = l.preview(lines)
	m.Blocks, m.Foot = spaced(m.Blocks), spaced(m.Foot)
	return m
}

// mark takes the mark off a line. Only what the text itself says at the
// beginning of a line is a mark, never what a value brings.
func mark(l line) (string, line) {
	if len(l) == 0 || l[0].name != "" {
		return "", l
	}
	for _, m := range []string{markButton, markHead, markSmall, markRow, markBox} {
		if rest, ok := strings.CutPrefix(l[0].text, m); ok {
			return m, append(line{{text: rest}}, l[1:]...)
		}
	}
	return "", l
}

// plain is the part without markup: marks are taken off, buttons left out, and
// what would stand as several empty lines is one.
func (l *Letter) plain(lines []line) string {
	var out []string
	for _, ln := range lines {
		m, rest := mark(ln)
		s := strings.TrimRight(rest.String(), " \t")
		if m == markButton || s == markFoot && ln[0].name == "" {
			s = ""
		}
		if s == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue
		}
		out = append(out, s)
	}
	return strings.TrimSpace(strings.Join(out, "\n")) + "\n"
}

// preview is the first paragraph without secrets, in one line.
func (l *Letter) preview(lines []line) string {
	var out []string
	for _, ln := range lines {
		m, _ := mark(ln)
		blank := strings.TrimSpace(ln.String()) == ""
		if blank && len(out) > 0 {
			break
		}
		if m == "" && !blank && !l.secret(ln) && strings.TrimSpace(ln.String()) != markFoot {
			out = append(out, ln.String())
		}
	}
	s := []rune(oneLine(strings.Join(out, " ")))
	return string(s[:min(len(s), 140)])
}

func (l *Letter) secret(ln line) bool {
	for _, p := range ln {
		if l.rules.private(p.name) {
			return true
		}
	}
	return false
}

// lay adds a line to the blocks: to the last one if it is of the same kind and
// no empty line stands between, which an empty block marks.
func (l *Letter) lay(to *[]Block, ln line) {
	m, rest := mark(ln)
	if strings.TrimSpace(rest.String()) == "" {
		*to = append(*to, Block{})
		return
	}
	kind := map[string]string{markHead: Head, markSmall: Small, markRow: Table, markBox: Box, markButton: Button}[m]
	if kind == "" {
		kind = Paragraph
	}
	if kind == Button {
		if b, ok := l.button(rest); ok {
			*to = append(*to, b)
			return
		}
		kind = Paragraph
	}
	if n := len(*to); n == 0 || (*to)[n-1].Kind != kind || kind == Head {
		*to = append(*to, Block{Kind: kind})
	}
	last := &(*to)[len(*to)-1]
	if kind == Table {
		last.Rows = append(last.Rows, l.row(rest))
		return
	}
	if len(last.Runs) > 0 {
		last.Runs = append(last.Runs, Run{Break: true})
	}
	last.Runs = append(last.Runs, l.runs(rest)...)
}

// button is a line whose last word is an address.
func (l *Letter) button(ln line) (Block, bool) {
	last := ln[len(ln)-1]
	before := append(line{}, ln[:len(ln)-1]...)
	target := last.text
	if last.name == "" {
		cut := strings.LastIndexFunc(strings.TrimRightFunc(last.text, unicode.IsSpace), unicode.IsSpace)
		target = strings.TrimSpace(last.text[cut+1:])
		before = append(before, piece{text: last.text[:cut+1]})
	} else if kind, _ := l.rules.kind(last.name); kind != Address {
		return Block{}, false
	}
	label := strings.TrimSpace(before.String())
	return Block{Kind: Button, URL: target, Runs: []Run{{Text: label}}}, isWeb(target) && label != ""
}

// row is a label and what stands behind its colon; the colon is the text's own,
// never a value's.
func (l *Letter) row(ln line) Row {
	if len(ln) > 0 && ln[0].name == "" {
		for _, colon := range []string{"：", ": "} {
			if label, rest, ok := strings.Cut(ln[0].text, colon); ok && label != "" {
				return Row{Label: strings.TrimSpace(label), Runs: l.runs(append(line{{text: strings.TrimLeft(rest, " ")}}, ln[1:]...))}
			}
		}
		if label, ok := strings.CutSuffix(ln[0].text, ":"); ok && len(ln) > 1 {
			return Row{Label: strings.TrimSpace(label), Runs: l.runs(ln[1:])}
		}
	}
	return Row{Runs: l.runs(ln)}
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"'，。；：！？、（）【】《》“”]+`)

// runs are the looks of a line: values by their kind, addresses in the text
// itself as links.
func (l *Letter) runs(ln line) []Run {
	var out []Run
	for i, p := range ln {
		kind, _ := l.rules.kind(p.name)
		switch {
		case p.name == "":
			out = append(out, linked(p.text, i+1 < len(ln))...)
		case kind == Address && isWeb(p.text):
			out = append(out, Run{Text: p.text, URL: p.text})
		default:
			out = append(out, broken(p.text, kind == Code || kind == Secret)...)
		}
	}
	return out
}

// linked finds the addresses in a literal. One that a value goes on with is none.
func linked(s string, more bool) []Run {
	var out []Run
	for {
		m := webAddress.FindStringIndex(s)
		if m == nil || more && m[1] == len(s) {
			if s != "" {
				out = append(out, Run{Text: s})
			}
			return out
		}
		if m[0] > 0 {
			out = append(out, Run{Text: s[:m[0]]})
		}
		out = append(out, Run{Text: s[m[0]:m[1]], URL: s[m[0]:m[1]]})
		s = s[m[1]:]
	}
}

// broken is a value with its own line ends.
func broken(s string, code bool) []Run {
	var out []Run
	for i, part := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			out = append(out, Run{Break: true})
		}
		if part != "" {
			out = append(out, Run{Text: part, Code: code})
		}
	}
	return out
}

// isWeb tells whether a link may lead there.
func isWeb(s string) bool {
	lower := strings.ToLower(s)
	return (strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://")) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// spaced drops the marks of empty lines and sets the blocks apart.
func spaced(all []Block) []Block {
	var out []Block
	for _, b := range all {
		if b.Kind != "" {
			b.Gap = 20
			out = append(out, b)
		}
	}
	for i := range out {
		switch {
		case i == len(out)-1:
			out[i].Gap = 0
		case out[i].Kind == Small && out[i+1].Kind == Head:
			out[i].Gap = 6
		}
	}
	return out
}

// oneLine keeps a subject from being more than one header line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}
