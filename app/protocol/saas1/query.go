// Package saas1 speaks the SaaS Access Guide V1.0 of KooGallery (deprecated, but
// products sold on it still run): it proves that a call is authentic, reads the
// query string into a market.Call and writes the market.Answer back, and it
// holds the marketplace's side (signing) beside the seller's, for the simulator
// and the tests. It does no I/O, has no clock of its own, and knows neither HTTP
// servers nor databases nor what a call causes.
//
// Page ids in the comments are those of Huawei's help pages; docs/protocol.md
// lists every check with its published statement.
package saas1

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"koodesk/app/protocol/wire"
)

// MaxQuery bounds a query, far above what the tables add up to: a list of 100 ids
// of 64 characters and 2048 characters of saasExtendParams, escaped. It is what a
// server has to read at least.
const MaxQuery = 32 << 10 // bytes, raw

// The names of the parameters that the proof needs.
const (
	nameToken = "authToken"
	nameStamp = "timeStamp"
)

// base64Fields are the fields that never hold a blank: one that the decoding of
// forms made of a raw '+' is that '+' again. The published sample call carries
// its authToken so.
var base64Fields = map[string]bool{nameToken: true, "mobilePhone": true, "email": true, "saasExtendParams": true}

// Parameter is one parameter, decoded once.
type Parameter struct{ Name, Value string }

// Query is the parameters of a call in the order of their names, without
// authToken. The order is that of Java's TreeMap: by UTF-16 unit, upper case first.
type Query struct {
	Token  string
	Params []Parameter
}

// Get is a parameter's value, "" if there is none.
func (q Query) Get(name string) string {
	i, ok := slices.BinarySearchFunc(q.Params, name, func(p Parameter, n string) int { return wire.CompareUTF16(p.Name, n) })
	if !ok {
		return ""
	}
	return q.Params[i].Value
}

// ParseQuery decodes a raw query string (without "?"), as HTML forms are: %XX is
// one byte and '+' a blank, except in the fields that are base64.
//
// Of a parameter that is there more than once the first value counts, for the
// signature and for what is read, as in the published sample (page CN 0070649061).
// A broken escape, invalid UTF-8, and a name that is empty or has '&', '=' or a
// control character are ErrQueryFormat. ErrQueryAmbiguous is a value with another field's "&name=" in
// it: names and values are joined without escapes before they are signed, so
// that such a call has the signature of a different one. With an error the Query
// holds what could be read, for the log.
func ParseQuery(raw string) (Query, error) {
	var q Query
	if len(raw) > MaxQuery {
		return q, with(ErrQueryFormat, "field", "query", "limit", strconv.Itoa(MaxQuery))
	}
	var first error
	fail := func(err error) {
		if first == nil {
			first = err
		}
	}
	token := false
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		p, err := parseParameter(pair)
		switch {
		case err != nil:
			fail(err)
		case p.Name == nameToken && !token:
			q.Token, token = p.Value, true
		case p.Name == nameToken: // the first is there
		default:
			q.Params = append(q.Params, p)
		}
	}
	slices.SortStableFunc(q.Params, func(a, b Parameter) int { return wire.CompareUTF16(a.Name, b.Name) })
	q.Params = slices.CompactFunc(q.Params, func(a, b Parameter) bool { return a.Name == b.Name })
	return q, first
}

func parseParameter(pair string) (Parameter, error) {
	name, value, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(name)
	if err != nil || !cleanName(name) {
		return Parameter{}, with(ErrQueryFormat, "field", wire.Excerpt(name))
	}
	value, err = url.QueryUnescape(value)
	if err != nil || !utf8.ValidString(value) {
		return Parameter{}, with(ErrQueryFormat, "field", name)
	}
	if base64Fields[name] && strings.TrimSpace(value) != "" {
		value = strings.ReplaceAll(value, " ", "+")
	}
	if swallows(value) {
		return Parameter{}, with(ErrQueryAmbiguous, "field", name)
	}
	return Parameter{Name: name, Value: value}, nil
}

func cleanName(s string) bool {
	return s != "" && cleanText(s) && !strings.ContainsAny(s, "&=")
}

// swallows tells whether a value contains what would be another field in the
// text that is signed.
func swallows(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "&")
		if !found {
			return false
		}
		if name, _, is := strings.Cut(rest, "="); is && knownFields[name] {
			return true
		}
		value = rest
	}
}

// cleanText tells whether s has no control characters, so that it can be stored,
// logged and put on a screen as it is.
func cleanText(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
