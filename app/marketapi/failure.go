package marketapi

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"

	"koodesk/app/fault"
)

// traceConnection tells afterwards whether a connection (TLS included) came
// about: only then can the request have been seen by anybody.
func traceConnection(ctx context.Context) (context.Context, func() bool) {
	var got atomic.Bool
	t := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }}
	return httptrace.WithClientTrace(ctx, t), got.Load
}

// transportFailure names why no answer came. The address is left out of the
// cause: it is in the settings, and its query is nobody's business in a log.
func transportFailure(ctx context.Context, op string, err error, connected bool) *failure {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &failure{fault: fault.Wrap(err, fault.Unavailable, op+".interrupted")}
	case errors.As(err, &cert):
		return &failure{fault: fault.Wrap(err, fault.Unavailable, op+".certificate")}
	case !connected:
		return &failure{fault: fault.Wrap(err, fault.Unavailable, op+".unreachable"), temporary: true, unreachable: true}
	case isTimeout(err):
		return &failure{fault: fault.Wrap(err, fault.Unavailable, op+".timeout"), temporary: true}
	default:
		return &failure{fault: fault.Wrap(err, fault.Unavailable, op+".connection_lost"), temporary: true}
	}
}

// read takes the whole body, up to the limit. A body that ends as the time runs
// out counts as not come: while our side says goodbye the server may still close
// a half-sent one in good order.
func (c *Client) read(ctx context.Context, op string, resp *http.Response) ([]byte, *failure) {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, c.opt.MaxAnswer+1))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, transportFailure(ctx, op, err, true)
	}
	if int64(len(raw)) > c.opt.MaxAnswer {
		return nil, &failure{fault: fault.New(fault.TooLarge, op+".answer_too_large",
			"status", strconv.Itoa(resp.StatusCode), "limit", strconv.FormatInt(c.opt.MaxAnswer, 10))}
	}
	return raw, nil
}
