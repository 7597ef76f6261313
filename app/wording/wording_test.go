package wording

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var rules = Rules{Mail: true, Longest: 2000, Required: []string{"url", "pass"}, Variables: []Variable{{Name: "url", Kind: Address}, {Name: "name"},
	{Name: "memo"}, {Name: "user", Kind: Code}, {Name: "pass", Kind: Secret}, {Name: "late", Kind: Flag}}}

var short1 = Rules{Longest: 100, Variables: rules.Variables}

func keys(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, strings.TrimPrefix(p.Fault.Key, "message_template."))
	}
	return out
}

func TestWhatIsWrongIsSaidWithItsLine(t *testing.T) {
	t.Parallel()
	const fine = "{url} {pass}"
	for name, c := range map[string]struct {
		text Text
		part string
		line int
		key  string
		args map[string]string
	}{
		"unknown":             {Text{"s", fine + "\n\n{naam}"}, Body, 3, "unknown", map[string]string{"name": "naam", "line": "3"}},
		"unknown in if":       {Text{"s", fine + "\n{if naam}x{end}"}, Body, 2, "unknown", nil},
		"unknown in else if":  {Text{"s", fine + "\n{if name}x{else if naam}y{end}"}, Body, 2, "unknown", nil},
		"empty braces":        {Text{"s", fine + "{}"}, Body, 1, "unknown", nil},
		"template of Go":      {Text{"s", fine + "\n{.Name}"}, Body, 2, "unknown", nil},
		"doubled":             {Text{"s", fine + "\n{{name}}"}, Body, 2, "doubled", map[string]string{"name": "name"}},
		"unclosed":            {Text{"s", fine + "\n{name\n}"}, Body, 2, "unclosed", nil},
		"unclosed at the end": {Text{"s", fine + "{name"}, Body, 1, "unclosed", nil},
		"brace in brace":      {Text{"s", fine + "{na{name}"}, Body, 1, "unclosed", nil},
		"stray brace":         {Text{"s", fine + "\n}"}, Body, 2, "stray_brace", nil},
		"no end":              {Text{"s", fine + "\n{if name}\nx"}, Body, 2, "no_end", map[string]string{"name": "name"}},
		"stray end":           {Text{"s", fine + "\n{end}"}, Body, 2, "stray_word", map[string]string{"word": "end"}},
		"stray else":          {Text{"s", fine + "\n{else}"}, Body, 2, "stray_word", map[string]string{"word": "else"}},
		"two elses":           {Text{"s", fine + "{if name}a{else}b\n{else}c{end}"}, Body, 2, "stray_word", nil},
		"else if after else":  {Text{"s", fine + "{if name}a{else}b{else if memo}c{end}"}, Body, 1, "stray_word", map[string]string{"word": "else if"}},
		"flag as value":       {Text{"s", fine + "\n{late}"}, Body, 2, "flag", nil},
		"missing":             {Text{"s", "{url}"}, Body, 0, "missing", map[string]string{"name": "pass"}},
		"sometimes":           {Text{"s", "{pass}\n\n{if name}{url}{end}"}, Body, 3, "sometimes", map[string]string{"name": "url", "line": "3"}},
		"only in else":        {Text{"s", "{pass}{if url}x{else}{url}{end}"}, Body, 1, "sometimes", nil},
		"only in a button":    {Text{"s", "{pass}\n=> Go {url}"}, Body, 0, "missing", nil},
		"button nowhere":      {Text{"s", fine + "\n=> Go"}, Body, 2, "button", nil},
		"button to a name":    {Text{"s", fine + "\n=> Go {name}"}, Body, 2, "button", nil},
		"button to a script":  {Text{"s", fine + "\n=> Go javascript:alert(1)"}, Body, 2, "button", nil},
		"button without word": {Text{"s", fine + "\n=> {url}"}, Body, 2, "button", nil},
		"button in if":        {Text{"s", fine + "\n{if name}=> Go {memo}{end}"}, Body, 2, "button", nil},
		"no subject":          {Text{" ", fine}, Subject, 0, "empty", nil},
		"no body":             {Text{"s", ""}, Body, 0, "empty", nil},
		"subject of lines":    {Text{"a\nb", fine}, Subject, 1, "subject_lines", nil},
		"secret subject":      {Text{"{if name}{pass}{end}", fine}, Subject, 1, "secret_subject", map[string]string{"name": "pass"}},
		"long subject":        {Text{strings.Repeat("长", 201), fine}, Subject, 0, "too_long", map[string]string{"n": "201", "most": "200"}},
		"long body":           {Text{"s", fine + strings.Repeat("长", 2000)}, Body, 0, "too_long", nil},
		"control":             {Text{"s", fine + "\n\x00"}, Body, 2, "control", nil},
		"no text":             {Text{"s", fine + "\n\xff"}, Body, 2, "control", nil},
		"deep":                {Text{"s", fine + "\n" + strings.Repeat("{if name}", 9) + strings.Repeat("{end}", 9)}, Body, 2, "too_deep", nil},
	} {
		_, problems := Parse(c.text, rules)
		require.NotEmpty(t, problems, name)
		p := problems[0]
		require.Equal(t, []any{c.part, c.line, "message_template." + c.key}, []any{p.Part, p.Line, p.Fault.Key}, "%s: %v", name, keys(problems))
		for k, v := range c.args {
			require.Equal(t, v, p.Fault.Args[k], name)
		}
	}
	_, problems := Parse(Text{"{a}", "{b}\n{c}\n{d}"}, rules)
	require.Len(t, problems, 4, "everything that is wrong is said at once")
	_, problems = Parse(Text{"s", strings.Repeat("{x}", 300)}, rules)
	require.Len(t, problems, maxProblems)
	for name, body := range map[string]string{"plain": fine, "own condition": "{if url}{url}{end}{if pass}{pass}{end}", "both branches": "{if late}a {url}{else if name}b {url}{else}c {url}{end}{pass}",
		"nested": "{if name}{if memo}{url}{else}{url}{end}{else}{url}{end}{pass}", "braces": fine + " {{ }} {{x}}", "button": fine + "\n{if name}=> Go on {url}{end}",
		"literal button": fine + "\n=> Help https://help.example.com/a?b=c", "long chain": fine + "{if name}" + strings.Repeat("{else if memo}x", 20) + "{end}"} {
		_, problems := Parse(Text{"s", body}, rules)
		require.Empty(t, keys(problems), name)
	}
}

