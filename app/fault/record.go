package fault

import (
	"encoding/json"
	"unicode/utf8"
)

// maxDetail bounds the stored text of a cause, in bytes: enough for an SMTP
// dialogue line or a driver's message, too little to swallow a whole page.
const maxDetail = 600

// Record is a fault as it is stored with an attempt: translatable later, in
// whatever language the reader uses.
type Record struct {
	Code   Code              `json:"code"`
	Key    string            `json:"key"`
	Args   map[string]string `json:"args,omitempty"`
	Detail string            `json:"detail,omitempty"`
}

// ToRecord turns an error into what is stored. nil gives nil.
func ToRecord(err error) *Record {
	if err == nil {
		return nil
	}
	e := From(err)
	r := &Record{Code: e.Code, Key: e.Key, Args: e.Args}
	if e.Err != nil {
		r.Detail = cut(e.Err.Error())
	}
	return r
}

// JSON is the stored form; nil for a nil record.
func (r *Record) JSON() []byte {
	if r == nil {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil { // strings and string maps always marshal
		panic(err)
	}
	return b
}

// ParseRecord reads a stored record; empty input gives nil.
func ParseRecord(b []byte) (*Record, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, Wrap(err, Internal, "internal")
	}
	return &r, nil
}

// cut bounds s without splitting a character and without NUL, which
// PostgreSQL's text cannot hold.
func cut(s string) string {
	out := make([]rune, 0, len(s))
	n := 0
	for _, r := range s {
		if r == 0 || r == utf8.RuneError {
			r = '·'
		}
		n += utf8.RuneLen(r)
		if n > maxDetail {
			return string(out) + "…"
		}
		out = append(out, r)
	}
	return string(out)
}
