package simulator

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"
)

const smsUsage = `Stands in for Huawei Cloud Message & SMS: checks how calls are signed (AK/SK or X-WSSE)
and what they hold, prints each SMS, and reports what became of it. Ctrl-C ends it.

  koodesk simulate sms --key KEY --secret SECRET [--addr HOST:PORT] [flags]

Point Koodesk at it:
  SMS_DRIVER=huawei SMS_URL=http://127.0.0.1:8092 SMS_KEY=KEY SMS_SECRET=SECRET SMS_SENDER=8824110605 \
  SMS_TEMPLATES='usage_info.zh-CN=demo(product_name,user_name,password)' koodesk serve --jobs
`

type smsFlags struct {
	addr        string
	key, secret string
	pushAK      string
	pushSK      string
	report      string
	parts       int
	delay       time.Duration
	refuse      string
}

func (f *smsFlags) set() *flag.FlagSet {
	s := flag.NewFlagSet("sms", flag.ContinueOnError)
	s.StringVar(&f.addr, "addr", "127.0.0.1:8092", "listen on `HOST:PORT`; port 0 takes a free one")
	s.StringVar(&f.key, "key", "", "Application `Key` that callers must use")
	s.StringVar(&f.secret, "secret", "", "its `secret`; - reads it from standard input")
	s.StringVar(&f.pushAK, "push-ak", "", "sign status reports with this access key `id`")
	s.StringVar(&f.pushSK, "push-sk", "", "and its `secret`")
	s.StringVar(&f.report, "report", "DELIVRD", "the `status` that is reported, e.g. UNDELIV; none reports nothing")
	s.IntVar(&f.parts, "parts", 1, "report every SMS as so many `parts`")
	s.DurationVar(&f.delay, "delay", time.Second, "wait this long before reports")
	s.StringVar(&f.refuse, "refuse", "", "refuse every SMS with the `code`, e.g. E000623")
	return s
}

func (f *smsFlags) check(con console) (err error) {
	switch {
	case f.key == "":
		return errors.New("--key is missing")
	case (f.pushAK == "") != (f.pushSK == ""):
		return errors.New("--push-ak and --push-sk go together")
	case f.parts < 1 || f.parts > 99:
		return errors.New("--parts must be between 1 and 99")
	case f.delay < 0:
		return errors.New("--delay must not be negative")
	}
	f.secret, err = secret("--secret", f.secret, con.in)
	return err
}

// manyRefusals is more calls than anybody makes to a stand-in.
const manyRefusals = 1 << 16

// runSMS is `simulate sms`.
func runSMS(ctx context.Context, con console, args []string) int {
	var f smsFlags
	if err := parse(f.set(), args); err != nil {
		return con.usage(err)
	}
	if err := f.check(con); err != nil {
		return con.usage(err)
	}
	listener, err := net.Listen("tcp", f.addr)
	if err != nil {
		return con.usage(fmt.Errorf("--addr: %w", err))
	}
	s := NewSMSService(SMSOptions{Key: f.key, Secret: f.secret, PushAK: f.pushAK, PushSK: f.pushSK, Delay: f.delay,
		Log: func(c SMSCall) { fmt.Fprintln(con.out, c) }})
	if f.report == "none" {
		f.report = ""
	}
	s.SetReport(f.report, f.parts)
	if f.refuse != "" {
		s.FailNext(manyRefusals, SMSFailure{Code: f.refuse})
	}
	fmt.Fprintf(con.out, "Message & SMS on http://%s\n", listener.Addr())
	return serve(ctx, con, listener, s)
}

// String is the line of the log.
func (c SMSCall) String() string {
	if c.Refused != "" {
		return fmt.Sprintf("%d %s (%s: %s)", c.Status, c.Code, c.Signed, c.Refused)
	}
	return fmt.Sprintf("%d %s to %s from %s, template %s [%s], signed by %s", c.Status, c.Code, c.To, c.From, c.Template,
		strings.Join(c.Variables, " | "), c.Signed)
}
