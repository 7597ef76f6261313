package simulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

const callUsage = `Plays the marketplace: signs a call, sends it, examines the answer.

  koodesk simulate --url URL --key KEY ACTIVITY [--field name=value …] [flags]
  koodesk simulate --protocol v1 …                 the same in SaaS V1.0
  koodesk simulate --url URL --key KEY journey     plays a whole life cycle (journey --help)
  koodesk simulate market --ak AK --sk SK          stands in for the open APIs (market --help)

Activities: newInstance, queryInstance, refreshInstance, updateInstanceStatus,
releaseInstance, upgradeInstance, changeInstanceCheck. Mandatory fields get
plausible values; all but newInstance need --field instanceId=… unless --test.
V1.0 has newInstance, refreshInstance, expireInstance, releaseInstance, upgrade,
instanceStatus, queryInstance; give it mobilePhone and email as plain text and
saasExtendParams as a JSON list. --protocol license has those of V2.0 but the
upgrade, and getLicenseAsync; license-v1 (License 1.0) has getLicense,
refreshLicense, expireLicense, releaseLicense. --protocol license-code has
refreshLicenseCode, updateLicenseCodeStatus, releaseLicenseCode, which need --field
license=… unless --test, and is signed with the license key; --protocol order-notice
has orderNotify, signed with the general key.

Exit status: 0 if every answer has the published form and the code 000000 or
000004 (or one of --expect), 1 if not, 2 for a mistake in the command line.

  koodesk simulate --url http://127.0.0.1:8080/koogallery/default --key KEY newInstance
  koodesk simulate … updateInstanceStatus --field instanceId=ID --field status=UNFREEZE
  koodesk simulate … newInstance --repeat 1000 --concurrency 16
  koodesk simulate … newInstance --tamper body --expect 000001
`

// callFlags are the flags of a call.
type callFlags struct {
	target
	fields      fieldFlag
	without     listFlag
	expect      listFlag
	test        bool
	repeat      int
	concurrency int
	duplicate   bool
	replay      bool
	tamper      string
	skew        time.Duration
	slow        bool
	timeout     time.Duration
	noBodySign  bool
	json        bool
	encryptType int
}

func (f *callFlags) set() *flag.FlagSet {
	s := flag.NewFlagSet("a call", flag.ContinueOnError)
	f.target.register(s)
	f.fields = fieldFlag{}
	s.Var(f.fields, "field", "set a field of the body, `name=value` (name:=JSON for what is no string); may be repeated")
	s.Var(&f.without, "without", "leave the `field` out of the body; may be repeated")
	s.Var(&f.expect, "expect", "result `codes` that count as right, e.g. 000001; default 000000,000004")
	s.BoolVar(&f.test, "test", false, "debugging call: testFlag 1 and a MOCK order")
	s.IntVar(&f.repeat, "repeat", 1, "send `N` calls, each with an order of its own unless --field orderId=… is set")
	s.IntVar(&f.concurrency, "concurrency", 1, "send `C` calls at a time")
	s.BoolVar(&f.duplicate, "duplicate", false, "send each call twice at once, the second with a new businessId, nonce and timestamp")
	s.BoolVar(&f.replay, "replay", false, "send each call twice, byte for byte the same")
	s.StringVar(&f.tamper, "tamper", "", "change the `part` after signing: body, query or signature")
	s.DurationVar(&f.skew, "skew", 0, "shift the timestamp by a `duration`, e.g. -2m")
	s.BoolVar(&f.slow, "slow", false, "dribble the body over two seconds")
	s.DurationVar(&f.timeout, "timeout", DefaultTimeout, "wait this long for an answer")
	s.BoolVar(&f.noBodySign, "no-body-sign", false, "accept answers without Body-Sign (channels that do not sign)")
	s.BoolVar(&f.json, "json", false, "print one JSON document")
	s.IntVar(&f.encryptType, "encrypt-type", 1, "AES of the personal data in a V1.0 call: `type` 1 (256 bits) or 2 (128)")
	return s
}

func (f *callFlags) check(con console) error {
	switch {
	case f.repeat < 1:
		return errors.New("--repeat must be at least 1")
	case f.concurrency < 1:
		return errors.New("--concurrency must be at least 1")
	case f.timeout <= 0:
		return errors.New("--timeout must be more than 0")
	case f.encryptType != 1 && f.encryptType != 2:
		return errors.New("--encrypt-type must be 1 or 2")
	case f.duplicate && f.replay:
		return errors.New("--duplicate and --replay are different things: choose one")
	}
	return f.target.check(con.in)
}

// runCalls is `simulate ACTIVITY`.
func runCalls(ctx context.Context, con console, activity string, args []string) int {
	var f callFlags
	if err := parse(f.set(), args); err != nil {
		return con.usage(err)
	}
	generation := market.Protocol(f.protocol)
	if _, known := activitiesOf(generation)[activity]; !known {
		_, err := newCall(generation, activity, nil, nil, false, nil)
		return con.usage(err)
	}
	if err := f.check(con); err != nil {
		return con.usage(err)
	}
	client := NewHTTPClient(f.timeout, f.concurrency*2)
	if generation.ByQuery() {
		client = newRecordingClient(f.timeout, f.concurrency*2, f.slow, slowStep)
	}
	defer client.CloseIdleConnections()
	run := Run{
		Caller: &Caller{URL: f.url, Key: f.key, HTTP: client, Skew: f.skew, Slow: f.slow, NoBodySign: f.noBodySign,
			Protocol: generation, EncryptType: crypt.EncryptType(f.encryptType)},
		IDs:      NewIDs(time.Now),
		Activity: activity, Set: Fields(f.fields), Drop: f.without, Test: f.test,
		Repeat: f.repeat, Concurrency: f.concurrency, Duplicate: f.duplicate, Replay: f.replay, Tamper: f.tamper,
		Expect: f.expect,
	}
	return f.report(ctx, con, run)
}

// report runs and prints, for people or as JSON.
func (f *callFlags) report(ctx context.Context, con console, run Run) int {
	doc := jsonReport{Answers: []jsonAnswer{}}
	var pairFindings []string
	people := &reporter{out: con.out, many: run.Repeat > 1, accept: run.Accept}
	summary, err := run.Do(ctx, func(s Shot) {
		if !f.json {
			people.shot(s)
			return
		}
		for _, a := range s.Answers {
			doc.Answers = append(doc.Answers, a.json(run.Accept(a)))
		}
		pairFindings = append(pairFindings, s.Findings...)
	})
	if err != nil {
		return con.usage(err)
	}
	good := summary.Good() && ctx.Err() == nil
	if f.json {
		doc.OK, doc.Summary = good, summary.json(pairFindings)
		writeJSON(con.out, doc)
	} else {
		people.summary(summary)
	}
	if ctx.Err() != nil {
		fmt.Fprintln(con.err, "koodesk simulate: interrupted")
	}
	if !good {
		return exitBad
	}
	return exitGood
}
