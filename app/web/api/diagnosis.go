package api

import (
	"time"

	"koodesk/app/i18n"
	"koodesk/app/market"
)

// diagnosis is why a rejected call could not be proved authentic.
type diagnosis struct {
	Findings []finding `json:"findings"`
	Checks   []check   `json:"checks"`
	Complete bool      `json:"complete"`
}

type finding struct {
	Code    string            `json:"code"`
	Args    map[string]string `json:"args"`
	Message string            `json:"message"`
	Advice  string            `json:"advice"`
}

type check struct {
	Name    string            `json:"name"`
	State   string            `json:"state"`
	Args    map[string]string `json:"args"`
	Message string            `json:"message"`
}

func showDiagnosis(z *i18n.Localizer, d *market.Diagnosis) *diagnosis {
	if d == nil {
		return nil
	}
	out := &diagnosis{Findings: []finding{}, Checks: []check{}, Complete: !d.Cut}
	for _, f := range d.Findings {
		text := z.Finding(f.Code, f.Args, time.UTC)
		out.Findings = append(out.Findings, finding{Code: f.Code, Args: orEmpty(f.Args), Message: text.What, Advice: text.Do})
	}
	for _, c := range d.Checks {
		message := ""
		if c.State == market.CheckFailed {
			message = z.CheckNote(c.Name, c.Args, time.UTC)
		}
		out.Checks = append(out.Checks, check{Name: c.Name, State: c.State, Args: orEmpty(c.Args), Message: message})
	}
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
