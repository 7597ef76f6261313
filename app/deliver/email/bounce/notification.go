package bounce

import (
	"cmp"
	"net/textproto"
	"regexp"
	"strings"

	"koodesk/app/deliver"
)

// action is what a mail system says it did about one receiver (RFC 3464, 2.3.3).
type action string

const (
	failed    action = "failed"
	delayed   action = "delayed"
	delivered action = "delivered"
	relayed   action = "relayed"  // to a system that reports nothing
	expanded  action = "expanded" // to the members of a list
)

// What the actions mean, and which one counts where one receiver's mail went on
// to several: what has arrived has arrived.
var meanings = map[action]struct {
	rank    int
	outcome deliver.Outcome
}{
	delayed: {1, deliver.HandedOver}, relayed: {2, deliver.HandedOver}, expanded: {2, deliver.HandedOver},
	failed: {3, deliver.Bounced}, delivered: {4, deliver.Delivered},
}

// maxBlocks bounds how many receivers of one notification are looked at.
const maxBlocks = 100

// notification reads a delivery status: blocks of fields, one about the mail and
// one about each receiver.
func notification(status []byte) (best deliver.Report, ok bool) {
	rank := 0
	for n := 0; len(status) > 0 && n < maxBlocks; n++ {
		var h textproto.MIMEHeader
		h, status = fields(status)
		if a := actionOf(h); meanings[a].rank > rank {
			rank, best = meanings[a].rank, reportOf(a, h)
		}
	}
	return best, rank > 0
}

// actionOf is what was done; where that is not said, the status tells.
func actionOf(h textproto.MIMEHeader) action {
	word, _, _ := strings.Cut(strings.ToLower(words(h.Get("Action"))), " ")
	if a := action(strings.TrimRight(word, ".,;")); meanings[a].rank > 0 {
		return a
	}
	switch s := found(enhanced, h.Get("Status")); {
	case s == "":
		return ""
	case s[0] == '5':
		return failed
	case s[0] == '4':
		return delayed
	}
	return delivered
}

func reportOf(a action, h textproto.MIMEHeader) deliver.Report {
	kind, said, ok := strings.Cut(h.Get("Diagnostic-Code"), ";")
	if !ok {
		said = kind
	}
	said = words(said)
	r := deliver.Report{Outcome: meanings[a].outcome, Code: codeOf(h.Get("Status"), said), Note: said}
	if r.Outcome == deliver.HandedOver {
		r.Remark = string(a)
	}
	return r
}

// Codes of RFC 3463 (5.1.1), and of SMTP (550); neither is part of an address
// such as 5.1.1.7 or 203.0.113.25.
var (
	enhanced = regexp.MustCompile(`(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:$|[^\d.]|\.(?:$|\D))`)
	basic    = regexp.MustCompile(`(?:^|[^\d.])([245]\d\d)(?:$|[ :-])`)
)

func found(code *regexp.Regexp, in string) string {
	if m := code.FindStringSubmatch(in); m != nil {
		return m[1]
	}
	return ""
}

// codeOf is the most telling code: some systems write 5.0.0 for whatever the
// other side said.
func codeOf(status, said string) string {
	code := found(enhanced, status)
	if code == "" || strings.HasSuffix(code, ".0.0") {
		if better := found(enhanced, said); better != "" && (code == "" || better[0] == code[0]) {
			return better
		}
	}
	return cmp.Or(code, found(basic, said))
}
