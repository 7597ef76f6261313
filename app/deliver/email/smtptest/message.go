package smtptest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Message is a mail as the server took it.
type Message struct {
	From   string   // of the envelope
	To     []string // of the envelope
	Raw    string
	Header map[string][]string // decoded, by canonical name
	Text   string              // the plain part, decoded
	HTML   string              // the HTML part, decoded
	TLS    bool                // it came over a protected connection
	User   string              // who was logged in
}

// Get is a header's first value, decoded; "" without it.
func (m Message) Get(name string) string {
	if v := m.Header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func parse(c *session, raw []byte) Message {
	m := Message{From: c.from, To: append([]string(nil), c.to...), Raw: string(raw), Header: map[string][]string{}, TLS: c.secure, User: c.user}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m
	}
	var words mime.WordDecoder
	for name, values := range msg.Header {
		for _, v := range values {
			if d, err := words.DecodeHeader(v); err == nil {
				v = d
			}
			m.Header[name] = append(m.Header[name], v)
		}
	}
	m.part(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body)
	return m
}

// part decodes one part, or the parts in it.
func (m *Message) part(contentType, encoding string, body io.Reader) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, _ := io.ReadAll(body)
	if kind == "text/html" {
		m.HTML = string(b)
	} else {
		m.Text = string(b)
	}
}
