package deliver

import (
	"slices"
	"strconv"
	"time"

	"koodesk/app/market"
	"koodesk/app/wording"
)

// Lengths that the bodies of texts may have, in characters. What an SMS comes to
// depends on its values; the editor shows it.
const (
	longestMail = 10000
	longestSMS  = 1000
)

// common are the variables of every kind.
var common = []wording.Variable{{Name: "customer_name"}, {Name: "product_name"}, {Name: "instance_id"}, {Name: "order_id"}, {Name: "expires_at"}, {Name: "seller"}}

// access are the variables of the usage information.
var access = []wording.Variable{{Name: "front_end_url", Kind: wording.Address}, {Name: "admin_url", Kind: wording.Address}, {Name: "user_name", Kind: wording.Code},
	{Name: "password", Kind: wording.Secret}, {Name: "password_url", Kind: wording.Address, Private: true}, {Name: "memo"}}

// expiry are the variables of an expiry notice.
var expiry = []wording.Variable{{Name: "days"}, {Name: "expired", Kind: wording.Flag}, {Name: "today", Kind: wording.Flag}, {Name: "tomorrow", Kind: wording.Flag}}

// RulesFor tells what the text of a kind may and must say. KooGallery wants the
// customer to get address, account and password.
func RulesFor(kind, medium string) wording.Rules {
	r := wording.Rules{Mail: medium == Email, Longest: longestSMS, Variables: slices.Clone(common)}
	if r.Mail {
		r.Longest = longestMail
	}
	switch kind {
	case market.UsageInfo:
		r.Variables = append(slices.Clone(access), r.Variables...)
		r.Required = []string{"front_end_url", "user_name", "password"}
	case market.ExpiryNotice:
		r.Variables = append(slices.Clone(expiry), r.Variables...)
		r.Required = []string{"expires_at"}
	case market.WasRenewed:
		r.Required = []string{"expires_at"}
	}
	return r
}

// VariableNames lists what a template of a service may use.
func VariableNames() []string {
	var out []string
	for _, v := range slices.Concat(common, access, expiry) {
		if v.Kind != wording.Flag {
			out = append(out, v.Name)
		}
	}
	slices.Sort(out)
	return out
}

// briefExpiry is the expiry for services that have the text, and no variable of ours.
const briefExpiry = "expires_at in brief"

// all are the values by the names that services know; each name is there.
func all(v wording.Values) map[string]string {
	out := map[string]string{}
	for _, name := range VariableNames() {
		out[name] = v[name]
	}
	out["expires_at"] = v[briefExpiry]
	if out["days"] == "" {
		out["days"] = "0"
	}
	return out
}

// brief writes a time for a service with texts of its own: Huawei's takes at most
// 20 characters in a variable, so that the zone stays unsaid.
func brief(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }
