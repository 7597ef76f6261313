package simulator

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"
	"time"

	"koodesk/app/protocol/saas1"
)

// tampers are what somebody on the way could change after signing.
var tampers = map[string]func(Signed) Signed{
	"body":      tamperBody,
	"query":     tamperQuery,
	"signature": tamperSignature,
}

// Tamper changes a signed call; part is body, query or signature.
func (s Signed) Tamper(part string) (Signed, error) {
	change, ok := tampers[part]
	if !ok {
		return s, fmt.Errorf("cannot tamper with %q; one of body, query, signature", part)
	}
	return change(s), nil
}

// tamperBody lets the call mean another order or instance. A mere blank would
// not do: the signature may stand over the re-serialised body.
//
// A V1.0 call has no body: its parameters are what means something.
func tamperBody(s Signed) Signed {
	if s.Body == nil {
		return tamperParameters(s)
	}
	for _, field := range []string{"instanceId", "orderId", "businessId", "activity"} {
		if v := s.Fields.Text(field); v != "" {
			changed := maps.Clone(s.Fields)
			changed[field] = v + "X"
			if body, err := changed.JSON(); err == nil {
				s.Body = body
			}
			return s
		}
	}
	return s
}

// tamperQuery gives the call a nonce that was not signed.
// V1.0 has no nonce: its timeStamp is changed.
func tamperQuery(s Signed) Signed {
	if s.Body == nil {
		s.Query = replaceParameter(s.Query, "timeStamp", saas1.Stamp(time.Now().Add(time.Hour)))
		return s
	}
	s.Query = replaceParameter(s.Query, "nonce", nonce())
	return s
}

// tamperSignature changes one digit.
func tamperSignature(s Signed) Signed {
	name := "signature="
	if s.Body == nil {
		name = "authToken="
	}
	_, rest, _ := strings.Cut(s.Query, name)
	first := "0"
	if strings.HasPrefix(rest, "0") {
		first = "1"
	}
	if strings.HasPrefix(rest, "%") { // an escape is three characters
		s.Query = strings.Replace(s.Query, name+rest[:3], name+first, 1)
		return s
	}
	s.Query = strings.Replace(s.Query, name+rest[:1], name+first, 1)
	return s
}

// tamperParameters lets a V1.0 call mean another order or instance.
func tamperParameters(s Signed) Signed {
	for _, field := range []string{"instanceId", "orderId", "businessId", "activity"} {
		if v := s.Fields.Text(field); v != "" {
			s.Query = replaceParameter(s.Query, field, url.QueryEscape(v+"X"))
			return s
		}
	}
	return s
}

func replaceParameter(query, name, value string) string {
	pairs := strings.Split(query, "&")
	for i, p := range pairs {
		if strings.HasPrefix(p, name+"=") {
			pairs[i] = name + "=" + value
		}
	}
	return strings.Join(pairs, "&")
}

const (
	slowPieces = 20
	slowStep   = 100 * time.Millisecond
)

// dribble hands a body out in about slowPieces pieces with pauses between.
func (c *Caller) dribble(ctx context.Context, body []byte) io.Reader {
	d := &dribbler{ctx: ctx, rest: body, piece: len(body)/slowPieces + 1, pause: slowStep}
	if c.slowInterval > 0 {
		d.pause = c.slowInterval
	}
	return d
}

type dribbler struct {
	ctx   context.Context
	rest  []byte
	piece int
	pause time.Duration
}

func (d *dribbler) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	t := time.NewTimer(d.pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
	n := copy(p, d.rest[:min(d.piece, len(d.rest))])
	d.rest = d.rest[n:]
	return n, nil
}
