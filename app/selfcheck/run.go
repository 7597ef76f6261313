// Package selfcheck sends the marketplace's debugging cases to a production
// address from outside, as the marketplace would: over the real DNS and TLS,
// signed with the channel's present keys, following no redirect. It judges the
// answers by the published tables (app/conformance) and makes a report that can
// be attached to a product application. It speaks HTTP to the program and shares
// nothing with what answers there.
package selfcheck

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"koodesk/app/conformance"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/simulator"
)

// Limits of a run.
const (
	limit = simulator.AnswerLimit // published, for one answer
	aim   = time.Second           // slower than that is worth a warning
	// Budget is the time for a whole run.
	Budget  = 2 * time.Minute
	giveUp  = 3 // cases in a row without an answer
	maxKept = 4 << 10
)

// Options of Run. Keys are the present keys by class; a class without one cannot
// be checked.
type Options struct {
	URL         string // the production address
	Channel     string
	Site        string
	Version     string
	Keys        map[market.KeyClass]string
	BodySign    bool // the channel signs answers of V2.0
	EncryptType int
	Types       []Type // empty: all that there is a key for

	Timeout time.Duration // of one call; 0: a second more than the published limit
	Now     func() time.Time
	RootCAs *x509.CertPool // nil: the system's
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Lookup  func(ctx context.Context, host string) ([]string, error)
}

type runner struct {
	o      Options
	client *http.Client
	ids    map[string]string // by guide: the instance that newInstance answered
	silent int               // cases in a row without an answer
}

// Run sends all cases and reports. Fault: invalid "self_check.no_key" when the
// channel has no key for what is to be checked. It takes at most Budget.
func Run(ctx context.Context, o Options) (Report, error) {
	o.fill()
	types, err := o.types()
	if err != nil {
		return Report{}, err
	}
	o.Types = types
	cases, err := plan(types)
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, Budget)
	defer cancel()
	r := &runner{o: o, ids: map[string]string{}, client: simulator.NewWireClient(o.Timeout, o.RootCAs, o.Dial)}
	defer r.client.CloseIdleConnections()
	report := Report{Channel: o.Channel, Site: o.Site, URL: o.URL, Version: o.Version, Types: types, Started: o.Now().UTC(), Address: r.address(ctx)}
	for _, p := range cases {
		report.Cases = append(report.Cases, r.run(ctx, p))
	}
	report.Finished = o.Now().UTC()
	return report, nil
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout == 0 {
		o.Timeout = limit + time.Second
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: o.Timeout}).DialContext
	}
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupHost
	}
}

// types are those that were asked for, or all that there is a key for.
func (o *Options) types() ([]Type, error) {
	var out []Type
	for _, t := range Types() {
		if len(o.Types) > 0 && !slices.Contains(o.Types, t) {
			continue
		}
		if o.Keys[t.KeyClass()] == "" {
			if len(o.Types) > 0 {
				return nil, fault.New(fault.Invalid, "self_check.no_key", "class", string(t.KeyClass()), "type", string(t))
			}
			continue
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "self_check.no_keys")
	}
	return out, nil
}

func (r *runner) wants(t Type) bool { return slices.Contains(r.o.Types, t) }

