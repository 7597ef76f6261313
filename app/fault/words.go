package fault

// Word names an argument of a fault that holds somebody else's words: what a product
// of the seller gave as its reason, or what a caller sent in a field.
type Word struct{ Key, Arg string }

// Words are all of them. They may name a customer, and so may the cause's text: what
// is kept beyond the customer's data is kept without either. All other arguments are
// codes, numbers and names of the seller's own.
func Words() []Word {
	return []Word{
		{"webhook.refused", "message"},
		{"license.supplier_refused", "message"},
		{"call.field_format", "got"},
		{"call.field_value", "got"},
		{"call.unknown_activity", "got"},
		{"call.query_format", "field"},
		{"call.duplicate_key", "field"},
	}
}

// Unsure stands behind an argument "restart" of which it is not known that the site has
// such a page: people read it as a sentence in their language.
const Unsure = " (?)"

// Unsaid stands in a record where somebody's words were.
const Unsaid = "…"

// Wordless is a copy of a record without the words of others; nil gives nil.
func (r *Record) Wordless() *Record {
	if r == nil {
		return nil
	}
	out := &Record{Code: r.Code, Key: r.Key}
	for name, v := range r.Args {
		if out.Args == nil {
			out.Args = make(map[string]string, len(r.Args))
		}
		out.Args[name] = v
	}
	for _, w := range Words() {
		if _, ok := out.Args[w.Arg]; ok && w.Key == r.Key {
			out.Args[w.Arg] = Unsaid
		}
	}
	return out
}
