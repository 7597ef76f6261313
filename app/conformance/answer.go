package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Check compares an answer's body with the interface's table and gives what is
// wrong: a field that is not documented, is missing where it is mandatory, is no
// string, is too long, or has a value outside its list; and text beyond ASCII,
// which V1.0 wants as \uXXXX.
func (i Interface) Check(body []byte) []string {
	var doc map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil || doc == nil || d.More() {
		return []string{"the body is not one JSON object"}
	}
	k := checker{table: i.Answer}
	code, _ := doc["resultCode"].(string)
	k.done = code == "000000"
	k.taken = k.done || code == "000004"
	k.object("", doc)
	if strings.ContainsFunc(string(body), func(r rune) bool { return r > 0x7e || r < 0x20 }) {
		k.find("characters that are not printable ASCII")
	}
	return k.findings
}

type checker struct {
	table    []Field
	taken    bool // the call was taken over: what is mandatory must be there
	done     bool // nothing is left for later: whole objects must be there too
	findings []string
}

func (k *checker) find(format string, args ...any) {
	k.findings = append(k.findings, fmt.Sprintf(format, args...))
}

func (k *checker) object(path string, doc map[string]any) {
	for name, v := range doc {
		at := path + name
		row := slices.IndexFunc(k.table, func(f Field) bool { return f.Name == at })
		switch v := v.(type) {
		case map[string]any:
			k.within(at + ".")
			k.object(at+".", v)
			continue
		case []any:
			k.within(at + "[].")
			if len(v) == 0 && k.done && row >= 0 && k.table[row].wanted() {
				k.find("field %s is empty", at)
			}
			for _, item := range v {
				o, ok := item.(map[string]any)
				if !ok {
					k.find("%s has an entry that is no object", at)
					continue
				}
				k.object(at+"[].", o)
			}
			continue
		}
		if row < 0 {
			k.find("field %s is not documented", at)
			continue
		}
		k.value(k.table[row], v)
	}
	if k.taken || path == "" {
		k.presence(path, doc)
	}
}

// within finds an object or a list that the table knows nothing of.
func (k *checker) within(prefix string) {
	if !slices.ContainsFunc(k.table, func(f Field) bool { return strings.HasPrefix(f.Name, prefix) }) {
		k.find("field %s is not documented", strings.TrimSuffix(prefix, "."))
	}
}

// direct is a field's own name below a path.
var direct = regexp.MustCompile(`^[A-Za-z]+$`)

func (k *checker) presence(path string, doc map[string]any) {
	for _, f := range k.table {
		name, below := strings.CutPrefix(f.Name, path)
		if !below || !direct.MatchString(name) || !f.wanted() {
			continue
		}
		due := k.taken
		if k.composite(f.Name) {
			due = k.done // what is processed has none of it yet
		}
		if v, there := doc[name]; (!there || v == nil && k.composite(f.Name)) && (due || f.Name == "resultCode") {
			k.find("field %s is missing", f.Name)
		}
	}
	if _, there := doc["resultMsg"]; path == "" && !there {
		k.find("field resultMsg is missing: the FAQ requires it")
	}
}

// doubles are numbers as Double(12,4) allows them to be printed: twelve digits at
// most, four of them behind the point, no sign and no exponent.
var doubles = regexp.MustCompile(`^[0-9]{1,8}(\.[0-9]{1,4})?$`)

func (k *checker) number(f Field, v any) {
	n, ok := v.(json.Number)
	switch {
	case !ok:
		k.find("field %s is no number", f.Name)
	case len(n) > f.Length:
		k.find("field %s has %d characters, at most %d are allowed", f.Name, len(n), f.Length)
	case !doubles.MatchString(n.String()):
		k.find("field %s is %s, which is no %s", f.Name, n, f.Type)
	}
}

// composite tells whether the field is an object, or a list of them.
func (k *checker) composite(name string) bool {
	return slices.ContainsFunc(k.table, func(f Field) bool {
		return strings.HasPrefix(f.Name, name+".") || strings.HasPrefix(f.Name, name+"[].")
	})
}

func (k *checker) value(f Field, v any) {
	if k.composite(f.Name) {
		if v != nil {
			k.find("field %s is no object", f.Name)
		}
		return
	}
	if f.Type == "Double(12,4)" {
		k.number(f, v)
		return
	}
	s, ok := v.(string)
	if !ok {
		k.find("field %s is no string", f.Name)
		return
	}
	if f.Mandatory() && s == "" {
		k.find("field %s is empty", f.Name)
	}
	if n := len(utf16.Encode([]rune(s))); f.Length > 0 && n > f.Length {
		k.find("field %s has %d characters, at most %d are allowed", f.Name, n, f.Length)
	}
	if len(f.Values) > 0 && !slices.Contains(f.Values, s) {
		k.find("field %s is %q, must be one of %s", f.Name, s, strings.Join(f.Values, ", "))
	}
}