func fillShort(t *testing.T, body string, v Values) string {
	t.Helper()
	l, problems := Parse(Text{Body: body}, short1)
	require.Empty(t, keys(problems), body)
	return l.Short(v)
}

func TestLinesThatComeOutEmptyAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"a\n{name}\nb", "a\nb"},
		{"a\n\n{user}\nb", "a\n\nu\nb"},
		{"a\n{if name}N: {name}{end}\nb", "a\nb"},
		{"a\n{if name}\n\nx\n{end}\nb", "a\nb"},
		{"a\n{if user}\n\nx {user}\n{end}\nb", "a\n\nx u\nb"},
		{"a\n{if name}x{else if late}y{else}z{end}", "a\nz"},
		{"a\n{if user}x{else if late}y{else}z{end}", "a\nx"},
		{"{{{user}}} {{x}}", "{u} {x}"},
		{"{ user }{ if   user }!{ end }", "u!"},
		{"{memo}", "one\n\ntwo"},
		{"\n\n a \n\n", "a"},
	} {
		require.Equal(t, c[1], fillShort(t, c[0], Values{"user": "u", "memo": "one\n\ntwo"}), c[0])
	}
}

func TestAMailIsLaidOut(t *testing.T) {
	t.Parallel()
	l, problems := Parse(Text{"{name} ready", `~ How
# {name} is ready

Dear {name},
see https://help.example.com/x, please.

=> Open {url}

- Address: {url}
- 账号：{user}
- Password:{pass}
- https://status.example.com
{if memo}
> Notes:
> {memo}
{end}

---
Sent by itself.`}, rules)
	require.Empty(t, keys(problems))
	m := l.Mail(Values{"name": "# Suite", "url": "https://a.example/?x=1", "user": "u", "pass": "p: q", "memo": "- one\n=> two"})
	require.Equal(t, "# Suite ready", m.Subject)
	require.Equal(t, `How
# Suite is ready

Dear # Suite,
see https://help.example.com/x, please.

Address: https://a.example/?x=1
账号：u
Password:p: q
https://status.example.com
Notes:
- one
=> two

Sent by itself.
`, m.Text)
	require.Equal(t, "Dear # Suite, see https://help.example.com/x, please.", m.Preview)
	var kinds []string
	for _, b := range m.Blocks {
		kinds = append(kinds, b.Kind)
	}
	require.Equal(t, []string{Small, Head, Paragraph, Button, Table, Box}, kinds)
	require.Equal(t, []Run{{Text: "Dear "}, {Text: "# Suite"}, {Text: ","}, {Break: true}, {Text: "see "}, {Text: "https://help.example.com/x,", URL: "https://help.example.com/x,"}, {Text: " please."}},
		m.Blocks[2].Runs)
	require.Equal(t, Block{Kind: Button, URL: "https://a.example/?x=1", Runs: []Run{{Text: "Open"}}, Gap: 20}, m.Blocks[3])
	require.Equal(t, []Row{{"Address", []Run{{Text: "https://a.example/?x=1", URL: "https://a.example/?x=1"}}}, {"账号", []Run{{Text: "u", Code: true}}}, {"Password", []Run{{Text: "p: q", Code: true}}},
		{"", []Run{{Text: "https://status.example.com", URL: "https://status.example.com"}}}}, m.Blocks[4].Rows)
	require.Equal(t, []Run{{Text: "Notes:"}, {Break: true}, {Text: "- one"}, {Break: true}, {Text: "=> two"}}, m.Blocks[5].Runs, "a value brings no marks")
	require.Equal(t, []int{6, 20, 20, 20, 20, 0}, []int{m.Blocks[0].Gap, m.Blocks[1].Gap, m.Blocks[2].Gap, m.Blocks[3].Gap, m.Blocks[4].Gap, m.Blocks[5].Gap})
	require.Equal(t, []Block{{Kind: Paragraph, Runs: []Run{{Text: "Sent by itself."}}}}, m.Foot)

	m = l.Mail(Values{"url": "javascript:alert(1)", "name": "a\r\nBcc: b"})
	require.Equal(t, "a Bcc: b ready", m.Subject, "a subject is one line")
	for _, b := range append(m.Blocks, m.Foot...) {
		for _, r := range b.Runs {
			require.NotContains(t, r.URL, "javascript", "no link leads elsewhere than to the web")
		}
		require.NotContains(t, b.URL, "javascript")
	}
}

