package view

import (
	"koodesk/app/i18n"
	"koodesk/app/market"
)

// Diagnosis is why a message's newest arrival could not be proved authentic.
type Diagnosis struct {
	Clock   Clock
	Found   *market.Diagnosis // nil: none was kept, or Pending
	Pending bool              // it is being looked for
}

// Cause is one finding in words; the first is the most probable.
type Cause struct {
	i18n.FindingText
	First bool
}

// Step is one check in words.
type Step struct {
	Name  string
	State string // passed, failed, not_reached
	Note  string // by how much it failed
}

// causes are the findings in one language.
func causes(z *i18n.Localizer, d Diagnosis) []Cause {
	if d.Found == nil {
		return nil
	}
	out := make([]Cause, len(d.Found.Findings))
	for i, f := range d.Found.Findings {
		out[i] = Cause{FindingText: z.Finding(f.Code, f.Args, d.Clock.Zone), First: i == 0}
	}
	return out
}

// steps are the checks in one language.
func steps(z *i18n.Localizer, d Diagnosis) []Step {
	if d.Found == nil {
		return nil
	}
	out := make([]Step, len(d.Found.Checks))
	for i, c := range d.Found.Checks {
		out[i] = Step{Name: z.CheckName(c.Name), State: c.State}
		if c.State == market.CheckFailed {
			out[i].Note = z.CheckNote(c.Name, c.Args, d.Clock.Zone)
		}
	}
	return out
}
