package selfcheck

import (
	_ "embed"
	"html/template"
	"strings"

	"koodesk/app/i18n"
)

//go:embed report.html
var page string

// pages draws a report as one file that needs no other: it is looked at, printed
// and sent on far from the program.
var pages = template.Must(template.New("report").Parse(page))

// drawn is what the page is drawn from, in the reader's language.
type drawn struct {
	Lang, Title, Verdict string
	Passed               bool
	Facts                []fact
	Words                map[string]string // headings and columns
	Address              []mark
	Cases                []drawnCase
}

type mark struct {
	Status Status
	Sign   string
	Text   string
}

type drawnCase struct {
	Case
	Mark      mark
	GuideName string
	Marks     []mark
}

// HTML writes a report as a page to print or to attach: each case with every
// check, what was sent and what came back.
func (r Report) HTML(z *i18n.Localizer) (string, error) {
	d := drawn{Lang: string(z.Locale()), Title: z.T("selfcheck.of", "channel", r.Channel), Passed: r.Passed(), Facts: r.facts(z), Words: map[string]string{},
		Verdict: z.T("selfcheck.page.failed")}
	if d.Passed {
		d.Verdict = z.T("selfcheck.page.passed")
	}
	for _, word := range []string{"address", "cases", "col.guide", "col.interface", "col.case", "col.code", "col.time", "col.source", "sent", "came", "not_sent"} {
		d.Words[strings.TrimPrefix(word, "col.")] = z.T("selfcheck." + word)
	}
	marks := func(checks []Check) (out []mark) {
		for _, c := range checks {
			out = append(out, mark{c.Status, signs[c.Status], c.Sentence(z)})
		}
		return out
	}
	d.Address = marks(r.Address)
	for _, c := range r.Cases {
		d.Cases = append(d.Cases, drawnCase{Case: c, Mark: mark{Status: c.Status(), Sign: signs[c.Status()]}, GuideName: c.GuideTitle(z), Marks: marks(c.Checks)})
	}
	var b strings.Builder
	err := pages.Execute(&b, d)
	return b.String(), err
}
