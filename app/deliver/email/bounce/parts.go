package bounce

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
)

// Mails are nested no deeper, and have no more parts, than is looked at.
const (
	maxDepth = 4
	maxParts = 40
	maxText  = 64 << 10
	maxMark  = 200 // of what parts the parts; the rules allow 70
)

// parts are those of a mail that are looked at.
type parts struct {
	status []byte // the delivery status
	text   []byte // the first text for people, in whatever character set
	other  bool   // it reports on something else
	seen   int
}

// open finds the parts. The copy of the mail that came back is not opened: it may
// be a notification itself.
func open(h textproto.MIMEHeader, body []byte) *parts {
	p := &parts{}
	p.add(h, bytes.NewReader(body), 0)
	return p
}

func (p *parts) add(h textproto.MIMEHeader, body io.Reader, depth int) {
	kind, params := mediaType(h.Get("Content-Type"))
	switch {
	case kind == "message/delivery-status" || kind == "message/global-delivery-status":
		if p.status == nil {
			p.status = decoded(h, body, MaxSize)
		}
	case kind == "message/disposition-notification" || kind == "message/global-disposition-notification" || kind == "message/feedback-report":
		p.other = true
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		if depth < maxDepth && len(params["boundary"]) <= maxMark {
			p.open(multipart.NewReader(body, params["boundary"]), depth+1)
		}
	case (kind == "" || kind == "text/plain") && p.text == nil:
		p.text = decoded(h, body, maxText)
	}
}

func (p *parts) open(r *multipart.Reader, depth int) {
	for p.seen < maxParts {
		part, err := r.NextRawPart()
		if err != nil { // the end, or a mail that was cut off
			return
		}
		p.seen++
		p.add(part.Header, part, depth)
	}
}

// decoded takes the transfer encoding off, as far as the content is whole.
func decoded(h textproto.MIMEHeader, body io.Reader, most int64) []byte {
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, _ := io.ReadAll(io.LimitReader(body, most))
	if b == nil {
		b = []byte{}
	}
	return b
}

// fields reads the fields of a header, or of one block of a delivery status, and
// gives what follows. What is no field is passed over: mail systems write, and
// others on the way add, what the rules do not know.
func fields(b []byte) (h textproto.MIMEHeader, rest []byte) {
	h = textproto.MIMEHeader{}
	name, value := "", []byte(nil)
	end := func() {
		if name != "" {
			h.Add(name, strings.TrimSpace(string(value)))
		}
		name, value = "", nil
	}
	defer end()
	for len(b) > 0 {
		var line []byte
		line, b, _ = cutLine(b)
		if len(bytes.TrimSpace(line)) == 0 {
			return h, b
		}
		if line[0] == ' ' || line[0] == '\t' {
			value = append(append(value, ' '), bytes.TrimSpace(line)...)
			continue
		}
		end()
		before, after, ok := bytes.Cut(line, []byte(":"))
		if before = bytes.TrimRight(before, " \t"); ok && len(before) > 0 && !bytes.ContainsAny(before, " \t") {
			name, value = string(before), append([]byte(nil), after...)
		}
	}
	return h, nil
}

// cutLine takes one line off, without its end.
func cutLine(b []byte) (line, rest []byte, more bool) {
	line, rest, more = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest, more
}
