package console

import (
	"slices"

	"koodesk/app/deliver"
	"koodesk/app/web/view"
	"koodesk/app/wording"
)

// templateChain is the order in which the text is looked for, each step with its
// editor.
func templateChain(clock view.Clock, t *deliver.Template) []view.TemplateLink {
	out := make([]view.TemplateLink, 0, len(t.Chain))
	for n, l := range t.Chain {
		link := view.TemplateLink{Source: string(l.Source), Has: l.Has, Counts: l.Counts, Version: l.Version, By: by(l.By), At: clock.Time(l.At)}
		of := t.TemplateOf
		switch l.Source {
		case deliver.FromProduct:
			link.Place = of.ProductID
		case deliver.FromChannel:
			link.Place, of.ProductID = of.Channel, ""
		case deliver.FromHouse:
			of.ProductID, of.Channel = "", ""
		}
		if n > 0 && l.Source != deliver.FromShipped {
			link.URL = templateURL(of, "").String()
		}
		out = append(out, link)
	}
	return out
}

// templateTabs lead to the same message by the other medium and in the other
// language.
func templateTabs(of deliver.TemplateOf) []view.Tab {
	var out []view.Tab
	for _, medium := range deliver.Media() {
		for _, language := range deliver.Languages() {
			other := of
			other.Medium, other.Language = medium, language
			out = append(out, view.Tab{Label: view.Say("templates.tab", "medium", view.Say("medium."+medium), "language", view.Say("locale."+language)),
				URL: templateURL(other, ""), Count: -1, Active: other == of})
		}
	}
	return out
}

func templateVariables(r wording.Rules) []view.TemplateVariable {
	out := make([]view.TemplateVariable, 0, len(r.Variables))
	for _, v := range r.Variables {
		out = append(out, view.TemplateVariable{Name: v.Name, Flag: v.Kind == wording.Flag, Required: slices.Contains(r.Required, v.Name)})
	}
	return out
}
