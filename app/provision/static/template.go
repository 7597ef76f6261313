package static

import (
	"net/url"
	"slices"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/provision"
)

// placeholder is one that templates may use.
type placeholder struct {
	name   string
	inHost bool   // its values can be part of a host name
	sample string // of the published form, and of usual length
	value  func(provision.Request) string
}

// placeholders are all of them, beside {param:NAME}.
var placeholders = []placeholder{
	{"instance_id", true, "87b94795-0603-4e24-8ae5-69420d60e3c8", func(r provision.Request) string { return r.InstanceID }},
	{"order_id", true, "CS2211181819B4LVS", func(r provision.Request) string { return r.OrderID }},
	{"order_line_id", true, "CS2211181819B4LVS-000001", func(r provision.Request) string { return r.OrderLineID }},
	{"customer_id", true, "459bbbec25d24749b2eb83be37b602a8", func(r provision.Request) string { return r.Customer.ID }},
	{"customer_name", false, "hw-example", func(r provision.Request) string { return r.Customer.Name }},
	{"email", false, "name@example.com", func(r provision.Request) string { return r.Customer.Email }},
	{"sku_code", true, "0a4d1578-5295-46a7-92d4-7c803dccc51d", func(r provision.Request) string { return r.Product.SkuCode }},
	{"product_id", true, "OFFI846204237451911168", func(r provision.Request) string { return r.Product.ProductID }},
	{"linear_value", true, "50", func(r provision.Request) string { return number(r.Product.LinearValue) }},
	{"amount", true, "50", func(r provision.Request) string { return number(r.Product.Amount) }},
	{"disk_size", true, "100", func(r provision.Request) string { return number(r.Product.DiskSize) }},
	{"band_width", true, "10", func(r provision.Request) string { return number(r.Product.BandWidth) }},
}

// Placeholders names those that templates may use, without braces, beside
// param:NAME.
func Placeholders() []string {
	out := make([]string, 0, len(placeholders))
	for _, p := range placeholders {
		out = append(out, p.name)
	}
	return out
}

// find gives the placeholder of that name.
func find(name string) (p placeholder, ok bool) {
	i := slices.IndexFunc(placeholders, func(p placeholder) bool { return p.name == name })
	if i < 0 {
		return p, false
	}
	return placeholders[i], true
}

// paramPrefix begins the placeholders that stand for the buyer's own extension
// parameters: {param:NAME}, by the name that the product was released with.
const paramPrefix = "param:"

// maxParamName bounds NAME, in bytes.
const maxParamName = 128

// paramName tells whether a placeholder stands for an extension parameter, and
// for which.
func paramName(placeholder string) (string, bool) {
	name, ok := strings.CutPrefix(placeholder, paramPrefix)
	return name, ok && name != "" && len(name) <= maxParamName && strings.TrimSpace(name) == name
}

// place is where in a text a placeholder stands: it decides how its value is
// escaped.
type place int

const (
	text place = iota // no address: the value as it is
	scheme
	host
	path
	query
	fragment
)

// lookup gives the value of a placeholder; false for an extension parameter that
// the order does not have.
type lookup func(placeholder string) (string, bool)

// part is a literal or, with a name, a placeholder.
type part struct {
	literal string
	name    string
	at      place
}

// template is a parsed template of one field of the settings.
type template struct {
	field string // as in the settings: front_end_url, …
	parts []part
}

// parse reads a template; "{{" and "}}" stand for single braces. Faults: invalid
// template.unclosed, template.unknown_placeholder (known), template.place.
func parse(field, s string, isURL bool) (template, error) {
	t := template{field: field}
	at := text
	if isURL {
		at = scheme
	}
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			t.parts = append(t.parts, part{literal: lit.String()})
			lit.Reset()
		}
	}
	for s != "" {
		switch {
		case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
			lit.WriteByte(s[0])
			s = s[2:]
		case s[0] == '{':
			name, rest, ok := strings.Cut(s[1:], "}")
			if !ok {
				return t, fault.New(fault.Invalid, "template.unclosed", "field", field)
			}
			if err := allowed(field, name, at, t.parts, lit.String()); err != nil {
				return t, err
			}
			flush()
			t.parts = append(t.parts, part{name: name, at: at})
			s = rest
		case at == scheme && strings.HasPrefix(s, "://"):
			lit.WriteString("://")
			s, at = s[3:], host
		default:
			at = at.after(s[0])
			lit.WriteByte(s[0])
			s = s[1:]
		}
	}
	flush()
	return t, nil
}

// after is the place behind the byte c.
func (p place) after(c byte) place {
	switch {
	case p == text || p == scheme:
		return p
	case c == '#':
		return fragment
	case c == '?' && p < query:
		return query
	case c == '/' && p == host:
		return path
	}
	return p
}

func allowed(field, name string, at place, before []part, lit string) error {
	_, isParam := paramName(name)
	p, known := find(name)
	if !isParam && !known {
		return fault.New(fault.Invalid, "template.unknown_placeholder", "field", field, "placeholder", name,
			"known", strings.Join(Placeholders(), " ")+" "+paramPrefix+"NAME")
	}
	// A buyer's parameter may be a label of the host (a tenant's own subdomain);
	// escape refuses whatever is more than that.
	misplaced := at == scheme || at == host && (!isParam && !p.inHost || authorityPart(before, lit))
	if misplaced {
		return fault.New(fault.Invalid, "template.place", "field", field, "placeholder", name)
	}
	return nil
}

// authorityPart tells whether what stands before is a user name or a port, where
// no value belongs.
func authorityPart(before []part, lit string) bool {
	all := lit
	for _, p := range before {
		all = p.literal + all
	}
	_, authority, _ := strings.Cut(all, "://")
	return strings.ContainsAny(authority, ":@")
}

// render fills the template. Faults: invalid template.param_missing,
// template.value_missing and template.value_unfit, which name field and
// placeholder, never the value.
func (t template) render(values lookup) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		v, known := values(p.name)
		if !known {
			name, _ := paramName(p.name)
			return "", fault.New(fault.Invalid, "template.param_missing", "field", t.field, "param", name)
		}
		if v == "" && t.needs(p) {
			return "", fault.New(fault.Invalid, "template.value_missing", "field", t.field, "placeholder", p.name)
		}
		s, ok := escape(v, p.at)
		if !ok {
			return "", fault.New(fault.Invalid, "template.value_unfit", "field", t.field, "placeholder", p.name)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// needs tells whether an empty value makes the result useless: an address that
// points elsewhere, a user name that is none.
func (t template) needs(p part) bool {
	return p.at == host || p.at == path || t.field == fieldUserName
}

// escape writes a value so that it stays within its place.
func escape(v string, at place) (string, bool) {
	switch at {
	case host:
		v = strings.ToLower(v)
		ok := !strings.ContainsFunc(v, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
		})
		return v, ok && len(v) <= 63 && !strings.HasPrefix(v, "-") && !strings.HasSuffix(v, "-")
	case path:
		return url.PathEscape(v), v != "." && v != ".." // a browser would climb up
	case query:
		return url.QueryEscape(v), true
	case fragment:
		return url.PathEscape(v), true
	}
	return v, true
}
