package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"

	"koodesk/app/fault"
)

// transportFault names why no (whole) answer came. The address is left out of
// the cause: its query may hold a secret.
func transportFault(ctx context.Context, host string, err error) error {
	var refused *fault.Error
	if errors.As(err, &refused) {
		return refused
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var name x509.HostnameError
	var alert tls.AlertError
	var dns *net.DNSError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "webhook.interrupted", "host", host)
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &name), errors.As(err, &alert),
		errors.Is(err, http.ErrSchemeMismatch):
		return fault.Wrap(err, fault.Unavailable, "webhook.certificate", "host", host)
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return fault.Wrap(err, fault.Unavailable, "webhook.unreachable", "host", host)
	case isTimeout(err):
		return fault.Wrap(err, fault.Unavailable, "webhook.timeout", "host", host)
	default:
		return fault.Wrap(err, fault.Unavailable, "webhook.connection_lost", "host", host)
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
