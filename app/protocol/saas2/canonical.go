package saas2

import (
	"crypto/sha256"
	"slices"

	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// Canonical is the second reading of "RequestPayload": the body as the published
// sample project re-serialises it before it signs. Members are sorted by name at
// every level, members that are null are left out, arrays keep their order,
// numbers their literal; nothing is between the tokens, and strings have only
// the escapes that Jackson writes. What cannot be read unambiguously is an error
// (see Decode).
func Canonical(body []byte) ([]byte, error) {
	v, err := parse(body)
	if err != nil {
		return nil, err
	}
	return appendCanonical(make([]byte, 0, len(body)), v), nil
}

// spelledHash is SHA-256 over the canonical form of what a call documents, without
// what differs between true repeats (see market.Fleeting). It tells contents apart by
// their spelling: those that were not understood, and those that messages were known
// by before market.ContentHash, so that it is what it was.
func spelledHash(activity string, root value) []byte {
	content := value{kind: kindObject, members: make([]member, 0, len(root.members))}
	for _, m := range root.members {
		if isContent(activity, m.key) {
			content.members = append(content.members, m)
		}
	}
	sum := sha256.Sum256(appendCanonical(make([]byte, 0, 512), content))
	return sum[:]
}

func isContent(activity, name string) bool {
	if market.Fleeting(activity, name) {
		return false
	}
	rules, known := requests[activity]
	return !known || name == "activity" || slices.ContainsFunc(rules, func(r rule) bool { return r.name == name })
}

func appendCanonical(b []byte, v value) []byte {
	switch v.kind {
	case kindObject:
		slices.SortFunc(v.members, func(x, y member) int { return wire.CompareUTF16(x.key, y.key) })
		b = append(b, '{')
		first := true
		for i := range v.members {
			if v.members[i].value.kind == kindNull {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendJackson(b, v.members[i].key)
			b = append(b, ':')
			b = appendCanonical(b, v.members[i].value)
		}
		return append(b, '}')
	case kindArray:
		b = append(b, '[')
		for i := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, v.items[i])
		}
		return append(b, ']')
	case kindString:
		return appendJackson(b, v.text)
	}
	return append(b, v.text...)
}

// appendJackson writes a string as Jackson does by default: the short escapes,
// \u00XX with upper-case digits for the other control characters, everything
// else (also < > & / and U+2028, which Go's encoder would escape) as it is.
func appendJackson(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < 0x20 {
				b = append(b, `\u00`...)
				b = append(b, digits[c>>4], digits[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}
