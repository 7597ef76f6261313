package saas1

import (
	"cmp"
	"errors"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/wire"
)

// Why a call could not be proved authentic, one sentinel per reason, to be
// compared with errors.Is. All are Unauthenticated. The reason is for the
// operator; the caller hears no more than RefusalCode and Message tell.
var (
	ErrQueryFormat      = fault.New(fault.Unauthenticated, "call.query_format")      // args: field
	ErrQueryAmbiguous   = fault.New(fault.Unauthenticated, "call.query_ambiguous")   // args: field
	ErrTokenMissing     = fault.New(fault.Unauthenticated, "call.token_missing")     //
	ErrTimestampMissing = fault.New(fault.Unauthenticated, "call.timestamp_missing") //
	ErrNoKey            = fault.New(fault.Unauthenticated, "call.no_key")            // the channel has no access key to check with
	ErrTokenWrong       = fault.New(fault.Unauthenticated, "call.token_wrong")       //
)

// The refusals by the result code that answers them.
var (
	wrongParameter = []*fault.Error{ErrQueryFormat, ErrQueryAmbiguous, ErrTimestampMissing}
	wrongToken     = []*fault.Error{ErrTokenMissing, ErrNoKey, ErrTokenWrong}
)

// The keys of Decode's faults, all of code Invalid, with their args; they are
// those of V2.0, so that people read the same of the same mistake.
const (
	keyUnknownActivity = "call.unknown_activity" // field, got
	keyMissing         = "call.field_missing"    // field
	keyTooLong         = "call.field_too_long"   // field, limit, got: characters
	keyTooMany         = "call.field_too_many"   // field, limit, got: entries
	keyControl         = "call.field_control"    // field
	keyFormat          = "call.field_format"     // field, want, got
	keyValue           = "call.field_value"      // field, want, got
)

// FaultKeys are the keys of all faults of this package, for whoever translates
// them.
func FaultKeys() []string {
	keys := []string{keyUnknownActivity, keyMissing, keyTooLong, keyTooMany, keyControl, keyFormat, keyValue}
	for _, list := range [...][]*fault.Error{wrongParameter, wrongToken} {
		for _, e := range list {
			keys = append(keys, e.Key)
		}
	}
	return keys
}

// RefusalCode is the result code that answers an error of this package: 000002
// for a query that cannot be read, a missing timeStamp and every field error,
// 000001 for a missing or wrong authToken and a channel without key (pages CN
// 0070649057, 0070649114, intl 0070649057). Any other error is ours: 000005. nil
// is 000000.
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
	text := defaultMsg(RefusalCode(err))
	if fault.Is(err, fault.Invalid) {
		if detail := fieldMessage(fault.From(err)); detail != "" {
			text += ": " + detail
		}
	}
	return wire.CutUTF16(wire.Printable(text), MaxResultMsg)
}

func fieldMessage(e *fault.Error) string {
	field, limit, got, want := e.Args["field"], e.Args["limit"], e.Args["got"], e.Args["want"]
	switch e.Key {
	case keyUnknownActivity:
		return "activity is not supported"
	case keyMissing:
		return field + " is missing"
	case keyTooLong:
		return field + " has " + got + " characters, at most " + limit + " are allowed"
	case keyTooMany:
		return field + " has " + got + " entries, at most " + limit + " are allowed"
	case keyControl:
		return field + " contains a control character"
	case keyFormat:
		return field + " has the wrong format, must be " + want
	case keyValue:
		return field + " has an unknown value, must be one of " + want
	}
	return ""
}

// defaultMsg is the text of a code when there is nothing better to say (pages CN
// 0070649057, intl 0070649057).
func defaultMsg(code market.ResultCode) string {
	switch code {
	case market.Success:
		return "success."
	case market.AuthFailed:
		return "authentication failed"
	case market.InvalidParameter:
		return "invalid request parameter"
	case market.NoSuchInstance:
		return "the instance id does not exist"
	case market.Processing:
		return "the request is being processed"
	}
	return cmp.Or(code.Reason(), "internal error")
}

// with is a sentinel with the args of one case.
func with(e *fault.Error, args ...string) error { return fault.New(e.Code, e.Key, args...) }
