package view

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/static"
)

// funcs is what templates may call, in one language.
func funcs(z *i18n.Localizer) template.FuncMap {
	return template.FuncMap{
		"t":    z.T,
		"tn":   z.TN,
		"say":  func(t Text) string { return say(z, t) },
		"has":  z.Has,
		"lang": func() string { return string(z.Locale()) },

		"fault":  func(r *fault.Record) *i18n.FaultText { return z.Fault(r) },
		"remedy": z.Remedy,

		"causes": func(d Diagnosis) []Cause { return causes(z, d) },
		"steps":  func(d Diagnosis) []Step { return steps(z, d) },

		"ago":   func(t Time) string { return z.Ago(t.At, t.Now) },
		"exact": func(t Time) string { return i18n.Exact(t.At) },
		"clock": func(t Time) string { return i18n.Clock(t.At) },
		"date":  func(t Time) string { return i18n.Date(t.At) },
		"utc":   func(t Time) string { return i18n.UTC(t.At) },
		"day":   func(t Time) string { return z.Day(t.At, t.Now) },
		"dur":   func(d time.Duration) string { return z.Duration(d) },

		"num":   func(n int) string { return z.Number(int64(n)) },
		"count": badge,
		"bytes": func(n int) string { return z.Bytes(int64(n)) },

		"asset":    static.URL,
		"icon":     icon,
		"pill":     pillOf,
		"moment":   momentOf,
		"json":     tree,
		"initials": initials,
		"dict":     dict,
		"list":     func(words ...string) []string { return words },
		"texts":    z.Group,
	}
}

// badge writes a number short. Lists are counted up to a thousand, so anything
// beyond that is "more".
func badge(n int) string {
	if n > 999 {
		return "999+"
	}
	return strconv.Itoa(n)
}

func say(z *i18n.Localizer, t Text) string {
	if t.None() {
		return ""
	}
	args := make([]any, len(t.Args))
	for i, a := range t.Args {
		if inner, ok := a.(Text); ok { // a value that is itself to be translated
			a = say(z, inner)
		} else if d, ok := a.(time.Duration); ok {
			a = z.Duration(d)
		}
		args[i] = a
	}
	for i := 0; i+1 < len(args); i += 2 {
		if n, ok := args[i+1].(int); ok && args[i] == "n" {
			return z.TN(t.Key, n, args...)
		}
	}
	return z.T(t.Key, args...)
}

// icon draws one of the sprite's icons. It says nothing to screen readers: the
// words beside it do.
func icon(name string, classes ...string) template.HTML {
	class := strings.Join(append([]string{"icon"}, classes...), " ")
	return template.HTML(`<svg class="` + template.HTMLEscapeString(class) + //nolint:gosec // both parts are escaped
		`" aria-hidden="true" focusable="false"><use href="` + static.URL("icons.svg") + `#` +
		template.HTMLEscapeString(name) + `"></use></svg>`)
}

// initials are one or two characters that stand for a person.
func initials(name string) string {
	var out []rune
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if r := []rune(word)[0]; len(out) < 2 {
			if unicode.Is(unicode.Han, r) {
				return string(r)
			}
			out = append(out, unicode.ToUpper(r))
		}
	}
	if len(out) == 0 {
		return "?"
	}
	return string(out)
}

// dict gives a partial several values by name.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments are not pairs", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
