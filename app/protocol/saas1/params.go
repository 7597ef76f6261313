package saas1

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"koodesk/app/market"
)

// maxParams bounds the parameters of a call: a product has at most three of its
// own, and a few more are published.
const maxParams = 32

// takeExtendParams reads base64 of a JSON list of {"name", "value"} (page CN
// 0070649013). The query's decoding has undone the outer escapes already; what
// still has some is unescaped once more, since it is not published whether they
// are made twice. Which encoder makes it is not published either: both alphabets
// are read, with and without padding and line breaks. A value that is no text is
// kept as its JSON.
func takeExtendParams(c *market.Call, r rule, v string) error {
	const want = "base64 of a JSON list of names and values"
	if strings.Contains(v, "%") {
		once, err := url.PathUnescape(v)
		if err != nil {
			return r.refuse(keyFormat, want, "")
		}
		v = unwrap(strings.ReplaceAll(once, " ", "+"))
	}
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(ordinary.Replace(v), "="))
	if err != nil || !utf8.Valid(plain) {
		return r.refuse(keyFormat, want, "")
	}
	var list []struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(plain, &list); err != nil {
		return r.refuse(keyFormat, want, "")
	}
	for i, p := range list {
		if i == maxParams {
			break
		}
		value := tidy(literal(p.Value))
		c.Terms.Params = append(c.Terms.Params, market.ExtendParam{Name: tidy(p.Name), Value: value})
		if p.Name == "platformParams" {
			c.Terms.Platform = platform(value)
		}
	}
	return nil
}

// ordinary makes base64's alphabet for addresses the ordinary one.
var ordinary = strings.NewReplacer("-", "+", "_", "/")

// unwrap drops the line breaks that some encoders of base64 make.
func unwrap(v string) string {
	return strings.NewReplacer("\r", "", "\n", "").Replace(v)
}

// literal is a JSON text's content, or the JSON itself of anything else.
func literal(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(bytes.TrimSpace(raw))
}

// platform reads WeLink's JSON within the JSON; nil when it is something else.
// The table spells tennantId, the sample tenantId.
func platform(value string) *market.Platform {
	var p struct {
		TenantName, TenantID, TennantID, UserID string
	}
	if json.Unmarshal([]byte(value), &p) != nil {
		return nil
	}
	if p.TenantID == "" {
		p.TenantID = p.TennantID
	}
	return &market.Platform{TenantName: tidy(p.TenantName), TenantID: tidy(p.TenantID), UserID: tidy(p.UserID)}
}

// EncodeParams is the marketplace's side of saasExtendParams, without the escapes
// of the query.
func EncodeParams(params []market.ExtendParam) string {
	type pair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	list := make([]pair, 0, len(params))
	for _, p := range params {
		list = append(list, pair(p))
	}
	b, err := json.Marshal(list) // texts always encode
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// tidy makes what stood inside base64 fit for columns, logs and screens.
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
}
