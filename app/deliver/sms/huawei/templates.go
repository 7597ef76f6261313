package huawei

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"koodesk/app/deliver"
)

// Template is an approved template of the service.
type Template struct {
	ID        string
	Sender    string   // channel number of its signature; "": the common one
	Variables []string // which of our variables fill it, in its order
}

// Templates are keyed by kind and language, e.g. "usage_info.zh-CN".
type Templates map[string]Template

// find looks for a kind in a language, then in Chinese, then in English: what a
// customer can nearly read is better than nothing.
func (t Templates) find(kind, language string) (Template, bool) {
	for _, l := range []string{language, "zh-CN", "en"} {
		if found, ok := t[kind+"."+l]; ok {
			return found, true
		}
	}
	return Template{}, false
}

// TextOf is the id of the service's template that a kind is sent by. It
// implements deliver.TextHolder.
func (s *Sender) TextOf(kind, language string) (id string, variables []string) {
	t, _ := s.o.Templates.find(kind, language)
	return t.ID, t.Variables
}

// Filling implements deliver.TextHolder.
func (s *Sender) Filling(p deliver.Parcel) []string {
	t, _ := s.o.Templates.find(p.Kind, p.Language)
	return t.filling(p)
}

func (t Template) filling(p deliver.Parcel) []string {
	values := make([]string, len(t.Variables))
	for i, name := range t.Variables {
		if values[i] = p.Variables[name]; values[i] == "" {
			values[i] = " " // the service takes no empty value, and a blank for none
		}
	}
	return values
}

var (
	templateName = regexp.MustCompile(`^[a-z_]+\.(zh-CN|en)$`)
	templateID   = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
	senderNumber = regexp.MustCompile(`^[0-9A-Za-z+]{1,21}$`)
)

// errForm says how an entry is written.
var errForm = errors.New("an entry is written KIND.LANGUAGE=TEMPLATE_ID[@SENDER][(variable,variable)], e.g. usage_info.zh-CN=8ff55eac1d0b478ab3c06c3c6a492300(user_name,password)")

// ParseTemplates reads SMS_TEMPLATES: entries separated by blanks or semicolons.
// Known are the names that may stand in the brackets.
func ParseTemplates(s string, known []string) (Templates, error) {
	out := Templates{}
	for _, entry := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ';' || r == '\n' || r == '\t' }) {
		name, rest, ok := strings.Cut(entry, "=")
		if !ok || !templateName.MatchString(name) {
			return nil, fmt.Errorf("%q: %w", entry, errForm)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("has %s twice", name)
		}
		t, err := parseTemplate(rest, known)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = t
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("has no template: %w", errForm)
	}
	return out, nil
}

func parseTemplate(s string, known []string) (Template, error) {
	var t Template
	s, variables, with := strings.Cut(s, "(")
	t.ID, t.Sender, _ = strings.Cut(s, "@")
	if !templateID.MatchString(t.ID) || strings.Contains(s, "@") && !senderNumber.MatchString(t.Sender) {
		return t, errForm
	}
	if !with {
		return t, nil
	}
	inner, ok := strings.CutSuffix(variables, ")")
	if !ok || inner == "" {
		return t, errForm
	}
	for _, v := range strings.Split(inner, ",") {
		if !slices.Contains(known, v) {
			return t, fmt.Errorf("%q is no variable; there are: %s", v, strings.Join(known, ", "))
		}
		t.Variables = append(t.Variables, v)
	}
	return t, nil
}
