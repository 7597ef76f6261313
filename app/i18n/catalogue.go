package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
)

//go:embed catalogue
var files embed.FS

// text is one entry: its plural forms, of which "other" is always there.
type text map[plural.Form]string

// pluralForms are the names by which a catalogue writes the forms. An object
// whose names are all among these is a plural text; any other object is a group.
var pluralForms = map[string]plural.Form{
	"zero": plural.Zero, "one": plural.One, "two": plural.Two,
	"few": plural.Few, "many": plural.Many, "other": plural.Other,
}

// catalogues are read once. They are compiled in and a test reads them too, so a
// fault here is a defect of the build.
var catalogues = sync.OnceValue(func() map[Locale]map[string]text {
	all := make(map[Locale]map[string]text, len(Locales()))
	for _, l := range Locales() {
		c, err := load(files, l)
		if err != nil {
			panic(err)
		}
		all[l] = c
	}
	return all
})

// load reads catalogue/<locale>/*.json. Groups are joined by dots:
// {"messages":{"title":"…"}} is the key "messages.title".
func load(fsys fs.FS, l Locale) (map[string]text, error) {
	names, err := fs.Glob(fsys, path.Join("catalogue", string(l), "*.json"))
	if err != nil {
		return nil, fmt.Errorf("i18n: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("i18n: no catalogue for %s", l)
	}
	c := map[string]text{}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("i18n: %w", err)
		}
		var group map[string]json.RawMessage
		if err := json.Unmarshal(b, &group); err != nil {
			return nil, fmt.Errorf("i18n: %s: %w", name, err)
		}
		if err := flatten(c, "", group); err != nil {
			return nil, fmt.Errorf("i18n: %s: %w", name, err)
		}
	}
	return c, nil
}

func flatten(c map[string]text, prefix string, group map[string]json.RawMessage) error {
	if t, ok, err := asPlural(group); ok || err != nil {
		if err != nil {
			return fmt.Errorf("%s: %w", prefix, err)
		}
		return put(c, prefix, t)
	}
	for name, raw := range group {
		key := name
		if prefix != "" {
			key = prefix + "." + name
		}
		var s string
		if json.Unmarshal(raw, &s) == nil {
			if err := put(c, key, text{plural.Other: s}); err != nil {
				return err
			}
			continue
		}
		var sub map[string]json.RawMessage
		if err := json.Unmarshal(raw, &sub); err != nil {
			return fmt.Errorf("%s: neither a text nor a group", key)
		}
		if err := flatten(c, key, sub); err != nil {
			return err
		}
	}
	return nil
}

func put(c map[string]text, key string, t text) error {
	if _, twice := c[key]; twice {
		return fmt.Errorf("%s: written twice", key)
	}
	c[key] = t
	return nil
}

func asPlural(group map[string]json.RawMessage) (text, bool, error) {
	if _, ok := group["other"]; !ok {
		return nil, false, nil
	}
	t := text{}
	for name, raw := range group {
		form, ok := pluralForms[name]
		if !ok {
			return nil, false, nil
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, true, fmt.Errorf("form %s is no text", name)
		}
		t[form] = s
	}
	return t, true, nil
}

// placeholders lists the names in braces of s, in order.
func placeholders(s string) []string {
	var out []string
	for {
		_, after, ok := strings.Cut(s, "{")
		if !ok {
			return out
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok {
			return out
		}
		out = append(out, name)
		s = rest
	}
}
