package diagnose

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
)

// kit says whether a call of the joint-operations kit, which this version does
// not speak, comes from the marketplace: then the product needs what is missing
// here, else somebody only guessed the address.
func (e *examination) kit() {
	version := strings.TrimPrefix(string(e.call.Generation), "kit-")
	e.check("supported", false, "version", version)
	e.check("method", e.call.Method == "POST", "method", e.call.Method, "want", "POST")
	e.checkContentType()
	proof, attempts := e.call.Sign, e.attemptsKitV2()
	carrier := "x-sign"
	if e.call.Generation == KitV1 {
		proof, carrier, attempts = strings.Trim(e.call.Token, "\"'“”"), "authToken", e.attemptsKitV1()
	}
	e.check("proof", proof != "", "field", carrier)
	e.checkKey()
	verdict := "missing"
	if proof != "" {
		verdict = "wrong"
	}
	got, _, ok := digest(proof)
	if !ok {
		e.notReached("signature")
	} else {
		key, _, found := e.try(got, attempts)
		right := found && key.own() && key.Class == market.KitKey && !e.retired(key)
		e.check("signature", right)
		if right {
			verdict, e.provedBy = "right", key.ID
		}
		e.find(market.FoundKit, "version", version, "signature", verdict)
		if found {
			e.blameKey(key)
		}
		return
	}
	e.find(market.FoundKit, "version", version, "signature", verdict)
}

// attemptsKitV2 are x-sign: HMAC over accessKey + nonce + timestamp + payload,
// keyed with the access key (CN 0070649476).
func (e *examination) attemptsKitV2() []attempt {
	bodies := [][]byte{e.call.Body}
	if sorted, err := saas2.Canonical(e.call.Body); err == nil && !bytes.Equal(sorted, e.call.Body) {
		bodies = append(bodies, sorted)
	}
	var out []attempt
	for _, body := range bodies {
		out = append(out, attempt{cost: len(body) + 512, sum: func(s string) []byte {
			return mac(s, []byte(s+e.call.Nonce+e.call.Timestamp), body)
		}})
	}
	return out
}

// attemptsKitV1 are the header authToken: V1.0's recipe over the top level of
// the body, with blank values left out, or in (CN 0070649159).
func (e *examination) attemptsKitV1() []attempt {
	fields := topLevel(e.call.Body)
	stamp := valueOf(fields, "timeStamp")
	value := func(f field) string { return f.value }
	full := slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return strings.TrimSpace(f.value) == "" })
	var out []attempt
	for _, list := range [][]field{full, fields} {
		data := []byte(joined(list, value))
		out = append(out, attempt{cost: len(data) + 256, sum: func(s string) []byte { return mac(s+stamp, data) }})
	}
	return out
}

// topLevel are the members of a JSON object by name, texts without their quotes.
func topLevel(body []byte) []field {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil
	}
	fields := make([]field, 0, min(len(members), maxFields))
	for name, raw := range members {
		value := string(raw)
		var text string
		if json.Unmarshal(raw, &text) == nil {
			value = text
		}
		fields = append(fields, field{name: name, value: value})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields[:min(len(fields), maxFields)]
}
