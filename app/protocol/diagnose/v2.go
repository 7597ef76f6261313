package diagnose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
)

// v2 examines a call that is signed by signature, timestamp and nonce.
func (e *examination) v2() {
	env, err := saas2.ParseQuery(e.call.Query)
	env.Body = e.call.Body
	method := e.call.Method == "POST"
	e.check("method", method, "method", e.call.Method, "want", "POST")
	e.check("query", err == nil)
	e.checkContentType()
	if env.Signature == "" && env.Timestamp == "" && env.Nonce == "" {
		e.unsigned()
		return
	}
	if err != nil {
		e.find(market.FoundUnreadable)
	}
	e.check("proof", env.Signature != "", "field", "signature")
	e.check("nonce", env.Nonce != "", "field", "nonce")
	for _, p := range []struct{ name, value string }{{"signature", env.Signature}, {"timestamp", env.Timestamp}, {"nonce", env.Nonce}} {
		if p.value == "" && err == nil {
			e.find(market.FoundMissing, "field", p.name)
		}
	}
	at, unit := readTime(env.Timestamp)
	e.check("timestamp", unit == "ms" || unit == "s", "field", "timestamp")
	if unit != "" && unit != "ms" && unit != "s" {
		e.find(market.FoundUnit, "unit", unit)
	}
	e.checkKey()
	signed := e.searchV2(env)
	e.clock(at, unit, signed)
	e.replay()
	switch {
	case !method:
		e.first(market.Finding{Code: market.FoundMethod, Args: pairs([]string{"method", e.call.Method, "want", "POST"})})
	case !e.hasKey() && !signed:
		e.first(market.Finding{Code: market.FoundNoKey, Args: pairs([]string{"class", string(e.call.Class)})})
	case !signed && env.Signature != "" && env.Timestamp != "" && env.Nonce != "" && err == nil:
		e.first(market.Finding{Code: market.FoundKeyUnknown, Args: pairs([]string{"class", string(e.call.Class), "tried", strconv.Itoa(len(e.keys))})})
	}
}

// unsigned is a call without any part of a proof.
func (e *examination) unsigned() {
	e.check("proof", false, "field", "signature")
	e.notReached("timestamp", "nonce", "key", "clock", "signature", "replay")
	if bytes.Contains(e.call.Body[:min(len(e.call.Body), 4096)], []byte("authToken=")) {
		e.find(market.FoundInBody)
		return
	}
	e.find(market.FoundNothingSigned, "method", e.call.Method)
}

func (e *examination) first(f market.Finding) {
	e.findings = append([]market.Finding{f}, e.findings...)
}

// searchV2 looks for what makes the signature, and says what that means.
func (e *examination) searchV2(env saas2.Envelope) bool {
	got, isHex, ok := digest(env.Signature)
	if !ok || env.Timestamp == "" || env.Nonce == "" {
		e.notReached("signature")
		if env.Signature != "" && !ok {
			e.find(market.FoundEncoding, "want", "hex")
		}
		return false
	}
	key, dev, found := e.try(got, e.attemptsV2(env))
	right := found && isHex && dev.code == "" && key.own() && key.Class == e.call.Class && !e.retired(key) && !key.trimmed
	e.check("signature", right)
	if !found {
		return false
	}
	e.blameKey(key)
	if dev.code != "" {
		e.find(dev.code, dev.args...)
	}
	if !isHex {
		e.find(market.FoundEncoding, "want", "hex")
	}
	return true
}

// attemptsV2 are the published recipe over every reading of the body, and then,
// over the body as it is, the query read otherwise and the usual slips in the
// recipe.
func (e *examination) attemptsV2(env saas2.Envelope) []attempt {
	var out []attempt
	for _, p := range payloads(env.Body) {
		out = append(out, recipe(p.deviation, env, p.body))
	}
	for _, q := range otherwise(e.call.Query, env) {
		out = append(out, recipe(q.deviation, q.env, env.Body))
	}
	stamp, nonce, body := []byte(env.Timestamp), []byte(env.Nonce), env.Body
	slip := func(how string, f func(secret string) []byte) {
		out = append(out, attempt{deviation: deviation{market.FoundFormula, []string{"how", how}}, cost: len(body) + 512, sum: f})
	}
	lower := func(b []byte) []byte { return []byte(hex.EncodeToString(b)) }
	slip("inner_upper", func(s string) []byte {
		return mac(s, []byte(s), nonce, stamp, bytes.ToUpper(lower(mac(s, body))))
	})
	slip("time_first", func(s string) []byte { return mac(s, []byte(s), stamp, nonce, lower(mac(s, body))) })
	slip("inner_plain", func(s string) []byte { return mac(s, []byte(s), nonce, stamp, body) })
	inner := sha256.Sum256(body)
	slip("inner_sha256", func(s string) []byte { return mac(s, []byte(s), nonce, stamp, lower(inner[:])) })
	slip("outer_without_key", func(s string) []byte { return mac(s, nonce, stamp, lower(mac(s, body))) })
	return out
}

// recipe is the published signature (CN 0070649476).
func recipe(d deviation, env saas2.Envelope, body []byte) attempt {
	stamp, nonce := []byte(env.Timestamp), []byte(env.Nonce)
	return attempt{deviation: d, cost: len(body) + 512, sum: func(s string) []byte {
		return mac(s, []byte(s), nonce, stamp, []byte(hex.EncodeToString(mac(s, body))))
	}}
}

// reading is the query read in another way.
type reading struct {
	deviation
	env saas2.Envelope
}

// otherwise are timestamp and nonce as they may have been when they were signed.
func otherwise(query string, env saas2.Envelope) []reading {
	var out []reading
	add := func(code, how, stamp, nonce string) {
		if stamp == env.Timestamp && nonce == env.Nonce {
			return
		}
		r := reading{env: env}
		if r.code = code; how != "" {
			r.args = []string{"how", how}
		}
		r.env.Timestamp, r.env.Nonce = stamp, nonce
		out = append(out, r)
	}
	raw := rawValues(query)
	plus := func(name, decoded string) string {
		if v, err := url.PathUnescape(raw[name]); err == nil {
			return v
		}
		return decoded
	}
	add(market.FoundQuery, "plus", plus("timestamp", env.Timestamp), plus("nonce", env.Nonce))
	add(market.FoundQuery, "raw", raw["timestamp"], raw["nonce"])
	add(market.FoundQuery, "twice", unescapeOr(env.Timestamp), unescapeOr(env.Nonce))
	add(market.FoundQuery, "case", env.Timestamp, strings.ToUpper(env.Nonce))
	add(market.FoundQuery, "case", env.Timestamp, strings.ToLower(env.Nonce))
	if len(env.Timestamp) <= 10 {
		add(market.FoundUnitMixed, "", env.Timestamp+"000", env.Nonce)
	} else if len(env.Timestamp) == 13 {
		add(market.FoundUnitMixed, "", env.Timestamp[:10], env.Nonce)
	}
	return out
}

func unescapeOr(s string) string {
	if v, err := url.QueryUnescape(s); err == nil {
		return v
	}
	return s
}

// rawValues are the first values of the parameters as they stand in the address.
func rawValues(query string) map[string]string {
	out := map[string]string{}
	for range 64 {
		pair, rest, more := strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if _, there := out[name]; !there {
			out[name] = value
		}
		if query = rest; !more {
			break
		}
	}
	return out
}

func (e *examination) checkContentType() {
	kind, _, _ := strings.Cut(e.call.ContentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	e.check("content_type", kind == "" || kind == "application/json" || strings.HasSuffix(kind, "+json"), "want", "application/json")
}

// readTime reads a timestamp in whatever unit it has: "s", "ms", "us", "ns", or
// "digits" for V1.0's yyyyMMddHHmmssSSS; "" if it is none of them.
func readTime(s string) (time.Time, string) {
	if s == "" || len(s) > 19 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, ""
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, ""
	case len(s) <= 10:
		return time.Unix(n, 0).UTC(), "s"
	case len(s) <= 13:
		return time.UnixMilli(n).UTC(), "ms"
	}
	if len(s) == 14 || len(s) == 17 {
		if at, err := time.Parse("20060102150405", s[:14]); err == nil {
			return at, "digits"
		}
	}
	if len(s) <= 16 {
		return time.UnixMicro(n).UTC(), "us"
	}
	return time.Unix(0, n).UTC(), "ns"
}

// aClock is by how much a machine's clock may well be off; what is older is an
// old call rather than a wrong clock.
const aClock = 10 * time.Minute

// clock says by how much the call is off. With a right signature that is the
// cause; beside a wrong one it is one more thing to look at.
func (e *examination) clock(at time.Time, unit string, signed bool) {
	if unit == "" {
		e.notReached("clock")
		return
	}
	skew := e.call.At.Sub(at)
	ok := skew.Abs() <= saas2.MaxSkew
	seconds := strconv.FormatFloat(skew.Seconds(), 'f', 1, 64)
	limit := strconv.Itoa(int(saas2.MaxSkew / time.Second))
	e.check("clock", ok, "seconds", seconds, "limit", limit)
	if ok {
		return
	}
	hours := math.Round(skew.Hours())
	whole := (skew - time.Duration(hours)*time.Hour).Abs()
	switch {
	case hours != 0 && math.Abs(hours) <= 14 && whole <= saas2.MaxSkew:
		e.find(market.FoundZone, "hours", strconv.Itoa(int(hours)), "seconds", seconds)
	case signed && skew > aClock:
		e.find(market.FoundOld, "seconds", seconds, "minutes", strconv.Itoa(int(skew.Minutes())))
	default:
		e.find(market.FoundClock, "seconds", seconds, "limit", limit)
	}
}

// replay says what is known of the nonce.
func (e *examination) replay() {
	m := e.memory
	if m.At.IsZero() {
		if e.call.Reason == "call.replayed" { // the memory has forgotten it since
			e.check("replay", false)
			return
		}
		e.check("replay", true)
		return
	}
	e.check("replay", m.Same, "when", m.At.UTC().Format(time.RFC3339))
	if m.Same {
		e.find(market.FoundAgain, "when", m.At.UTC().Format(time.RFC3339))
		return
	}
	e.find(market.FoundReplay, "when", m.At.UTC().Format(time.RFC3339))
}
