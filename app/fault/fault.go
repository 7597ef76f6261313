// Package fault holds the one error type that crosses packages: a machine code
// that decides status and result codes, a translation key that people read, and
// what a caller should do next. It knows nothing of HTTP, SQL or the
// marketplace.
package fault

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
)

// Code classes a fault for machines. Every mouth of the program (callback, API,
// console, command line) maps codes to its own status in one place.
type Code string

// The codes. Anything that is not a *Error counts as Internal.
const (
	Invalid         Code = "invalid"         // the input is wrong; the same input fails again
	NotFound        Code = "not_found"       // the named thing does not exist (or belongs to another channel)
	Conflict        Code = "conflict"        // the thing's present state does not allow it
	Unauthenticated Code = "unauthenticated" // who is calling could not be proved
	Forbidden       Code = "forbidden"       // proved, but not permitted
	RateLimited     Code = "rate_limited"    // too much at once; see Retry
	TooLarge        Code = "too_large"       // over a published size limit
	Unavailable     Code = "unavailable"     // a system that is needed does not answer now
	Refused         Code = "refused"         // an outside system understood and said no
	Internal        Code = "internal"        // a defect of ours, or of the environment
)

// Retry says what a worker should do with work that met the fault.
type Retry struct {
	Never bool          // give up at once: trying again cannot help
	After time.Duration // wait at least this long; 0 leaves it to the back-off
	Free  bool          // nothing was tried: it does not count as a try, and is due again after After
}

// Error is a fault. Args are the named values of the translation and must never
// hold secrets or personal data: they are stored and shown as they are.
type Error struct {
	Code  Code
	Key   string // translation key below "fault.", e.g. "order_query.no_credentials"
	Args  map[string]string
	Retry Retry
	Err   error // the cause, for the log; its text is shown to operators as "detail"
}

// New makes a fault. Args come in pairs: name, value, name, value.
func New(code Code, key string, args ...string) *Error {
	e := &Error{Code: code, Key: key}
	if code == Invalid || code == Refused || code == Forbidden {
		e.Retry.Never = true
	}
	for i := 0; i+1 < len(args); i += 2 {
		if e.Args == nil {
			e.Args = make(map[string]string, len(args)/2)
		}
		e.Args[args[i]] = args[i+1]
	}
	return e
}

// Wrap makes a fault with a cause. Args as for New.
func Wrap(err error, code Code, key string, args ...string) *Error {
	e := New(code, key, args...)
	e.Err = err
	return e
}

// RetryAfter returns a copy that asks to be tried again after d at the earliest.
func (e *Error) RetryAfter(d time.Duration) *Error {
	c := *e
	c.Retry = Retry{After: d}
	return &c
}

// Free returns a copy that says that nothing was tried yet, and when to look
// again.
func (e *Error) Free(after time.Duration) *Error {
	c := *e
	c.Retry = Retry{After: after, Free: true}
	return &c
}

// Final returns a copy that no worker tries again by itself.
func (e *Error) Final() *Error {
	c := *e
	c.Retry = Retry{Never: true}
	return &c
}

// Error is for logs: code, key, args in order, cause. People get the
// translation of Key.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Key)
	if len(e.Args) > 0 {
		names := make([]string, 0, len(e.Args))
		for n := range e.Args {
			names = append(names, n)
		}
		sort.Strings(names)
		b.WriteString(" (")
		for i, n := range names {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s=%s", n, e.Args[n])
		}
		b.WriteString(")")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is match a fault with the sentinel of its reason: same code
// and key, whatever the args and the cause.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Key == e.Key
}

// From returns err as a fault: itself if it is one (anywhere in the chain),
// else an Internal fault around it. nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Internal, Key: "internal", Err: err}
}

// CodeOf is the code of err; "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Is tells whether err is a fault of this code.
func Is(err error, code Code) bool { return err != nil && From(err).Code == code }
