package store

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked stands for a secret of any length.
const masked = "••••••"

// sensitivity is what the name of a field says about its value.
type sensitivity int

const (
	harmless sensitivity = iota
	fieldSecret
	fieldPhone
	fieldEmail
	fieldPerson
	fieldLicense // a secret; in an object, all but what only speaks of the License
)

// aboutLicense is what our own events say about a License without showing it.
var aboutLicense = []string{"id", "event_id", "effective_at", "expires_at", "supplier"}

// sensitive classes a field by its name, whatever its spelling: mobilePhone,
// mobile_phone and MOBILEPHONE are the same. userName, customerName and
// signature are no secrets.
func sensitive(name string) sensitivity {
	folded := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	switch folded {
	case "license": // a License, or an authorization code; getLicense is a mere name
		return fieldLicense
	case "file": // a License in base64
		return fieldSecret
	}
	for _, m := range sensitiveNames {
		if strings.Contains(folded, m.part) {
			return m.is
		}
	}
	return harmless
}

var sensitiveNames = []struct {
	part string
	is   sensitivity
}{
	{"password", fieldSecret}, {"passwd", fieldSecret}, {"pwd", fieldSecret}, {"secret", fieldSecret}, {"token", fieldSecret},
	{"privatekey", fieldSecret}, {"credential", fieldSecret}, {"authorization", fieldSecret}, {"idcard", fieldSecret},
	{"saasextendparams", fieldSecret}, {"licensecode", fieldSecret}, {"devicefingerprint", fieldSecret}, {"mobile", fieldPhone}, {"phone", fieldPhone}, {"email", fieldEmail}, {"realname", fieldPerson},
}

func (s sensitivity) mask(value string) string {
	switch {
	case s == harmless || value == "":
		return value
	case s == fieldPhone:
		return MaskPhone(value)
	case s == fieldEmail:
		return MaskEmail(value)
	case s == fieldPerson:
		return MaskName(value)
	}
	return masked
}

// MaskEmail keeps the first character and the domain: a•••@example.com.
func MaskEmail(s string) string {
	at := strings.LastIndexByte(s, '@')
	if s == "" {
		return ""
	}
	if at < 1 {
		return masked
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size] + "•••" + s[at:]
}

// MaskPhone keeps the last four digits of a number that is long enough, and the
// first three characters of a longer one: 186••••8888.
func MaskPhone(s string) string {
	r := []rune(s)
	switch {
	case len(r) == 0:
		return ""
	case len(r) >= 11:
		return string(r[:3]) + "••••" + string(r[len(r)-4:])
	case len(r) >= 8:
		return "••••" + string(r[len(r)-4:])
	}
	return masked
}

// MaskName keeps the first character: 张••.
func MaskName(s string) string {
	if s == "" {
		return ""
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size] + "••"
}

// parameter finds name=value where it may be a query parameter, also within a
// longer text, such as an address with a password in it.
var parameter = regexp.MustCompile(`(^|[?&;\s])([A-Za-z0-9_.\-]{1,64})=([^&;\s#"'<>\\]*)`)

// MaskQuery masks the secrets in a raw query string by the names of the
// parameters. A signature is none: it opens nothing after a minute.
func MaskQuery(raw string) string { return maskParameters(visible(raw)) }

func maskParameters(s string) string {
	if !strings.Contains(s, "=") {
		return s
	}
	return parameter.ReplaceAllStringFunc(s, func(m string) string {
		p := parameter.FindStringSubmatch(m)
		if sensitive(p[2]) == harmless || p[3] == "" {
			return m
		}
		return p[1] + p[2] + "=" + masked
	})
}

// MaskBody masks the secrets in a body. JSON keeps its form: order, spaces,
// doubled names and every digit; only values under sensitive names change.
// Anything else is searched for what looks like a sensitive field.
func MaskBody(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if out, ok := maskJSON(b, 0); ok {
		return visible(out)
	}
	return maskPlaces(maskLoose(visible(string(b))))
}

// maskPlaces masks what is a secret by its form, under whatever name it stands.
func maskPlaces(s string) string {
	s = accessPage.ReplaceAllString(s, "$1"+masked)
	return addresses.ReplaceAllStringFunc(s, func(a string) string {
		return MaskEmail(escapedAt.Replace(a))
	})
}

// addresses finds e-mail addresses wherever they stand, for instance in a user
// name or a URL that the seller's template made of them.
var addresses = regexp.MustCompile(`[A-Za-z0-9._%+\-]+(?:@|%40)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+`)

// accessPage finds the link of a buyer's access page, which opens it for whoever
// has it.
var accessPage = regexp.MustCompile(`(/access/)[A-Za-z0-9_-]{16,}`)

var escapedAt = strings.NewReplacer("%40", "@")

// looseName finds the name of a field in a text that is no JSON, for instance
// because it was cut off, or is JSON escaped within a string.
var looseName = regexp.MustCompile(`["']([A-Za-z0-9_.\-]{1,64})\\*["']\s*:\s*`)

