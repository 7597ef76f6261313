// Package wire writes what all generations of the protocol write alike: JSON in
// ASCII, texts within published lengths, and usageInfo. It knows no whole message
// of any of them.
package wire

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"koodesk/app/market"
)

// AppendField writes a further member, if there is something to write.
func AppendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return AppendString(b, text)
}

// AppendUsage writes the member usageInfo, if there is something to write. The
// value is a number, as its published type Double says, and never has an exponent.
func AppendUsage(b []byte, list []market.Usage) []byte {
	for n, u := range list {
		if n == 0 {
			b = append(b, `,"usageInfo":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, '{')
		if u.Related != "" {
			b = append(b, `"relatedInstanceId":`...)
			b = append(AppendString(b, u.Related), ',')
		}
		b = append(b, `"usageValue":`...)
		b = append(b, u.Value...)
		b = AppendField(b, "statisticalTime", market.FormatMillis(u.At))
		b = AppendField(b, "dashboardUrl", u.Dashboard)
		b = append(b, '}')
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}

// AppendString writes a JSON string of ASCII characters; bytes that are no
// character become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r >= 0x20 && r < 0x7f:
			b = append(b, s[i])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, high), low)
		default: // control characters, and U+FFFD for what is invalid
			b = appendUnit(b, r)
		}
	}
	return append(b, '"')
}

func appendUnit(b []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}

// CutUTF16 keeps the whole characters of the first limit UTF-16 units, in which
// Java counts lengths.
func CutUTF16(s string, limit int) string {
	n := 0
	for i, r := range s {
		n++
		if r > 0xffff {
			n++
		}
		if n > limit {
			return s[:i]
		}
	}
	return s
}

// Printable is s in printable ASCII, for a resultMsg.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}

// Excerpt is the beginning of something that a caller sent, fit for the args of a
// fault: valid, without control characters, at most 40 characters.
func Excerpt(s string) string {
	const most = 40
	s = strings.ToValidUTF8(s, "?")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, s)
}

// CompareUTF16 orders strings as Java does, by UTF-16 code units: the same as by
// bytes, except that characters beyond U+FFFF come before U+E000 to U+FFFF.
func CompareUTF16(x, y string) int {
	for x != "" && y != "" {
		rx, nx := utf8.DecodeRuneInString(x)
		ry, ny := utf8.DecodeRuneInString(y)
		if rx != ry {
			if rx > 0xffff && ry > 0xffff {
				return int(rx - ry)
			}
			return int(firstUnit(rx) - firstUnit(ry))
		}
		x, y = x[nx:], y[ny:]
	}
	return strings.Compare(x, y)
}

func firstUnit(r rune) rune {
	if high, _ := utf16.EncodeRune(r); high != utf8.RuneError {
		return high
	}
	return r
}
