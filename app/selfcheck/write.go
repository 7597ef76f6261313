package selfcheck

import (
	"fmt"
	"strings"
	"time"

	"koodesk/app/i18n"
)

// signs stand before what came out, in any language.
var signs = map[Status]string{OK: "✓", Warn: "!", Fail: "✗"}

// Sentence is a check in the reader's language.
func (c Check) Sentence(z *i18n.Localizer) string {
	args := make([]any, 0, 2*len(c.Args))
	for name, value := range c.Args {
		args = append(args, name, value)
	}
	return z.T("selfcheck."+c.Name+"."+string(c.Status), args...)
}

// Title names a type in the reader's language.
func (t Type) Title(z *i18n.Localizer) string { return z.T("selfcheck.type." + string(t)) }

// GuideTitle names the case's guide in the reader's language.
func (c Case) GuideTitle(z *i18n.Localizer) string { return z.T("selfcheck.guide." + c.Guide) }

// Sentences are what is wrong with a case or worth knowing; for one that is
// right, nothing.
func (c Case) Sentences(z *i18n.Localizer) []string {
	if !c.Sent {
		return []string{z.T("selfcheck.not_sent")}
	}
	var out []string
	for _, k := range c.Checks {
		if k.Status != OK {
			out = append(out, k.Sentence(z))
		}
	}
	return out
}

// Text writes a report for a terminal.
func (r Report) Text(z *i18n.Localizer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", z.T("selfcheck.of", "channel", r.Channel), r.URL)
	for _, c := range r.Address {
		fmt.Fprintf(&b, "%s %s\n", signs[c.Status], c.Sentence(z))
	}
	guide := ""
	for _, c := range r.Cases {
		if c.Guide != guide {
			guide = c.Guide
			fmt.Fprintf(&b, "\n%s\n", c.GuideTitle(z))
		}
		fmt.Fprintf(&b, "%s %-24s %-27s %-6s %5d ms\n", signs[c.Status()], c.Activity, c.Variant, c.Code, c.Millis)
		for _, s := range c.Sentences(z) {
			fmt.Fprintf(&b, "    %s\n", s)
		}
	}
	ok, warn, fail := r.Count()
	fmt.Fprintf(&b, "\n%s\n", z.T("selfcheck.sum", "ok", ok, "warn", warn, "fail", fail))
	return b.String()
}

// fact is one line of a report's head.
type fact struct {
	Label, Value string
	Code         bool // it is to be read letter by letter
}

func (r Report) facts(z *i18n.Localizer) []fact {
	var types []string
	for _, t := range r.Types {
		types = append(types, t.Title(z))
	}
	ok, warn, fail := r.Count()
	return []fact{
		{Label: z.T("selfcheck.fact.result"), Value: z.T("selfcheck.sum", "ok", ok, "warn", warn, "fail", fail)},
		{Label: z.T("selfcheck.fact.url"), Value: r.URL, Code: true},
		{Label: z.T("selfcheck.fact.site"), Value: r.Site},
		{Label: z.T("selfcheck.fact.types"), Value: strings.Join(types, z.T("selfcheck.comma"))},
		{Label: z.T("selfcheck.fact.started"), Value: r.Started.Format(time.DateTime) + " UTC"},
		{Label: z.T("selfcheck.fact.finished"), Value: r.Finished.Format(time.DateTime) + " UTC"},
		{Label: z.T("selfcheck.fact.program"), Value: "Koodesk " + r.Version},
	}
}

// Markdown writes a report to attach to a product application: each case with
// every check, what was sent and what came back.
func (r Report) Markdown(z *i18n.Localizer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", z.T("selfcheck.of", "channel", r.Channel))
	for _, f := range r.facts(z) {
		value := f.Value
		if f.Code {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "- %s: %s\n", f.Label, value)
	}
	fmt.Fprintf(&b, "\n## %s\n\n| | %s |\n| --- | --- |\n", z.T("selfcheck.address"), z.T("selfcheck.col.check"))
	for _, c := range r.Address {
		fmt.Fprintf(&b, "| %s | %s |\n", signs[c.Status], cell(c.Sentence(z)))
	}
	fmt.Fprintf(&b, "\n## %s\n\n| | %s | %s | %s | %s | %s | %s |\n| --- | --- | --- | --- | --- | ---: | --- |\n", z.T("selfcheck.cases"),
		z.T("selfcheck.col.guide"), z.T("selfcheck.col.interface"), z.T("selfcheck.col.case"), z.T("selfcheck.col.code"), "ms", z.T("selfcheck.col.source"))
	for _, c := range r.Cases {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s | %d | %s |\n", signs[c.Status()], cell(c.GuideTitle(z)), c.Activity, cell(c.Variant), c.Code, c.Millis, cell(c.Sources))
	}
	for _, c := range r.Cases {
		c.markdown(&b, z)
	}
	return b.String()
}

func (c Case) markdown(b *strings.Builder, z *i18n.Localizer) {
	fmt.Fprintf(b, "\n### %s %s: %s\n\n", c.GuideTitle(z), c.Activity, c.Variant)
	if !c.Sent {
		fmt.Fprintf(b, "%s %s\n", signs[Fail], z.T("selfcheck.not_sent"))
		return
	}
	for _, k := range c.Checks {
		fmt.Fprintf(b, "- %s %s\n", signs[k.Status], k.Sentence(z))
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n\n```\n%s\n```\n", c.Request, c.Answer)
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }
