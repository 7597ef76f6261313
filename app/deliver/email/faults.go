package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"koodesk/app/fault"
)

// Stages of the conversation, as the faults name them.
const (
	stageConnect  = "connect"
	stageTLS      = "tls"
	stageGreeting = "greeting"
	stageAuth     = "auth"
	stageFrom     = "mail_from"
	stageTo       = "rcpt_to"
	stageData     = "data"
)

// authWait is how long a refused login is left alone: many servers lock accounts
// out that try too often.
const authWait = 10 * time.Minute

// deferredWait is the least that a server which says "later" is given.
const deferredWait = time.Minute

// stepError is an error with the stage at which it came.
type stepError struct {
	stage string
	err   error
}

func (e *stepError) Error() string { return e.stage + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

func at(stage string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{stage: stage, err: err}
}

// toFault says what an error of the conversation means and what to do. The
// server's words are kept as the cause, without any mail address in them.
func (s *Sender) toFault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	stage := stageConnect
	var step *stepError
	if errors.As(err, &step) {
		stage = step.stage
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return s.replied(stage, reply)
	}
	return s.broken(stage, err)
}

// replied is for answers of the server: 4xx may be gone later, 5xx is a no.
func (s *Sender) replied(stage string, reply *textproto.Error) error {
	key, code, wait := "mail.deferred", fault.Unavailable, deferredWait
	if reply.Code >= 500 {
		wait = 0
		switch stage {
		case stageAuth:
			key, wait = "mail.auth_refused", authWait
		case stageFrom:
			key = "mail.sender_refused"
		case stageTo:
			key = "mail.recipient_refused"
		case stageData:
			key = "mail.content_refused"
		default:
			key = "mail.server_refused"
		}
		code = fault.Refused
	}
	f := fault.Wrap(scrub(reply.Error()), code, key, "server", s.address(), "stage", stage, "code", strconv.Itoa(reply.Code))
	if wait > 0 {
		f = f.RetryAfter(wait)
	}
	return f
}

// broken is for everything but answers: no connection, a wrong certificate, a
// conversation that ended or took too long. All of it may be right next time.
func (s *Sender) broken(stage string, err error) error {
	key := "mail.connection_lost"
	var (
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
		dns      *net.DNSError
	)
	switch {
	case errors.Is(err, errNoSTARTTLS):
		key = "mail.no_starttls"
	case errors.As(err, &verify), errors.As(err, &unknown), errors.As(err, &hostname):
		key = "mail.certificate"
	case errors.As(err, &record):
		key = "mail.tls_failed"
	case errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		key = "mail.timeout"
	case errors.As(err, &dns), errors.Is(err, syscall.ECONNREFUSED), stage == stageConnect:
		key = "mail.unreachable"
	case stage == stageTLS && !errors.Is(err, io.EOF):
		key = "mail.tls_failed"
	case stage == stageAuth && !lost(err):
		key = "mail.auth_impossible"
	}
	return fault.Wrap(scrub(err.Error()), fault.Unavailable, key, "server", s.address(), "stage", stage)
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func lost(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &op)
}

// Address finds mail addresses in any text, also those with a quoted local part.
var Address = regexp.MustCompile(`(?:"[^"]*"|[^\s<>"'(),;:]+)@[^\s<>"'(),;:]+`)

// Scrub makes a server's words fit for logs and screens: servers like to repeat
// the address that they refuse.
func Scrub(s string) string {
	s = Address.ReplaceAllStringFunc(s, func(a string) string {
		_, domain, _ := cutLast(a, "@")
		return "***@" + domain
	})
	return strings.Join(strings.Fields(s), " ")
}

func scrub(s string) error { return errors.New(Scrub(s)) }