func maskLoose(s string) string {
	var b strings.Builder
	for {
		m := looseName.FindStringSubmatchIndex(s)
		if m == nil {
			b.WriteString(s)
			return maskParameters(b.String())
		}
		b.WriteString(s[:m[1]])
		name, rest := s[m[2]:m[3]], s[m[1]:]
		if sensitive(name) == harmless {
			s = rest
			continue
		}
		b.WriteString(`"` + masked + `"`)
		s = rest[looseValue(rest):]
	}
}

// looseValue is how long the value is that s begins with: up to the quote that
// closes it, which has as many backslashes before it as the one that opens it,
// or else up to whatever ends a number.
func looseValue(s string) int {
	escapes := len(s) - len(strings.TrimLeft(s, `\`))
	if escapes >= len(s) || s[escapes] != '"' && s[escapes] != '\'' {
		if end := strings.IndexAny(s, ",}] \t\r\n"); end >= 0 {
			return end
		}
		return len(s)
	}
	quote, run := s[escapes], 0
	for i := escapes + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			run++
			continue
		case s[i] == quote && run <= escapes:
			return i + 1
		}
		run = 0
	}
	return len(s)
}

// maxNesting bounds JSON inside JSON strings.
const maxNesting = 3

// maskJSON rewrites the sensitive values of a JSON text in place; false if it is
// no JSON.
func maskJSON(b []byte, nesting int) (string, bool) {
	if !json.Valid(b) {
		return "", false
	}
	m := &jsonMasker{in: b, dec: json.NewDecoder(bytes.NewReader(b)), nesting: nesting}
	m.dec.UseNumber()
	if err := m.value(harmless); err != nil {
		return "", false
	}
	m.out.Write(b[m.copied:])
	return m.out.String(), true
}

type jsonMasker struct {
	in      []byte
	dec     *json.Decoder
	out     bytes.Buffer
	copied  int64 // of in
	nesting int
}

// value walks one value; kind is what the name above it says.
func (m *jsonMasker) value(kind sensitivity) error {
	before := m.dec.InputOffset()
	tok, err := m.dec.Token()
	if err != nil {
		return err
	}
	switch v := tok.(type) {
	case json.Delim:
		return m.children(v, kind)
	case string:
		if kind != harmless {
			m.replace(before, kind.mask(v))
		} else if clean, changed := m.text(v); changed {
			m.replace(before, clean)
		}
	case json.Number:
		if kind != harmless {
			m.replace(before, kind.mask(v.String()))
		}
	}
	return nil
}

func (m *jsonMasker) children(bracket json.Delim, kind sensitivity) error {
	for m.dec.More() {
		inner := kind
		if bracket == '{' {
			before := m.dec.InputOffset()
			tok, err := m.dec.Token()
			if err != nil {
				return err
			}
			name, _ := tok.(string)
			if clean := maskPlaces(name); clean != name {
				m.replace(before, clean)
			}
			switch {
			case kind == harmless:
				inner = sensitive(name)
			case kind == fieldLicense && slices.Contains(aboutLicense, name):
				inner = harmless
			}
		}
		if err := m.value(inner); err != nil {
			return err
		}
	}
	_, err := m.dec.Token()
	return err
}

// text cleans a harmless field's text: JSON or an address inside it may hold
// secrets of their own.
func (m *jsonMasker) text(s string) (string, bool) {
	if t := strings.TrimSpace(s); m.nesting < maxNesting && (strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[")) {
		if clean, ok := maskJSON([]byte(s), m.nesting+1); ok {
			return clean, clean != s
		}
		clean := maskPlaces(maskLoose(s))
		return clean, clean != s
	}
	clean := maskPlaces(maskParameters(s))
	return clean, clean != s
}

// replace writes what stands before the value that has just been read, and text
// as a JSON string in its place.
func (m *jsonMasker) replace(before int64, text string) {
	start := before
	for start < int64(len(m.in)) && strings.IndexByte(" \t\r\n:,", m.in[start]) >= 0 {
		start++
	}
	m.out.Write(m.in[m.copied:start])
	m.out.WriteString(quoted(text))
	m.copied = m.dec.InputOffset()
}

func quoted(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// visible makes a text of any bytes: what is no UTF-8, and control characters
// but line breaks and tabs, are written as \xNN; characters that would turn the
// direction of the text or hide in it as \uNNNN.
func visible(s string) string {
	if readable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size <= 1, r < 0x20 && r != '\n' && r != '\t' && r != '\r', r == 0x7f:
			b.WriteString(`\x` + hexByte(s[i]))
		case invisible(r):
			b.WriteString(`\u` + strings.ToLower(strconv.FormatInt(int64(r)|0x10000, 16))[1:])
		default:
			b.WriteRune(r)
		}
		i += max(size, 1)
	}
	return b.String()
}

func hexByte(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

func invisible(r rune) bool {
	return r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r >= 0x200b && r <= 0x200f || r == 0xfeff
}

func readable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\t' && c != '\r' || c >= 0x7f {
			return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
				return invisible(r) || r == 0x7f || r < 0x20 && r != '\n' && r != '\t' && r != '\r'
			}) < 0
		}
	}
	return true
}
