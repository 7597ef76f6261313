package bounce

import (
	"cmp"
	"net/textproto"
	"strings"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
)

// unformatted reads a mail without a delivery status. It has come back for good
// only where its sender says so in a way that no answer of a person or of his mail
// program has; what a mail system says otherwise is a note.
func unformatted(h textproto.MIMEHeader, text []byte) (deliver.Report, bool) {
	if reason, ok := qmail(text); ok {
		return deliver.Report{Outcome: deliver.Bounced, Code: codeOf("", words(reason)), Note: words(reason)}, true
	}
	if h.Get("X-Failed-Recipients") != "" { // older Exim, and others after it
		said := replyIn(text)
		return deliver.Report{Outcome: deliver.Bounced, Code: codeOf("", said), Note: cmp.Or(said, words(h.Get("Subject")))}, true
	}
	if !fromSystem(h) {
		return deliver.Report{}, false
	}
	return deliver.Report{Outcome: deliver.HandedOver, Remark: "unreadable", Note: words(h.Get("Subject"))}, true
}

// qmail reads the form of qmail-send (QSBMF): a greeting, a paragraph for each
// receiver, and a line before the copy. It is used for final failures only.
func qmail(text []byte) (reason string, ok bool) {
	paragraphs := paragraphs(text)
	if !strings.HasPrefix(paragraphs[0], "Hi. This is the") {
		return "", false
	}
	for _, p := range paragraphs[1:] {
		if strings.HasPrefix(p, "-") {
			return "", false
		}
		if to, why, more := strings.Cut(p, "\n"); more && strings.HasPrefix(to, "<") && strings.HasSuffix(strings.TrimSpace(to), ">:") {
			return why, true
		}
	}
	return "", false
}

// replyIn is what the other side's server answered, from its code to the end of
// the paragraph; "" if that is not told. What stands below a line is the copy.
func replyIn(text []byte) string {
	for _, p := range paragraphs(text) {
		if strings.HasPrefix(p, "-") {
			break
		}
		said := words(p)
		if at := basic.FindStringSubmatchIndex(said); at != nil {
			return said[at[2]:]
		}
	}
	return ""
}

// paragraphs are parted by empty lines.
func paragraphs(text []byte) []string {
	all := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")), "\n\n")
	for i, p := range all {
		all[i] = strings.TrimLeft(p, "\n")
	}
	return all
}

// fromSystem tells a mail server's mail from a person's, and from an answer that
// his mail program gives, which has no sender in its envelope either.
func fromSystem(h textproto.MIMEHeader) bool {
	from := strings.ToLower(email.Address.FindString(words(h.Get("From"))))
	name, _, _ := strings.Cut(from, "@")
	if name == "mailer-daemon" || name == "postmaster" {
		return true
	}
	return strings.TrimSpace(h.Get("Return-Path")) == "<>" && !automatic(h)
}

func automatic(h textproto.MIMEHeader) bool {
	if s := strings.ToLower(h.Get("Auto-Submitted")); s != "" && s != "no" {
		return true
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "X-Vacation"} {
		if h.Get(name) != "" {
			return true
		}
	}
	return strings.EqualFold(strings.TrimSpace(h.Get("Precedence")), "auto_reply")
}
