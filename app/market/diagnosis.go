package market

// Diagnosis is why a call could not be proved authentic: which checks it met
// and what would have made it pass. It is for operators alone, and holds no
// secret: neither keys nor what was computed with them.
type Diagnosis struct {
	Checks   []Check   `json:"checks"`
	Findings []Finding `json:"findings"`      // the most probable cause first; never empty
	Cut      bool      `json:"cut,omitempty"` // the search for causes met its bound before its end
	KeyID    int64     `json:"-"`             // the channel's valid key that proved a call of the kit; 0 is none
}

// Check is one step of the proof.
type Check struct {
	Name  string            `json:"name"`  // see CheckNames
	State string            `json:"state"` // passed, failed or not_reached
	Args  map[string]string `json:"args,omitempty"`
}

// States of a check.
const (
	CheckPassed     = "passed"
	CheckFailed     = "failed"
	CheckNotReached = "not_reached"
)

// CheckNames are the steps, in the order in which they are made. A generation
// has only some of them.
func CheckNames() []string {
	return []string{"supported", "method", "query", "proof", "timestamp", "nonce", "key", "clock", "signature", "replay", "content_type"}
}

// Finding is something that explains the refusal, or a part of it.
type Finding struct {
	Code string            `json:"code"` // translation key below "diagnosis."
	Args map[string]string `json:"args,omitempty"`
}

// Finding codes: what is wrong with the call, by what made the signature come
// out right when it was tried.
const (
	FoundKit           = "kit"            // the joint-operations kit; args: version, signature
	FoundNothingSigned = "nothing_signed" // no proof of any generation: a person, a probe, a scanner
	FoundMethod        = "method"         // the other generation's method; args: method, want
	FoundInBody        = "token_in_body"  // V1.0's parameters came as a form
	FoundNoKey         = "no_key"         // args: class
	FoundUnreadable    = "unreadable"     // the address cannot be read; args: field
	FoundMissing       = "missing"        // args: field
	FoundPassesNow     = "passes_now"     // nothing is wrong any more

	FoundKeyRetired = "key_retired" // args: class, when (RFC 3339)
	FoundKeyClass   = "key_class"   // args: class (that made it), want
	FoundKeyChannel = "key_channel" // args: channel, class
	FoundKeyBlank   = "key_blank"   // the stored key has blanks around it; args: class
	FoundKeyUnknown = "key_unknown" // no key made it, whatever was tried; args: class, tried

	FoundClock     = "clock"            // args: seconds (positive: the call is old), limit
	FoundZone      = "clock_zone"       // args: hours, seconds
	FoundOld       = "old"              // far beyond what a clock is off; args: seconds, minutes
	FoundUnit      = "time_unit"        // args: unit
	FoundUnitMixed = "time_signed_unit" // seconds were signed and milliseconds sent, or the reverse
	FoundReplay    = "replay"           // the nonce came with another body; args: when
	FoundAgain     = "replay_again"     // the nonce came with this body before; args: when

	FoundBody       = "body"         // args: how (see diagnose)
	FoundBodyLost   = "body_lost"    // signed over a body, arrived without, or the reverse
	FoundQuery      = "query"        // args: how
	FoundFormula    = "formula"      // args: how
	FoundEncoding   = "encoding"     // the signature is in base64, or in hex; args: want
	FoundOrder      = "order"        // V1.0; args: how
	FoundBlanks     = "blanks"       // V1.0: blank values were skipped
	FoundWithout    = "without"      // V1.0: a parameter was added after signing; args: field
	FoundTestFlag   = "test_flag"    // V1.0: testFlag was signed and did not arrive; args: value
	FoundRaw        = "raw_values"   // V1.0: values were signed as they stand in the address
	FoundKeyNoStamp = "key_no_stamp" // V1.0: the HMAC key lacks the timeStamp
	FoundQuoted     = "quoted"       // the token stands in quotes
)

// FindingCodes lists every code of a finding.
func FindingCodes() []string {
	return []string{FoundKit, FoundNothingSigned, FoundMethod, FoundInBody, FoundNoKey, FoundUnreadable, FoundMissing, FoundPassesNow,
		FoundKeyRetired, FoundKeyClass, FoundKeyChannel, FoundKeyBlank, FoundKeyUnknown,
		FoundClock, FoundZone, FoundOld, FoundUnit, FoundUnitMixed, FoundReplay, FoundAgain,
		FoundBody, FoundBodyLost, FoundQuery, FoundFormula, FoundEncoding, FoundOrder, FoundBlanks, FoundWithout, FoundTestFlag, FoundRaw,
		FoundKeyNoStamp, FoundQuoted}
}

// FindingsOfOurKeys are the findings that, standing first, say that one of our keys
// made the signature: no stranger could have, unless he repeats what he has seen.
func FindingsOfOurKeys() []string {
	return []string{FoundKeyRetired, FoundKeyClass, FoundKeyChannel, FoundKeyBlank, FoundClock, FoundZone, FoundUnit, FoundUnitMixed,
		FoundBody, FoundBodyLost, FoundQuery, FoundFormula, FoundEncoding, FoundOrder, FoundBlanks, FoundWithout, FoundTestFlag, FoundRaw,
		FoundKeyNoStamp, FoundQuoted}
}
