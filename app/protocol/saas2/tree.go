package saas2

import (
	"strconv"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/protocol/wire"
)

// The reader of bodies is our own because three things are needed that
// encoding/json hides: numbers exactly as written (an id of 19 digits, and the
// signature over the re-serialised body), keys that are there twice, and escapes
// that stand for no character. It keeps what it read before an error, for the
// log.

// Bounds of a body. Published ones have at most three levels and twenty values;
// the bounds keep what an unproved caller can make us build small.
const (
	maxDepth  = 32
	maxValues = 10_000
)

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindObject
	kindArray
)

// value is one JSON value.
type value struct {
	kind    kind
	text    string // bool and number: the literal; string: decoded
	members []member
	items   []value
}

type member struct {
	key   string
	value value
}

// get is the member of that name; null and absent are the same.
func (v value) get(key string) (value, bool) {
	for i := range v.members {
		if v.members[i].key == key {
			return v.members[i].value, v.members[i].value.kind != kindNull
		}
	}
	return value{}, false
}

// parse reads one JSON value (RFC 8259) that fills the body. One leading UTF-8
// byte order mark is overlooked, as the RFC allows. A key that is there twice is
// an error, but the rest is read all the same and the first value kept.
func parse(body []byte) (value, error) {
	p := parser{s: strings.TrimPrefix(string(body), "\uFEFF")}
	p.skipped = len(body) - len(p.s)
	p.space()
	v, err := p.value(0)
	if err != nil {
		return v, err
	}
	p.space()
	if p.i < len(p.s) {
		return v, p.syntax()
	}
	if p.twice != nil {
		return v, fault.New(fault.Invalid, keyDuplicate, "field", wire.Excerpt(*p.twice))
	}
	return v, nil
}

type parser struct {
	s       string
	i       int
	skipped int // length of the byte order mark
	values  int
	twice   *string // the first key that was there before
}

func (p *parser) syntax() error { return p.at(keyNotJSON, p.i) }

func (p *parser) at(key string, i int) error {
	return fault.New(fault.Invalid, key, "at", strconv.Itoa(i+p.skipped))
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// next tells whether the next byte, after blanks, is c, and takes it.
func (p *parser) next(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *parser) value(depth int) (value, error) {
	if p.i >= len(p.s) {
		return value{}, p.syntax()
	}
	if p.values++; p.values > maxValues {
		return value{}, fault.New(fault.Invalid, keyTooManyValues, "limit", strconv.Itoa(maxValues))
	}
	switch c := p.s[p.i]; {
	case c == '{' || c == '[':
		if depth == maxDepth {
			return value{}, fault.New(fault.Invalid, keyTooDeep, "limit", strconv.Itoa(maxDepth))
		}
		p.i++
		if c == '{' {
			return p.object(depth + 1)
		}
		return p.array(depth + 1)
	case c == '"':
		p.i++
		s, err := p.str()
		return value{kind: kindString, text: s}, err
	case c == '-' || isDigit(c):
		return p.number()
	}
	for _, w := range [...]value{{kind: kindNull, text: "null"}, {kind: kindBool, text: "true"}, {kind: kindBool, text: "false"}} {
		if strings.HasPrefix(p.s[p.i:], w.text) {
			p.i += len(w.text)
			return w, nil
		}
	}
	return value{}, p.syntax()
}

func (p *parser) object(depth int) (value, error) {
	v := value{kind: kindObject}
	if p.next('}') {
		return v, nil
	}
	v.members = make([]member, 0, 8)
	var seen names
	for {
		if !p.next('"') {
			return v, p.syntax()
		}
		key, err := p.str()
		if err != nil {
			return v, err
		}
		if !p.next(':') {
			return v, p.syntax()
		}
		p.space()
		m, err := p.value(depth)
		if err != nil {
			return v, err
		}
		if !seen.add(v.members, key) {
			v.members = append(v.members, member{key, m})
		} else if p.twice == nil {
			p.twice = &key
		}
		if p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return v, p.syntax()
		}
	}
}

// names finds keys that are there twice: by looking through a small object, by
// an index once it is large, so that no body makes it slow.
type names map[string]struct{}

func (n *names) add(members []member, key string) (twice bool) {
	const small = 16
	if len(members) < small {
		for i := range members {
			if members[i].key == key {
				return true
			}
		}
		return false
	}
	if *n == nil {
		*n = make(names, 4*small)
		for i := range members {
			(*n)[members[i].key] = struct{}{}
		}
	}
	if _, twice = (*n)[key]; !twice {
		(*n)[key] = struct{}{}
	}
	return twice
}

func (p *parser) array(depth int) (value, error) {
	v := value{kind: kindArray}
	if p.next(']') {
		return v, nil
	}
	for {
		p.space()
		item, err := p.value(depth)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		if p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return v, p.syntax()
		}
	}
}
