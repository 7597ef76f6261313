// Package diagnose finds out why a call was refused. A refused call is
// tried again with one thing different at a time: another key of the seller's,
// the body before a proxy rewrote it, the query decoded otherwise, the formula
// with a usual mistake. What makes the signature come out right is the cause.
//
// It runs after the answer is decided, and nothing of it reaches the caller. The
// work is bounded by the bytes that it may hash, and does not end early when
// something fits. It does no I/O, has no clock of its own, and decides nothing.
package diagnose

import (
	"slices"
	"strings"
	"time"

	"koodesk/app/market"
)

// Generation is what the call was taken for.
type Generation string

// The generations by how they are proved.
const (
	V1    Generation = "v1"     // a GET with authToken
	V2    Generation = "v2"     // a POST with signature, timestamp and nonce
	KitV1 Generation = "kit-v1" // a POST with the header authToken
	KitV2 Generation = "kit-v2" // a POST with the headers x-sign, x-timestamp, x-nonce
)

// Call is a refused call as it came in.
type Call struct {
	Generation  Generation
	Method      string
	Query       string // raw, without "?"
	Body        []byte
	ContentType string
	At          time.Time // when it arrived
	Class       market.KeyClass
	Reason      string // key of the fault that refused it

	// Of the kit: its headers.
	Token, Sign, Timestamp, Nonce string
}

// Key is a key that may have made the signature.
type Key struct {
	ID        int64
	Secret    string
	Class     market.KeyClass
	Channel   string    // slug of the other channel whose key it is; "" is the one that was called
	RetiredAt time.Time // zero: not retired
}

// Memory is what is known of the call's nonce.
type Memory struct {
	At   time.Time // when it came first; zero: not within the memory's time
	Same bool      // it came with the same body
}

// maxHashed bounds one diagnosis: bytes that go through HMAC. A usual call needs
// some hundred kilobytes.
const maxHashed = 24 << 20

// Diagnose tells what is wrong. keys are the called channel's (valid, retired, of
// every class), then those of other channels.
func Diagnose(c Call, keys []Key, m Memory) market.Diagnosis {
	e := &examination{call: c, keys: withTrimmed(keys), memory: m, left: maxHashed}
	switch c.Generation {
	case V1:
		e.v1()
	case KitV1, KitV2:
		e.kit()
	default:
		e.v2()
	}
	if len(e.findings) == 0 { // a key was set since, or Redis forgot the nonce
		e.find(market.FoundPassesNow)
	}
	return market.Diagnosis{Checks: e.inOrder(), Findings: e.findings, Cut: e.cut, KeyID: e.provedBy}
}

// examination is one diagnosis under way.
type examination struct {
	call     Call
	keys     []candidate
	memory   Memory
	left     int
	cut      bool
	checks   []market.Check
	findings []market.Finding
	provedBy int64
}

// candidate is a key to try; trimmed is one without the blanks around it.
type candidate struct {
	Key
	trimmed bool
}

// withTrimmed adds to each of the channel's own keys that has blanks around it
// the key that was meant.
func withTrimmed(keys []Key) []candidate {
	out := make([]candidate, 0, len(keys)+1)
	for _, k := range keys {
		if k.Secret != "" {
			out = append(out, candidate{Key: k})
		}
	}
	for _, k := range keys {
		if t := strings.TrimSpace(k.Secret); t != "" && t != k.Secret && k.Channel == "" {
			k.Secret = t
			out = append(out, candidate{Key: k, trimmed: true})
		}
	}
	return out
}

// own tells whether the key is the called channel's, whatever its class and age.
func (c candidate) own() bool { return c.Channel == "" }

func (e *examination) find(code string, args ...string) {
	if !slices.ContainsFunc(e.findings, func(f market.Finding) bool { return f.Code == code }) {
		e.findings = append(e.findings, market.Finding{Code: code, Args: pairs(args)})
	}
}

func (e *examination) check(name string, ok bool, args ...string) {
	state := market.CheckPassed
	if !ok {
		state = market.CheckFailed
	}
	e.checks = append(e.checks, market.Check{Name: name, State: state, Args: pairs(args)})
}

func (e *examination) notReached(names ...string) {
	for _, n := range names {
		e.checks = append(e.checks, market.Check{Name: n, State: market.CheckNotReached})
	}
}

// inOrder are the checks in the order in which they are made.
func (e *examination) inOrder() []market.Check {
	order := market.CheckNames()
	slices.SortStableFunc(e.checks, func(a, b market.Check) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return e.checks
}

func pairs(args []string) map[string]string {
	if len(args) == 0 {
		return nil
	}
	m := make(map[string]string, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	return m
}

// blameKey says what is wrong with a key that made the signature. It is silent
// about the right one.
func (e *examination) blameKey(k candidate) {
	switch {
	case k.Channel != "":
		e.find(market.FoundKeyChannel, "channel", k.Channel, "class", string(k.Class))
	case k.Class != e.call.Class:
		e.find(market.FoundKeyClass, "class", string(k.Class), "want", string(e.call.Class))
		e.blameAge(k)
	default:
		e.blameAge(k)
	}
	if k.trimmed {
		e.find(market.FoundKeyBlank, "class", string(k.Class))
	}
}

func (e *examination) blameAge(k candidate) {
	if e.retired(k) {
		e.find(market.FoundKeyRetired, "class", string(k.Class), "when", k.RetiredAt.UTC().Format(time.RFC3339))
	}
}

func (e *examination) retired(k candidate) bool {
	return !k.RetiredAt.IsZero() && !e.call.At.Before(k.RetiredAt)
}

// hasKey tells whether the channel has a valid key of the class.
func (e *examination) hasKey() bool {
	return slices.ContainsFunc(e.keys, func(k candidate) bool { return k.own() && k.Class == e.call.Class && !e.retired(k) })
}

// checkKey notes whether there is a key at all.
func (e *examination) checkKey() bool {
	ok := e.hasKey()
	e.check("key", ok, "class", string(e.call.Class))
	return ok
}