// Whatever somebody types, the parser answers, and what passes its check can be
// filled with whatever customers are called.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "{", "}", "{url}{pass}", "{if name}\n{else if late}\n{else}\n{end}", "{{name}}", "=> Go {url}\n{url} {pass}", "# a\n~ b\n- c：{user}\n> d\n---\ne",
		"{if url}{url}{end}{pass}", "{else}{end}{if}", "\x00\xff", "{if a}{if b}{if c}", "- : {url}\n- ：{pass}", "---\n---\n{url}{pass}", "=> {url}{pass}\n{url}"} {
		f.Add("s "+s, s, "v<b>\n- x")
	}
	f.Fuzz(func(t *testing.T, subject, body, value string) {
		text := Tidy(Text{Subject: subject, Body: body})
		again := Tidy(text)
		require.Equal(t, text, again, "what is tidy stays as it is")
		l, problems := Parse(text, rules)
		require.LessOrEqual(t, len(problems), maxProblems)
		for _, p := range problems {
			require.GreaterOrEqual(t, p.Line, 0)
			require.LessOrEqual(t, p.Line, 1+strings.Count(text.Subject+text.Body, "\n"))
		}
		values := Values{"url": "https://a.example/", "pass": value, "name": value, "memo": value, "user": value}
		if _, many := Parse(text, Rules{Longest: 10, Variables: rules.Variables}); len(many) == 0 {
			_ = l.Short(values)
		}
		m := l.Mail(values) // a wrong text does no harm either
		require.NotContains(t, m.Subject, "\n")
		require.LessOrEqual(t, utf8.RuneCountInString(m.Preview), 140)
		if len(problems) == 0 && strings.TrimSpace(value) == value && value != "" {
			require.Contains(t, m.Text, "https://a.example/")
		}
	})
}
