package saas2

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// number keeps the literal: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *parser) number() (value, error) {
	start := p.i
	if p.s[p.i] == '-' {
		p.i++
	}
	zero := p.i
	if !p.digits() || (p.s[zero] == '0' && p.i > zero+1) {
		return value{}, p.syntax()
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if !p.digits() {
			return value{}, p.syntax()
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if !p.digits() {
			return value{}, p.syntax()
		}
	}
	return value{kind: kindNumber, text: p.s[start:p.i]}, nil
}

func (p *parser) digits() bool {
	start := p.i
	for p.i < len(p.s) && isDigit(p.s[p.i]) {
		p.i++
	}
	return p.i > start
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// str reads a string whose opening quote is taken.
func (p *parser) str() (string, error) {
	start := p.i
	ascii := true
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			text := p.s[start:p.i]
			if !ascii && !utf8.ValidString(text) {
				return "", p.at(keyNotUTF8, start)
			}
			p.i++
			return text, nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.syntax()
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", p.syntax()
}

// escaped goes on with a string that began at start and has escapes from here.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[start:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			if !utf8.ValidString(b.String()) {
				return "", p.at(keyNotUTF8, start)
			}
			p.i++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		case c < 0x20:
			return "", p.syntax()
		default:
			b.WriteByte(c)
			p.i++
		}
	}
	return "", p.syntax()
}

// escape reads one escape. Half a surrogate pair stands for no character and
// cannot be written in UTF-8: that is an error, not a replacement character.
func (p *parser) escape() (rune, error) {
	from := p.i
	if p.i+1 >= len(p.s) {
		p.i = len(p.s)
		return 0, p.syntax()
	}
	c := p.s[p.i+1]
	if c == 'u' {
		r, err := p.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if strings.HasPrefix(p.s[p.i:], `\u`) {
			low, err := p.hex4()
			if err != nil {
				return 0, err
			}
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, nil
			}
		}
		return 0, p.at(keyNotUTF8, from)
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return 0, p.syntax()
	}
	p.i += 2
	return rune("\"\\/\b\f\n\r\t"[i]), nil
}

// hex4 reads \uXXXX.
func (p *parser) hex4() (rune, error) {
	if p.i+6 > len(p.s) {
		return 0, p.syntax()
	}
	var r rune
	for _, c := range []byte(p.s[p.i+2 : p.i+6]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, p.syntax()
		}
	}
	p.i += 6
	return r, nil
}
