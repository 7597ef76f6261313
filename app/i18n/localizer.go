package i18n

import (
	"fmt"
	"strings"

	"golang.org/x/text/feature/plural"

	"koodesk/app/fault"
)

// Localizer speaks one language. It is safe for concurrent use.
type Localizer struct {
	locale Locale
	texts  map[string]text
}

// For gives the localizer of a locale; one that we do not speak gives the
// default's.
func For(l Locale) *Localizer {
	if !l.Valid() {
		l = Default
	}
	return &Localizer{locale: l, texts: catalogues()[l]}
}

// Locale is the language spoken.
func (z *Localizer) Locale() Locale { return z.locale }

// Has tells whether the key is in the catalogue.
func (z *Localizer) Has(key string) bool {
	_, ok := z.texts[key]
	return ok
}

// T is the text of a key. Args come in pairs, name and value, and replace
// {name}. Integers are written in the manner of the language. A missing key
// gives the key between ⟦ and ⟧, which a test refuses on every page.
func (z *Localizer) T(key string, args ...any) string {
	t, ok := z.texts[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	return z.fill(t[plural.Other], args)
}

// TN is the text of a key for a number: it picks the plural form and fills {n}.
func (z *Localizer) TN(key string, n int, args ...any) string {
	t, ok := z.texts[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	s, ok := t[plural.Cardinal.MatchPlural(z.locale.Tag(), n, 0, 0, 0, 0)]
	if !ok {
		s = t[plural.Other]
	}
	return z.fill(s, append([]any{"n", n}, args...))
}

func (z *Localizer) fill(s string, args []any) string {
	if len(args) == 0 || !strings.Contains(s, "{") {
		return s
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		name := fmt.Sprint(args[i])
		pairs = append(pairs, "{"+name+"}", z.value(name, args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// value is an argument as people read it. Only of "restart", which nobody from outside
// gives, is the mark of what is not known to be so one.
func (z *Localizer) value(name string, v any) string {
	switch v := v.(type) {
	case string:
		if known, unsure := strings.CutSuffix(v, fault.Unsure); unsure && name == "restart" {
			return known + z.T("retry.another_site")
		}
		return v
	case int:
		return z.Number(int64(v))
	case int64:
		return z.Number(v)
	default:
		return fmt.Sprint(v)
	}
}

// Group is every text below a key, for scripts in the browser: by the whole key,
// and for plural texts by the key with its form ("time.ago.minute.one").
// Placeholders are left as they are.
func (z *Localizer) Group(prefix string) map[string]string {
	out := map[string]string{}
	for key, forms := range z.texts {
		if !strings.HasPrefix(key, prefix+".") {
			continue
		}
		for name, form := range pluralForms {
			s, ok := forms[form]
			switch {
			case !ok:
			case len(forms) == 1:
				out[key] = s
			default:
				out[key+"."+name] = s
			}
		}
	}
	return out
}

// FaultText is a fault for a person.
type FaultText struct {
	Code   string // for machines and support: "unavailable"
	What   string // what was wrong, and where
	Do     string // what to do about it; may be empty for a code without advice
	Detail string // the cause as it was reported, untranslated; may be empty
}

// Fault translates a stored fault. A key without a text falls back to the text
// of its code, with the key kept in the detail so that nothing is hidden. nil
// gives nil.
func (z *Localizer) Fault(r *fault.Record) *FaultText {
	if r == nil {
		return nil
	}
	args := make([]any, 0, 2*len(r.Args))
	for name, value := range r.Args {
		args = append(args, name, z.argument(name, value))
	}
	out := &FaultText{Code: string(r.Code), Detail: r.Detail}
	key := "fault." + r.Key
	if !z.Has(key + ".what") {
		key = "fault_code." + string(r.Code)
		if !z.Has(key + ".what") {
			key = "fault_code." + string(fault.Internal)
		}
		out.Detail = strings.TrimSuffix(r.Key+": "+r.Detail, ": ")
	}
	out.What = z.T(key+".what", args...)
	out.Do = z.T(key+".do", args...)
	return out
}

// FaultOf translates an error that has just happened.
func (z *Localizer) FaultOf(err error) *FaultText { return z.Fault(fault.ToRecord(err)) }

// argument keeps a value of a fault on one line and bounded: it may be a
// remote system's own words. Events have names, which people know from other pages;
// the interfaces' own are KooGallery's.
func (z *Localizer) argument(name, s string) string {
	if key := "event_type." + s; name == "activity" && z.Has(key) {
		return z.T(key)
	}
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