// run sends one case, and once more as the marketplace comes again.
func (r *runner) run(ctx context.Context, p planned) Case {
	c := Case{Guide: p.guide.ID, Activity: p.activity, Variant: p.variant, Sources: p.face.Sources, Optional: p.optional}
	if r.silent >= giveUp || ctx.Err() != nil {
		return c
	}
	key := r.o.Keys[market.KeyClass(p.guide.Key)]
	caller := &simulator.Caller{URL: r.o.URL, Key: key, HTTP: r.client, Now: r.o.Now, EncryptType: crypt.EncryptType(r.o.EncryptType),
		Protocol: market.V2, NoBodySign: true}
	if p.guide.Form == conformance.FormToken {
		caller.Protocol = market.V1
	}
	fields := r.fields(p)
	first := caller.Call(ctx, fields)
	c.Sent, c.Code, c.Millis = true, string(first.Code), first.Latency.Milliseconds()
	c.Request, c.Answer = cut(first.Request), cut(first.Body)
	if first.Fault != "" {
		r.silent++
		c.Checks = []Check{check("answered", false, "error", first.Fault)}
		return c
	}
	r.silent = 0
	c.Checks = r.judge(p, first)
	if p.activity == market.NewInstance && first.InstanceID != "" {
		r.ids[p.guide.ID] = first.InstanceID
	}
	if first.Code != market.Success {
		return c // what failed is repeated by the marketplace, and need not be the same
	}
	if _, there := fields["businessId"]; there {
		fields["businessId"] = uuid.NewString()
	}
	again := caller.Call(ctx, fields)
	c.Checks = append(c.Checks, check("repeat", again.Fault == "" && again.Body == first.Body, "error", again.Fault))
	return c
}

// fields are the mandatory ones of the table with its examples, and the case's
// own: an instance that was made by the case before, a businessId as new as it
// is on every call.
func (r *runner) fields(p planned) simulator.Fields {
	f := simulator.Fields{}
	for _, m := range p.face.Members(conformance.Case{Set: p.set}) {
		switch {
		case m.Name == "timeStamp":
			continue // when it is signed
		case m.Name == "businessId":
			m.Value = uuid.NewString()
		case m.Name == "instanceId" && r.ids[p.guide.ID] != "":
			m.Value = r.ids[p.guide.ID]
		}
		if text, ok := m.Value.(string); ok {
			f[m.Name] = text
			continue
		}
		raw, err := json.Marshal(m.Value)
		if err != nil {
			panic(err) // what YAML gave is data
		}
		f[m.Name] = json.RawMessage(raw)
	}
	return f
}

// judge looks at one answer as the marketplace does (FAQ CN access_topic_0000008,
// CN 0082027567).
func (r *runner) judge(p planned, a simulator.Answer) []Check {
	ms := strconv.FormatInt(a.Latency.Milliseconds(), 10)
	answered := check("answered", a.Latency <= limit, "ms", ms, "error", "")
	if a.Latency > limit {
		answered = check("slow", false, "ms", ms)
	} else if a.Latency > aim {
		answered = Check{Name: "slow", Status: Warn, Args: map[string]string{"ms": ms}}
	}
	checks := []Check{answered, check("status", a.Status == 200, "status", strconv.Itoa(a.Status), "location", a.Header("Location"))}
	if a.Status != 200 {
		return checks
	}
	checks = append(checks,
		check("content_type", a.ContentType == "application/json", "got", a.ContentType),
		check("proof", a.Code != market.AuthFailed, "code", string(a.Code)),
		r.bodySign(p, a),
		check("code", a.Code == market.Success, "code", string(a.Code), "msg", a.Msg))
	findings := p.face.Check([]byte(a.Body))
	return append(checks, check("fields", len(findings) == 0, "findings", strings.Join(findings, "; ")),
		check("fit", len(a.Unfit) == 0, "findings", strings.Join(a.Unfit, "; ")))
}

// bodySign wants the header spelled exactly so on the wire and signing the very
// bytes. V2.0's text contradicts itself, so a channel may leave it out there.
func (r *runner) bodySign(p planned, a simulator.Answer) Check {
	if a.BodySign == "missing" && !r.o.BodySign && p.guide.Form == conformance.FormSignature {
		return Check{Name: "body_sign_off", Status: Warn}
	}
	if a.BodySign != "valid" {
		return check("body_sign", false, "why", a.BodySign)
	}
	return check("body_sign", a.Header(crypt.BodySignHeader) != "", "why", fmt.Sprintf("the name is not spelled %q", crypt.BodySignHeader))
}

func cut(s string) string {
	if len(s) > maxKept {
		return s[:maxKept] + "…"
	}
	return s
}
