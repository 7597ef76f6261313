package store

import "bytes"

// Request is a call as it came in: what the message log keeps, sealed.
type Request struct {
	Method string
	Query  string // raw, as received
	Body   []byte // raw, as received
}

// Pack writes a request as its request line without a path, an empty line and
// the body, byte for byte.
func (r Request) Pack() []byte {
	out := make([]byte, 0, len(r.Method)+len(r.Query)+len(r.Body)+4)
	out = append(out, r.Method...)
	out = append(out, " ?"...)
	out = append(out, bytes.ReplaceAll([]byte(r.Query), []byte("\n"), []byte("%0A"))...)
	out = append(out, "\n\n"...)
	return append(out, r.Body...)
}

// Unpack reads what Pack wrote. Anything else is taken as a body alone.
func Unpack(b []byte) Request {
	head, body, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return Request{Body: b}
	}
	method, query, ok := bytes.Cut(head, []byte(" ?"))
	if !ok {
		return Request{Body: b}
	}
	return Request{Method: string(method), Query: string(query), Body: body}
}
