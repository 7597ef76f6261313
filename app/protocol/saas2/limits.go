package saas2

import (
	"strings"
	"unicode/utf8"

	"koodesk/app/market"
)

// Published lengths, in characters. What we read is counted in Unicode
// characters, which is the most that a length can mean; what we write is counted
// in UTF-16 units, as Java's String.length does, which is the least.
const (
	MaxResultMsg   = 255                   // resultMsg of every answer
	MaxInstanceID  = 64                    // instanceId of an answer (CN 0070649427, 0070649428)
	MaxFrontEndURL = market.MaxAppURL      // AppInfo (CN 0070649428), down to MaxMemo
	MaxAdminURL    = market.MaxAppURL      //
	MaxUserName    = market.MaxAppUserName //
	MaxPassword    = market.MaxAppPassword //
	MaxMemo        = market.MaxAppMemo     //
	MaxQueryIDs    = 100                   // ids in one queryInstance
)

// Fits tells whether access data can be written into an answer: see
// market.AppInfo.Check, whose faults it returns.
func Fits(a market.AppInfo) error { return a.Check() }

// cutUTF16 keeps the whole characters of the first limit UTF-16 units.
func cutUTF16(s string, limit int) string {
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

// printable is s in printable ASCII, for a resultMsg.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}

// excerpt is the beginning of something that the caller sent, for the args of a
// fault.
func excerpt(s string) string {
	const most = 40 // characters
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if !cleanText(string(r)) {
			return '?'
		}
		return r
	}, s)
}
