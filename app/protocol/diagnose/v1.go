package diagnose

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/wire"
)

// field is one parameter, both as it stands in the address and decoded.
type field struct{ name, value, raw, plus string }

// maxFields bounds how many parameters are left out one by one, and how many
// members are read of the kit's body.
const maxFields = 64

// v1 examines a call that is signed by authToken.
func (e *examination) v1() {
	method := e.call.Method == "GET"
	e.check("method", method, "method", e.call.Method, "want", "GET")
	query, inBody := e.call.Query, false
	if !carries(query, "authToken") && carries(string(e.call.Body[:min(len(e.call.Body), saas1.MaxQuery)]), "authToken") {
		query, inBody = string(e.call.Body), true
	}
	fields, token, readable := readFields(query)
	e.check("query", readable && e.call.Reason != "call.query_ambiguous" && e.call.Reason != "call.query_format")
	if token == "" {
		e.check("proof", false, "field", "authToken")
		e.notReached("timestamp", "key", "signature")
		e.find(market.FoundNothingSigned, "method", e.call.Method)
		return
	}
	e.check("proof", true, "field", "authToken")
	stamp := valueOf(fields, "timeStamp")
	e.check("timestamp", strings.TrimSpace(stamp) != "", "field", "timeStamp")
	e.checkKey()
	signed := e.searchV1(token, stamp, fields)
	switch {
	case inBody:
		e.first(market.Finding{Code: market.FoundInBody})
	case !method:
		e.first(market.Finding{Code: market.FoundMethod, Args: pairs([]string{"method", e.call.Method, "want", "GET"})})
	case strings.TrimSpace(stamp) == "" && !signed:
		e.first(market.Finding{Code: market.FoundMissing, Args: pairs([]string{"field", "timeStamp"})})
	case strings.HasPrefix(e.call.Reason, "call.query_"):
		e.first(market.Finding{Code: market.FoundUnreadable})
	case !signed && !e.hasKey():
		e.first(market.Finding{Code: market.FoundNoKey, Args: pairs([]string{"class", string(e.call.Class)})})
	case !signed:
		e.first(market.Finding{Code: market.FoundKeyUnknown, Args: pairs([]string{"class", string(e.call.Class), "tried", strconv.Itoa(len(e.keys))})})
	}
}

func carries(query, name string) bool {
	return strings.HasPrefix(query, name+"=") || strings.Contains(query, "&"+name+"=")
}

// readFields reads a query in the order in which it came.
func readFields(query string) (fields []field, token string, readable bool) {
	readable = len(query) <= saas1.MaxQuery
	query = query[:min(len(query), saas1.MaxQuery)]
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, raw, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		value, err := url.QueryUnescape(raw)
		if err != nil {
			value, readable = raw, false
		}
		plus, err := url.PathUnescape(raw)
		if err != nil {
			plus = raw
		}
		if name == "authToken" {
			if token == "" {
				token = strings.ReplaceAll(value, " ", "+")
			}
			continue
		}
		if seen[name] {
			continue // the first counts
		}
		seen[name] = true
		if base64Fields[name] {
			value = strings.ReplaceAll(value, " ", "+")
		}
		fields = append(fields, field{name: name, value: value, raw: raw, plus: plus})
	}
	return fields, token, readable
}

// base64Fields never hold a blank; see app/protocol/saas1.
var base64Fields = map[string]bool{"mobilePhone": true, "email": true, "saasExtendParams": true}

func valueOf(fields []field, name string) string {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return ""
	}
	return fields[i].value
}

// searchV1 looks for what makes the token, and says what that means.
func (e *examination) searchV1(token, stamp string, fields []field) bool {
	bare := strings.Trim(token, "\"'“”")
	got, isHex, ok := digest(bare)
	if !ok {
		e.check("signature", false)
		e.find(market.FoundEncoding, "want", "base64")
		return false
	}
	key, dev, found := e.try(got, attemptsV1(stamp, fields))
	e.check("signature", found && !isHex && bare == token && dev.code == "" && key.own() && key.Class == e.call.Class && !e.retired(key) && !key.trimmed)
	if !found {
		return false
	}
	e.blameKey(key)
	if dev.code != "" {
		e.find(dev.code, dev.args...)
	}
	if bare != token {
		e.find(market.FoundQuoted)
	}
	if isHex {
		e.find(market.FoundEncoding, "want", "base64")
	}
	return true
}

// attemptsV1 are the published recipe over the parameters as they came, and with
// one thing different.
func attemptsV1(stamp string, fields []field) []attempt {
	var out []attempt
	add := func(d deviation, suffix string, text string) {
		data := []byte(text)
		out = append(out, attempt{deviation: d, cost: len(data) + 256, sum: func(s string) []byte { return mac(s+suffix, data) }})
	}
	value := func(f field) string { return f.value }
	sorted := slices.Clone(fields)
	slices.SortStableFunc(sorted, func(a, b field) int { return wire.CompareUTF16(a.name, b.name) })
	text := joined(sorted, value)
	add(deviation{}, stamp, text)
	add(deviation{code: market.FoundBlanks}, stamp, joined(slices.DeleteFunc(slices.Clone(sorted), func(f field) bool { return strings.TrimSpace(f.value) == "" }), value))
	add(deviation{code: market.FoundKeyNoStamp}, "", text)
	add(deviation{code: market.FoundRaw}, stamp, joined(sorted, func(f field) string { return f.raw }))
	add(deviation{market.FoundQuery, []string{"how", "plus"}}, stamp, joined(sorted, func(f field) string { return f.plus }))
	add(deviation{market.FoundOrder, []string{"how", "as_sent"}}, stamp, joined(fields, value))
	folded := slices.Clone(fields)
	slices.SortStableFunc(folded, func(a, b field) int { return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	add(deviation{market.FoundOrder, []string{"how", "ignoring_case"}}, stamp, joined(folded, value))
	backwards := slices.Clone(sorted)
	slices.Reverse(backwards)
	add(deviation{market.FoundOrder, []string{"how", "descending"}}, stamp, joined(backwards, value))
	for i, f := range sorted {
		if f.name != "timeStamp" && len(sorted) <= maxFields {
			add(deviation{market.FoundWithout, []string{"field", name(f.name)}}, stamp, joined(slices.Delete(slices.Clone(sorted), i, i+1), value))
		}
	}
	if !slices.ContainsFunc(sorted, func(f field) bool { return f.name == "testFlag" }) {
		for _, v := range []string{"1", "0", ""} {
			with := append(slices.Clone(sorted), field{name: "testFlag", value: v})
			slices.SortStableFunc(with, func(a, b field) int { return wire.CompareUTF16(a.name, b.name) })
			add(deviation{market.FoundTestFlag, []string{"value", v}}, stamp, joined(with, value))
		}
	}
	return out
}

func joined(fields []field, value func(field) string) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(f.name + "=" + value(f))
	}
	return b.String()
}

// name is a parameter's name fit to be shown.
func name(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 40)]
}
