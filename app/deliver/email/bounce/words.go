package bounce

import (
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"

	"koodesk/app/deliver/email"
)

// What is kept of a mail system's words, in characters.
const (
	maxCode = 32
	maxNote = 200
)

// maxWords is how much of a text is looked at, in bytes: decoding takes far longer
// for one that is long and made for it.
const maxWords = 4 << 10

var decoder = mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(in), nil
}}

// words makes readable what a mail system wrote: its encoded words are decoded,
// and bytes that are not UTF-8 are taken for Chinese, on one line.
func words(s string) string {
	s = s[:min(len(s), maxWords)]
	if !utf8.ValidString(s) {
		if decoded, err := simplifiedchinese.GB18030.NewDecoder().String(s); err == nil {
			s = decoded
		}
	}
	if decoded, err := decoder.DecodeHeader(s); err == nil {
		s = decoded
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// clean makes words fit to be kept: short, and without the addresses that mail
// systems like to repeat.
func clean(s string, most int) string {
	s = email.Scrub(s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}
