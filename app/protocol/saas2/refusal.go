package saas2

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// Why a call could not be proved authentic, one sentinel per reason, to be
// compared with errors.Is. All are Unauthenticated. The reason is for the
// operator; the caller hears no more than RefusalCode and Message tell.
var (
	ErrQueryFormat      = fault.New(fault.Unauthenticated, "call.query_format")      // args: field
	ErrQueryDuplicate   = fault.New(fault.Unauthenticated, "call.query_duplicate")   // args: field
	ErrSignatureMissing = fault.New(fault.Unauthenticated, "call.signature_missing") //
	ErrTimestampMissing = fault.New(fault.Unauthenticated, "call.timestamp_missing") //
	ErrNonceMissing     = fault.New(fault.Unauthenticated, "call.nonce_missing")     //
	ErrTimestampFormat  = fault.New(fault.Unauthenticated, "call.timestamp_format")  //
	ErrNoKey            = fault.New(fault.Unauthenticated, "call.no_key")            // the channel has no access key to check with
	ErrSkewed           = fault.New(fault.Unauthenticated, "call.timestamp_skewed")  // args: seconds (negative: from the future), limit, signature (valid|invalid)
	ErrSignatureWrong   = fault.New(fault.Unauthenticated, "call.signature_wrong")   //
	ErrReplayed         = fault.New(fault.Unauthenticated, "call.replayed")          // the nonce was used with another message; for the keeper of the replay memory
)

// The refusals by the result code that answers them.
var (
	wrongParameter = []*fault.Error{ErrQueryFormat, ErrQueryDuplicate, ErrTimestampMissing, ErrNonceMissing, ErrTimestampFormat, ErrSkewed}
	wrongToken     = []*fault.Error{ErrNoKey, ErrSignatureMissing, ErrSignatureWrong, ErrReplayed}
)

// RefusalCode is the result code that answers an error of this package: 000002
// for a missing or malformed parameter, a stale or future call and every field
// error; 000001 for a missing or wrong signature, a replay and a channel without
// key (as the published sample project answers; pages CN 0070649421, intl
// 0070649099). Any other error is ours: 000005. nil is 000000.
func RefusalCode(err error) market.ResultCode {
	if err == nil {
		return market.Success
	}
	switch fault.CodeOf(err) {
	case fault.Unauthenticated:
		for _, e := range wrongParameter {
			if errors.Is(err, e) {
				return market.InvalidParameter
			}
		}
		return market.AuthFailed
	case fault.Invalid, fault.TooLarge:
		return market.InvalidParameter
	}
	return market.OtherError
}

// Message is the resultMsg for the caller: short, English, printable ASCII, at
// most MaxResultMsg characters. A field error names its field and rule, never
// the value that was sent; a refused proof says no more than its code.
func Message(err error) string {
	code := RefusalCode(err)
	text := defaultMsg(code)
	if fault.Is(err, fault.Invalid) {
		if detail := fieldMessage(fault.From(err)); detail != "" {
			text += ": " + detail
		}
	}
	return wire.CutUTF16(wire.Printable(text), MaxResultMsg)
}

func fieldMessage(e *fault.Error) string {
	field, limit, got := e.Args["field"], e.Args["limit"], e.Args["got"]
	switch e.Key {
	case keyNotJSON:
		return "body is not valid JSON at byte " + e.Args["at"]
	case keyNotUTF8:
		return "body is not valid UTF-8 at byte " + e.Args["at"]
	case keyNotObject:
		return "body is not a JSON object"
	case keyTooDeep:
		return "body is nested deeper than " + limit + " levels"
	case keyTooManyValues:
		return "body has more than " + limit + " values"
	case keyDuplicate:
		return "key " + field + " is there more than once"
	case keyUnknownActivity:
		return "activity is not supported"
	case keyMissing:
		return field + " is missing"
	case keyTooLong:
		return field + " has " + got + " characters, at most " + limit + " are allowed"
	case keyTooMany:
		return field + " has " + got + " entries, at most " + limit + " are allowed"
	case keyType:
		return field + " has the wrong JSON type, must be " + e.Args["want"]
	case keyControl:
		return field + " contains a control character"
	case keyFormat:
		return field + " has the wrong format, must be " + e.Args["want"]
	case keyValue:
		return field + " has an unknown value, must be one of " + e.Args["want"]
	}
	return ""
}

// defaultMsg is the text of a code when there is nothing better to say. The
// first four are the published sample project's (A.4).
func defaultMsg(code market.ResultCode) string {
	switch code {
	case market.Success:
		return "success."
	case market.AuthFailed:
		return "token is invalid"
	case market.InvalidParameter:
		return "param is invalid"
	case market.NoSuchInstance:
		return "instance is invalid"
	case market.Processing:
		return "request is processing"
	}
	return cmp.Or(code.Reason(), "internal error")
}

func skewed(skew time.Duration, signed bool) error {
	verdict := "invalid"
	if signed {
		verdict = "valid"
	}
	return with(ErrSkewed,
		"seconds", strconv.FormatFloat(skew.Seconds(), 'f', 3, 64),
		"limit", strconv.Itoa(int(MaxSkew/time.Second)),
		"signature", verdict)
}

// with is a sentinel with the args of one case.
func with(e *fault.Error, args ...string) error { return fault.New(e.Code, e.Key, args...) }
