package simulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"koodesk/app/market"
)

const journeyUsage = `Plays the life of one instance and reports each step: purchase, access (queryInstance
until it shows appInfo), renew, freeze, unfreeze, upgrade, release. With --protocol v1:
purchase (newInstance until it is 000000), access, renew, upgrade, freeze, unfreeze,
expire, release. With --protocol license: purchase, license (getLicenseAsync until it is uploaded), renew, freeze,
unfreeze, release; with license-v1: license (getLicense), renew, expire, release.

  koodesk simulate --url URL --key KEY journey [flags]
  koodesk simulate … journey --protocol license-code   renew, renew again, cancel it, freeze,
                                                       unfreeze, release, renew (refused)
  koodesk simulate … journey --protocol order-notice   notify, notify again

Exit status: 0 if every step went well, 1 if not, 2 for a mistake in the command line.
`

type journeyFlags struct {
	target
	test       bool
	wait       time.Duration
	interval   time.Duration
	timeout    time.Duration
	noBodySign bool
	json       bool
}

func (f *journeyFlags) set() *flag.FlagSet {
	s := flag.NewFlagSet("journey", flag.ContinueOnError)
	f.target.register(s)
	s.BoolVar(&f.test, "test", false, "debugging calls: testFlag 1 and MOCK orders")
	s.DurationVar(&f.wait, "wait", time.Minute, "how long the access data may take")
	s.DurationVar(&f.interval, "interval", time.Second, "pause between two queries")
	s.DurationVar(&f.timeout, "timeout", DefaultTimeout, "wait this long for an answer")
	s.BoolVar(&f.noBodySign, "no-body-sign", false, "accept answers without Body-Sign (channels that do not sign)")
	s.BoolVar(&f.json, "json", false, "print one JSON document")
	return s
}

type jsonStep struct {
	Name       string     `json:"name"`
	OK         bool       `json:"ok"`
	Error      string     `json:"error,omitempty"`
	InstanceID string     `json:"instance_id,omitempty"`
	Calls      int        `json:"calls"`
	TookMS     float64    `json:"took_ms"`
	Answer     jsonAnswer `json:"answer"`
}

type jsonJourney struct {
	OK    bool       `json:"ok"`
	Steps []jsonStep `json:"steps"`
}

// runJourney is `simulate journey`.
func runJourney(ctx context.Context, con console, args []string) int {
	var f journeyFlags
	if err := parse(f.set(), args); err != nil {
		return con.usage(err)
	}
	if f.wait <= 0 || f.interval <= 0 || f.timeout <= 0 {
		return con.usage(errors.New("--wait, --interval and --timeout must be more than 0"))
	}
	if err := f.check(con.in); err != nil {
		return con.usage(err)
	}
	generation := market.Protocol(f.protocol)
	client := NewHTTPClient(f.timeout, 1)
	if generation.ByQuery() {
		client = newRecordingClient(f.timeout, 1, false, 0)
	}
	defer client.CloseIdleConnections()
	j := Journey{
		Caller: &Caller{URL: f.url, Key: f.key, HTTP: client, NoBodySign: f.noBodySign, Protocol: generation},
		IDs:    NewIDs(time.Now), Test: f.test, Wait: f.wait, Interval: f.interval,
	}
	doc := jsonJourney{}
	_, doc.OK = j.Run(ctx, func(s Step) {
		doc.Steps = append(doc.Steps, s.json())
		if !f.json {
			writeStep(con, s)
		}
	})
	if f.json {
		writeJSON(con.out, doc)
	}
	if !doc.OK {
		return exitBad
	}
	return exitGood
}

func (s Step) json() jsonStep {
	return jsonStep{
		Name: s.Name, OK: s.OK(), Error: s.Fault, InstanceID: s.InstanceID, Calls: s.Calls,
		TookMS: millis(s.Took), Answer: s.Answer.json(s.Answer.OK()),
	}
}

func writeStep(con console, s Step) {
	verdict := "ok  "
	if !s.OK() {
		verdict = "FAIL"
	}
	fmt.Fprintf(con.out, "%s %-9s %-6s %8s", verdict, s.Name, orNone(string(s.Answer.Code)), round(s.Took))
	if s.Calls > 1 {
		fmt.Fprintf(con.out, "  %d calls", s.Calls)
	}
	switch {
	case s.Name == "purchase" && s.OK():
		fmt.Fprintf(con.out, "  instanceId %s", s.InstanceID)
	case s.Name == "access" && s.OK():
		fmt.Fprintf(con.out, "  %s", s.Answer.AppOf(s.InstanceID).FrontEndURL)
	}
	fmt.Fprintln(con.out)
	if !s.OK() {
		fmt.Fprintf(con.out, "     %s\n", s.Fault)
		writeAnswer(con.out, s.Answer)
	}
}
